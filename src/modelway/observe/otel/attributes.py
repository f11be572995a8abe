"""What goes into an attribute, and how much of it."""

from __future__ import annotations

from typing import TypeAlias

Value: TypeAlias = str | bool | int | float | list[str]
Attributes: TypeAlias = dict[str, Value]

_MOST_CHARS = 512
_MOST_ITEMS = 16
_LARGEST = 2**63


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
            into[name] = value[:_MOST_CHARS]
        case list() | tuple():
            into[name] = [one[:_MOST_CHARS] for one in value[:_MOST_ITEMS] if isinstance(one, str)]
        case _:
            return
