"""Tools, their choice, reasoning and the form of an answer, both ways.

Source: https://docs.cohere.com/v2/reference/chat, …/docs/reasoning and …/docs/structured-outputs,
2026-11-21.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from msgspec import Raw
from msgspec.json import Decoder
from msgspec.structs import replace

from modelway.catalog.rows import Quirks
from modelway.dialects.cohere.wire import (
    JSON_OBJECT,
    NAME,
    RAW_LIST,
    STRING,
    Format,
    FunctionTool,
    ThinkingConfig,
)
from modelway.dialects.notes import Notes
from modelway.dialects.reading import maybe, read
from modelway.errors import BadRequestError, UnsupportedError
from modelway.schema import subset
from modelway.types import (
    JSON,
    HostedTool,
    JsonObject,
    JsonSchema,
    NamedTool,
    ResponseFormat,
    Thinking,
    Tool,
    ToolChoice,
)

_tool = Decoder(FunctionTool)
_thinking = Decoder(ThinkingConfig)
_format = Decoder(Format)


# ---------------------------------------------------------------- tools


def read_tools(raw: Raw, strict: bool | None) -> tuple[Tool | HostedTool, ...]:
    told = read(RAW_LIST, raw, "tools")
    found = [_read_tool(one, f"tools.{number}") for number, one in enumerate(told)]
    return tuple(
        [replace(tool, strict=strict) if isinstance(tool, Tool) else tool for tool in found]
    )


def _read_tool(raw: Raw, at: str) -> Tool | HostedTool:
    """A tool that says more than we model is kept whole."""
    tool = maybe(_tool, raw)
    if tool is None or tool.type != "function":
        return HostedTool(dialect=NAME, definition=read(JSON_OBJECT, raw, at))
    function = tool.function
    if function.parameters is None:
        return Tool(name=function.name, description=function.description)
    return Tool(
        name=function.name, description=function.description, parameters=function.parameters
    )


def write_tools(tools: Sequence[Tool | HostedTool], quirks: Quirks, notes: Notes) -> JSON:
    """``tools`` and ``strict_tools``, which holds for all of them."""
    asked = {tool.strict for tool in tools if isinstance(tool, Tool)}
    strict = asked.pop() if len(asked) == 1 else None
    if asked:
        notes.warn("tools.strict", "is of all tools or of none at Cohere: sent without strict")
    row = subset(quirks.schema_subset or NAME)
    written: list[JSON] = []
    for number, tool in enumerate(tools):
        at = f"tools.{number}"
        match tool:
            case HostedTool():
                written.append(_hosted(tool, at, notes))
            case Tool():
                if tool.cache is not None:
                    notes.warn(f"{at}.cache", "Cohere caches by itself and takes no breakpoints")
                schema = tool.parameters
                if strict:
                    schema = notes.fitted(schema, row, f"{at}.parameters")
                function: JSON = {"name": tool.name, "parameters": schema}
                if tool.description is not None:
                    function["description"] = tool.description
                written.append({"type": "function", "function": function})
            case _:
                assert_never(tool)
    return {"tools": written} if strict is None else {"tools": written, "strict_tools": strict}


def _hosted(tool: HostedTool, at: str, notes: Notes) -> JSON:
    if tool.dialect == NAME:
        return tool.definition
    raise UnsupportedError(
        f"{notes.model} has no hosted tool of {tool.dialect} ({at}); describe it as a function, or "
        "ask a model of that dialect",
        model=notes.model,
        param=at,
    )


def read_tool_choice(raw: Raw) -> ToolChoice | None:
    match read(STRING, raw, "tool_choice"):
        case "REQUIRED":
            return "required"
        case "NONE":
            return "none"
        case _:
            raise BadRequestError("REQUIRED or NONE", param="tool_choice")


def write_tool_choice(choice: ToolChoice | None, tools: JSON, notes: Notes) -> JSON:
    """``tool_choice``, and for a tool by its name that tool alone."""
    match choice:
        case None:
            return {}
        case "auto":
            notes.warn("tool_choice", "auto is what Cohere does unless told: not said")
            return {}
        case "required":
            return {"tool_choice": "REQUIRED"}
        case "none":
            return {"tool_choice": "NONE"}
        case NamedTool():
            named = [
                one
                for one in tools.get("tools", ())
                if one.get("function", {}).get("name") == choice.name
            ]
            if not named:
                notes.warn("tool_choice", f"there is no function {choice.name}: left out")
                return {}
            notes.warn("tool_choice", "Cohere takes no name: the tool is sent alone, and required")
            notes.warn("tools", f"only {choice.name}, which is to be called, is sent")
            return {"tool_choice": "REQUIRED", "tools": named}
        case _:
            assert_never(choice)


# ---------------------------------------------------------------- reasoning


def read_thinking(raw: Raw, extra: JSON) -> Thinking | None:
    config = maybe(_thinking, raw)
    if config is not None:
        match config.type:
            case "enabled" | "disabled" as mode:
                return Thinking(mode=mode, budget_tokens=config.token_budget)
            case _:
                pass
    extra["thinking"] = read(JSON_OBJECT, raw, "thinking")
    return None


def write_thinking(thinking: Thinking | None, notes: Notes) -> JSON | None:
    """Reasoning is on or off, with or without a budget: there are no efforts."""
    if thinking is None:
        return None
    mode, effort, budget = thinking.mode, thinking.effort, thinking.budget_tokens
    if mode is None and effort == "none":
        mode = "disabled"
    elif effort is not None:
        notes.warn("thinking.effort", "Cohere has no efforts: left out")
    if mode == "adaptive":
        notes.warn("thinking.mode", "Cohere's reasoning is on or off: sent as enabled")
        mode = "enabled"
    if mode is None:
        if budget is None:
            return None
        notes.warn("thinking.mode", "a budget needs it: sent as enabled")
        mode = "enabled"
    config: JSON = {"type": mode}
    if budget is not None:
        if budget < 1:
            raise BadRequestError(
                f"from 1 for {notes.model}, not {budget}", param="thinking.budget_tokens"
            )
        config["token_budget"] = budget
    return config


# ---------------------------------------------------------------- the form of an answer


def read_format(raw: Raw, extra: JSON) -> ResponseFormat | None:
    config = maybe(_format, raw)
    if config is not None and config.type == "json_object":
        schema = config.json_schema if config.json_schema is not None else config.schema
        return JsonObject() if schema is None else JsonSchema(schema=schema)
    extra["response_format"] = read(JSON_OBJECT, raw, "response_format")
    return None


def write_format(format: ResponseFormat | None, quirks: Quirks, notes: Notes) -> JSON | None:
    match format:
        case None:
            return None
        case JsonObject():
            return {"type": "json_object"}
        case JsonSchema():
            if not quirks.json_schema:
                notes.warn("response_format", "this host takes no schema: sent as json_object")
                return {"type": "json_object"}
            for name, said in (("name", format.name), ("description", format.description)):
                if said is not None:
                    notes.warn(f"response_format.{name}", "Cohere has no such field: left out")
            if format.strict is False:
                notes.warn("response_format.strict", "a schema is always enforced: left out")
            row = subset(quirks.schema_subset or NAME)
            schema = notes.fitted(format.schema, row, "response_format")
            return {"type": "json_object", "json_schema": schema}
        case _:
            assert_never(format)
