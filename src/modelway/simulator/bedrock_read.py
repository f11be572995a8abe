"""Reads and checks Bedrock's Converse and CountTokens requests, written from its documentation.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html,
2026-11-21; the wording of refusals is that of recorded answers.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from modelway.simulator import tokens
from modelway.simulator.bedrock_messages import check_messages, last_turn
from modelway.simulator.bedrock_shapes import Converse, CountTokens, InferenceConfig, ToolConfig
from modelway.simulator.question import Asked, OfferedTool, Question, WireError, refuse
from modelway.simulator.schemas import schema_fault
from modelway.simulator.strict import Misfit, fitted, parse

_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def read(asked: Asked) -> Question:
    """The question in a request's body; WireError for what Bedrock would refuse."""
    model = read_model(asked)
    question = converse(fitted(parse(asked.body, worded), Converse, asked, worded), model)
    window = None if model not in asked.listed else asked.listed[model].context_tokens
    if window is not None and question.input_tokens > window:
        raise refuse(
            "The model returned the following errors: Input Tokens Exceeded: Number of input tokens "
            "exceeds maximum length. Please update the input to try again."
        )
    return question


def read_stream(asked: Asked) -> Question:
    """The same, to be streamed."""
    return msgspec.structs.replace(read(asked), stream=True)


def read_count(asked: Asked) -> CountTokens:
    """What is to be counted: one of the two."""
    request = fitted(parse(asked.body, worded), CountTokens, asked, worded)
    if (request.input.converse is None) is (request.input.invoke_model is None):
        raise refuse("The input field must set one of the following keys: converse, invokeModel.")
    return request


def read_model(asked: Asked) -> str:
    """The model in the path."""
    model = asked.places["model"]
    if asked.script.only_listed_models and model not in asked.listed:
        raise unknown_model(model)
    return model


def unknown_model(model: str) -> WireError:  # noqa: ARG001  Bedrock does not say which
    """The refusal of a model that is not listed."""
    return refuse("The provided model identifier is invalid.")


def worded(misfit: Misfit) -> WireError:
    """A misfit as Bedrock tells it."""
    path = "/".join(["#", *re.findall(r"[^.\[\]]+", misfit.path)])
    match misfit.kind:
        case "unknown":
            said = f"{path}: extraneous key [{misfit.name}] is not permitted"
        case "missing":
            said = f"{path}: required key [{misfit.name}] not found"
        case _:
            said = f"{path}: {misfit.told}"
    return refuse(f"Malformed input request: {said}, please reformat your input and try again.")


def converse(request: Converse, model: str) -> Question:
    """The question of a Converse request."""
    check_messages(request)
    config = request.inference_config or InferenceConfig()
    _check_config(config)
    tools = _tools(request.tool_config)
    call, call_name = _tool_choice(request.tool_config, tools)
    schema = _schema(request)
    results, text = last_turn(request.messages)
    more = request.additional_model_request_fields or {}
    thinking = more.get("thinking") or more.get("reasoning_config") or {}
    thinks = isinstance(thinking, dict) and thinking.get("type", "disabled") != "disabled"
    if thinks and call == "must":
        raise refuse("Thinking may not be enabled when tool_choice forces tool use.")
    said = [msgspec.to_builtins(each) for each in (request.messages, request.system)]
    extra = [msgspec.to_builtins(each) for each in (request.tool_config, request.output_config)]
    return Question(
        dialect="bedrock",
        model=model,
        text=text,
        results=results,
        input_tokens=3
        + 3 * len(request.messages)
        + sum(map(tokens.count_value, said))
        + sum([tokens.count_json(each) for each in extra if each]),
        tools=tools,
        call=call,
        call_name=call_name,
        json=schema is not None,
        schema=schema,
        thinks=thinks,
        max_tokens=config.max_tokens,
        stop=tuple(config.stop_sequences or ()),
    )


def _check_config(config: InferenceConfig) -> None:
    if config.max_tokens is not None and config.max_tokens < 1:
        raise _constraint(
            "inferenceConfig.maxTokens", config.max_tokens, "greater than or equal to 1"
        )
    for name, value in (("temperature", config.temperature), ("topP", config.top_p)):
        if value is not None and value < 0:
            raise _constraint(f"inferenceConfig.{name}", value, "greater than or equal to 0")
        if value is not None and value > 1:
            raise _constraint(f"inferenceConfig.{name}", value, "less than or equal to 1")


def _constraint(name: str, value: float, told: str) -> WireError:
    return refuse(
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"Member must have value {told}"
    )


def _tools(config: ToolConfig | None) -> tuple[OfferedTool, ...]:
    if config is None:
        return ()
    if not config.tools:
        raise refuse(
            "1 validation error detected: Value '[]' at 'toolConfig.tools' failed to satisfy "
            "constraint: Member must have length greater than or equal to 1"
        )
    tools: list[OfferedTool] = []
    for at, tool in enumerate(config.tools):
        spec = tool.tool_spec
        if spec is None:
            continue
        if not _TOOL_NAME.fullmatch(spec.name):
            raise refuse(
                f"1 validation error detected: Value '{spec.name}' at 'toolConfig.tools.{at + 1}."
                "member.toolSpec.name' failed to satisfy constraint: Member must satisfy regular "
                "expression pattern: [a-zA-Z0-9_-]+"
            )
        schema = spec.input_schema.json
        fault = schema_fault(schema)
        if schema.get("type") != "object":
            fault = "type must be 'object'"
        if fault is not None:
            raise refuse(
                f"The value at toolConfig.tools.{at}.toolSpec.inputSchema.json is invalid: {fault}. "
                "Refer to JSON Schema draft 2020-12 and try again."
            )
        if spec.description == "":
            raise _constraint("toolConfig.tools.toolSpec.description", 0, "of length at least 1")
        tools.append(OfferedTool(name=spec.name, description=spec.description or "", schema=schema))
    return tuple(tools)


def _tool_choice(
    config: ToolConfig | None, tools: tuple[OfferedTool, ...]
) -> tuple[Literal["may", "must", "never"], str | None]:
    choice = None if config is None else config.tool_choice
    if choice is None or choice.auto is not None:
        return ("may" if tools else "never"), None
    if choice.any is not None:
        return "must", None
    if choice.tool is None:
        raise refuse("The toolChoice field must set one of the following keys: auto, any, tool.")
    if choice.tool.name not in {tool.name for tool in tools}:
        raise refuse(f"Tool '{choice.tool.name}' not found in provided tools")
    return "must", choice.tool.name


def _schema(request: Converse) -> dict[str, Any] | None:
    form = None if request.output_config is None else request.output_config.text_format
    if form is None:
        return None
    try:
        schema: Any = msgspec.json.decode(form.structure.json_schema.schema)
    except msgspec.DecodeError as error:
        raise refuse(f"The schema at outputConfig.textFormat is not valid JSON: {error}") from None
    fault = schema_fault(schema)
    if fault is not None or not isinstance(schema, dict):
        raise refuse(f"The schema at outputConfig.textFormat is invalid: {fault}")
    return schema
