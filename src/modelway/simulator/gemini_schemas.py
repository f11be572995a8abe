"""Gemini's own form of schemas as JSON schema; what it has no name for is refused.

Source: https://ai.google.dev/api/caching#Schema, 2026-11-21.
"""

from __future__ import annotations

from typing import Any

from modelway.simulator.question import refuse
from modelway.simulator.schemas import schema_fault

_COUNTS = frozenset(
    {"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"}
)
_SAME = frozenset(
    {"title", "description", "enum", "required", "format", "pattern", "minimum", "maximum"}
    | {"default", "example", "propertyOrdering", "nullable", "$ref", "additionalProperties"}
)
_TYPES = ("TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")
"""By their numbers, which are accepted too."""


def json_schema(schema: Any, path: str) -> dict[str, Any]:
    """A schema in JSON schema's words; WireError for a name or type that is not Gemini's."""
    if not isinstance(schema, dict):
        raise refuse(f"Invalid value at '{path}': a schema is an object")
    made: dict[str, Any] = {}
    for name, value in schema.items():
        if name == "type":
            made["type"] = _type(value, path)
        elif name in {"properties", "$defs", "defs"}:
            inner = value if isinstance(value, dict) else {}
            made[name] = {
                key: json_schema(each, f"{path}.{name}[{at}].value")
                for at, (key, each) in enumerate(inner.items())
            }
        elif name == "items":
            made["items"] = json_schema(value, f"{path}.items")
        elif name == "anyOf":
            each = value if isinstance(value, list) else []
            made["anyOf"] = [
                json_schema(one, f"{path}.any_of[{at}]") for at, one in enumerate(each)
            ]
        elif name in _COUNTS:
            made[name] = int(value) if str(value).isdigit() else value
        elif name in _SAME:
            made[name] = value
        else:
            raise refuse(
                f"Invalid JSON payload received. Unknown name \"{name}\" at '{path}': Cannot find "
                "field."
            )
    if made.get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    if not made.get("enum", True):
        del made["enum"]
    fault = schema_fault(made)
    if fault is not None:
        raise refuse(f"* GenerateContentRequest.{path}: {fault}\n")
    return made


def _type(value: Any, path: str) -> str | list[str]:
    if isinstance(value, list):
        return [str(_type(each, path)) for each in value]
    if isinstance(value, int) and 0 < value < len(_TYPES):
        return _TYPES[value].lower()
    said = str(value).upper()
    if said not in _TYPES:
        raise refuse(
            f"Invalid value at '{path}.type' (type.googleapis.com/google.ai.generativelanguage."
            f'v1beta.Type), "{value}"'
        )
    return said.lower()
