"""Names as PostgreSQL can keep and index them."""

from __future__ import annotations

import hashlib

from modelway.store.names import to_bytes

_MOST_BYTES = 500
"""An entry of an index is 2,704 bytes at most, of which the name is a part."""
_DIGEST = "sha256:"


def stored(name: str) -> str:
    """The name itself, or its digest where it is too long or has what text there cannot: NUL, halves."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return _digest(name)
    if size > _MOST_BYTES or "\0" in name or name.startswith(_DIGEST):
        return _digest(name)
    return name


def _digest(name: str) -> str:
    return _DIGEST + hashlib.sha256(to_bytes(name)).hexdigest()
