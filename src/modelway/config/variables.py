"""``${VAR}`` and ``${VAR:-default}`` in a text; ``$${`` is a literal ``${``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_REFERENCE = re.compile(
    r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^{}]*))?\}|\$\{"
)


_YES = frozenset(("1", "true", "yes", "on"))
_NO = frozenset(("0", "false", "no", "off"))


def yes_or_no(text: str) -> bool | None:
    """What a variable or a header says that is a switch; ``None``: neither."""
    folded = text.casefold()
    return folded in _YES if folded in _YES | _NO else None


class Expanded(NamedTuple):
    """A text with its variables replaced."""

    text: str
    used: tuple[str, ...] = ()
    """Variables whose values stand in the text."""
    missing: tuple[str, ...] = ()
    """Variables that are not set, or empty, and have no default."""
    malformed: bool = False
    """A ``${`` that begins no reference."""


def expand(text: str, environment: Mapping[str, str]) -> Expanded:
    """Replace every reference. An empty variable is a missing one."""
    if "${" not in text:
        return Expanded(text)
    used: list[str] = []
    missing: list[str] = []
    malformed = False

    def value(match: re.Match[str]) -> str:
        nonlocal malformed
        if match[0] == "$${":
            return "${"
        name = match["name"]
        if name is None:
            malformed = True
            return match[0]
        if found := environment.get(name, ""):
            used.append(name)
            return found
        if match["default"] is None:
            missing.append(name)
        return match["default"] or ""

    replaced = _REFERENCE.sub(value, text)
    return Expanded(replaced, tuple(used), tuple(missing), malformed)
