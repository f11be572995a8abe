"""Bytes of content as OpenAI's dialects write them: data URLs and formats of sound."""

from __future__ import annotations

from modelway.types import Inline, Remote

AUDIO_FORMATS = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}
"""Source: OpenAI's OpenAPI 2.3.0, ChatCompletionRequestMessageContentPartAudio, 2026-11-21."""

MEDIA_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg"}


def data_url(source: Inline) -> str:
    return f"data:{source.media_type};base64,{source.data}"


def from_url(url: str) -> Remote | Inline:
    """What a URL of content stands for; a ``data:`` URL that is not base64 stays a URL."""
    if url.startswith("data:"):
        head, comma, data = url[5:].partition(",")
        if comma and head.endswith(";base64"):
            return Inline(media_type=head[: -len(";base64")], data=data)
    return Remote(url=url)
