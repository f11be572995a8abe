"""Reads and checks a Chat Completions request as OpenAI does, written from its documentation.

Source: https://platform.openai.com/docs/api-reference/chat/create, 2026-11-21; the wording and the
codes of refusals are those of recorded answers.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from modelway.simulator import tokens
from modelway.simulator.openai_messages import check_messages, last_turn
from modelway.simulator.openai_refusals import wrong_type
from modelway.simulator.openai_tools import read_format, read_tool_choice, read_tools
from modelway.simulator.question import Asked, Question, WireError, refuse
from modelway.simulator.script import ListedModel

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
    ("max_output_tokens", 16, None),
    ("max_tool_calls", 1, None),
    ("n", 1, 128),
    ("top_logprobs", 0, 20),
    ("seed", None, None),
)
_BOOLEANS = ("stream", "logprobs", "parallel_tool_calls", "store", "background", "echo")


def read(asked: Asked) -> Question:
    """The question in a request's body; WireError for what OpenAI would refuse."""
    fields = parse(asked.body)
    model = read_model(asked, fields)
    check_names(asked, fields, _FIELDS)
    check_numbers(fields)
    check_messages(fields)
    tools = read_tools(fields)
    call, call_name = read_tool_choice(fields, tools)
    _check_combinations(fields)
    schema, any_json = read_format(fields)
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
    _check_window(question, asked.listed.get(model))
    return question


def read_model(asked: Asked, fields: dict[str, Any]) -> str:
    """The model that is asked."""
    model = fields.get("model")
    if not isinstance(model, str) or not model:
        raise refuse("you must provide a model parameter")
    if asked.script.only_listed_models and model not in asked.listed:
        raise unknown_model(model)
    return model


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


def check_names(asked: Asked, fields: dict[str, Any], documented: Collection[str]) -> None:
    """Refuse a field that is not documented."""
    for name in fields if asked.script.unknown_fields == "refuse" else ():
        if name not in documented:
            raise refuse(f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")


def check_numbers(fields: dict[str, Any]) -> None:
    """Refuse numbers and flags of another type or out of their range, in any of OpenAI's bodies."""
    for name, low, high in _DECIMALS:
        value = fields.get(name)
        if value is not None:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise wrong_type(name, "a decimal", value)
            _check_range(name, value, low, high, "decimal")
    for name, least, most in _INTEGERS:
        value = fields.get(name)
        if value is not None:
            if isinstance(value, bool) or not isinstance(value, int):
                raise wrong_type(name, "an integer", value)
            _check_range(name, value, least, most, "integer")
    for name in _BOOLEANS:
        if not isinstance(fields.get(name), bool | None):
            raise wrong_type(name, "a boolean", fields[name])


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
    for each in stop if isinstance(stop, list) else [stop or ""]:
        if not isinstance(each, str):
            raise wrong_type("stop", "a string or an array of strings", each)
    effort, options = fields.get("reasoning_effort"), fields.get("stream_options")
    if not isinstance(effort, str | None):
        raise wrong_type("reasoning_effort", "a string", effort)
    if not isinstance(options, dict | None):
        raise wrong_type("stream_options", "an object", options)


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
