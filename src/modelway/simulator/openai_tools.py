"""Checks the tools, tool choice and response format of a Chat Completions request.

Source: https://platform.openai.com/docs/api-reference/chat/create, 2026-11-21.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from modelway.simulator.openai_refusals import missing, not_one_of, wrong_type
from modelway.simulator.question import OfferedTool, refuse
from modelway.simulator.schemas import schema_fault

TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def read_tools(fields: dict[str, Any]) -> tuple[OfferedTool, ...]:
    """The functions that are offered."""
    tools: list[OfferedTool] = []
    given = fields.get("tools")
    if given is None:
        return ()
    if not isinstance(given, list) or not given:
        raise refuse(
            "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an "
            "empty array instead.",
            param="tools",
            code="empty_array",
        )
    for at, tool in enumerate(given):
        where = f"tools[{at}]"
        if not isinstance(tool, dict) or "type" not in tool:
            raise missing(f"{where}.type")
        if tool["type"] == "custom":
            continue  # free-form input: accepted, and never called
        if tool["type"] != "function":
            raise not_one_of(f"{where}.type", tool["type"], ("function", "custom"))
        function = tool.get("function")
        if not isinstance(function, dict):
            raise missing(f"{where}.function")
        name, description = function.get("name"), function.get("description") or ""
        if not isinstance(name, str):
            raise missing(f"{where}.function.name")
        if not isinstance(description, str):
            raise wrong_type(f"{where}.function.description", "a string", description)
        if not TOOL_NAME.fullmatch(name):
            raise refuse(
                f"Invalid '{where}.function.name': string does not match pattern. Expected a string "
                "that matches the pattern '^[a-zA-Z0-9_-]+$'.",
                param=f"{where}.function.name",
                code="invalid_value",
            )
        schema = function.get("parameters") or {"type": "object", "properties": {}}
        where = f"{where}.function.parameters"
        check_schema(schema, f"function '{name}'", where, strict=bool(function.get("strict")))
        tools.append(OfferedTool(name=name, description=description, schema=schema))
    return tuple(tools)


def check_schema(schema: Any, what: str, param: str, *, strict: bool) -> None:
    """Refuse a schema that is not of an object, or that ``strict`` does not allow.

    Source: https://platform.openai.com/docs/guides/structured-outputs, 2026-11-21.
    """
    code = "invalid_function_parameters" if what.startswith("function") else None
    kind = schema.get("type") if isinstance(schema, dict) else None
    if kind != "object":
        raise refuse(
            f"Invalid schema for {what}: schema must be a JSON Schema of 'type: \"object\"', got "
            f"'type: \"{kind}\"'.",
            param=param,
            code=code,
        )
    fault = schema_fault(schema) or (_strict_fault(schema, ()) if strict else None)
    if fault is not None:
        raise refuse(f"Invalid schema for {what}: {fault}", param=param, code=code)


def _strict_fault(schema: Any, path: tuple[str, ...]) -> str | None:
    if isinstance(schema, list):
        faults = [_strict_fault(each, (*path, str(at))) for at, each in enumerate(schema)]
        return next((fault for fault in faults if fault), None)
    if not isinstance(schema, dict):
        return None
    properties = schema.get("properties")
    if schema.get("type") == "object" or isinstance(properties, dict):
        if schema.get("additionalProperties") is not False:
            return (
                f"In context={path}, 'additionalProperties' is required to be supplied and to be "
                "false."
            )
        missing = set(properties or {}) - set(schema.get("required") or [])
        if missing:
            return (
                f"In context={path}, 'required' is required to be supplied and to be an array "
                f"including every key in properties. Missing '{min(missing)}'."
            )
    for key in ("properties", "$defs", "definitions"):
        for name, each in (schema.get(key) or {}).items():
            fault = _strict_fault(each, (*path, key, name))
            if fault:
                return fault
    for key in ("items", "anyOf"):
        fault = _strict_fault(schema.get(key), (*path, key))
        if fault:
            return fault
    return None


def read_tool_choice(
    fields: dict[str, Any], tools: tuple[OfferedTool, ...]
) -> tuple[Literal["may", "must", "never"], str | None]:
    """Whether a tool may, must or must not be called, and which where it is named."""
    choice = fields.get("tool_choice")
    match choice:
        case None:
            return ("may" if tools else "never"), None
        case "none":
            return "never", None
        case "auto" | {"type": "allowed_tools", "allowed_tools": {"mode": "auto"}}:
            return "may", None
        case "required" | {"type": "allowed_tools", "allowed_tools": {"mode": "required"}}:
            return "must", None
        case {"type": "function", "function": {"name": str(name)}}:
            if tools and name not in {tool.name for tool in tools}:
                raise refuse(
                    f"Tool choice '{name}' not found in 'tools' parameter.", param="tool_choice"
                )
            return "must", name
        case _:
            raise not_one_of("tool_choice", choice, ("none", "auto", "required"))


def read_format(fields: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
    """The schema of the answer where there is one, and whether it is JSON at all."""
    given = fields.get("response_format")
    match given:
        case None | {"type": "text"}:
            return None, False
        case {"type": "json_object"}:
            if b"json" not in msgspec.json.encode(fields["messages"]).lower():
                raise refuse(
                    "'messages' must contain the word 'json' in some form, to use "
                    "'response_format' of type 'json_object'.",
                    param="messages",
                )
            return None, True
        case {"type": "json_schema"}:
            inner = given.get("json_schema")
            if not isinstance(inner, dict):
                raise missing("response_format.json_schema")
            if not isinstance(inner.get("name"), str):
                raise missing("response_format.json_schema.name")
            schema = inner.get("schema") or {"type": "object"}
            what = f"response_format '{inner['name']}'"
            check_schema(schema, what, "response_format", strict=bool(inner.get("strict")))
            return schema, True
        case _:
            kind = given.get("type") if isinstance(given, dict) else given
            raise not_one_of("response_format.type", kind, ("json_object", "json_schema", "text"))
