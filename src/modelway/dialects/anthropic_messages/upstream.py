"""Us → a provider of Anthropic's Messages API: requests written, answers read.

What is left out or changed is a warning; the same said in this API's own words is not.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
from msgspec.json import Decoder

from modelway.call import Target
from modelway.dialects import breakpoints
from modelway.dialects.anthropic_messages.blocks import read_block
from modelway.dialects.anthropic_messages.conversation import write_conversation
from modelway.dialects.anthropic_messages.faults import stream_error
from modelway.dialects.anthropic_messages.thinking import write_output_config, write_thinking
from modelway.dialects.anthropic_messages.tools import write_tool_choice, write_tools
from modelway.dialects.anthropic_messages.usage import finish_reason, read_usage
from modelway.dialects.anthropic_messages.wire import (
    NAME,
    Answer,
    ErrorBody,
    InputTokens,
    ModelList,
    UsageOnly,
)
from modelway.dialects.notes import Notes
from modelway.dialects.reading import UNREADABLE, read_answer
from modelway.errors import BadRequestError, ResponseError, UnsupportedError
from modelway.ports import Encoded
from modelway.types import (
    JSON,
    ChatRequest,
    ChatResponse,
    Choice,
    Message,
    ModelListing,
    Part,
    Reasoning,
    Text,
    TokenCount,
    Usage,
)

DEFAULT_MAX_TOKENS = 4096
"""The most that is put into the required ``max_tokens`` for a caller who gave none."""

PROTECTED = frozenset({"model", "messages", "stream"})
"""Body fields that neither a caller's extras nor an operator's additions may set."""

COUNTED = frozenset(
    {
        "cache_control",
        "context_management",
        "mcp_servers",
        "messages",
        "model",
        "output_config",
        "speed",
        "system",
        "thinking",
        "tool_choice",
        "tools",
    }
)
"""What counting tokens takes. Source: anthropic-sdk-python 2.11.0, read 2026-11-21."""

_answer = Decoder(Answer)
_error_body = Decoder(ErrorBody)
_usage_only = Decoder(UsageOnly)
_models = Decoder(ModelList)
_input_tokens = Decoder(InputTokens)


def chat_path(model: str, stream: bool) -> str:  # noqa: ARG001 - the port's signature
    return "/messages"


def count_path(model: str, stream: bool) -> str:  # noqa: ARG001
    return "/messages/count_tokens"


def models_path(model: str, stream: bool) -> str:  # noqa: ARG001
    """One page of the most the API gives. Source: …/docs/en/api/models-list, 2026-11-21."""
    return "/models?limit=1000"


# ---------------------------------------------------------------- requests


def encode_chat(request: ChatRequest, target: Target, stream: bool) -> Encoded:
    notes = Notes(target.model)
    max_tokens = _max_tokens(request, target, notes)
    body: JSON = {"model": target.model, "max_tokens": max_tokens}
    body |= _asked(request, target, max_tokens, notes)
    if stream:
        body["stream"] = True
    body |= _sampling(request, target, notes)
    if request.user is not None:
        body["metadata"] = {"user_id": request.user}
    _refuse_or_warn(request, notes)
    _finish_body(body, request, target, notes)
    return _encoded(body, notes)


def encode_count(request: ChatRequest, target: Target, stream: bool) -> Encoded:  # noqa: ARG001
    """The same question without what only matters to the answer."""
    notes = Notes(target.model)
    max_tokens = request.max_tokens or DEFAULT_MAX_TOKENS
    body: JSON = {"model": target.model, **_asked(request, target, max_tokens, notes)}
    _finish_body(body, request, target, notes)
    return _encoded({name: body[name] for name in body if name in COUNTED}, notes)


def encode_models(request: Any, target: Target, stream: bool) -> Encoded:  # noqa: ARG001
    return Encoded(b"")


def _encoded(body: JSON, notes: Notes) -> Encoded:
    try:
        return Encoded(msgspec.json.encode(body), notes.taken())
    except UnicodeEncodeError:
        raise BadRequestError("a text of the request holds half a surrogate pair") from None
    except TypeError as error:
        raise BadRequestError(f"the request holds a value that is not JSON: {error}") from None


def _asked(request: ChatRequest, target: Target, max_tokens: int, notes: Notes) -> JSON:
    """What the model is shown, and how it is to reason and answer."""
    request = breakpoints.within(request, notes.warn)
    body: JSON = {}
    system, turns = write_conversation(request.messages, notes)
    if system is not None:
        body["system"] = system
    body["messages"] = turns
    if request.tools:
        body["tools"] = write_tools(request.tools, target.quirks, notes)
    choice = write_tool_choice(request.tool_choice, request.parallel_tool_calls, notes)
    if choice is not None:
        if request.tools or "tools" in request.extra or "tools" in target.body:
            body["tool_choice"] = choice
        else:
            notes.warn("tool_choice", "there are no tools to choose from: left out")
    thinking = write_thinking(request.thinking, max_tokens, bool(request.tools), notes)
    if thinking is not None:
        body["thinking"] = thinking
    config = write_output_config(request.thinking, request.response_format, target.quirks, notes)
    if config:
        body["output_config"] = config
    return body


def _max_tokens(request: ChatRequest, target: Target, notes: Notes) -> int:
    """The cap is required: where none was given it is the model's own, at most 4,096.

    A thinking budget lies below the cap, so an invented cap leaves room above the budget.
    """
    if request.max_tokens is not None:
        if type(request.max_tokens) is not int or request.max_tokens < 0:
            raise BadRequestError(
                f"max_tokens is a whole number from 0, not {request.max_tokens!r}",
                param="max_tokens",
            )
        return request.max_tokens
    cap = target.max_output_tokens or DEFAULT_MAX_TOKENS
    invented = min(cap, DEFAULT_MAX_TOKENS)
    budget = request.thinking.budget_tokens if request.thinking else None
    if budget is not None and budget >= invented:
        room = budget + DEFAULT_MAX_TOKENS
        invented = min(room, target.max_output_tokens or room)
    notes.warn("max_tokens", f"required by Anthropic, and not given: sent as {invented}")
    return invented


def _sampling(request: ChatRequest, target: Target, notes: Notes) -> JSON:
    """Source: temperature 0 to 1, the API's 400 "temperature: range: 0..1", 2026-11-21."""
    body: JSON = {}
    for name, value in (("temperature", request.temperature), ("top_p", request.top_p)):
        if value is None:
            continue
        if not 0 <= value <= 1:
            raise BadRequestError(
                f"0 to 1 for {target.model} over Anthropic's Messages API, not {value}", param=name
            )
        body[name] = value
    if request.top_k is not None:
        if not math.isfinite(request.top_k):
            raise BadRequestError(f"a whole number, not {request.top_k}", param="top_k")
        body["top_k"] = request.top_k
    stop = _stop(request, target, notes)
    if stop:
        body["stop_sequences"] = stop
    return body


def _stop(request: ChatRequest, target: Target, notes: Notes) -> list[str]:
    """Source: the API's 400 "each stop sequence must contain non-whitespace", 2026-11-21."""
    stop = [sequence for sequence in request.stop if sequence and not sequence.isspace()]
    if len(stop) != len(request.stop):
        notes.warn("stop", "Anthropic refuses stop sequences of white space alone: left out")
    most = target.quirks.max_stop
    if most is not None and len(stop) > most:
        notes.warn("stop", f"this host takes {most} stop sequences: the first {most} are sent")
        stop = stop[:most]
    return stop


def _refuse_or_warn(request: ChatRequest, notes: Notes) -> None:
    if request.n is not None and request.n != 1:
        raise UnsupportedError(
            f"{notes.model} gives one answer a request over Anthropic's Messages API, not "
            f"{request.n}; ask {request.n} times",
            model=notes.model,
            param="n",
        )
    for name, asked in (
        ("frequency_penalty", request.frequency_penalty),
        ("presence_penalty", request.presence_penalty),
        ("seed", request.seed),
        ("logprobs", request.logprobs or None),
        ("top_logprobs", request.top_logprobs),
        ("metadata", request.metadata or None),
    ):
        if asked is not None:
            notes.warn(name, "Anthropic's Messages API has no such setting: left out")


def _finish_body(body: JSON, request: ChatRequest, target: Target, notes: Notes) -> None:
    """The caller's extras, the host's quirks, and last the operator's own fields, in ``body``."""
    if request.extra_dialect in (None, NAME):
        _add(body, request.extra, notes)
    else:
        for name in request.extra:
            notes.warn(name, f"a field of {request.extra_dialect}: left out")
    for name in target.quirks.drop:
        if name in body and name not in PROTECTED:
            del body[name]
            notes.warn(name, "this host refuses it: left out")
    for name, other in target.quirks.rename.items():
        if name in body:
            body[other] = body.pop(name)
    body |= body_fields(target)


def _add(body: JSON, extra: JSON, notes: Notes) -> None:
    """What is in both goes together when both are objects; otherwise the extra wins."""
    for name, value in extra.items():
        if name in PROTECTED:
            notes.warn(name, "cannot be set as an extra field: left out")
            continue
        present = body.get(name)
        if isinstance(present, dict) and isinstance(value, dict):
            value = {**present, **value}  # noqa: PLW2901 - one name for what is sent
        body[name] = value


def body_fields(target: Target, allowed: Collection[str] | None = None) -> JSON:
    """The operator's own fields, without those that decide what is asked of whom."""
    return {
        name: value
        for name, value in target.body.items()
        if name not in PROTECTED and (allowed is None or name in allowed)
    }


# ---------------------------------------------------------------- answers


def decode_chat(body: bytes) -> ChatResponse:
    body = _utf8(body)
    try:
        answer = read_answer(_answer, body, "the answer")
    except ResponseError:
        _raise_error_body(body)
        raise
    try:
        parts = read_parts(answer.content)
    except BadRequestError as error:
        raise ResponseError(
            f"the answer cannot be read: {error.message} at {error.param}"
        ) from None
    return ChatResponse(
        id=answer.id,
        model=answer.model,
        choices=(
            Choice(
                message=Message(role="assistant", parts=parts),
                finish_reason=finish_reason(answer.stop_reason),
                raw_finish_reason=answer.stop_reason,
                stop_sequence=answer.stop_sequence,
            ),
        ),
        usage=read_usage(answer.usage) or Usage(),
    )


def _utf8(body: bytes) -> bytes:
    """Content is kept as bytes until its blocks are known, so bad UTF-8 is replaced before."""
    if body.isascii():
        return body
    try:
        body.decode()
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace").encode()
    return body


def _raise_error_body(body: bytes) -> None:
    """An error object behind a status of success is still an error."""
    try:
        found = _error_body.decode(body)
    except UNREADABLE:
        return
    if found.error is not None:
        raise stream_error(found.error)


def read_parts(content: list[msgspec.Raw]) -> tuple[Part, ...]:
    """An answer's parts; blocks that say nothing are not parts, as in a stream."""
    parts = [read_block(block, f"content.{number}") for number, block in enumerate(content)]
    return tuple([part for part in parts if not _says_nothing(part)])


def _says_nothing(part: Part) -> bool:
    return part in (Text(text=""), Reasoning())


def decode_count(body: bytes) -> TokenCount:
    counted = read_answer(_input_tokens, body, "the token count")
    return TokenCount(input_tokens=counted.input_tokens)


def decode_models(body: bytes) -> tuple[ModelListing, ...]:
    listed = read_answer(_models, body, "the list of models")
    return tuple(
        [
            ModelListing(
                id=model.id,
                name=model.display_name,
                owner=model.owned_by,
                created=model.created if model.created_at is None else _unix(model.created_at),
                context_tokens=model.max_input_tokens,
                max_output_tokens=model.max_tokens,
            )
            for model in listed.data
        ]
    )


def _unix(text: str) -> int | None:
    """Unix seconds; the epoch itself is how the API says that a date is not known."""
    try:
        return int(datetime.fromisoformat(text).timestamp()) or None
    except ValueError:
        return None


def usage(body: bytes) -> Usage | None:
    """The usage of a whole answer; raises what ``decode_chat`` raises for an answer that is none."""
    try:
        return read_usage(_usage_only.decode(body).usage)
    except UNREADABLE:
        said = decode_chat(body).usage
        return said if said != Usage() else None
