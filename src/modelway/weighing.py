"""How many tokens what is said may have, by rules: text by its bytes, what is seen and heard by its kind.

Upper estimates. A value is looked through however it is built, so that a part in any dialect's words,
and one that is newer than these rules, is found by the names that all of them use.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from modelway.catalog.pricing import Class

IMAGE_TOKENS = 5_000
"""Of one image: 3.75 megapixels, the most that is not scaled down first, at 750 pixels a token.

Source: https://platform.claude.com/docs/en/build-with-claude/vision, 2026-11-21. What is dearer
elsewhere stands in ``facts``.
"""
_PAGE_TOKENS = 3_000 + IMAGE_TOKENS
"""Of a page of a PDF: its text, and its image.

Source: https://platform.claude.com/docs/en/build-with-claude/pdf-support, 2026-11-21.
"""
_MOST_PAGES = 600
"""Source: as above."""
_CITED_TOKENS = 700
"""What a model is told of citations: 450 tokens in recorded traffic."""
_SOUND_TOKENS_A_SECOND = 32
_FILM_TOKENS_A_SECOND = 300
"""Source: https://ai.google.dev/gemini-api/docs/tokens, 2026-11-21."""
_LEAST_BYTES_A_SECOND = {"audio": 1_000, "raw": 8_000, "video": 10_000}
"""Sound that is not compressed has 8 kHz and 8 bits at least; what is compressed, 8 kbit/s."""
_MOST_SEARCHED = 1_000_000
"""Base64 beyond it is not decoded to count pages."""
_MOST_HEAD = 200

_URLS = frozenset(["url", "uri", "fileUri", "file_uri", "file_url", "image_url", "video_url"])
_HOLDERS = frozenset(
    [
        *("image_url", "input_image", "video_url", "audio_url", "input_video"),
        *("source", "file", "s3Location", "s3_location", "fileData", "file_data"),
    ]
)
_STORED = frozenset(["file_id", "fileId"])
_DATA = frozenset(["data", "bytes", "file_data", "fileData"])
_KINDS = ("image", "audio", "video", "document")
_page = re.compile(rb"/Type\s*/Page\b").findall

_At: TypeAlias = "tuple[str, dict[str, Any], _At] | None"
"""The name of an object and the object that something is in, and where that is."""


class Weight:
    """What was found in the values put on it."""

    __slots__ = ("ascii", "bytes", "data_bytes", "elsewhere", "images", "kinds", "tokens")

    def __init__(self) -> None:
        self.bytes = 0
        """Of text, and of the names of what it is in."""
        self.ascii = True
        self.data_bytes = 0
        """Of base64, which is no text."""
        self.images = 0
        self.tokens = 0
        """Of what is seen and heard but for images, and of numbers."""
        self.kinds: frozenset[Class] = frozenset()
        self.elsewhere = ""
        """What is only named, and lies elsewhere."""

    def put(self, said: Any) -> None:
        """Look through a decoded value."""
        waiting: list[tuple[str, Any, _At]] = [("", said, None)]
        while waiting:
            name, value, at = waiting.pop()
            if isinstance(value, str):
                self._put_text(name, value, at)
            elif isinstance(value, dict):
                self._put_object(name, value)
                here = (name, value, at)
                waiting += [(inner, held, here) for inner, held in value.items()]
            elif isinstance(value, (list, tuple)):
                waiting += [(name, one, at) for one in value]
            elif value is not None:
                self.tokens += 1

    def _put_object(self, name: str, value: dict[str, Any]) -> None:
        self.bytes += sum([len(inner) + 4 for inner in value])
        if name == "citations" and value.get("enabled"):
            self.tokens += _CITED_TOKENS
        if value.get("type") in ("item_reference", "stored"):
            self._lies_elsewhere(str(value["type"]))
        elif name == "audio" and "id" in value and "data" not in value:
            self._lies_elsewhere("audio.id")

    def _put_text(self, name: str, text: str, at: _At) -> None:
        kind = _kind_of(name, text, at)
        if kind:
            self._put_data(kind, text)
            return
        if name in ("cache", "ttl") and text == "1h":
            self.kinds |= {"cache_write_1h"}
        elif name in _STORED or (name in _URLS and _leads_elsewhere(name, at)):
            self._lies_elsewhere(name)
        if text.isascii():
            self.bytes += len(text)
        else:
            self.ascii = False
            self.bytes += len(text.encode("utf-8", "surrogatepass"))

    def _put_data(self, kind: str, data: str) -> None:
        self.data_bytes += len(data)
        size = len(data) * 3 // 4
        if kind == "image":
            self.images += 1
        elif kind == "document":
            self.tokens += _document_tokens(data, size)
        elif kind == "video":
            self.tokens += _FILM_TOKENS_A_SECOND * (1 + size // _LEAST_BYTES_A_SECOND[kind])
            self.kinds |= {"input_audio"}
        else:
            self.tokens += _SOUND_TOKENS_A_SECOND * (1 + size // _LEAST_BYTES_A_SECOND[kind])
            self.kinds |= {"input_audio"}

    def _lies_elsewhere(self, name: str) -> None:
        self.elsewhere = self.elsewhere or f"what lies elsewhere ({name})"


def _leads_elsewhere(name: str, at: _At) -> bool:
    """Whether a URL is one that the host fetches, and not a word about where something is from."""
    if name not in ("url", "uri"):
        return True
    return at is not None and (at[0] in _HOLDERS or at[1].get("type") in ("url", "remote"))


def _kind_of(name: str, text: str, at: _At) -> str:
    """Of base64: ``image``, ``audio``, ``raw`` sound, ``video`` or ``document``; ``""`` for text."""
    if text.startswith("data:"):
        head = text[5 : text.find(",", 5, _MOST_HEAD)]
        return _kind(head) if head.endswith(";base64") else ""
    if name == "images":
        return "image"
    if name not in _DATA or at is None or at[1].get("type") in ("text", "redacted_thinking"):
        return ""
    held = at[1]
    told = held.get("media_type") or held.get("mimeType") or held.get("mime_type")
    if isinstance(told, str):
        return _kind(told)
    while at is not None:
        for word in (at[0], at[1].get("type")):
            for kind in _KINDS:
                if isinstance(word, str) and kind in word:
                    raw = kind == "audio" and held.get("format") in ("wav", "pcm", "pcm16")
                    return "raw" if raw else kind
        at = at[2]
    return "document"


def _kind(media_type: str) -> str:
    kind, _, form = media_type.lower().partition("/")
    if kind == "audio":
        return "raw" if form.startswith(("wav", "x-wav", "pcm", "l16")) else kind
    return kind if kind in ("image", "video") else "document"


def _document_tokens(data: str, size: int) -> int:
    """A PDF by its pages where they can be counted, anything else by its bytes."""
    pages = 0
    data = data[data.find(",", 0, _MOST_HEAD) + 1 :]
    if len(data) <= _MOST_SEARCHED and data.startswith("JVBERi"):
        try:
            pages = len(_page(binascii.a2b_base64(data)))
        except ValueError:  # no base64: its provider refuses it
            pages = 0
    if pages:
        return pages * _PAGE_TOKENS
    return min(max(size // 2, _PAGE_TOKENS), _MOST_PAGES * _PAGE_TOKENS)
