"""A JSON Schema from a Python type: what a tool takes, or what an answer must look like.

Dataclasses, TypedDicts, ``msgspec.Struct`` and builtin types are read by msgspec; a class with a
``model_json_schema`` method, as pydantic's models have, is asked for it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from modelway.errors import UnsupportedError
from modelway.types import JSON, JsonSchema


def schema_of(kind: Any) -> JSON:
    """The schema of a type, self-contained; UnsupportedError for a type that has none.

    A definition that only the top refers to is written in its place.
    """
    ask = getattr(kind, "model_json_schema", None)
    if callable(ask):
        return dict(ask())
    try:
        (schema,), definitions = msgspec.json.schema_components(
            (kind,), ref_template="#/$defs/{name}"
        )
    except (TypeError, ValueError) as error:
        raise UnsupportedError(f"{kind!r} has no JSON Schema: {error}") from None
    name = schema.get("$ref", "").rpartition("/")[2]
    refers = any(f'"#/$defs/{name}"' in _text(item) for item in definitions.values())
    if name and not refers:
        schema = definitions.pop(name)
    return {**schema, "$defs": definitions} if definitions else dict(schema)


def _text(definition: JSON) -> str:
    return msgspec.json.encode(definition).decode()


def answer_schema(kind: Any) -> JsonSchema:
    """The response format that asks for a value of this type."""
    name = getattr(kind, "__name__", None)
    return JsonSchema(schema=schema_of(kind), name=name)
