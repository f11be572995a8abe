"""A JSON Schema from a Python type: what a tool takes, or what an answer must look like.

Dataclasses, TypedDicts, ``msgspec.Struct`` and builtin types are read by msgspec; a class with
``model_json_schema`` and ``model_validate``, as pydantic's models have, is asked, also inside others.
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
            (kind,), schema_hook=_own_schema, ref_template="#/$defs/{name}"
        )
    except (TypeError, ValueError, NotImplementedError) as error:
        raise UnsupportedError(f"{kind!r} has no JSON Schema: {error}") from None
    definitions = {**definitions, **_hoisted([schema, *definitions.values()])}
    name = schema.get("$ref", "").rpartition("/")[2]
    refers = any(f'"#/$defs/{name}"' in _text(item) for item in definitions.values())
    if name and not refers:
        schema = definitions.pop(name)
    return {**schema, "$defs": definitions} if definitions else dict(schema)


def _own_schema(kind: type) -> JSON:
    """The schema of a class that msgspec does not know."""
    ask = getattr(kind, "model_json_schema", None)
    if not callable(ask):
        raise NotImplementedError(f"{kind.__name__} is no type that JSON has")
    return dict(ask())


def own_value(kind: type, value: Any) -> Any:
    """A value of a class that msgspec does not know, for its decoders."""
    validate = getattr(kind, "model_validate", None)
    if not callable(validate):
        raise NotImplementedError(f"{kind.__name__} is no type that JSON has")
    return validate(value)


def _hoisted(schemas: list[JSON]) -> JSON:
    """The definitions that classes brought along, taken out of where they stand."""
    found: JSON = {}
    waiting: list[Any] = list(schemas)
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            inner = each.pop("$defs", None)
            if isinstance(inner, dict):
                found |= inner
            waiting += each.values()
            waiting += found.values() if inner else ()
    return found


def _text(definition: JSON) -> str:
    return msgspec.json.encode(definition).decode()


def answer_schema(kind: Any) -> JsonSchema:
    """The response format that asks for a value of this type."""
    name = getattr(kind, "__name__", None)
    return JsonSchema(schema=schema_of(kind), name=name)
