"""Writes answers, streams, listings and errors as OpenAI's Chat Completions does.

Source: https://platform.openai.com/docs/api-reference/chat/object and …/chat/streaming,
https://platform.openai.com/docs/guides/error-codes, 2026-11-21; forms as recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import msgspec

from modelway.simulator import tokens
from modelway.simulator.question import (
    Answer,
    Called,
    Counts,
    Envelope,
    Refused,
    Thought,
    Words,
)
from modelway.simulator.script import ListedModel, ScriptedError

_FINISH = {"stop_sequence": "stop", "refusal": "stop", "pause": "stop"}
_INVALID = "invalid_request_error"
_ERRORS: dict[int, tuple[str, str | None, str]] = {
    400: (_INVALID, None, "The request is invalid."),
    401: (_INVALID, "invalid_api_key", "Incorrect API key provided."),
    403: (_INVALID, None, "You are not allowed to sample from this model"),
    404: (_INVALID, "model_not_found", "The model does not exist or you do not have access to it."),
    413: (_INVALID, None, "Request body too large."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached. Please try again later."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry!"),
    503: ("server_error", None, "The engine is currently overloaded, please try again later"),
    529: ("server_error", None, "The engine is currently overloaded, please try again later"),
}


def whole(envelope: Envelope) -> bytes:
    """A ``chat.completion``."""
    body = {
        "id": envelope.id,
        "object": "chat.completion",
        "created": envelope.created,
        "model": envelope.question.model,
        "choices": [_choice(answer, at, envelope) for at, answer in enumerate(envelope.answers)],
        "usage": _usage(envelope.counts),
        "service_tier": "default",
        "system_fingerprint": "fp_simulator",
    }
    return msgspec.json.encode(body)


def events(envelope: Envelope) -> Iterator[tuple[bytes, int]]:
    """The events of a stream, each with the number of tokens in it."""
    asked = envelope.question
    usage: dict[str, Any] = {"usage": None} if asked.stream_usage else {}
    head = {
        "id": envelope.id,
        "object": "chat.completion.chunk",
        "created": envelope.created,
        "model": asked.model,
        "service_tier": "default",
        "system_fingerprint": "fp_simulator",
    }
    streams = [_deltas(answer, envelope) for answer in envelope.answers]
    for row in zip_longest(*streams):
        for index, step in enumerate(row):
            if step is None:
                continue
            delta, logprobs, size = step
            choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": None}
            yield _event({**head, "choices": [choice], **usage}), size
    for index, answer in enumerate(envelope.answers):
        finish = _FINISH.get(answer.finish, answer.finish)
        choice = {"index": index, "delta": {}, "logprobs": None, "finish_reason": finish}
        yield _event({**head, "choices": [choice], **usage}), 0
    if asked.stream_usage:
        yield _event({**head, "choices": [], "usage": _usage(envelope.counts)}), 0
    yield b"data: [DONE]\n\n", 0


def error(said: ScriptedError, request_id: str) -> bytes:  # noqa: ARG001  not in OpenAI's body
    """The body of an error."""
    usual = _ERRORS.get(said.status) or _ERRORS[400 if said.status < 500 else 500]
    code = said.code
    if code is None and (said.message is None or said.status in {401, 429}):
        code = usual[1]
    body = {
        "message": said.message or usual[2],
        "type": said.type or usual[0],
        "param": said.param,
        "code": code,
    }
    return msgspec.json.encode({"error": body})


def error_event(said: ScriptedError, envelope: Envelope) -> bytes:
    """An error inside a stream, after which nothing follows."""
    return b"data: " + error(said, envelope.request_id) + b"\n\n"


def models(listed: list[ListedModel], query: dict[str, str]) -> bytes:  # noqa: ARG001  never paged
    """The listing."""
    return msgspec.json.encode({"object": "list", "data": [_model(each) for each in listed]})


def model(listed: ListedModel) -> bytes:
    """One model."""
    return msgspec.json.encode(_model(listed))


def _model(listed: ListedModel) -> dict[str, Any]:
    return {
        "id": listed.id,
        "object": "model",
        "created": listed.created,
        "owned_by": listed.owner,
    }


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"


def _usage(counts: Counts) -> dict[str, Any]:
    said: dict[str, Any] = {
        "prompt_tokens": counts.input_tokens,
        "completion_tokens": counts.output_tokens,
        "total_tokens": counts.input_tokens + counts.output_tokens,
        "prompt_tokens_details": {"cached_tokens": counts.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": counts.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
    if counts.cache_write_tokens:
        said["prompt_tokens_details"]["cache_write_tokens"] = counts.cache_write_tokens
    return said


def _choice(answer: Answer, index: int, envelope: Envelope) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "annotations": [],
    }
    calls: list[dict[str, Any]] = []
    logprobs: list[dict[str, Any]] = []
    for part in answer.parts:
        match part:
            case Words():
                message["content"] = (message["content"] or "") + part.text
                logprobs += _logprobs(part.text, envelope.question.logprobs)
            case Refused():
                message["refusal"] = part.text
            case Thought():
                if not part.hidden:
                    message[envelope.reasoning_field] = part.text
            case Called():
                function = {"name": part.name, "arguments": part.arguments}
                calls.append({"id": part.id, "type": "function", "function": function})
    if calls:
        message["tool_calls"] = calls
    return {
        "index": index,
        "message": message,
        "logprobs": None
        if envelope.question.logprobs is None
        else {"content": logprobs, "refusal": None},
        "finish_reason": _FINISH.get(answer.finish, answer.finish),
    }


def _deltas(answer: Answer, envelope: Envelope) -> Iterator[tuple[dict[str, Any], Any, int]]:
    """A choice's deltas, each with its log-probabilities and size in tokens."""
    wanted = envelope.question.logprobs
    speaks = any(isinstance(part, Words) for part in answer.parts)
    none_yet: dict[str, Any] | None = None if wanted is None else {"content": [], "refusal": None}
    role = {"role": "assistant", "content": "" if speaks else None, "refusal": None}
    lone_call = len(answer.parts) == 1 and isinstance(answer.parts[0], Called)
    if not lone_call:  # a lone call begins in the first chunk
        yield role, none_yet, 0
    number = 0
    for part in answer.parts:
        match part:
            case Words():
                for piece in tokens.pieces(part.text):
                    said = None
                    if wanted is not None:
                        said = {"content": _logprobs(piece, wanted), "refusal": None}
                    yield {"content": piece}, said, 1
            case Refused():
                for piece in tokens.pieces(part.text):
                    yield {"refusal": piece}, None, 1
            case Thought():
                for piece in [] if part.hidden else tokens.pieces(part.text):
                    yield {envelope.reasoning_field: piece}, None, 1
            case Called():
                function = {"name": part.name, "arguments": ""}
                call = {"index": number, "id": part.id, "type": "function", "function": function}
                first = role if lone_call else {}
                yield {**first, "tool_calls": [call]}, None, tokens.count(part.name)
                for piece in tokens.pieces(part.arguments):
                    call = {"index": number, "function": {"arguments": piece}}
                    yield {"tool_calls": [call]}, None, 1
                number += 1


def _logprobs(text: str, alternatives: int | None) -> list[dict[str, Any]]:
    if alternatives is None:
        return []
    return [
        {**_token(piece, 0), "top_logprobs": [_token(piece, at) for at in range(alternatives)]}
        for piece in tokens.pieces(text)
    ]


def _token(piece: str, rank: int) -> dict[str, Any]:
    token = piece if rank == 0 else f"{piece}~{rank}"
    return {"token": token, "logprob": -0.125 - 2 * rank, "bytes": list(token.encode())}
