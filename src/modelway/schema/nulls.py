"""Null where a property is absent: what providers are told that require every property."""

from __future__ import annotations

from typing import Any

from modelway.schema.references import resolved
from modelway.types import JSON

_MOST_STEPS = 64


def accepts_null(schema: Any, root: JSON) -> bool:
    """Whether null is valid under the schema, as far as its types and values say."""
    return _accepts(schema, root, _MOST_STEPS)


def _accepts(schema: Any, root: JSON, steps: int) -> bool:
    if not isinstance(schema, dict) or steps == 0:
        return schema is True
    reference = schema.get("$ref")
    if isinstance(reference, str) and not _accepts(resolved(root, reference), root, steps - 1):
        return False
    kind = schema.get("type", "null")
    if kind != "null" and not (isinstance(kind, list | tuple) and "null" in kind):
        return bool(schema.get("nullable", False))
    if "const" in schema and schema["const"] is not None:
        return False
    if "enum" in schema and None not in schema["enum"]:
        return False
    for keyword in ("anyOf", "oneOf"):
        options = schema.get(keyword)
        if options is not None and not any(_accepts(each, root, steps - 1) for each in options):
            return False
    return all(_accepts(each, root, steps - 1) for each in schema.get("allOf", ()))


def is_constant(schema: Any) -> bool:
    """Whether one value alone is valid, so that requiring it asks nothing of the model."""
    return isinstance(schema, dict) and ("const" in schema or len(schema.get("enum", ())) == 1)


def without_nulls(value: Any, schema: Any, root: JSON | None = None) -> Any:
    """The value without the nulls that stand for absent properties: optional ones that take no null.

    Of a union each option is tried on, and the first that has the value's properties is believed.
    """
    root = schema if root is None else root
    schema = _plain(schema, root)
    if isinstance(value, dict):
        return _object(value, schema, root)
    if isinstance(value, list):
        items = schema.get("items")
        first = schema.get("prefixItems", ())
        return [
            without_nulls(each, first[at] if at < len(first) else items, root)
            for at, each in enumerate(value)
        ]
    return value


def _object(value: JSON, schema: JSON, root: JSON) -> JSON:
    for keyword in ("anyOf", "oneOf"):
        for option in schema.get(keyword, ()):
            plain = _plain(option, root)
            properties = plain.get("properties")
            if (
                properties is not None
                and value.keys() <= properties.keys()
                and _apart(value, plain)
            ):
                return _object(value, plain, root)
    properties = schema.get("properties", {})
    required = schema.get("required", ())
    others = schema.get("additionalProperties")
    return {
        name: without_nulls(each, properties.get(name, others), root)
        for name, each in value.items()
        if each is not None
        or name in required
        or name not in properties
        or accepts_null(properties[name], root)
    }


def _apart(value: JSON, schema: JSON) -> bool:
    """Whether the constants of an option, by which unions are told apart, are the value's."""
    for name, each in schema["properties"].items():
        if isinstance(each, dict) and name in value:
            if "const" in each and each["const"] != value[name]:
                return False
            if "enum" in each and len(each["enum"]) == 1 and each["enum"][0] != value[name]:
                return False
    return True


def _plain(schema: Any, root: JSON) -> JSON:
    """What the schema says itself, its reference followed."""
    steps = _MOST_STEPS
    while isinstance(schema, dict) and isinstance(schema.get("$ref"), str) and steps:
        beside = {name: each for name, each in schema.items() if name != "$ref"}
        target = resolved(root, schema["$ref"])
        schema = {**target, **beside} if isinstance(target, dict) else beside
        steps -= 1
    return schema if isinstance(schema, dict) else {}
