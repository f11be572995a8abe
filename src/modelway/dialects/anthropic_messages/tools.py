"""Tools and tool choice, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from msgspec import Raw
from msgspec.json import Decoder

from modelway.catalog.rows import Quirks
from modelway.dialects.anthropic_messages.blocks import lifetime
from modelway.dialects.anthropic_messages.content import cache_control
from modelway.dialects.anthropic_messages.wire import (
    JSON_OBJECT,
    NAME,
    RAW_LIST,
    SUBSET,
    CustomTool,
    ToolSelection,
)
from modelway.dialects.notes import Notes
from modelway.dialects.reading import read
from modelway.errors import BadRequestError, UnsupportedError
from modelway.schema import Subset, subset
from modelway.types import JSON, HostedTool, NamedTool, Tool, ToolChoice

_CUSTOM_FIELDS = {"name", "description", "input_schema", "strict", "type", "cache_control"}

_custom = Decoder(CustomTool)
_selection = Decoder(ToolSelection)


def read_tools(raw: Raw) -> tuple[Tool | HostedTool, ...]:
    tools = read(RAW_LIST, raw, "tools")
    return tuple([_read_tool(tool, f"tools.{number}") for number, tool in enumerate(tools)])


def _read_tool(raw: Raw, at: str) -> Tool | HostedTool:
    """A tool with fields that we do not model (``defer_loading`` …) is kept whole, like a hosted one."""
    definition = read(JSON_OBJECT, raw, at)
    if definition.get("type") not in (None, "custom"):
        return HostedTool(dialect=NAME, definition=definition)
    tool = read(_custom, raw, at)
    if not definition.keys() <= _CUSTOM_FIELDS:
        return HostedTool(dialect=NAME, definition=definition)
    return Tool(
        name=tool.name,
        description=tool.description,
        parameters=tool.input_schema,
        strict=tool.strict,
        cache=lifetime(tool.cache_control),
    )


def write_tools(tools: Sequence[Tool | HostedTool], quirks: Quirks, notes: Notes) -> list[JSON]:
    row = subset(quirks.schema_subset or SUBSET)
    return [_write_tool(tool, f"tools.{number}", row, notes) for number, tool in enumerate(tools)]


def _write_tool(tool: Tool | HostedTool, at: str, row: Subset, notes: Notes) -> JSON:
    match tool:
        case HostedTool():
            if tool.dialect != NAME:
                raise UnsupportedError(
                    f"{notes.model} has no hosted tool of {tool.dialect} ({at}); "
                    "describe it as a function, or ask a model of that dialect",
                    model=notes.model,
                    param=at,
                )
            return tool.definition
        case Tool():
            schema, strict = _schema(tool, at, notes), tool.strict
            if strict:
                try:
                    schema = notes.fitted(schema, row, f"{at}.parameters")
                except UnsupportedError as error:
                    notes.warn(f"{at}.strict", f"{error.message}: sent without strict")
                    strict = False
            definition: JSON = {"name": tool.name, "input_schema": schema}
            if tool.description is not None:
                definition["description"] = tool.description
            if strict is not None:
                definition["strict"] = strict
            if tool.cache is not None:
                definition["cache_control"] = cache_control(tool.cache)
            return definition
        case _:
            assert_never(tool)


def _schema(tool: Tool, at: str, notes: Notes) -> JSON:
    """``input_schema.type`` is required and must be ``object`` (the API's own 400), 2026-11-21."""
    if "type" in tool.parameters:
        return tool.parameters
    notes.warn(f"{at}.parameters", "the schema had no type: sent as type object")
    return {"type": "object", **tool.parameters}


def read_tool_choice(raw: Raw) -> tuple[ToolChoice, bool | None]:
    """The choice, and whether several calls at once are allowed (None: not said)."""
    selection = read(_selection, raw, "tool_choice")
    parallel = selection.disable_parallel_tool_use
    allowed = None if parallel is None else not parallel
    match selection.type:
        case "auto" | "none":
            return selection.type, allowed
        case "any":
            return "required", allowed
        case "tool":
            if selection.name is None:
                raise BadRequestError("the tool's name is missing", param="tool_choice.name")
            return NamedTool(name=selection.name), allowed
        case _:
            assert_never(selection.type)


def write_tool_choice(
    choice: ToolChoice | None, parallel: bool | None, notes: Notes
) -> JSON | None:
    """Whether several calls at once are allowed stands inside the choice; ``none`` has no room for it."""
    if choice is None and parallel is None:
        return None
    match choice:
        case NamedTool():
            selection: JSON = {"type": "tool", "name": choice.name}
        case "required":
            selection = {"type": "any"}
        case "none":
            if parallel is not None:
                notes.warn("parallel_tool_calls", "has no meaning with tool_choice none: left out")
            return {"type": "none"}
        case "auto" | None:
            selection = {"type": "auto"}
        case _:
            assert_never(choice)
    if parallel is not None:
        selection["disable_parallel_tool_use"] = not parallel
    return selection
