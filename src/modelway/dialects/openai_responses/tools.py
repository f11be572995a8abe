"""Tools, the choice among them, and the answer's format, each way.

Source: https://platform.openai.com/docs/guides/function-calling and …/structured-outputs, 2026-11-21.
"""

from __future__ import annotations

from typing import Any, assert_never

import msgspec

from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects.openai_responses.wire import NAME
from modelway.dialects.openai_wire.body import Warn, strict_schema
from modelway.dialects.openai_wire.faults import malformed
from modelway.errors import UnsupportedError
from modelway.types import (
    JSON,
    HostedTool,
    JsonObject,
    JsonSchema,
    NamedTool,
    ResponseFormat,
    Tool,
    ToolChoice,
)

SCHEMA_NAME = "response"
"""Sent as a schema's name, which the API requires, where none is given."""


# ---------------------------------------------------------------- us → provider


def tool_out(tool: Tool | HostedTool, target: Target, warn: Warn) -> JSON:
    """``strict`` is always written: left out, this API takes it for true, and null for false.

    Source: the tools in the recorded answers of api.openai.com, 2026-11-21.
    """
    match tool:
        case Tool():
            parameters, strict = tool.parameters, tool.strict
            if strict is not None:
                parameters, strict = strict_schema(
                    parameters, strict, target.quirks, f"tools.{tool.name}", warn
                )
            written: JSON = {"type": "function", "name": tool.name}
            if tool.description is not None:
                written["description"] = tool.description
            if tool.cache is not None:
                warn("tools.cache", "cache breakpoints cannot be set on tools here; not sent")
            return written | {"parameters": parameters, "strict": strict}
        case HostedTool():
            if tool.dialect != NAME:
                raise UnsupportedError(
                    f"a hosted tool of the dialect {tool.dialect!r} cannot be sent to "
                    f"{target.model!r} by the Responses API; it takes a provider of that dialect",
                    model=target.model,
                )
            return tool.definition
        case _:
            assert_never(tool)


def tool_choice_out(choice: ToolChoice) -> str | JSON:
    if isinstance(choice, NamedTool):
        return {"type": "function", "name": choice.name}
    return choice


def format_out(wanted: ResponseFormat, quirks: Quirks, warn: Warn) -> JSON:
    match wanted:
        case JsonObject():
            return {"type": "json_object"}
        case JsonSchema():
            if not quirks.json_schema:
                warn("response_format", "this provider takes no JSON schema; json_object is sent")
                return {"type": "json_object"}
            schema, strict = strict_schema(
                wanted.schema, wanted.strict, quirks, "response_format", warn
            )
            written: JSON = {"type": "json_schema", "name": wanted.name or SCHEMA_NAME}
            if wanted.description is not None:
                written["description"] = wanted.description
            if strict is not None:
                written["strict"] = strict
            return written | {"schema": schema}
        case _:
            assert_never(wanted)


# ---------------------------------------------------------------- client → us

_KNOWN = frozenset({"type", "name", "description", "parameters", "strict"})


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: JSON | None = None
    strict: bool | None = None


def tool_in(told: Any, path: str) -> Tool | HostedTool:
    """A function; a tool of another type, or a function with more to it, is kept whole."""
    if not isinstance(told, dict) or not isinstance(told.get("type"), str):
        raise malformed("must be an object with a type", path)
    inner = told.get("function")
    if isinstance(inner, dict):  # as Chat Completions writes it
        told = {**inner, **{name: value for name, value in told.items() if name != "function"}}
    beyond = any(value is not None for name, value in told.items() if name not in _KNOWN)
    if told["type"] != "function" or beyond:
        return HostedTool(dialect=NAME, definition=told)
    try:
        function = msgspec.convert(told, _Function)
    except msgspec.ValidationError as error:
        raise malformed(str(error), path) from None
    said: JSON = {} if function.parameters is None else {"parameters": function.parameters}
    return Tool(
        name=function.name, description=function.description, strict=function.strict, **said
    )


def tool_choice_in(told: Any) -> tuple[ToolChoice | None, bool]:
    """The choice, and whether it is of a form that we model (allowed tools and hosted ones are not)."""
    match told:
        case None:
            return None, True
        case "auto" | "none" | "required":
            return told, True
        case {"type": "function", "name": str(name)}:
            return NamedTool(name=name), True
        case {"type": str(kind)} if kind != "function":
            return None, False
        case _:
            raise malformed("must be auto, none, required or a named tool", "tool_choice")


def format_in(told: Any) -> tuple[ResponseFormat | None, bool]:
    """The format, and whether it is of a form that we model (a grammar is not)."""
    match told:
        case None | {"type": "text"}:
            return None, True
        case {"type": "json_object"}:
            return JsonObject(), True
        case {"type": "json_schema", "schema": dict()}:
            return _schema_in(told), True
        case {"type": "json_schema"}:
            raise malformed("a JSON schema is required", "text.format.schema")
        case {"type": str()}:
            return None, False
        case _:
            raise malformed("must be an object with a type", "text.format")


def _schema_in(told: JSON) -> JsonSchema:
    for field, kind in (("name", str), ("description", str), ("strict", bool)):
        value = told.get(field)
        if value is not None and not isinstance(value, kind):
            raise malformed(f"Expected `{kind.__name__}`", f"text.format.{field}")
    name = told.get("name")
    return JsonSchema(
        schema=told["schema"],
        name=None if name == SCHEMA_NAME else name,
        description=told.get("description"),
        strict=told.get("strict"),
    )
