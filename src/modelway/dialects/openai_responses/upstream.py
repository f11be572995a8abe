"""A request → the body that a provider of the Responses API is sent, and its count of tokens.

What cannot be said is a warning when it is a setting and an UnsupportedError when it is content.
``store`` and ``include`` are only sent when the caller asked: nothing is kept that nobody wanted kept.
Source: https://platform.openai.com/docs/api-reference/responses/create (OpenAPI 2.3.0), 2026-11-21.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from modelway.call import Target
from modelway.dialects.openai_responses.items import Items
from modelway.dialects.openai_responses.tools import format_out, tool_choice_out, tool_out
from modelway.dialects.openai_responses.wire import NAME, STATEFUL, read
from modelway.dialects.openai_wire.body import Notes, Warn, add_extras, check, finished
from modelway.errors import BadRequestError, UnsupportedError
from modelway.ports import Encoded
from modelway.types import JSON, ChatRequest, Thinking, TokenCount

PROTECTED = frozenset({"model", "input", "stream"})
"""Body fields that neither a caller's extras nor an operator's additions may set."""

LOGPROBS = "message.output_text.logprobs"
"""What ``include`` asks for log-probabilities by."""

COUNTED = frozenset(
    {
        "conversation",
        "input",
        "instructions",
        "model",
        "parallel_tool_calls",
        "previous_response_id",
        "reasoning",
        "text",
        "tool_choice",
        "tools",
        "truncation",
    }
)
"""What counting tokens takes. Source: OpenAPI 2.3.0, TokenCountsBody, 2026-11-21."""

_AS_THEY_ARE = ("temperature", "top_p", "top_logprobs", "parallel_tool_calls", "user")
"""Settings that have the same name and form on the wire."""

_ABSENT = ("top_k", "frequency_penalty", "presence_penalty", "stop", "seed")
"""Settings that this API lost when it came after Chat Completions."""


class _Counted(Struct):
    input_tokens: int


_counted = msgspec.json.Decoder(_Counted)


def chat_path(model: str, stream: bool) -> str:  # noqa: ARG001 - the port's signature
    return "/responses"


def count_path(model: str, stream: bool) -> str:  # noqa: ARG001
    return "/responses/input_tokens"


def encode_chat(request: ChatRequest, target: Target, stream: bool) -> Encoded:
    """The body. BadRequestError for values out of range, UnsupportedError for what cannot be said."""
    warn = Notes()
    body = _asked(request, target, warn)
    if stream:
        body["stream"] = True
    else:
        body.pop("stream_options", None)
    return Encoded(finished(body, target, PROTECTED, warn), warn.taken())


def encode_count(request: ChatRequest, target: Target, stream: bool) -> Encoded:  # noqa: ARG001
    """The same question without what only matters to the answer."""
    warn = Notes()
    body = _asked(request, target, warn)
    body = {name: value for name, value in body.items() if name in COUNTED}
    added = {name: value for name, value in target.body.items() if name in COUNTED}
    target = msgspec.structs.replace(target, body=added)
    return Encoded(finished(body, target, PROTECTED, warn), warn.taken())


def decode_count(body: bytes) -> TokenCount:
    return TokenCount(input_tokens=read(_counted, body).input_tokens)


def _asked(request: ChatRequest, target: Target, warn: Warn) -> JSON:
    check(request)
    if request.n is not None and request.n != 1:
        raise UnsupportedError(
            f"{target.model} gives one answer a request over the Responses API, not {request.n}; "
            f"ask {request.n} times, or ask it over Chat Completions",
            model=target.model,
            param="n",
        )
    ours = request.extra_dialect in {None, NAME}
    stored = not (ours and request.extra.get("store") is False)
    body: JSON = {
        "model": target.model,
        "input": Items(target, stored, warn).write(request.messages),
    }
    if not body["input"] and not (ours and any(name in request.extra for name in STATEFUL)):
        raise BadRequestError(
            f"nothing of the messages can be sent to {target.model} over the Responses API",
            param="messages",
        )
    if request.max_tokens is not None:
        body["max_output_tokens"] = request.max_tokens
    for name in _AS_THEY_ARE:
        value = getattr(request, name)
        if value is not None:
            body[name] = value
    for name in _ABSENT:
        if getattr(request, name) not in (None, ()):
            warn(name, "the Responses API has no such setting; not sent (where it has: extra)")
    if request.metadata:
        body["metadata"] = request.metadata
    if request.tools:
        body["tools"] = [tool_out(tool, target, warn) for tool in request.tools]
    if request.tool_choice is not None:
        body["tool_choice"] = tool_choice_out(request.tool_choice)
    if request.response_format is not None:
        body["text"] = {"format": format_out(request.response_format, target.quirks, warn)}
    if request.thinking is not None:
        body |= _reasoning(request.thinking, warn)
    add_extras(request, NAME, PROTECTED, body, warn)
    if request.logprobs:
        included = body.get("include")
        body["include"] = [*(included if isinstance(included, list) else ()), LOGPROBS]
    return body


def _reasoning(thinking: Thinking, warn: Warn) -> JSON:
    """Source: https://platform.openai.com/docs/guides/reasoning, 2026-11-21."""
    effort: str | None = thinking.effort
    if thinking.budget_tokens is not None:
        warn("thinking.budget_tokens", "the Responses API has no cap on reasoning; not sent")
    if effort is None and thinking.mode == "disabled":
        effort = "none"
    if effort is None and thinking.mode is not None:
        warn("thinking.mode", "reasoning is asked for by thinking.effort here; not sent")
    return {} if effort is None else {"reasoning": {"effort": effort}}
