"""What kind of schema this is, and the same schema in another shape."""

from __future__ import annotations

from typing import Any

from modelway.schema.references import resolved
from modelway.types import JSON

ANNOTATIONS = frozenset(
    [
        "$schema",
        "$id",
        "$anchor",
        "$comment",
        "$vocabulary",
        "title",
        "description",
        "examples",
        "example",
        "deprecated",
        "readOnly",
        "writeOnly",
        "discriminator",
        "propertyOrdering",
        "contentMediaType",
        "contentEncoding",
    ]
)
"""Keywords without which the same values are valid: left out in silence where they are not taken."""


def object_schema(schema: JSON) -> JSON | None:
    """The schema with its root written out, so that it is seen to be an object's; None: it is not."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        target = resolved(schema, reference)
        if isinstance(target, dict):
            beside = {name: value for name, value in schema.items() if name != "$ref"}
            schema = {**target, **beside}
    named = schema.get("type") == "object" or ("type" not in schema and "properties" in schema)
    return schema if named and not {"anyOf", "oneOf"} & schema.keys() else None


def has_properties(schema: JSON) -> bool:
    """Whether a schema is, or may be, of an object."""
    kind = schema.get("type")
    return (
        kind == "object" or "properties" in schema or (isinstance(kind, list) and "object" in kind)
    )


def are_told_apart(options: Any) -> bool:
    """Whether of these at most one can hold: they are of types that exclude each other."""
    kinds = [each.get("type") if isinstance(each, dict) else None for each in options]
    names = [kind for kind in kinds if isinstance(kind, str)]
    apart = {"number" if kind == "integer" else kind for kind in names}
    return len(apart) == len(kinds)


def of_kind(kind: str, rest: JSON) -> JSON:
    """A schema of several types, as one of this type."""
    if kind == "null":
        return {"type": "null"}
    made = {name: value for name, value in rest.items() if name not in ANNOTATIONS}
    if isinstance(made.get("enum"), list):
        made["enum"] = [each for each in made["enum"] if each is not None]
    return {"type": kind, **made}


def nullable(schema: JSON, *, type_lists: bool) -> JSON:
    """The schema, or null."""
    kind = schema.get("type")
    if type_lists and isinstance(kind, str) and not {"enum", "const"} & schema.keys():
        return {**schema, "type": [kind, "null"]}
    if isinstance(kind, list) and not {"enum", "const"} & schema.keys():
        return {**schema, "type": [*kind, "null"]}
    if isinstance(schema.get("anyOf"), list):
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    return {"anyOf": [schema, {"type": "null"}]}
