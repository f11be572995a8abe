"""A JSON object split once into top-level names and raw slices, and nothing inside them decoded.

The split refuses what two readers could read differently: malformed JSON (NaN, comments, half a
surrogate pair …), a name given twice, invalid UTF-8. Numbers keep their digits.
"""

from __future__ import annotations

import re

import msgspec

from modelway.errors import BadRequestError
from modelway.framing.faults import not_json, not_utf8

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_name = msgspec.json.Decoder(str).decode
_encode_name = msgspec.json.Encoder().encode
_name_at = re.compile(
    rb'[ \t\n\r]*("[^"\\]*(?:\\.[^"\\]*)*")[ \t\n\r]*:[ \t\n\r]*', re.DOTALL
).match
_next_at = re.compile(rb"[ \t\n\r]*([,}])").match

Fields = dict[str, msgspec.Raw]
"""Top-level name → its value's JSON text, in the order written."""


def split(body: bytes) -> Fields:
    """Split a JSON object; BadRequestError names the fault, its byte and its path where known."""
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise not_utf8(body, error.start) from None
    try:
        fields = _decode(body)
    except msgspec.ValidationError:
        raise BadRequestError("the body must be a JSON object") from None
    except msgspec.DecodeError as error:
        raise not_json(body, error) from None
    except RecursionError:
        raise BadRequestError("the body is nested too deeply") from None
    # Compact JSON of distinct ASCII names has exactly this length; all else is longer, and looked at.
    length = 1 + 4 * len(fields)
    for name, value in fields.items():
        length += len(name) + len(memoryview(value))
    if length != len(body):
        _refuse_repeated(body, fields)
    return fields


def _refuse_repeated(body: bytes, fields: Fields) -> None:
    """Walk over valid JSON: it is these fields once each, or else one of them is given twice.

    ``fields`` has the order of first mention and the values of last mention.
    """
    at = body.index(b"{") + 1
    for name, value in fields.items():
        written, at = _name(body, at)
        if written != name:
            raise _repeated(written)
        raw = bytes(value)
        after = _next_at(body, at + len(raw)) if body.startswith(raw, at) else None
        if after is None:
            raise _repeated(name)
        at = after.end()
    if body[at - 1 : at] == b",":
        raise _repeated(_name(body, at)[0])


def _name(body: bytes, at: int) -> tuple[str, int]:
    """The name that is written from here, and where its value begins."""
    found = _name_at(body, at)
    assert found is not None  # noqa: S101 - the body is valid JSON, and a name comes here
    return _decode_name(found[1]), found.end()


def _repeated(name: str) -> BadRequestError:
    name = name[:100]
    return BadRequestError(f"the field {name!r} is given twice; give it once", param=name)


def join(fields: dict[str, bytes | msgspec.Raw]) -> bytes:
    """The object with these fields, compact; values are spliced in as they are."""
    pieces: list[bytes | msgspec.Raw] = []
    for name, value in fields.items():
        pieces.append(b"%b%b:" % (b"," if pieces else b"{", _encode_name(name)))
        pieces.append(value)
    pieces.append(b"}" if pieces else b"{}")
    return b"".join(pieces)
