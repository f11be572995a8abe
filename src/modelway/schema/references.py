"""Finding one's way in a schema: what a reference names, what refers to itself, how large it is."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any
from urllib.parse import unquote

from modelway.errors import BadRequestError, UnsupportedError
from modelway.types import JSON

MOST_DEPTH = 64
"""Objects and lists inside each other, after which a schema is refused."""

MOST_NODES = 50_000
"""Values in a schema, after which it is refused; also once references are written out."""

NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Keywords that hold schemas by name."""

LISTED = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
"""Keywords that hold a list of schemas."""

SINGLE = frozenset(
    [
        "items",
        "additionalProperties",
        "contains",
        "not",
        "if",
        "then",
        "else",
        "propertyNames",
        "unevaluatedItems",
        "unevaluatedProperties",
    ]
)
"""Keywords that hold one schema."""


def check_size(schema: Any, setting: str) -> None:
    """BadRequestError for a schema that is too deep, too large, or contains itself as an object."""
    nodes = 0
    level: list[Any] = [schema]
    for _ in range(MOST_DEPTH):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner.extend(value.values())
            elif isinstance(value, list | tuple):
                inner.extend(value)
        if not inner:
            return
        nodes += len(inner)
        if nodes > MOST_NODES:
            raise too_large(setting)
        level = inner
    raise BadRequestError(
        f"the schema in {setting} is nested more than {MOST_DEPTH} levels deep, or contains itself; "
        "refer to a definition by $ref instead",
        param=setting,
    )


def too_large(setting: str) -> BadRequestError:
    return BadRequestError(
        f"the schema in {setting} has more than {MOST_NODES:,} values, its references written out; "
        "ask for less at once",
        param=setting,
    )


def resolved(root: JSON, reference: str) -> Any:
    """What a ``$ref`` names in this document; UnsupportedError where that is nothing, or elsewhere."""
    if not reference.startswith("#"):
        raise UnsupportedError(f"the schema refers to another document: {reference!r}")
    found: Any = root
    for name in unquote(reference[1:]).split("/")[1:]:
        key = name.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and key in found:
            found = found[key]
        elif isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        else:
            raise UnsupportedError(f"the schema refers to {reference!r}, and has no such part")
    return found


def inner_schemas(schema: JSON) -> Iterator[Any]:
    """The schemas directly inside this one, definitions left out."""
    for keyword, value in schema.items():
        if keyword in NAMED - {"$defs", "definitions"} and isinstance(value, dict):
            yield from value.values()
        elif keyword in LISTED and isinstance(value, list):
            yield from value
        elif keyword in SINGLE:
            yield value


def is_recursive(root: JSON) -> bool:
    """Whether what can be reached from the root contains itself by reference."""
    graph: dict[str, set[str]] = {}
    waiting = references(root)
    while waiting:
        reference = waiting.pop()
        if reference not in graph:
            graph[reference] = references(resolved(root, reference))
            waiting |= graph[reference]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        return True
    return False


def references(schema: Any) -> set[str]:
    """Every ``$ref`` in a schema, without following them."""
    found: set[str] = set()
    waiting: list[Any] = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                found.add(value["$ref"])
            waiting.extend(inner_schemas(value))
    return found
