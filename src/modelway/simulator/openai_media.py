"""The least of OpenAI's images, audio and moderations that is a real answer: for passing through.

Source: https://platform.openai.com/docs/api-reference/images,
https://platform.openai.com/docs/api-reference/audio and
https://platform.openai.com/docs/api-reference/moderations, 2026-11-21.
"""

from __future__ import annotations

import base64
import re
import struct
import zlib
from typing import Any

import msgspec

from modelway.simulator import tokens
from modelway.simulator.openai_read import parse
from modelway.simulator.openai_refusals import missing
from modelway.simulator.question import Asked, Envelope, Question, Refused, Words, refuse

_FIELD = rb'name="%b"\r\n(?:[^\r\n]+\r\n)*\r\n(.*?)\r\n--'
_CATEGORIES_NAMES = (
    "harassment harassment/threatening hate hate/threatening illicit illicit/violent self-harm "
    "self-harm/instructions self-harm/intent sexual sexual/minors violence violence/graphic"
)
_CATEGORIES = tuple(_CATEGORIES_NAMES.split())
_MODERATED = re.compile(r"\bkill\b", re.IGNORECASE)
_USUAL = {"images": "dall-e-2", "moderations": "omni-moderation-latest"}
_SPEECH_MEDIA = {"wav": b"audio/wav", "pcm": b"audio/pcm"}


def read_image(asked: Asked) -> Question:
    """What is to be drawn."""
    fields = _fields(asked)
    if not isinstance(fields.get("prompt"), str):
        raise missing("prompt")
    return _question(asked, fields, fields["prompt"], {"n": int(fields.get("n") or 1)})


def read_speech(asked: Asked) -> Question:
    """What is to be said aloud."""
    fields = parse(asked.body)
    for name in ("model", "input", "voice"):
        if name not in fields:
            raise missing(name)
    return _question(
        asked, fields, str(fields["input"]), {"form": str(fields.get("response_format") or "mp3")}
    )


def read_sound(asked: Asked) -> Question:
    """A sound whose words are to be told."""
    fields = _fields(asked)
    for name in ("model", "file"):
        if name not in fields:
            raise missing(name)
    return _question(asked, fields, "", {"form": fields.get("response_format")})


def read_moderated(asked: Asked) -> Question:
    """What is to be looked at."""
    fields = parse(asked.body)
    if "input" not in fields:
        raise missing("input")
    given = fields["input"] if isinstance(fields["input"], list) else [fields["input"]]
    texts = [each if isinstance(each, str) else str(each.get("text", "")) for each in given]
    return _question(asked, fields, "\n".join(texts), {}, tuple(texts))


def image(envelope: Envelope) -> bytes:
    """Images of one pixel, whose colour is the prompt's."""
    colour = zlib.crc32(envelope.question.text.encode())
    drawn = base64.b64encode(_png(colour.to_bytes(4, "big")[:3])).decode()
    data = [{"b64_json": drawn} for _ in range(envelope.question.told["n"])]
    spent = envelope.counts.input_tokens
    usage = {
        "input_tokens": spent,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": spent},
        "output_tokens": 1,
        "total_tokens": spent + 1,
    }
    return msgspec.json.encode({"created": envelope.created, "data": data, "usage": usage})


def speech(envelope: Envelope) -> bytes:
    """A moment of silence, as WAV."""
    silence = bytes(160)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8)
    inner = b"WAVE" + form + struct.pack("<4sI", b"data", len(silence)) + silence
    if envelope.question.told["form"] == "pcm":
        return silence
    return struct.pack("<4sI", b"RIFF", len(inner)) + inner


def speech_media(asked: Question) -> bytes:
    """A sound's media type."""
    return _SPEECH_MEDIA.get(asked.told["form"], b"audio/mpeg")


def heard(envelope: Envelope) -> bytes:
    """The words of a sound."""
    text = _said(envelope)
    if envelope.question.told["form"] == "text":
        return text.encode() + b"\n"
    usage = {
        "type": "tokens",
        "input_tokens": tokens.MEDIA_TOKENS,
        "output_tokens": envelope.counts.output_tokens,
        "total_tokens": tokens.MEDIA_TOKENS + envelope.counts.output_tokens,
    }
    return msgspec.json.encode({"text": text, "usage": usage})


def heard_media(asked: Question) -> bytes:
    """A transcription's media type."""
    return b"text/plain; charset=utf-8" if asked.told["form"] == "text" else b"application/json"


def moderated(envelope: Envelope) -> bytes:
    """Which texts are flagged: those that say "kill"."""
    results: list[dict[str, Any]] = []
    for text in envelope.question.texts:
        found = _MODERATED.search(text) is not None
        flags = {name: found and name == "violence" for name in _CATEGORIES}
        results.append(
            {
                "flagged": found,
                "categories": flags,
                "category_scores": {name: 0.9 if flag else 1e-6 for name, flag in flags.items()},
                "category_applied_input_types": {name: ["text"] for name in flags},
            }
        )
    body = {"id": envelope.id, "model": envelope.question.model, "results": results}
    return msgspec.json.encode(body)


def _question(
    asked: Asked,
    fields: dict[str, Any],
    text: str,
    told: dict[str, Any],
    texts: tuple[str, ...] = (),
) -> Question:
    kind = asked.request.path.rpartition("/v1/")[2].partition("/")[0]
    return Question(
        dialect="openai",
        model=str(fields.get("model") or _USUAL.get(kind, "simulated")),
        text=text,
        texts=texts,
        input_tokens=tokens.count(text),
        told=told,
    )


def _fields(asked: Asked) -> dict[str, Any]:
    """The fields of a JSON or multipart body; a file is its bytes."""
    media = asked.request.header("content-type") or ""
    if not media.startswith("multipart/form-data"):
        return parse(asked.body)
    boundary = media.partition("boundary=")[2].strip('"').encode()
    if not boundary or boundary not in asked.body:
        raise refuse("Could not parse multipart form")
    fields: dict[str, Any] = {}
    for name in ("model", "prompt", "n", "response_format", "language"):
        found = re.search(_FIELD % name.encode(), asked.body, re.DOTALL)
        if found is not None:
            fields[name] = found[1].decode(errors="replace")
    for name in ("file", "image", "image[]"):
        if f'name="{name}"'.encode() in asked.body:
            fields[name] = b""
    return fields


def _said(envelope: Envelope) -> str:
    parts = envelope.answers[0].parts
    return "".join([part.text for part in parts if isinstance(part, Words | Refused)])


def _png(colour: bytes) -> bytes:
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0" + colour)),
        (b"IEND", b""),
    )
    written = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)
