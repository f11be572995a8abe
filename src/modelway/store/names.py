"""Names as bytes: any text is one, with a zero or half a surrogate pair in it too."""

from __future__ import annotations


def to_bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def to_text(name: bytes) -> str:
    return name.decode("utf-8", "surrogatepass")
