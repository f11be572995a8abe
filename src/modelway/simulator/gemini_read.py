"""Reads and checks Gemini's requests as Google does, written from its documentation.

Source: https://ai.google.dev/api/generate-content, 2026-11-21; the wording of refusals is that of
recorded answers.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from modelway.simulator import tokens
from modelway.simulator.gemini_contents import check_contents, last_turn
from modelway.simulator.gemini_schemas import json_schema
from modelway.simulator.gemini_shapes import (
    Content,
    CountTokens,
    Generate,
    GenerationConfig,
    ToolConfig,
    camel,
    snake,
)
from modelway.simulator.question import Asked, OfferedTool, Question, WireError, refuse
from modelway.simulator.schemas import schema_fault
from modelway.simulator.strict import Misfit, fitted, parse

_TOOL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
_MODES = {
    "MODE_UNSPECIFIED": "may",
    "AUTO": "may",
    "VALIDATED": "may",
    "ANY": "must",
    "NONE": "never",
}
_RANGES = {"temperature": (0, 2), "top_p": (0, 1)}
_MOST_STOPS = 5


def read(asked: Asked) -> Question:
    """The question in a request's body; WireError for what Google would refuse."""
    model = read_model(asked, "generateContent")
    request = fitted(camel(parse(asked.body, worded)), Generate, asked, worded)
    question = _question(request, model)
    window = None if model not in asked.listed else asked.listed[model].context_tokens
    if window is not None and question.input_tokens > window:
        raise refuse(
            f"The input token count ({question.input_tokens}) exceeds the maximum number of tokens "
            f"allowed ({window})."
        )
    return question


def read_stream(asked: Asked) -> Question:
    """The same, to be streamed: as events, or as a JSON array."""
    form = asked.query.get("alt", "json")
    if form.partition(";")[0] not in {"sse", "json"}:
        raise refuse(f"Invalid value '{form}' for query parameter 'alt'")
    told = {"sse": form == "sse"}
    return msgspec.structs.replace(read(asked), stream=True, told=told)


def read_count(asked: Asked) -> Question:
    """What is to be counted."""
    model = read_model(asked, "countTokens")
    request = fitted(camel(parse(asked.body, worded)), CountTokens, asked, worded)
    if request.generate_content_request is not None:
        return _question(request.generate_content_request, model)
    return _question(request, model)


def worded(misfit: Misfit) -> WireError:
    """A misfit as Google's JSON reader tells it."""
    path = snake(misfit.path)
    where = f" at '{path}'" if path else ""
    match misfit.kind:
        case "json":
            said = f"Invalid JSON payload received. {misfit.told}"
        case "unknown":
            name = misfit.name
            said = (
                f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.'
            )
        case "missing":
            inner = f"{path}.{snake(misfit.name)}" if path else snake(misfit.name)
            said = f"* {inner}: {snake(misfit.name)} is not specified\n"
        case _:
            said = f"Invalid value{where}: {misfit.told}"
    return refuse(said)


def unknown_model(model: str, method: str = "generateContent") -> WireError:
    """The refusal of a model that is not listed."""
    return refuse(
        f"models/{model} is not found for API version v1beta, or is not supported for {method}. "
        "Call ListModels to see the list of available models and their supported methods.",
        status=404,
    )


def read_model(asked: Asked, method: str) -> str:
    model = asked.places["model"]
    if asked.script.only_listed_models and model not in asked.listed:
        raise unknown_model(model, method)
    return model


def _question(request: Generate, model: str) -> Question:
    given = request.contents
    contents = [given] if isinstance(given, Content) else given
    check_contents(contents, model)
    config = request.generation_config or GenerationConfig()
    _check_config(config)
    tools = _tools(request)
    call, call_name, tools = _tool_choice(request.tool_config or ToolConfig(), tools)
    schema = _schema(config)
    results, text = last_turn(contents)
    thinking = config.thinking_config
    thinks = thinking is not None and bool(
        thinking.thinking_budget or thinking.thinking_level or thinking.include_thoughts
    )
    said = [request.contents, request.system_instruction]
    extra = [request.tools, config.response_schema, config.response_json_schema]
    return Question(
        dialect="gemini",
        model=model,
        text=text,
        results=results,
        input_tokens=1
        + sum([tokens.count_value(msgspec.to_builtins(each)) for each in said])
        + sum([tokens.count_json(msgspec.to_builtins(each)) for each in extra if each]),
        tools=tools,
        call=call,
        call_name=call_name,
        json=config.response_mime_type == "application/json",
        schema=schema,
        thinks=thinks,
        thoughts_hidden=not (thinking is not None and thinking.include_thoughts),
        choices=config.candidate_count or 1,
        logprobs=(config.logprobs or 0) if config.response_logprobs else None,
        max_tokens=config.max_output_tokens,
        stop=tuple(config.stop_sequences or ()),
    )


def _check_config(config: GenerationConfig) -> None:
    for name, (low, high) in _RANGES.items():
        value = getattr(config, name)
        if value is not None and not low <= value <= high:
            raise refuse(
                f"* GenerateContentRequest.generation_config.{name}: {name} must be in the range "
                f"[{low}.0, {high}.0]\n"
            )
    for name in ("max_output_tokens", "candidate_count"):
        value = getattr(config, name)
        if value is not None and value < 1:
            raise refuse(
                f"* GenerateContentRequest.generation_config.{name}: {name} must be positive\n"
            )
    if len(config.stop_sequences or ()) > _MOST_STOPS:
        raise refuse(
            "* GenerateContentRequest.generation_config.stop_sequences: only up to "
            f"{_MOST_STOPS} stop sequences are supported\n"
        )


def _tools(request: Generate) -> tuple[OfferedTool, ...]:
    tools: list[OfferedTool] = []
    declared = [
        (f"tools[{at}].function_declarations[{number}]", each)
        for at, tool in enumerate(request.tools or ())
        for number, each in enumerate(tool.function_declarations or ())
    ]
    for where, each in declared:
        place = f"* GenerateContentRequest.{where}"
        if not _TOOL_NAME.fullmatch(each.name):
            raise refuse(
                f"{place}.name: Invalid function name. Must start with a letter or an underscore. "
                "Must be alphameric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or "
                "dashes (-), with a maximum length of 128.\n"
            )
        if each.name in {tool.name for tool in tools}:
            raise refuse(f"{place}.name: Duplicate function declaration found: {each.name}\n")
        if each.parameters is not None and each.parameters_json_schema is not None:
            raise refuse(
                f"{place}.parameters: only one of parameters and parameters_json_schema may be set\n"
            )
        schema = each.parameters_json_schema
        if schema is None and each.parameters is not None:
            schema = json_schema(each.parameters, f"{where}.parameters")
        elif schema is not None:
            _check_json_schema(schema, f"{place}.parameters_json_schema")
        schema = schema or {"type": "object", "properties": {}}
        tools.append(OfferedTool(name=each.name, description=each.description, schema=schema))
    return tuple(tools)


def _tool_choice(
    config: ToolConfig, tools: tuple[OfferedTool, ...]
) -> tuple[Literal["may", "must", "never"], str | None, tuple[OfferedTool, ...]]:
    calling = config.function_calling_config
    if calling is None:
        return ("may" if tools else "never"), None, tools
    mode = _MODES.get(calling.mode)
    if mode is None:
        raise refuse(
            "Invalid value at 'tool_config.function_calling_config.mode' "
            f"(type.googleapis.com/google.ai.generativelanguage.v1beta.FunctionCallingConfig.Mode), "
            f'"{calling.mode}"'
        )
    allowed = calling.allowed_function_names
    if not allowed:
        return ("never" if not tools else _call(mode)), None, tools
    if calling.mode not in {"ANY", "VALIDATED"}:
        raise refuse(
            "Allowed function names should only be set when function calling mode is ANY or VALIDATED."
        )
    for name in allowed:
        if name not in {tool.name for tool in tools}:
            raise refuse(f"Allowed function name {name} is not declared.")
    kept = tuple([tool for tool in tools if tool.name in allowed])
    return _call(mode), kept[0].name if mode == "must" and len(kept) == 1 else None, kept


def _call(mode: str) -> Literal["may", "must", "never"]:
    return "must" if mode == "must" else "never" if mode == "never" else "may"


def _check_json_schema(schema: Any, where: str) -> None:
    fault = schema_fault(schema)
    if fault is not None or not isinstance(schema, dict):
        raise refuse(f"{where}: {fault or 'a schema is an object'}\n")


def _schema(config: GenerationConfig) -> dict[str, Any] | None:
    schema: dict[str, Any] | None = config.response_json_schema or config.internal_json_schema
    if schema is not None:
        where = "* GenerateContentRequest.generation_config.response_json_schema"
        _check_json_schema(schema, where)
    if config.response_schema is not None:
        schema = json_schema(config.response_schema, "generation_config.response_schema")
    if schema is not None and config.response_mime_type not in {"application/json", "text/x.enum"}:
        raise refuse(
            "* GenerateContentRequest.generation_config.response_schema: only allowed when the "
            "response_mime_type is 'application/json'\n"
        )
    return schema
