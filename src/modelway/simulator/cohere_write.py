"""Writes answers, streams, listings and errors as Cohere's second API does.

Source: https://docs.cohere.com/reference/chat, https://docs.cohere.com/v2/docs/streaming,
https://docs.cohere.com/reference/errors, 2026-11-21; forms as recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from modelway.simulator import tokens
from modelway.simulator.cohere_read import unknown_model
from modelway.simulator.question import (
    Answer,
    Asked,
    Called,
    Counts,
    Envelope,
    Refused,
    Thought,
    Words,
)
from modelway.simulator.script import ListedModel, ScriptedError

_FINISH = {
    "stop": "COMPLETE",
    "pause": "COMPLETE",
    "refusal": "COMPLETE",
    "stop_sequence": "STOP_SEQUENCE",
    "length": "MAX_TOKENS",
    "tool_calls": "TOOL_CALL",
    "content_filter": "ERROR",
}
_ERRORS: dict[int, str] = {
    400: "invalid request.",
    401: "invalid api token",
    403: "your API key does not have access to this resource.",
    404: "resource not found",
    413: "request body too large",
    422: "unprocessable entity",
    429: "You are past the per minute request limit, please wait and try again later.",
    498: "invalid token",
    499: "request cancelled",
    500: "internal server error",
    501: "not implemented",
    503: "service unavailable, please try again later",
    504: "gateway timeout",
}


def whole(envelope: Envelope) -> bytes:
    """A chat response."""
    answer = envelope.answers[0]
    message: dict[str, Any] = {"role": "assistant"}
    plan, calls = _planned(answer)
    if calls:
        message["tool_plan"] = plan
        message["tool_calls"] = [_call(call, call.arguments) for call in calls]
    content = [_content(part, part.text) for part in _spoken(answer)]
    if content:
        message["content"] = content
    body = {
        "id": envelope.id,
        "message": message,
        "finish_reason": _FINISH.get(answer.finish, answer.finish),
        "usage": _usage(envelope.counts),
    }
    return msgspec.json.encode(body)


def events(envelope: Envelope) -> Iterator[tuple[bytes, int]]:
    """The events of a stream, each with the number of tokens in it."""
    answer = envelope.answers[0]
    plan, calls = _planned(answer)
    begun = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield _event("message-start", {"message": begun}, head={"id": envelope.id}), 0
    for index, part in enumerate(_spoken(answer)):
        place = {"index": index}
        yield _event("content-start", {"message": {"content": _content(part, "")}}, place), 0
        field = "thinking" if isinstance(part, Thought) else "text"
        for piece in tokens.pieces(part.text):
            yield _event("content-delta", {"message": {"content": {field: piece}}}, place), 1
        yield _event("content-end", None, place), 0
    for piece in tokens.pieces(plan):
        yield _event("tool-plan-delta", {"message": {"tool_plan": piece}}), 1
    for index, call in enumerate(calls):
        place = {"index": index}
        yield _event("tool-call-start", {"message": {"tool_calls": _call(call, "")}}, place), 1
        for piece in tokens.pieces(call.arguments):
            said = {"tool_calls": {"function": {"arguments": piece}}}
            yield _event("tool-call-delta", {"message": said}, place), 1
        yield _event("tool-call-end", None, place), 0
    finish = _FINISH.get(answer.finish, answer.finish)
    end = {"finish_reason": finish, "usage": _usage(envelope.counts)}
    yield _event("message-end", end), 0


def error(said: ScriptedError, request_id: str) -> bytes:
    """The body of an error."""
    message = said.message or _ERRORS.get(said.status) or _ERRORS[400 if said.status < 500 else 500]
    body = {"id": request_id, "message": message}
    if said.type is not None:
        body["error_type"] = said.type
    return msgspec.json.encode(body)


def error_event(said: ScriptedError, envelope: Envelope) -> bytes:
    """The end of a stream that failed."""
    message = msgspec.json.decode(error(said, envelope.request_id))["message"]
    return _event("message-end", {"error": message, "finish_reason": "ERROR"})


def models(asked: Asked) -> bytes:
    """The listing.

    Source: https://docs.cohere.com/reference/list-models, 2026-11-21.
    """
    listed = [_model(each) for each in asked.listed.values()]
    wanted = asked.query.get("endpoint")
    kept = [each for each in listed if wanted is None or wanted in each["endpoints"]]
    return msgspec.json.encode({"models": kept, "next_page_token": ""})


def model(asked: Asked) -> bytes:
    """One model."""
    name = asked.places["model"]
    if name not in asked.listed:
        raise unknown_model(name)
    return msgspec.json.encode(_model(asked.listed[name]))


def _model(listed: ListedModel) -> dict[str, Any]:
    return {
        "name": listed.id,
        "is_deprecated": False,
        "endpoints": ["chat", "embed", "rerank"],
        "finetuned": False,
        "context_length": listed.context_tokens or 288_000,
        "tokenizer_url": "",
        "features": ["json_mode", "json_schema", "tools", "reasoning"],
        "default_endpoints": [],
    }


def _spoken(answer: Answer) -> list[Words | Refused | Thought]:
    """The parts that are content: words before calls are their plan."""
    parts = [part for part in answer.parts if not isinstance(part, Called)]
    calls = len(parts) != len(answer.parts)
    return [
        part
        for part in parts
        if not (isinstance(part, Thought) and part.hidden)
        and not (calls and isinstance(part, Words))
    ]


def _planned(answer: Answer) -> tuple[str, list[Called]]:
    """The calls, and what is said about them first."""
    calls = [part for part in answer.parts if isinstance(part, Called)]
    words = [part.text for part in answer.parts if isinstance(part, Words)]
    if not calls:
        return "", []
    return "".join(words) or f"I will use the {calls[0].name} tool.", calls


def _content(part: Words | Refused | Thought, text: str) -> dict[str, Any]:
    kind = "thinking" if isinstance(part, Thought) else "text"
    return {"type": kind, kind: text}


def _call(call: Called, arguments: str) -> dict[str, Any]:
    function = {"name": call.name, "arguments": arguments}
    return {"id": call.id, "type": "function", "function": function}


def _usage(counts: Counts) -> dict[str, Any]:
    said: dict[str, Any] = {
        "input_tokens": counts.input_tokens,
        "output_tokens": counts.output_tokens,
    }
    return {"billed_units": said, "tokens": said, "cached_tokens": counts.cached_tokens}


def _event(
    kind: str,
    delta: dict[str, Any] | None,
    place: dict[str, Any] | None = None,
    head: dict[str, Any] | None = None,
) -> bytes:
    said = {**(head or {}), "type": kind, **(place or {})}
    if delta is not None:
        said["delta"] = delta
    return f"event: {kind}\ndata: ".encode() + msgspec.json.encode(said) + b"\n\n"
