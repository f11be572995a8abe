"""Google's ``Schema``, a cut of OpenAPI 3.0, read as the JSON Schema that says the same.

Source: https://ai.google.dev/api/caching#Schema, 2026-11-21.
"""

from __future__ import annotations

from typing import Any

from modelway.dialects.gemini.wire import camel
from modelway.errors import BadRequestError
from modelway.types import JSON

_MOST_DEPTH = 200
_COUNTS = frozenset(
    {"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"}
)
"""64-bit integers, which are strings in Google's JSON."""


def json_schema(schema: Any, at: str, depth: int = 0) -> Any:
    """Types in lower case, ``nullable`` as a type, counts as numbers; the rest as it is."""
    if depth > _MOST_DEPTH:
        raise BadRequestError("the schema is nested too deeply", param=at)
    if not isinstance(schema, dict):
        return schema
    said = {camel(name): value for name, value in schema.items()}
    nullable = said.pop("nullable", False) is True
    made: JSON = {}
    for name, value in said.items():
        match name, value:
            case "type", str():
                if value != "TYPE_UNSPECIFIED":
                    made["type"] = value.lower()
            case "properties", dict():
                made[name] = {key: json_schema(each, at, depth + 1) for key, each in value.items()}
            case ("items", dict()):
                made[name] = json_schema(value, at, depth + 1)
            case ("anyOf", list()):
                made[name] = [json_schema(each, at, depth + 1) for each in value]
            case _:
                counted = name in _COUNTS and isinstance(value, str) and value.isdigit()
                made[name] = int(value) if counted else value
    if nullable:
        _allow_null(made)
    return made


def _allow_null(made: JSON) -> None:
    if isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
        if isinstance(made.get("enum"), list):
            made["enum"] = [*made["enum"], None]
    elif isinstance(made.get("anyOf"), list):
        made["anyOf"] = [*made["anyOf"], {"type": "null"}]
