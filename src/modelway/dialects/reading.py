"""JSON read into structs, a client's or a provider's: each its own error, with the path of the fault."""

from __future__ import annotations

import json
import re
from typing import TypeAlias, TypeVar

import msgspec
from msgspec import Raw
from msgspec.json import Decoder

from modelway.errors import BadRequestError, ResponseError

T = TypeVar("T")

Buffer: TypeAlias = bytes | Raw

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding may raise. Strings are decoded late, so bad UTF-8 is found late."""

_AT = re.compile(r" - at `\$(.*)`$")
_INDEX = re.compile(r"\[(\d+|\.\.\.)\]")


def read(decoder: Decoder[T], raw: Buffer, at: str) -> T:
    """A client's value; BadRequestError names the path of the fault, which begins with ``at``."""
    try:
        return decoder.decode(raw)
    except RecursionError:
        raise BadRequestError("the value is nested too deeply", param=at) from None
    except UNREADABLE as error:
        message, path = _split(str(error))
        raise BadRequestError(message, param=(at + path).lstrip(".")) from None


def maybe(decoder: Decoder[T], raw: Buffer) -> T | None:
    """The value where it has this form."""
    try:
        return decoder.decode(raw)
    except UNREADABLE:
        return None


def read_answer(decoder: Decoder[T], raw: Buffer, what: str) -> T:
    """A provider's value; ResponseError where it does not have the promised form."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise unreadable(what, error) from None
    except UNREADABLE as error:
        mended = _mend(bytes(raw))
        if mended is None:
            raise unreadable(what, error) from None
    try:
        return decoder.decode(mended)
    except UNREADABLE as error:
        raise unreadable(what, error) from None


def _mend(data: bytes) -> bytes | None:
    """The same JSON with whole characters: servers that stream tokens cut some in two."""
    try:
        value = json.loads(data.decode("utf-8", "replace"))
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    except (ValueError, RecursionError):
        return None


def unreadable(what: str, error: Exception) -> ResponseError:
    """What is wrong with a provider's value, from the decoder's complaint."""
    message, path = _split(str(error))
    where = f" at {path.lstrip('.')}" if path else ""
    return ResponseError(f"{what} of the provider cannot be read: {message}{where}")


def _split(text: str) -> tuple[str, str]:
    """A message of msgspec, ``… - at `$.a[0]` ``, → its text and ``.a.0``."""
    match = _AT.search(text)
    if match is None:
        return text, ""
    return text[: match.start()], _INDEX.sub(r".\1", match[1])
