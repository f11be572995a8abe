"""How many tokens what is said may have, by rules: text by its bytes, media by their kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from modelway.catalog.pricing import Class

_IMAGE_TOKENS = 1600
"""What the largest image that is not scaled down costs.

Source: https://docs.anthropic.com/en/docs/build-with-claude/vision, 2026-11-21.
"""
_URLS = frozenset(["url", "uri", "file_url", "fileUri", "file_uri", "image_url", "s3Location"])
_STORED = frozenset(["file_id", "fileId"])
_DATA = frozenset(["data", "bytes", "file_data", "fileData"])
_NO_KINDS: frozenset[Class] = frozenset()
_CACHED: frozenset[Class] = frozenset(["cache_write"])
_LONG: frozenset[Class] = frozenset(["cache_write_1h"])
_SOUND: frozenset[Class] = frozenset(["input_audio"])


class Weight(NamedTuple):
    """What was found, to be added up."""

    bytes: int = 0
    """Of text."""
    ascii: bool = True
    data_bytes: int = 0
    """Of base64."""
    tokens: int = 0
    """Of what the base64 is, and of numbers."""
    kinds: frozenset[Class] = _NO_KINDS
    elsewhere: str = ""
    """What is only named, and lies elsewhere."""

    def __add__(self, other: object) -> Weight:
        if not isinstance(other, Weight):
            return NotImplemented
        return Weight(
            self.bytes + other.bytes,
            self.ascii and other.ascii,
            self.data_bytes + other.data_bytes,
            self.tokens + other.tokens,
            self.kinds | other.kinds,
            self.elsewhere or other.elsewhere,
        )


def of_value(said: Any) -> Weight:
    """What is in a decoded value, however deep."""
    bytes_, ascii_, data_bytes, tokens, elsewhere = 0, True, 0, 0, ""
    kinds = _NO_KINDS
    waiting: list[tuple[str, Any, Any]] = [("", said, None)]
    while waiting:
        name, value, around = waiting.pop()
        if isinstance(value, dict):
            for inner, held in value.items():
                bytes_ += len(inner) + 4
                waiting.append((inner, held, (name, value, around)))
        elif isinstance(value, (list, tuple)):
            waiting += [(name, one, around) for one in value]
        elif isinstance(value, str):
            if name in ("cache", "ttl"):
                kinds |= _CACHED if value != "1h" else _LONG
            kind = _kind_of_data(name, value, around)
            if kind:
                data_bytes += len(value)
                tokens += _media_tokens(kind, len(value) * 3 // 4)
                kinds |= _SOUND if kind == "audio" else _NO_KINDS
            else:
                if name in _URLS or name in _STORED or (name == "id" and _stored(around)):
                    elsewhere = elsewhere or f"what lies elsewhere ({name})"
                ascii_ = ascii_ and value.isascii()
                bytes_ += len(value) if value.isascii() else len(value.encode())
        else:
            tokens += 1
        if name in ("cache_control", "cachePoint") and value:
            kinds |= _CACHED
    return Weight(bytes_, ascii_, data_bytes, tokens, kinds, elsewhere)


def _stored(around: Any) -> bool:
    return around is not None and around[1].get("type") == "stored"


def _kind_of_data(name: str, value: str, around: Any) -> str:
    """``image``, ``audio``, ``video`` or ``document`` of base64, ``""`` for text."""
    if value.startswith("data:"):
        head = value[5 : value.find(",", 5, 200)]
        return _kind(head) if head.endswith(";base64") else ""
    if name == "images":
        return "image"
    if name not in _DATA or around is None:
        return ""
    held = around[1]
    if held.get("type") == "text":
        return ""
    media_type = held.get("media_type") or held.get("mimeType") or held.get("mime_type")
    if isinstance(media_type, str):
        return _kind(media_type)
    while around is not None:
        for word in (around[0], *[one for one in around[1] if isinstance(one, str)]):
            for kind in ("image", "audio", "video", "document"):
                if kind in word:
                    return kind
        around = around[2]
    return "document"


def _kind(media_type: str) -> str:
    kind = media_type.partition("/")[0].lower()
    return kind if kind in ("image", "audio", "video") else "document"


def _media_tokens(kind: str, size: int) -> int:
    if kind == "image":
        return _IMAGE_TOKENS
    return -(-size // (20 if kind in ("audio", "video") else 2))
