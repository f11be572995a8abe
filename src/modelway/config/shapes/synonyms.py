"""Fields under other names: moved to their own, values untouched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from modelway.config.nodes import Node, with_fields
from modelway.config.reading import Context


class To(NamedTuple):
    """The own name of a field, ``outer.inner`` for a nested one, and its number's unit."""

    name: str
    scale: float = 1.0


Synonyms = Mapping[str, To]


def rename(node: Node, synonyms: Synonyms, context: Context) -> Node:
    """Fields under their own names. The same thing said under two names is a problem."""
    if not set(node.fields) & set(synonyms):
        return node
    renamed = {name: item for name, item in node.fields.items() if name not in synonyms}
    for name, item in node.fields.items():
        if name in synonyms:
            to = synonyms[name]
            moved = replace(item, scale=to.scale) if to.scale != 1.0 else item
            if not put(renamed, to.name, moved):
                context.error(item, f"says the same as {to.name}, which is also there")
    return with_fields(node, renamed)


def put(fields: dict[str, Node], name: str, node: Node) -> bool:
    """Set a field by its dotted name; false, and nothing done, where it is set already."""
    outer, dot, inner = name.partition(".")
    if not dot:
        if name in fields:
            return False
        fields[name] = node
        return True
    above = fields.get(outer)
    if above is not None and not isinstance(above.value, dict):
        return False
    below = dict(above.fields) if above else {}
    if not put(below, inner, node):
        return False
    fields[outer] = with_fields(above or Node(value={}, path=node.path, origin=node.origin), below)
    return True
