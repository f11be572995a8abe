"""A JSON object split once into top-level names and raw slices, and nothing inside them decoded.

The split refuses what two readers could read differently: malformed JSON, a name given twice,
invalid UTF-8.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from modelway.errors import BadRequestError

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_WHITESPACE = b" \t\n\r"

Fields = dict[str, msgspec.Raw]
"""Top-level name → its value's JSON text, in the order written."""


def split(body: bytes) -> Fields:
    """Split a JSON object; BadRequestError names the fault and, where known, the byte."""
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise BadRequestError(f"the body is not UTF-8: bad byte at {error.start}") from None
    try:
        fields = _decode(body)
    except msgspec.ValidationError:
        raise BadRequestError("the body must be a JSON object") from None
    except msgspec.DecodeError as error:
        raise BadRequestError(f"the body is not valid JSON: {error}") from None
    except RecursionError:
        raise BadRequestError("the body is nested too deeply") from None
    # Compact JSON of distinct names has exactly this length; anything longer is looked at closely.
    length = 1 + 4 * len(fields)
    for name, value in fields.items():
        length += len(name) + len(memoryview(value))
    if length != len(body) and not _walks(body, fields):
        _refuse_repeated(body)
    return fields


def _walks(body: bytes, fields: Fields) -> bool:
    """True when the body is these fields in this order, with nothing but white space between."""
    at = _skip(body, 0) + 1
    last = len(fields) - 1
    for position, (name, value) in enumerate(fields.items()):
        at = _skip(body, at)
        quoted = b'"' + name.encode() + b'"'
        if not body.startswith(quoted, at):
            return False
        at = _skip(body, at + len(quoted)) + 1
        at = _skip(body, at)
        raw = bytes(value)
        if not body.startswith(raw, at):
            return False
        at = _skip(body, at + len(raw))
        if position != last:
            if body[at : at + 1] != b",":
                return False
            at += 1
    return body[at : at + 1] == b"}"


def _skip(body: bytes, at: int) -> int:
    while at < len(body) and body[at] in _WHITESPACE:
        at += 1
    return at


def _refuse_repeated(body: bytes) -> None:
    """The slow, exact look: names with escapes are allowed, names given twice are not."""
    repeated: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        repeated[:] = []  # the outermost object comes last
        seen: set[str] = set()
        for name, _ in items:
            if name in seen:
                repeated.append(name)
            seen.add(name)
        return {}

    try:
        json.loads(body, object_pairs_hook=pairs)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"the body is not valid JSON: {error}") from None
    if repeated:
        raise BadRequestError(f"the field {repeated[0]!r} is given twice", param=repeated[0])


def join(fields: dict[str, bytes | msgspec.Raw]) -> bytes:
    """The object with these fields, compact; values are spliced in as they are."""
    pieces: list[bytes | msgspec.Raw] = []
    for name, value in fields.items():
        pieces.append(b"," if pieces else b"{")
        pieces.append(msgspec.json.encode(name))
        pieces.append(b":")
        pieces.append(value)
    return b"".join(pieces) + b"}" if pieces else b"{}"
