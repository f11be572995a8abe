"""Where in a JSON body a fault is, for a person: its byte, and its path in the document.

Only looked for once a body has been refused, and only in its first megabyte.
"""

from __future__ import annotations

import re

import msgspec

from modelway.errors import BadRequestError

_MOST_BYTES = 1024 * 1024
_MOST_DEPTH = 16
_MOST_CHARS = 200
_BYTE = re.compile(r"\(byte (\d+)\)")
_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\Z)|[\[\]{},]', re.DOTALL).finditer
_HALF_PAIR = re.compile(
    rb"(?<!\\)(?:\\\\)*\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|[c-fC-F])"
).search
_NOT_NUMBERS = (b"NaN", b"Infinity", b"-Infinity")


def not_utf8(body: bytes, at: int) -> BadRequestError:
    """The refusal of a body with bytes that are no UTF-8."""
    return _refusal(body, "the body is not UTF-8: invalid byte", at)


def not_json(body: bytes, error: msgspec.DecodeError) -> BadRequestError:
    """The refusal of a body that is not JSON, from the decoder's complaint."""
    text = str(error)
    found = _BYTE.search(text)
    if found is None:
        pair = _HALF_PAIR(body)
        if pair is not None:
            return _refusal(body, "the body is not valid JSON: half a surrogate pair", pair.end())
        what = "it ends before its end" if body.strip() else "it is empty"
        return _refusal(body, f"the body is not valid JSON: {what}", len(body))
    at = int(found[1])
    what = text[: found.start()].strip().removeprefix("JSON is malformed: ")
    if body.startswith(_NOT_NUMBERS, at) or body.startswith(_NOT_NUMBERS, at - 1):
        what = "NaN and Infinity are not numbers in JSON"
    elif at == 0 and body.startswith(b"\xef\xbb\xbf"):
        what = "it begins with a byte order mark"
    return _refusal(body, f"the body is not valid JSON: {what}", at)


def _refusal(body: bytes, what: str, at: int) -> BadRequestError:
    path = path_at(body, at)
    where = f"at byte {at}, in {path}" if path else f"at byte {at}"
    return BadRequestError(f"{what} ({where})", param=path)


def path_at(body: bytes, at: int) -> str | None:
    """The path of the value that this byte belongs to, like ``messages[0].content``."""
    if at > _MOST_BYTES:
        return None
    steps: list[str | int | None] = []
    for found in _TOKENS(body, 0, at):
        token = found[0]
        if token == b"{":
            steps.append(None)
        elif token == b"[":
            steps.append(0)
        elif token in b"]}":
            del steps[-1:]
        elif token == b"," and steps:
            last = steps[-1]
            steps[-1] = last + 1 if isinstance(last, int) else None
        elif steps and steps[-1] is None:
            steps[-1] = token[1:-1].decode("utf-8", "replace")
    names = [
        f"[{step}]" if isinstance(step, int) else f".{step}"
        for step in steps[:_MOST_DEPTH]
        if step is not None
    ]
    return "".join(names).removeprefix(".")[:_MOST_CHARS] or None
