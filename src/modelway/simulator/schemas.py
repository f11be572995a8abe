"""Whether a tool's or format's JSON schema is one at all; providers refuse those that are not."""

from __future__ import annotations

from typing import Any

_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
_OF_SCHEMAS = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SIZES = ("minItems", "maxItems", "minLength", "maxLength")
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")


def schema_fault(schema: Any, path: str = "") -> str | None:
    """What makes this no JSON schema, in the keywords that matter here; ``None``: nothing."""
    if isinstance(schema, bool):
        return None
    where = path or "the schema"
    if not isinstance(schema, dict):
        return f"{where} is not of type 'object', 'boolean'"
    return _own_fault(schema, where) or _inner_fault(schema, path)


def _own_fault(schema: dict[str, Any], where: str) -> str | None:
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if not all(isinstance(kind, str) and kind in _TYPES for kind in kinds):
        return f"{where}.type: {schema['type']!r} is not a type"
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        return f"{where}.required is not an array of strings"
    if "enum" in schema and (not isinstance(schema["enum"], list) or not schema["enum"]):
        return f"{where}.enum is not a non-empty array"
    if not isinstance(schema.get("$ref", ""), str):
        return f"{where}.$ref is not a string"
    for name in _SIZES:
        value = schema.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            return f"{where}.{name} is not a natural number"
    for name in _NUMBERS:
        value = schema.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"{where}.{name} is not a number"
    if schema.get("multipleOf", 1) <= 0:
        return f"{where}.multipleOf is not above 0"
    return None


def _inner_fault(schema: dict[str, Any], path: str) -> str | None:
    inner: list[tuple[str, Any]] = []
    for key in _OF_SCHEMAS:
        named = schema.get(key, {})
        if not isinstance(named, dict):
            return f"{path}.{key} is not an object"
        inner += [(f"{path}.{key}.{name}", each) for name, each in named.items()]
    for key in _LISTS:
        if key in schema:
            if not isinstance(schema[key], list) or not schema[key]:
                return f"{path}.{key} is not a non-empty array"
            inner += [(f"{path}.{key}.{at}", each) for at, each in enumerate(schema[key])]
    for key in ("items", "additionalProperties"):
        if key in schema:
            inner.append((f"{path}.{key}", schema[key]))
    for where, each in inner:
        fault = schema_fault(each, where)
        if fault is not None:
            return fault
    return None
