"""Reads and checks a Chat Completions request as OpenAI does, written from its documentation.

Source: https://platform.openai.com/docs/api-reference/chat/create, 2026-11-21; the wording and the
codes of refusals are those of recorded answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from modelway.simulator import tokens
from modelway.simulator.openai_messages import check_messages, last_turn
from modelway.simulator.question import OfferedTool, Question, WireError, refuse
from modelway.simulator.script import ListedModel, Script

_DOCUMENTED = (
    "audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens "
    "max_tokens messages metadata modalities model moderation n parallel_tool_calls prediction "
    "presence_penalty prompt_cache_key prompt_cache_options prompt_cache_retention reasoning_effort "
    "response_format safety_identifier seed service_tier stop store stream stream_options "
    "temperature tool_choice tools top_logprobs top_p user verbosity web_search_options"
)
_FIELDS = frozenset(_DOCUMENTED.split())
_DECIMALS = (
    ("temperature", 0, 2),
    ("top_p", 0, 1),
    ("frequency_penalty", -2, 2),
    ("presence_penalty", -2, 2),
)
_INTEGERS = (
    ("max_tokens", 1, None),
    ("max_completion_tokens", 1, None),
    ("n", 1, 128),
    ("top_logprobs", 0, 20),
    ("seed", None, None),
)
_BOOLEANS = ("stream", "logprobs", "parallel_tool_calls", "store")
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TYPE_NAMES = {bool: "a boolean", int: "an integer", float: "a decimal", str: "a string"}


def read(body: bytes, script: Script, listed: Mapping[str, ListedModel]) -> Question:
    """The question in a request's body; WireError for what OpenAI would refuse."""
    fields = parse(body)
    model = fields.get("model")
    if not isinstance(model, str) or not model:
        raise refuse("you must provide a model parameter")
    if script.only_listed_models and model not in listed:
        raise unknown_model(model)
    if script.unknown_fields == "refuse":
        for name in fields:
            if name not in _FIELDS:
                raise refuse(f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")
    _check_numbers(fields)
    check_messages(fields)
    tools = _tools(fields)
    call, call_name = _tool_choice(fields, tools)
    _check_combinations(fields)
    schema, any_json = _format(fields)
    results, text = last_turn(fields["messages"])
    stop = fields.get("stop") or ()
    options = fields.get("stream_options") or {}
    question = Question(
        dialect="openai",
        model=model,
        text=text,
        results=results,
        input_tokens=_count(fields),
        stream=bool(fields.get("stream")),
        stream_usage=bool(options.get("include_usage")),
        tools=tools,
        call=call,
        call_name=call_name,
        json=any_json,
        schema=schema,
        thinks=fields.get("reasoning_effort") not in {None, "none"},
        thoughts_hidden=True,
        choices=fields.get("n") or 1,
        logprobs=(fields.get("top_logprobs") or 0) if fields.get("logprobs") else None,
        max_tokens=fields.get("max_completion_tokens") or fields.get("max_tokens"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
    )
    _check_window(question, listed.get(model))
    return question


def unknown_model(model: str) -> WireError:
    """The refusal of a model that is not listed."""
    return refuse(
        f"The model `{model}` does not exist or you do not have access to it.",
        status=404,
        code="model_not_found",
    )


def parse(body: bytes) -> dict[str, Any]:
    """The body as a JSON object."""
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise refuse(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't "
            "using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was "
            "sent was not valid JSON.)"
        )
    return fields


def _check_numbers(fields: dict[str, Any]) -> None:
    for name, low, high in _DECIMALS:
        value = fields.get(name)
        if value is not None:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise _wrong_type(name, "a decimal", value)
            _check_range(name, value, low, high, "decimal")
    for name, least, most in _INTEGERS:
        value = fields.get(name)
        if value is not None:
            if isinstance(value, bool) or not isinstance(value, int):
                raise _wrong_type(name, "an integer", value)
            _check_range(name, value, least, most, "integer")
    for name in _BOOLEANS:
        if not isinstance(fields.get(name), bool | None):
            raise _wrong_type(name, "a boolean", fields[name])


def _check_range(name: str, value: float, low: float | None, high: float | None, kind: str) -> None:
    if low is not None and value < low:
        raise refuse(
            f"Invalid '{name}': {kind} below minimum value. Expected a value >= {low}, but got "
            f"{value} instead.",
            param=name,
            code=f"{kind}_below_min_value",
        )
    if high is not None and value > high:
        raise refuse(
            f"Invalid '{name}': {kind} above maximum value. Expected a value <= {high}, but got "
            f"{value} instead.",
            param=name,
            code=f"{kind}_above_max_value",
        )


def _wrong_type(name: str, expected: str, value: Any) -> WireError:
    got = _TYPE_NAMES.get(type(value), "an object" if isinstance(value, dict) else "an array")
    return refuse(
        f"Invalid type for '{name}': expected {expected}, but got {got} instead.",
        param=name,
        code="invalid_type",
    )


def _check_combinations(fields: dict[str, Any]) -> None:
    if fields.get("max_tokens") is not None and fields.get("max_completion_tokens") is not None:
        raise refuse(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            param="max_tokens",
            code="invalid_parameter_combination",
        )
    for name, other in (("tool_choice", "tools"), ("parallel_tool_calls", "tools")):
        if fields.get(name) is not None and not fields.get(other):
            raise refuse(
                f"Invalid value for '{name}': '{name}' is only allowed when '{other}' are specified.",
                param=name,
            )
    for name, other, key in (
        ("stream_options", "stream", "enabled"),
        ("top_logprobs", "logprobs", "enabled"),
    ):
        if fields.get(name) is not None and not fields.get(other):
            raise refuse(
                f"The '{name}' parameter is only allowed when '{other}' is {key}.", param=name
            )
    stop = fields.get("stop")
    if isinstance(stop, list) and len(stop) > 4:
        raise refuse(
            "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an "
            f"array with length {len(stop)} instead.",
            param="stop",
            code="array_above_max_length",
        )
    if stop is not None and not isinstance(stop, str | list):
        raise _wrong_type("stop", "a string or an array of strings", stop)


def _tools(fields: dict[str, Any]) -> tuple[OfferedTool, ...]:
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
            raise _missing(f"{where}.type")
        if tool["type"] != "function":
            raise _not_one_of(f"{where}.type", tool["type"], "'function'")
        function = tool.get("function")
        if not isinstance(function, dict):
            raise _missing(f"{where}.function")
        name = function.get("name")
        if not isinstance(name, str):
            raise _missing(f"{where}.function.name")
        if not _TOOL_NAME.fullmatch(name):
            raise refuse(
                f"Invalid '{where}.function.name': string does not match pattern. Expected a string "
                "that matches the pattern '^[a-zA-Z0-9_-]+$'.",
                param=f"{where}.function.name",
                code="invalid_value",
            )
        schema = function.get("parameters") or {"type": "object", "properties": {}}
        where = f"{where}.function.parameters"
        check_schema(schema, f"function '{name}'", where, strict=bool(function.get("strict")))
        description = function.get("description") or ""
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
    fault = _strict_fault(schema, ()) if strict else None
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


def _tool_choice(fields: dict[str, Any], tools: tuple[OfferedTool, ...]) -> Any:
    choice = fields.get("tool_choice")
    match choice:
        case None:
            return ("may" if tools else "never"), None
        case "none" | "auto" | "required":
            return {"none": "never", "auto": "may", "required": "must"}[choice], None
        case {"type": "function", "function": {"name": str(name)}}:
            if tools and name not in {tool.name for tool in tools}:
                raise refuse(
                    f"Tool choice '{name}' not found in 'tools' parameter.", param="tool_choice"
                )
            return "must", name
        case {"type": "allowed_tools"}:
            return "may", None
        case _:
            raise _not_one_of("tool_choice", choice, "'none', 'auto', and 'required'")


def _format(fields: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
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
                raise _missing("response_format.json_schema")
            if not isinstance(inner.get("name"), str):
                raise _missing("response_format.json_schema.name")
            schema = inner.get("schema") or {"type": "object"}
            what = f"response_format '{inner['name']}'"
            check_schema(schema, what, "response_format", strict=bool(inner.get("strict")))
            return schema, True
        case _:
            kind = given.get("type") if isinstance(given, dict) else given
            raise _not_one_of(
                "response_format.type", kind, "'json_object', 'json_schema', and 'text'"
            )


def _missing(path: str) -> WireError:
    return refuse(
        f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter"
    )


def _not_one_of(path: str, value: Any, allowed: str) -> WireError:
    return refuse(
        f"Invalid value: '{value}'. Supported values are: {allowed}.",
        param=path,
        code="invalid_value",
    )


def _count(fields: dict[str, Any]) -> int:
    messages = fields["messages"]
    extra = [fields.get(name) for name in ("tools", "response_format") if fields.get(name)]
    return 3 + 3 * len(messages) + tokens.count_value(messages) + sum(map(tokens.count_json, extra))


def _check_window(question: Question, listed: ListedModel | None) -> None:
    if listed is None:
        return
    cap, window = listed.max_output_tokens, listed.context_tokens
    asked = question.max_tokens or 0
    if cap is not None and asked > cap:
        raise refuse(
            f"max_tokens is too large: {asked}. This model supports at most {cap} completion tokens, "
            f"whereas you provided {asked}.",
            param="max_tokens",
            code="invalid_value",
        )
    if window is not None and question.input_tokens + asked > window:
        total = question.input_tokens + asked
        raise refuse(
            f"This model's maximum context length is {window} tokens. However, you requested "
            f"{total} tokens ({question.input_tokens} in the messages, {asked} in the completion). "
            "Please reduce the length of the messages or completion.",
            param="messages",
            code="context_length_exceeded",
        )
