"""Who is told of each value in force: ``modelway config show``, or nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Note: TypeAlias = Callable[[str, object, str], None]
"""Takes a value's path, the value, and where it came from."""


def unnoted(_path: str, _value: object, _origin: str) -> None:
    """Nobody asks."""
