"""Tools and tool choice, both ways.

Source: https://ai.google.dev/api/caching#Tool and #ToolConfig, 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import msgspec
from msgspec import Raw

from modelway.dialects.gemini.openapi import json_schema
from modelway.dialects.gemini.parts import items
from modelway.dialects.gemini.wire import ANY, JSON_OBJECT, NAME, STRING, read_fields
from modelway.dialects.notes import Notes
from modelway.dialects.reading import read
from modelway.errors import BadRequestError, UnsupportedError
from modelway.types import JSON, HostedTool, NamedTool, Tool, ToolChoice

_DECLARATIONS = "functionDeclarations"
_DECLARED = frozenset(
    {"name", "description", "parameters", "parametersJsonSchema", "response", "responseJsonSchema"}
)
_CHOICES: dict[str, ToolChoice] = {"AUTO": "auto", "NONE": "none", "ANY": "required"}


def read_tools(raw: Raw) -> tuple[Tool | HostedTool, ...]:
    """Functions, and each hosted tool by itself."""
    found: list[Tool | HostedTool] = []
    for number, each in enumerate(items(raw, "tools")):
        at = f"tools.{number}"
        for name, value in read_fields(each, at).items():
            if name == _DECLARATIONS:
                declared = items(value, f"{at}.{name}")
                found += [
                    _read_function(one, f"{at}.{name}.{index}")
                    for index, one in enumerate(declared)
                ]
            else:
                definition = {name: read(ANY, value, f"{at}.{name}")}
                found.append(HostedTool(dialect=NAME, definition=definition))
    return tuple(found)


def _read_function(raw: Raw, at: str) -> Tool | HostedTool:
    """A function with fields that we do not model (``behavior`` …) is kept whole.

    What it returns, which Google's own SDK declares of annotated functions, is told in words.
    """
    said = read_fields(raw, at)
    if not said.keys() <= _DECLARED:
        whole = read(JSON_OBJECT, raw, at)
        return HostedTool(dialect=NAME, definition={_DECLARATIONS: [whole]})
    if "name" not in said:
        raise BadRequestError("the function's name is missing", param=f"{at}.name")
    name = read(STRING, said["name"], f"{at}.name")
    description = (
        read(STRING, said["description"], f"{at}.description") if "description" in said else None
    )
    schema: JSON = {"type": "object", "properties": {}}
    if "parametersJsonSchema" in said:
        schema = read(JSON_OBJECT, said["parametersJsonSchema"], f"{at}.parametersJsonSchema")
    elif "parameters" in said:
        where = f"{at}.parameters"
        schema = json_schema(read(JSON_OBJECT, said["parameters"], where), where)
    for field in ("response", "responseJsonSchema"):
        if field in said:
            returns = json_schema(read(JSON_OBJECT, said[field], f"{at}.{field}"), at)
            told = f"Returns: {msgspec.json.encode(returns).decode()}"
            description = f"{description}\n\n{told}" if description else told
    return Tool(name=name, description=description, parameters=schema)


def write_tools(tools: Sequence[Tool | HostedTool], notes: Notes) -> list[JSON]:
    """All functions in one tool: Vertex AI refuses several that are not searches."""
    functions: list[JSON] = []
    hosted: list[JSON] = []
    for number, tool in enumerate(tools):
        at = f"tools.{number}"
        match tool:
            case Tool():
                functions.append(_write_function(tool, at, notes))
            case HostedTool():
                if tool.dialect != NAME:
                    raise UnsupportedError(
                        f"{notes.model} has no hosted tool of {tool.dialect} ({at}); "
                        "describe it as a function, or ask a model of that dialect",
                        model=notes.model,
                        param=at,
                    )
                functions += tool.definition.get(_DECLARATIONS, ())
                if _DECLARATIONS not in tool.definition:
                    hosted.append(tool.definition)
            case _:
                assert_never(tool)
    return [{_DECLARATIONS: functions}, *hosted] if functions else hosted


def _write_function(tool: Tool, at: str, notes: Notes) -> JSON:
    if tool.strict is not None:
        notes.warn(f"{at}.strict", "Gemini has no strict functions: left out")
    if tool.cache is not None:
        notes.warn(f"{at}.cache", "Gemini takes no cache breakpoints: left out")
    declared: JSON = {"name": tool.name, "parametersJsonSchema": tool.parameters}
    return declared | ({} if tool.description is None else {"description": tool.description})


def read_tool_choice(raw: Raw, extra: JSON) -> ToolChoice | None:
    """The choice; what is not modelled (``VALIDATED``, several allowed names …) goes to ``extra``."""
    config = {
        name: read(ANY, value, name) for name, value in read_fields(raw, "toolConfig").items()
    }
    calling = config.get("functionCallingConfig")
    choice = _choice(calling) if isinstance(calling, dict) else None
    if choice is not None or calling == {}:
        del config["functionCallingConfig"]
    if config:
        extra["toolConfig"] = config
    return choice


def _choice(calling: JSON) -> ToolChoice | None:
    names = calling.get("allowedFunctionNames", calling.get("allowed_function_names"))
    mode = calling.get("mode")
    mode = mode.upper() if isinstance(mode, str) else None
    if not calling.keys() <= {"mode", "allowedFunctionNames", "allowed_function_names"}:
        return None
    if not names:
        return _CHOICES.get(mode or "")
    match names:
        case [str(name)] if mode == "ANY":
            return NamedTool(name=name)
    return None


def write_tool_choice(
    choice: ToolChoice | None, parallel: bool | None, notes: Notes
) -> JSON | None:
    if parallel is False:
        notes.warn("parallel_tool_calls", "Gemini always may make several calls: left out")
    match choice:
        case None:
            return None
        case NamedTool():
            calling: JSON = {"mode": "ANY", "allowedFunctionNames": [choice.name]}
        case "auto" | "none":
            calling = {"mode": choice.upper()}
        case "required":
            calling = {"mode": "ANY"}
        case _:
            assert_never(choice)
    return {"functionCallingConfig": calling}
