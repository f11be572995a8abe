"""A request → the body that a provider of this dialect is sent.

What cannot be said is a warning when it is a setting and an UnsupportedError when it is content.
Source: https://platform.openai.com/docs/api-reference/chat/create (OpenAPI 2.3.0), 2026-11-21.
"""

from __future__ import annotations

import math
from typing import Any, assert_never

import msgspec

from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects.openai_chat.history import History
from modelway.dialects.openai_chat.parts import cache_out
from modelway.dialects.openai_chat.reasoning import Warn, ask
from modelway.dialects.openai_chat.wire import JSON, NAME
from modelway.errors import BadRequestError, UnsupportedError
from modelway.ports import Encoded
from modelway.schema import fitted, subset
from modelway.types import (
    CallWarning,
    ChatRequest,
    HostedTool,
    JsonObject,
    JsonSchema,
    NamedTool,
    ResponseFormat,
    Tool,
    ToolChoice,
)

SUBSET = "openai"
"""Of JSON Schema; see ``schema.subsets``."""

SCHEMA_NAME = "response"
"""Sent as a schema's name, which OpenAI requires, where none is given."""

_RANGES: tuple[tuple[str, float, float], ...] = (
    ("temperature", 0, 2),
    ("top_p", 0, 1),
    ("frequency_penalty", -2, 2),
    ("presence_penalty", -2, 2),
    ("max_tokens", 1, math.inf),
    ("n", 1, 128),
    ("top_logprobs", 0, 20),
    ("seed", -(2**63), 2**64 - 1),
)

_AS_THEY_ARE = (
    "max_tokens",
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "n",
    "logprobs",
    "top_logprobs",
    "parallel_tool_calls",
    "user",
)
"""Settings that have the same name and form on the wire."""

_OURS = frozenset({"model", "messages", "stream"})
"""Body fields that neither extras nor the operator may replace."""


def encode(request: ChatRequest, target: Target, stream: bool) -> Encoded:
    """The body. BadRequestError for values out of range, UnsupportedError for what cannot be said."""
    warnings: dict[str, CallWarning] = {}

    def warn(setting: str, message: str) -> None:
        warnings.setdefault(setting, CallWarning(setting=setting, message=message))

    check(request)
    quirks = target.quirks
    body: JSON = {
        "model": target.model,
        "messages": History(target.model, quirks, warn).write(request.messages),
    }
    for name in _AS_THEY_ARE:
        value = getattr(request, name)
        if value is not None:
            body[name] = value
    _settings(request, target, body, warn)
    _extras(request, body, warn)
    if stream:
        body["stream"] = True
        if quirks.stream_usage:
            body["stream_options"] = {"include_usage": True}
    body = _as_the_host_wants(body, quirks, warn)
    body |= {name: value for name, value in target.body.items() if name not in _OURS}
    try:
        return Encoded(msgspec.json.encode(body), tuple(warnings.values()))
    except (UnicodeEncodeError, TypeError, OverflowError, RecursionError) as error:
        raise BadRequestError(f"the request cannot be written as JSON: {error}") from None


def check(request: ChatRequest) -> None:
    """Refuse values out of the documented ranges, and NaN."""
    if not request.messages:
        raise BadRequestError("messages must hold at least one message", param="messages")
    for name, least, most in _RANGES:
        value = getattr(request, name)
        if value is not None and not least <= value <= most:
            limit = f"at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
            raise BadRequestError(f"{name} must be {limit}, not {value}", param=name)


def _settings(request: ChatRequest, target: Target, body: JSON, warn: Warn) -> None:
    quirks = target.quirks
    if request.top_k is not None:
        warn("top_k", "this dialect has no top_k; not sent (where a host takes it: extra)")
    if request.stop:
        body["stop"] = list(request.stop)
        if quirks.max_stop is not None and len(request.stop) > quirks.max_stop:
            warn(
                "stop",
                f"this provider takes {quirks.max_stop} stop sequences; the rest is not sent",
            )
            body["stop"] = list(request.stop[: quirks.max_stop])
    if request.metadata:
        body["metadata"] = request.metadata
    if request.tools:
        body["tools"] = [_tool(tool, target, warn) for tool in request.tools]
    if request.tool_choice is not None:
        body["tool_choice"] = _tool_choice(request.tool_choice)
    if request.response_format is not None:
        body["response_format"] = _response_format(request.response_format, quirks, warn)
    if request.thinking is not None:
        body |= ask(request.thinking, quirks, warn)


def _tool(tool: Tool | HostedTool, target: Target, warn: Warn) -> JSON:
    match tool:
        case Tool():
            function: JSON = {"name": tool.name}
            if tool.description is not None:
                function["description"] = tool.description
            function["parameters"] = tool.parameters
            if tool.strict is not None:
                function["parameters"], function["strict"] = _strict(
                    tool.parameters, tool.strict, target.quirks, f"tools.{tool.name}", warn
                )
            written: JSON = {"type": "function", "function": function}
            if tool.cache is not None:
                if target.quirks.cache_control:
                    written["cache_control"] = cache_out(tool.cache)
                else:
                    warn(
                        "tools.cache", "cache breakpoints cannot be set at this provider; not sent"
                    )
            return written
        case HostedTool():
            if tool.dialect != NAME:
                raise UnsupportedError(
                    f"a hosted tool of the dialect {tool.dialect!r} cannot be sent to "
                    f"{target.model!r} by Chat Completions; it takes a provider of that dialect",
                    model=target.model,
                )
            return tool.definition
        case _:
            assert_never(tool)


def _tool_choice(choice: ToolChoice) -> str | JSON:
    if isinstance(choice, NamedTool):
        return {"type": "function", "function": {"name": choice.name}}
    return choice


def _response_format(wanted: ResponseFormat, quirks: Quirks, warn: Warn) -> JSON:
    match wanted:
        case JsonObject():
            return {"type": "json_object"}
        case JsonSchema():
            if not quirks.json_schema:
                warn("response_format", "this provider takes no JSON schema; json_object is sent")
                return {"type": "json_object"}
            schema, strict = _strict(wanted.schema, wanted.strict, quirks, "response_format", warn)
            inner: JSON = {"name": wanted.name or SCHEMA_NAME, "schema": schema}
            if wanted.description is not None:
                inner["description"] = wanted.description
            if strict is not None:
                inner["strict"] = strict
            return {"type": "json_schema", "json_schema": inner}
        case _:
            assert_never(wanted)


def _strict(
    schema: JSON, strict: bool | None, quirks: Quirks, setting: str, warn: Warn
) -> tuple[JSON, bool | None]:
    """The schema within what this host takes, and whether it is to be enforced.

    What cannot be enforced at all is sent to be followed as well as the model can.
    """
    row = subset(quirks.schema_subset or SUBSET)
    if row.only_strict and not strict:
        row = subset("any")
    try:
        fit = fitted(schema, row, setting)
    except UnsupportedError as error:
        if not row.only_strict:
            raise
        warn(f"{setting}.strict", f"{error.message}: sent without strict")
        return schema, False
    for warning in fit.warnings:
        warn(warning.setting, warning.message)
    return fit.schema, strict


def _extras(request: ChatRequest, body: JSON, warn: Warn) -> None:
    for name, value in request.extra.items():
        if request.extra_dialect not in {None, NAME}:
            warn(
                f"extra.{name}", f"it is a field of the dialect {request.extra_dialect!r}; not sent"
            )
        elif name not in _OURS and name != "stream_options":
            _refuse_nan(value, name)
            modelled = body.get(name)
            both = isinstance(value, dict) and isinstance(modelled, dict)
            body[name] = {**value, **modelled} if both else value  # type: ignore[dict-item]


def _refuse_nan(value: Any, path: str) -> None:
    match value:
        case float() if not math.isfinite(value):
            raise BadRequestError(f"extra.{path} must be a finite number", param=path)
        case dict():
            for name, inner in value.items():
                _refuse_nan(inner, f"{path}.{name}")
        case list() | tuple():
            for number, inner in enumerate(value):
                _refuse_nan(inner, f"{path}[{number}]")
        case _:
            pass


def _as_the_host_wants(body: JSON, quirks: Quirks, warn: Warn) -> JSON:
    """Fields renamed and dropped as the row says; a name that is there already is not overwritten."""
    for name in quirks.drop:
        if name in body and name not in _OURS:
            warn(name, "this provider refuses the field; not sent")
            del body[name]
    if not quirks.rename:
        return body
    renamed: JSON = {}
    for name, value in body.items():
        wanted = quirks.rename.get(name, name)
        if wanted == name or wanted not in body:
            renamed[wanted] = value
    return renamed
