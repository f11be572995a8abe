"""A client of Anthropic's Messages API → us: requests read, answers written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Raw
from msgspec.json import Decoder

from modelway.dialects.anthropic_messages.answer import write_blocks
from modelway.dialects.anthropic_messages.conversation import read_conversation
from modelway.dialects.anthropic_messages.thinking import read_format, read_thinking
from modelway.dialects.anthropic_messages.tools import read_tool_choice, read_tools
from modelway.dialects.anthropic_messages.usage import stop_reason, write_usage
from modelway.dialects.anthropic_messages.wire import JSON_OBJECT, NAME, STRING, Metadata
from modelway.dialects.reading import read
from modelway.errors import BadRequestError, UnsupportedError
from modelway.framing.fields import Fields
from modelway.types import (
    JSON,
    ChatRequest,
    ChatResponse,
    ModelListing,
    TokenCount,
    ToolChoice,
)

_MODELLED = frozenset(
    {
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "output_config",
        "output_format",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    }
)
_NO_THREAD = "thread_unsupported_request"
"""Clients that read it go on without threads.

Source: anthropic-sdk-python 2.11.0, ``lib/threads/_thread_state.py``, read 2026-11-21.
"""

T = TypeVar("T")

_count = Decoder(int)
_number = Decoder(float)
_strings = Decoder(tuple[str, ...])
_metadata = Decoder(Metadata)
_any = Decoder()


def decode_chat(fields: Fields) -> ChatRequest:
    max_tokens = _take(fields, "max_tokens", _count)
    if max_tokens is None:
        raise BadRequestError("the field is required", param="max_tokens")
    if max_tokens < 0:
        raise BadRequestError(f"a whole number from 0, not {max_tokens}", param="max_tokens")
    return _decode(fields, max_tokens)


def decode_count(fields: Fields) -> ChatRequest:
    """A question to be counted needs no output cap."""
    return _decode(fields, _take(fields, "max_tokens", _count))


def decode_models(fields: Fields) -> None:  # noqa: ARG001 - the port's signature
    return None


def _decode(fields: Fields, max_tokens: int | None) -> ChatRequest:
    messages = _raw(fields, "messages")
    if messages is None:
        raise BadRequestError("the field is required", param="messages")
    if _raw(fields, "thread") is not None:
        raise UnsupportedError(
            "a thread is kept by Anthropic alone: send the whole conversation, and no thread",
            param="thread",
            code=_NO_THREAD,
        )
    tools = _raw(fields, "tools")
    choice, parallel = _tool_choice(fields)
    extra: JSON = {}
    thinking, output = _raw(fields, "thinking"), _raw(fields, "output_config")
    request = ChatRequest(
        model=_take(fields, "model", STRING) or "",
        messages=read_conversation(_raw(fields, "system"), messages),
        max_tokens=max_tokens,
        temperature=_take(fields, "temperature", _number),
        top_p=_take(fields, "top_p", _number),
        top_k=_take(fields, "top_k", _count),
        stop=_take(fields, "stop_sequences", _strings) or (),
        tools=() if tools is None else read_tools(tools),
        tool_choice=choice,
        parallel_tool_calls=parallel,
        thinking=read_thinking(thinking, output, extra),
        response_format=read_format(output, _raw(fields, "output_format"), extra),
        user=_user(_raw(fields, "metadata"), extra),
        extra=extra,
    )
    for name, raw in fields.items():
        if name not in _MODELLED:
            extra[name] = read(_any, raw, name)
    return msgspec.structs.replace(request, extra_dialect=NAME) if extra else request


def _raw(fields: Fields, name: str) -> Raw | None:
    """The value's JSON text; None where it is absent or null, which this API does not tell apart."""
    raw = fields.get(name)
    return None if raw is None or bytes(memoryview(raw)[:4]) == b"null" else raw


def _take(fields: Fields, name: str, decoder: Decoder[T]) -> T | None:
    raw = _raw(fields, name)
    return None if raw is None else read(decoder, raw, name)


def _tool_choice(fields: Fields) -> tuple[ToolChoice | None, bool | None]:
    raw = _raw(fields, "tool_choice")
    return (None, None) if raw is None else read_tool_choice(raw)


def _user(metadata: Raw | None, extra: JSON) -> str | None:
    if metadata is None:
        return None
    rest = read(JSON_OBJECT, metadata, "metadata")
    user = read(_metadata, metadata, "metadata").user_id
    rest.pop("user_id", None)
    if rest:
        extra["metadata"] = rest
    return user


# ---------------------------------------------------------------- answers


def encode_chat(response: ChatResponse) -> bytes:
    """The first choice: a client of this dialect cannot ask for more."""
    choice = response.choices[0]
    return msgspec.json.encode(
        {
            "id": response.id,
            "type": "message",
            "role": "assistant",
            "model": response.model,
            "content": write_blocks(choice.message.parts),
            "stop_reason": stop_reason(
                choice.finish_reason, choice.raw_finish_reason, choice.stop_sequence
            ),
            "stop_sequence": choice.stop_sequence,
            "usage": write_usage(response.usage),
        }
    )


def answer_chat(response: ChatResponse, fields: Fields) -> bytes:
    return encode_chat(msgspec.structs.replace(response, model=model_told(response.model, fields)))


def model_told(answered: str | None, fields: Fields) -> str | None:
    """The model as the client named it: Claude Code drops thinking that another name signed.

    Seen in Claude Code 2.1.197, 2026-11-21.
    """
    return _take(fields, "model", STRING) or answered


def encode_count(count: TokenCount) -> bytes:
    return msgspec.json.encode({"input_tokens": count.input_tokens})


def encode_models(models: Sequence[ModelListing]) -> bytes:
    """Source: https://platform.claude.com/docs/en/api/models-list, 2026-11-21."""
    listed = [_listed(model) for model in models]
    return msgspec.json.encode(
        {
            "data": listed,
            "first_id": listed[0]["id"] if listed else None,
            "has_more": False,
            "last_id": listed[-1]["id"] if listed else None,
        }
    )


def _listed(model: ModelListing) -> dict[str, Any]:
    """An unknown date is the epoch, as the API itself says it."""
    created = datetime.fromtimestamp(model.created or 0, UTC)
    listed: dict[str, Any] = {
        "type": "model",
        "id": model.id,
        "display_name": model.name or model.id,
        "created_at": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if model.context_tokens is not None:
        listed["max_input_tokens"] = model.context_tokens
    if model.max_output_tokens is not None:
        listed["max_tokens"] = model.max_output_tokens
    return listed
