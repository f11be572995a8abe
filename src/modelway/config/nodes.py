"""A configuration before it means anything: values that know where they were written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

Scalar: TypeAlias = str | int | float | bool | None

MAX_NODES = 50_000
MAX_DEPTH = 40
"""Bounds on a file's size and nesting after aliases are expanded, far above any real one."""


class Node(Struct, frozen=True, kw_only=True):
    """One value of a configuration."""

    value: dict[str, Node] | list[Node] | Scalar
    path: str = ""
    """Where it stands in what the person wrote, for messages: ``models.fast.deployments[0]``."""
    origin: str = "given settings"
    """What is shown as its origin: ``modelway.yaml:12``, ``environment MAX_TOKENS``."""
    line: int | None = None
    scale: float = 1.0
    """What a number is multiplied by when read: a foreign shape's milliseconds are 0.001."""

    @property
    def fields(self) -> dict[str, Node]:
        """The fields of a mapping; none for any other value."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[Node]:
        """The items of a list; none for any other value."""
        return self.value if isinstance(self.value, list) else []


class UnreadableError(Exception):
    """A source that is no configuration at all. Carries the place, never the source's text."""

    def __init__(self, message: str, *, line: int | None = None, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.path = path


def join(path: str, name: str | int) -> str:
    """The path one step further down."""
    if isinstance(name, int):
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name


def from_plain(
    value: object, *, path: str = "", origin: str = "given settings", depth: int = 0
) -> Node:
    """Nodes of a dict given by a program; each one's origin has its path."""
    if depth > MAX_DEPTH:
        raise UnreadableError(f"nested more than {MAX_DEPTH} deep", path=path)

    def below(name: str | int, item: object) -> Node:
        return from_plain(item, path=join(path, name), origin=origin, depth=depth + 1)

    read: dict[str, Node] | list[Node] | Scalar
    if isinstance(value, Mapping):
        read = {str(name): below(str(name), item) for name, item in value.items()}
    elif isinstance(value, list | tuple):
        read = [below(number, item) for number, item in enumerate(value)]
    elif value is None or isinstance(value, str | int | float | bool):
        read = value
    else:
        raise UnreadableError(f"a {type(value).__name__} is not a configuration value", path=path)
    return Node(value=read, path=path, origin=f"{origin}: {path}" if path else origin)


def with_fields(node: Node, fields: Mapping[str, Node]) -> Node:
    """The same place, holding these fields."""
    return replace(node, value=dict(fields))
