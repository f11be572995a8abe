"""A request → the body that a provider of this dialect is sent.

What cannot be said is a warning when it is a setting and an UnsupportedError when it is content.
Source: https://platform.openai.com/docs/api-reference/chat/create (OpenAPI 2.3.0), 2026-11-21.
"""

from __future__ import annotations

from typing import assert_never

from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects.openai_chat.history import History
from modelway.dialects.openai_chat.parts import cache_out
from modelway.dialects.openai_chat.reasoning import ask
from modelway.dialects.openai_chat.wire import JSON, NAME
from modelway.dialects.openai_wire.body import (
    Notes,
    Warn,
    add_extras,
    check,
    finished,
    strict_schema,
)
from modelway.errors import UnsupportedError
from modelway.ports import Encoded
from modelway.types import (
    ChatRequest,
    HostedTool,
    JsonObject,
    JsonSchema,
    NamedTool,
    ResponseFormat,
    Tool,
    ToolChoice,
)

SCHEMA_NAME = "response"
"""Sent as a schema's name, which OpenAI requires, where none is given."""

_OURS = frozenset({"model", "messages", "stream"})
"""Body fields that neither extras nor the operator may replace."""

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


def encode(request: ChatRequest, target: Target, stream: bool) -> Encoded:
    """The body. BadRequestError for values out of range, UnsupportedError for what cannot be said."""
    warn = Notes()
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
    add_extras(request, NAME, (*_OURS, "stream_options"), body, warn)
    if stream:
        body["stream"] = True
        if quirks.stream_usage:
            body["stream_options"] = {"include_usage": True}
    return Encoded(finished(body, target, _OURS, warn), warn.taken())


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
                function["parameters"], function["strict"] = strict_schema(
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
            schema, strict = strict_schema(
                wanted.schema, wanted.strict, quirks, "response_format", warn
            )
            inner: JSON = {"name": wanted.name or SCHEMA_NAME, "schema": schema}
            if wanted.description is not None:
                inner["description"] = wanted.description
            if strict is not None:
                inner["strict"] = strict
            return {"type": "json_schema", "json_schema": inner}
        case _:
            assert_never(wanted)
