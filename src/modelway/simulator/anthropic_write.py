"""Writes answers, streams, listings and errors as Anthropic's Messages API does.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming,
https://platform.claude.com/docs/en/api/errors, 2026-11-21; forms as recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, assert_never

import msgspec

from modelway.simulator import tokens
from modelway.simulator.question import (
    AnswerPart,
    Called,
    Counts,
    Envelope,
    Refused,
    Thought,
    Words,
)
from modelway.simulator.script import ListedModel, ScriptedError

_FINISH = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "pause": "pause_turn",
}
_ERRORS: dict[int, tuple[str, str]] = {
    400: ("invalid_request_error", "The request is invalid."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low to access the Anthropic API."),
    403: ("permission_error", "Your API key does not have permission to use this resource."),
    404: ("not_found_error", "Not found"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    500: ("api_error", "Internal server error"),
    504: ("timeout_error", "The request timed out"),
    529: ("overloaded_error", "Overloaded"),
}


def whole(envelope: Envelope) -> bytes:
    """A ``message``."""
    message = _message(envelope)
    message["content"] = [_block(part) for part in _spoken(envelope)]
    message.update(_ending(envelope))
    message["usage"] = _usage(envelope.counts)
    return msgspec.json.encode(message)


def events(envelope: Envelope) -> Iterator[tuple[bytes, int]]:
    """The events of a stream, each with the number of tokens in it."""
    message = _message(envelope)
    message["usage"] = {**_usage(envelope.counts), "output_tokens": 1}
    del message["usage"]["output_tokens_details"]
    yield _event({"type": "message_start", "message": message}), 0
    for index, part in enumerate(_spoken(envelope)):
        start = {"type": "content_block_start", "index": index, "content_block": _opening(part)}
        yield _event(start), 0
        if index == 0:
            yield _event({"type": "ping"}), 0
        for delta, size in _deltas(part):
            yield _event({"type": "content_block_delta", "index": index, "delta": delta}), size
        yield _event({"type": "content_block_stop", "index": index}), 0
    usage = _usage(envelope.counts)
    for name in ("cache_creation", "service_tier"):
        del usage[name]
    yield _event({"type": "message_delta", "delta": _ending(envelope), "usage": usage}), 0
    yield _event({"type": "message_stop"}), 0


def error(said: ScriptedError, request_id: str) -> bytes:
    """The body of an error."""
    usual = _ERRORS.get(said.status) or _ERRORS[400 if said.status < 500 else 500]
    inner: dict[str, Any] = {
        "type": said.type or usual[0],
        "message": said.message or usual[1],
    }
    if said.code is not None:
        inner["details"] = {"error_code": said.code}
    return msgspec.json.encode({"type": "error", "error": inner, "request_id": request_id})


def error_event(said: ScriptedError, envelope: Envelope) -> bytes:
    """An error inside a stream, after which nothing follows."""
    return b"event: error\ndata: " + error(said, envelope.request_id) + b"\n\n"


def count(input_tokens: int) -> bytes:
    """The answer of count_tokens."""
    return msgspec.json.encode({"input_tokens": input_tokens})


def models(listed: list[ListedModel], query: dict[str, str]) -> bytes:
    """A page of the listing.

    Source: https://platform.claude.com/docs/en/api/models-list, 2026-11-21.
    """
    ids = [each.id for each in listed]
    after, before = query.get("after_id"), query.get("before_id")
    limit = int(query["limit"]) if query.get("limit", "").isdigit() else 20
    end = ids.index(before) if before in ids else len(ids)
    start = ids.index(after) + 1 if after in ids else 0
    if before in ids and after not in ids:
        start = max(0, end - limit)
    page = listed[start:end][:limit]
    more = start > 0 if before in ids else start + len(page) < end
    return msgspec.json.encode(
        {
            "data": [_model(each) for each in page],
            "has_more": more,
            "first_id": page[0].id if page else None,
            "last_id": page[-1].id if page else None,
        }
    )


def model(listed: ListedModel) -> bytes:
    """One model."""
    return msgspec.json.encode(_model(listed))


def _model(listed: ListedModel) -> dict[str, Any]:
    return {
        "type": "model",
        "id": listed.id,
        "display_name": listed.id,
        "created_at": datetime.fromtimestamp(listed.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "max_input_tokens": listed.context_tokens,
        "max_tokens": listed.max_output_tokens,
        "lifecycle": "active",
    }


def _event(data: dict[str, Any]) -> bytes:
    return f"event: {data['type']}\ndata: ".encode() + msgspec.json.encode(data) + b"\n\n"


def _message(envelope: Envelope) -> dict[str, Any]:
    return {
        "model": envelope.question.model,
        "id": envelope.id,
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
    }


def _spoken(envelope: Envelope) -> list[AnswerPart]:
    """The parts that become blocks: an empty text does not."""
    parts = envelope.answers[0].parts
    return [part for part in parts if not isinstance(part, Words | Refused) or part.text]


def _ending(envelope: Envelope) -> dict[str, Any]:
    answer = envelope.answers[0]
    reason = _FINISH.get(answer.finish, answer.finish)
    refused = {"type": "refusal", "category": None, "explanation": None}
    return {
        "stop_reason": reason,
        "stop_sequence": answer.stop_sequence if reason == "stop_sequence" else None,
        "stop_details": refused if reason == "refusal" else None,
    }


def _usage(counts: Counts) -> dict[str, Any]:
    fresh = counts.input_tokens - counts.cached_tokens - counts.cache_write_tokens
    return {
        "input_tokens": max(0, fresh),
        "cache_creation_input_tokens": counts.cache_write_tokens,
        "cache_read_input_tokens": counts.cached_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": counts.cache_write_tokens,
            "ephemeral_1h_input_tokens": 0,
        },
        "output_tokens": counts.output_tokens,
        "output_tokens_details": {"thinking_tokens": counts.reasoning_tokens},
        "service_tier": "standard",
    }


def _block(part: AnswerPart) -> dict[str, Any]:
    match part:
        case Words() | Refused():
            return {"type": "text", "text": part.text}
        case Thought():
            text = "" if part.hidden else part.text
            return {"type": "thinking", "thinking": text, "signature": part.signature}
        case Called():
            return {**_opening(part), "input": _object(part.arguments)}
        case _:
            assert_never(part)


def _object(arguments: str) -> dict[str, Any]:
    """A call's input; arguments that a script broke cannot be said in a whole answer."""
    try:
        value = msgspec.json.decode(arguments)
    except msgspec.DecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _opening(part: AnswerPart) -> dict[str, Any]:
    match part:
        case Words() | Refused():
            return {"type": "text", "text": ""}
        case Thought():
            return {"type": "thinking", "thinking": "", "signature": ""}
        case Called():
            return {
                "type": "tool_use",
                "id": part.id,
                "name": part.name,
                "input": {},
                "caller": {"type": "direct"},
            }
        case _:
            assert_never(part)


def _deltas(part: AnswerPart) -> Iterator[tuple[dict[str, Any], int]]:
    match part:
        case Words() | Refused():
            for piece in tokens.pieces(part.text):
                yield {"type": "text_delta", "text": piece}, 1
        case Thought():
            for piece in [] if part.hidden else tokens.pieces(part.text):
                yield {"type": "thinking_delta", "thinking": piece}, 1
            yield {"type": "signature_delta", "signature": part.signature}, 0
        case Called():
            yield {"type": "input_json_delta", "partial_json": ""}, tokens.count(part.name)
            pieces = [] if part.arguments == "{}" else tokens.pieces(part.arguments)
            for piece in pieces:
                yield {"type": "input_json_delta", "partial_json": piece}, 1
        case _:
            assert_never(part)
