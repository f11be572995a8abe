"""Fields of a multipart form, read or replaced; every other byte is left as it is.

A form that two readers could take apart differently is refused.

Source: RFC 7578 (multipart/form-data) and RFC 2046, 5.1, read 2026-11-21.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from modelway.errors import BadRequestError

_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_DISPOSITION = re.compile(
    rb'content-disposition:[ \t]*form-data[ \t]*;[ \t]*name="([^"\\]*)"[ \t]*'
    rb"(?:;(?![ \t]*name\*?[ \t]*=)[^;]*)*",
    re.IGNORECASE,
).fullmatch
_MOST_PARTS = 1000


class Part(NamedTuple):
    """A field's name, and where in the form its content begins and ends."""

    name: bytes
    begin: int
    end: int


def is_form(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "multipart/form-data"


def field(content_type: str, body: bytes, name: str) -> bytes | None:
    """The content of the field of this name; BadRequestError for what is no form."""
    place = _place(content_type, body, name.encode())
    return None if place is None else body[place.begin : place.end]


def replaced(content_type: str, body: bytes, name: str, value: bytes) -> bytes:
    """The form with another content in the field of this name; the same where there is none."""
    if b"\r\n--" in value:
        raise BadRequestError(f"the form's field {name} cannot hold this value", param=name)
    place = _place(content_type, body, name.encode())
    return body if place is None else body[: place.begin] + value + body[place.end :]


def parts(content_type: str, body: bytes) -> Iterator[Part]:
    """The form's fields in their order; BadRequestError for what is no form, or more than one."""
    found = _BOUNDARY.findall(content_type)
    if len(found) != 1:
        raise BadRequestError("multipart/form-data says no boundary, or two", param="content-type")
    delimiter = b"\r\n--" + (found[0][0] or found[0][1]).encode("latin-1")
    if not body.startswith(delimiter[2:]):
        raise BadRequestError("the form does not begin with its boundary", param="body")
    at = len(delimiter) - 2
    for _ in range(_MOST_PARTS):
        if body.startswith(b"--", at):
            return
        head = body.find(b"\r\n\r\n", at)
        end = body.find(delimiter, at)
        if head < 0 or end < 0:
            raise BadRequestError("the form ends before its last boundary", param="body")
        if end < head or not body.startswith(b"\r\n", at):
            raise BadRequestError("a part of the form has no head", param="body")
        name = _named(body[at + 2 : head].split(b"\r\n"))
        if name is None:
            raise BadRequestError("a part of the form does not say its name plainly", param="body")
        yield Part(name, head + 4, end)
        at = end + len(delimiter)
    raise BadRequestError(f"the form has more than {_MOST_PARTS} parts", param="body")


def _named(lines: list[bytes]) -> bytes | None:
    """The name that a part's head gives, where it gives one, and in one way."""
    told = [line for line in lines if line.lower().startswith(b"content-disposition")]
    plain = all(b"\n" not in line and line[:1] not in (b" ", b"\t") for line in lines)
    found = _DISPOSITION(told[0]) if len(told) == 1 and plain else None
    return None if found is None else found[1]


def _place(content_type: str, body: bytes, name: bytes) -> Part | None:
    named = [part for part in parts(content_type, body) if part.name == name]
    if len(named) > 1:
        told = name.decode()
        raise BadRequestError(f"the form's field {told} is given twice; give it once", param=told)
    return named[0] if named else None
