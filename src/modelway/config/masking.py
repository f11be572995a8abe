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


def masked(path: str, value: object, secrets: Iterable[str] = ()) -> str:
    """A value as text; hidden when its name says that it is a secret, or when it holds one."""
    text = value if isinstance(value, str) else _text(value)
    section, _, name = path.rpartition(".")
    if section.endswith(_FREE) and _SECRET_NAME.search(name):
        return HIDDEN
    return HIDDEN if any(secret in text for secret in secrets if len(secret) >= 4) else text


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join([str(item) for item in value])
    return f"{value:g}" if isinstance(value, float) else str(value)
