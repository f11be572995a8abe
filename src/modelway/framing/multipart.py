"""One field of a multipart form, read or replaced; every other byte is left as it is.

Source: RFC 7578 (multipart/form-data) and RFC 2046, 5.1, read 2026-11-21.
"""

from __future__ import annotations

import re

from modelway.errors import BadRequestError

_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_NAME = re.compile(rb'\r\ncontent-disposition:[^\r\n]*?;\s*name="([^"\r\n]*)"', re.IGNORECASE)
_MOST_PARTS = 1000


def field(content_type: str, body: bytes, name: str) -> bytes | None:
    """The content of the first field of this name; BadRequestError for what is no form."""
    place = _place(content_type, body, name.encode())
    return None if place is None else body[place[0] : place[1]]


def replaced(content_type: str, body: bytes, name: str, value: bytes) -> bytes:
    """The form with another content in the first field of this name; the same where there is none."""
    if b"\r\n--" in value:
        raise BadRequestError(f"the form's field {name} cannot hold this value", param=name)
    place = _place(content_type, body, name.encode())
    return body if place is None else body[: place[0]] + value + body[place[1] :]


def _place(content_type: str, body: bytes, name: bytes) -> tuple[int, int] | None:
    """Where the field's content begins and ends."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise BadRequestError("multipart/form-data says no boundary", param="content-type")
    delimiter = b"\r\n--" + (found[1] or found[2]).encode("latin-1")
    if not body.startswith(delimiter[2:]):
        raise BadRequestError("the form does not begin with its boundary", param="body")
    at = len(delimiter) - 2
    for _ in range(_MOST_PARTS):
        if body.startswith(b"--", at):
            return None
        head = body.find(b"\r\n\r\n", at)
        end = body.find(delimiter, head)
        if head < 0 or end < 0:
            raise BadRequestError("the form ends before its last boundary", param="body")
        told = _NAME.search(body, at, head + 2)
        if told is not None and told[1] == name:
            return head + 4, end
        at = end + len(delimiter)
    raise BadRequestError(f"the form has more than {_MOST_PARTS} parts", param="body")
