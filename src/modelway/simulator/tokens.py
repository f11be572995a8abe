"""A made-up tokenizer: about four characters a token, the same whole as streamed."""

from __future__ import annotations

import re
from typing import Any

import msgspec

_PIECES = re.compile(r"\s*\S{1,5}|\s+")

MEDIA_TOKENS = 85
"""What an image, sound or document counts, whatever its size."""


_UNCOUNTED = frozenset(
    {"type", "role", "status", "cache_control", "cachePoint"}
    | {"signature", "thoughtSignature", "encrypted_content"}
    | {"id", "call_id", "tool_call_id", "toolUseId"}
)
_MEDIA = frozenset(
    {"image", "image_url", "input_audio", "document", "file", "input_image", "input_file"}
    | {"inlineData", "fileData", "video", "images", "audio"}
)
"""Types of parts, or the names of fields, whose value is media."""


def pieces(text: str) -> list[str]:
    """The tokens of a text; joined they are the text."""
    return _PIECES.findall(text)


def count(text: str) -> int:
    """How many tokens a text is."""
    return len(_PIECES.findall(text))


def count_value(value: Any) -> int:
    """How many tokens a JSON value of a request is: its strings, and media at a flat price."""
    match value:
        case str():
            return count(value)
        case list():
            return sum([count_value(item) for item in value])
        case dict():
            if str(value.get("type")) in _MEDIA:
                return MEDIA_TOKENS
            return sum([_count_field(key, item) for key, item in value.items()])
        case _:
            return 0


def _count_field(name: str, value: Any) -> int:
    if name in _MEDIA and value:
        return MEDIA_TOKENS
    return 0 if name in _UNCOUNTED else count_value(value)


def count_json(value: Any) -> int:
    """How many tokens a value is as JSON text."""
    return count(msgspec.json.encode(value).decode())
