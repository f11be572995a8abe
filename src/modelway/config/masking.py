"""What of a configuration may be shown: everything but secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "(hidden)"

_SECRET_NAME = re.compile(
    r"auth|cookie|credential|passw|secret|signature|(?:^|[-_])(?:\w*key|token)$", re.IGNORECASE
)
_FREE = ("headers", "query", "extra")
"""Whose names are the person's own."""


def masked(path: str, value: object, origin: str) -> str:
    """A value as text; hidden where its name, or the variable that it came from, says secret."""
    section, _, name = path.rpartition(".")
    if section.endswith(_FREE):
        variables = origin.removeprefix("environment ").partition(" (")[0].split(", ")
        told = [name, *(variables if origin.startswith("environment ") else [])]
        if any(_SECRET_NAME.search(word) for word in told):
            return HIDDEN
    return _text(value)


def without(secrets: Iterable[str], text: str) -> str:
    """The text, hidden whole when it holds one of the secrets."""
    return HIDDEN if any(secret in text for secret in secrets if len(secret) >= 4) else text


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
        case dict():
            told = {
                name: HIDDEN if _SECRET_NAME.search(str(name)) else _text(item)
                for name, item in value.items()
            }
            return "{" + ", ".join([f"{name}: {item}" for name, item in told.items()]) + "}"
        case list() | tuple():
            return ", ".join([_text(item) for item in value])
        case _:
            return str(value)
