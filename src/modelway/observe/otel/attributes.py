"""What goes into an attribute: bounded, and such that no value spoils the batch that it is in."""

from __future__ import annotations

from typing import TypeAlias

Value: TypeAlias = str | bool | int | float | list[str]
Attributes: TypeAlias = dict[str, Value]

_MOST_CHARS = 512
_MOST_ITEMS = 16
_LARGEST = 2**63


def text(value: str) -> str:
    """At most so long, and without the halves of characters, which cannot be sent."""
    value = value[:_MOST_CHARS]
    return value if value.isascii() else value.encode(errors="replace").decode()


def put(into: Attributes, name: str, value: object) -> None:
    """Set it, where it is said and can be sent."""
    match value:
        case None | "" | [] | ():
            return
        case bool() | float():
            into[name] = value
        case int():
            if -_LARGEST <= value < _LARGEST:
                into[name] = value
        case str():
            into[name] = text(value)
        case list() | tuple():
            into[name] = [text(one) for one in value[:_MOST_ITEMS] if isinstance(one, str)]
        case _:
            return
