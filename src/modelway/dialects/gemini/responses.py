"""What a function returned, as ``functionResponse.response``, which must be an object, both ways.

A text that is an object goes as that object; any other below ``output``, or ``error``.
Source: https://ai.google.dev/api/caching#FunctionResponse, 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Raw
from msgspec.json import Decoder

from modelway.dialects.gemini.wire import RAW_OBJECT
from modelway.types import JSON

_texts = Decoder(str | list[str])


def write(texts: Sequence[str], is_error: bool | None) -> JSON | Raw:
    if not texts:
        return {"error": []} if is_error else {}
    if len(texts) == 1 and not is_error:
        as_object = _object(texts[0])
        if as_object is not None and read(as_object) == ((texts[0],), None):
            return as_object
    said = texts[0] if len(texts) == 1 else list(texts)
    return {"error" if is_error else "output": said}


def read(response: Raw) -> tuple[tuple[str, ...], bool | None]:
    """The texts, and whether they tell of an error. The object must have been checked to be one."""
    fields = RAW_OBJECT.decode(response)
    if not fields:
        return (), None
    for name, is_error in (("output", None), ("error", True)):
        if fields.keys() == {name}:
            try:
                said = _texts.decode(fields[name])
            except msgspec.ValidationError:
                break
            return ((said,) if isinstance(said, str) else tuple(said)), is_error
    return (bytes(response).decode(),), None


def _object(text: str) -> Raw | None:
    if not (text.startswith("{") and text.endswith("}")):
        return None  # white space around it would be lost
    try:
        encoded = text.encode()
        RAW_OBJECT.decode(encoded)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return Raw(encoded)
