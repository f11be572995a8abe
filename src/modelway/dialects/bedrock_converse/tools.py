"""Tools and tool choice, both ways: ``toolConfig``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from msgspec import Raw
from msgspec.json import Decoder
from msgspec.structs import replace

from modelway.catalog.rows import Quirks
from modelway.dialects.bedrock_converse.blocks import lifetime
from modelway.dialects.bedrock_converse.content import cache_point
from modelway.dialects.bedrock_converse.notes import Notes
from modelway.dialects.bedrock_converse.wire import NAME, ToolConfig, ToolSpec
from modelway.dialects.reading import maybe, read
from modelway.errors import UnsupportedError
from modelway.schema import Subset, subset
from modelway.types import JSON, HostedTool, NamedTool, Tool, ToolChoice

_config = Decoder(ToolConfig)
_spec = Decoder(ToolSpec)
_any = Decoder()


def read_tools(raw: Raw) -> tuple[tuple[Tool | HostedTool, ...], ToolChoice | None]:
    config = read(_config, raw, "toolConfig")
    tools: list[Tool | HostedTool] = []
    for number, block in enumerate(config.tools):
        at = f"toolConfig.tools.{number}"
        ttl = lifetime(block, at)
        last = tools[-1] if tools else None
        if ttl is not None and isinstance(last, Tool) and last.cache is None:
            tools[-1] = replace(last, cache=ttl)
        else:
            tools.append(_read_tool(block, at))
    selection = config.tool_choice
    choice: ToolChoice | None = None
    if selection is not None:
        if selection.tool is not None:
            choice = NamedTool(name=selection.tool.name)
        elif selection.any is not None:
            choice = "required"
        elif selection.auto is not None:
            choice = "auto"
    return tuple(tools), choice


def _read_tool(block: Mapping[str, Raw], at: str) -> Tool | HostedTool:
    """A tool of the provider's, or one that says more than we model, is kept whole."""
    raw = block.get("toolSpec")
    spec = maybe(_spec, raw) if raw is not None else None
    if spec is None:
        definition = {name: read(_any, value, f"{at}.{name}") for name, value in block.items()}
        return HostedTool(dialect=NAME, definition=definition)
    return Tool(
        name=spec.name,
        description=spec.description,
        parameters=spec.input_schema.json,
        strict=spec.strict,
    )


def write_tools(
    tools: Sequence[Tool | HostedTool],
    choice: ToolChoice | None,
    called: bool,
    quirks: Quirks,
    notes: Notes,
) -> JSON:
    """``toolConfig``, empty for none. ``called``: the conversation holds calls, which need it."""
    if not tools:
        if choice is not None:
            notes.warn("tool_choice", "there are no tools to choose from: left out")
        return {}
    if choice == "none":
        if not called:
            notes.warn("tool_choice", "Bedrock has no choice of none: no tools are sent")
            notes.warn("tools", "left out, as none may be called")
            return {}
        notes.warn(
            "tool_choice",
            "Bedrock has no choice of none, and the calls in the conversation need their tools: "
            "the model may call them",
        )
        choice = None
    row = subset(quirks.schema_subset or "bedrock")
    written: list[JSON] = []
    for number, tool in enumerate(tools):
        written.append(_write_tool(tool, f"tools.{number}", row, notes))
        if isinstance(tool, Tool) and tool.cache is not None:
            written.append(cache_point(tool.cache))
    config: JSON = {"tools": written}
    match choice:
        case None:
            pass
        case NamedTool():
            config["toolChoice"] = {"tool": {"name": choice.name}}
        case "required":
            config["toolChoice"] = {"any": {}}
        case "auto":
            config["toolChoice"] = {"auto": {}}
        case _:
            assert_never(choice)
    return config


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
            spec: JSON = {"name": tool.name, "inputSchema": {"json": schema}}
            if tool.description:
                spec["description"] = tool.description
            elif tool.description is not None:
                notes.warn(f"{at}.description", "Bedrock refuses an empty one: left out")
            if strict is not None:
                spec["strict"] = strict
            return {"toolSpec": spec}
        case _:
            assert_never(tool)


def _schema(tool: Tool, at: str, notes: Notes) -> JSON:
    """The schema's type is required: "…inputSchema.json.type must be one of the following: object",
    the API's own 400, 2026-11-21.
    """
    if "type" in tool.parameters:
        return tool.parameters
    notes.warn(f"{at}.parameters", "the schema had no type: sent as type object")
    return {"type": "object", **tool.parameters}
