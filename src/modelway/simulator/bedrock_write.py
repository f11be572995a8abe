"""Writes answers, event streams and errors as Bedrock's Converse does.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html,
https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html, 2026-11-21; forms as
recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_never

import msgspec

from modelway.simulator import tokens
from modelway.simulator.frames import frame
from modelway.simulator.question import (
    AnswerPart,
    Called,
    Counts,
    Envelope,
    HeaderPairs,
    Question,
    Refused,
    Thought,
    Words,
)
from modelway.simulator.script import ScriptedError

_FINISH = {
    "stop": "end_turn",
    "pause": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "refusal": "content_filtered",
    "content_filter": "guardrail_intervened",
}
_ERRORS: dict[int, tuple[str, str]] = {
    400: ("ValidationException", "The request is invalid."),
    401: ("UnrecognizedClientException", "The security token included in the request is invalid."),
    403: (
        "AccessDeniedException",
        "You don't have access to the model with the specified model ID.",
    ),
    404: ("ResourceNotFoundException", "Could not resolve the foundation model from the model id."),
    408: ("ModelTimeoutException", "Model has timed out in processing the request. Try again."),
    413: ("ValidationException", "Input is too long for requested model."),
    424: ("ModelErrorException", "The model errored while processing the request."),
    429: ("ThrottlingException", "Too many requests, please wait before trying again."),
    500: ("InternalServerException", "The system encountered an unexpected error. Try again."),
    503: ("ServiceUnavailableException", "Bedrock is unable to process your request."),
    529: ("ServiceUnavailableException", "Bedrock is unable to process your request."),
}
_PADDING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
STREAM = b"application/vnd.amazon.eventstream"


def whole(envelope: Envelope) -> bytes:
    """A ``ConverseResponse``."""
    answer = envelope.answers[0]
    message = {"role": "assistant", "content": [_block(part) for part in answer.parts]}
    body = {
        "metrics": {"latencyMs": 100},
        "output": {"message": message},
        "stopReason": _FINISH.get(answer.finish, answer.finish),
        "usage": _usage(envelope.counts),
    }
    return msgspec.json.encode(body)


def events(envelope: Envelope) -> Iterator[tuple[bytes, int]]:
    """The messages of a stream, each with the number of tokens in it."""
    for number, (name, payload, size) in enumerate(_told(envelope)):
        yield event(name, payload, number), size


def event(name: str, payload: dict[str, Any], number: int) -> bytes:
    """One message, padded as Bedrock pads them against who listens to lengths."""
    padded = {**payload, "p": _PADDING[: 1 + 7 * number % len(_PADDING)]}
    return _message("event", name, msgspec.json.encode(padded))


def stream_media(asked: Question) -> bytes:  # noqa: ARG001  it has one form
    """A stream's media type."""
    return STREAM


def error(said: ScriptedError, request_id: str) -> bytes:  # noqa: ARG001  not in Bedrock's body
    """The body of an error."""
    return msgspec.json.encode({"message": said.message or _usual(said)[1]})


def error_headers(said: ScriptedError) -> HeaderPairs:
    """What tells the kind of an error, which the body does not."""
    kind = said.type or _usual(said)[0]
    where = "http://internal.amazon.com/coral/com.amazon.bedrock/"
    return ((b"x-amzn-errortype", f"{kind}:{where}".encode()),)


def error_event(said: ScriptedError, envelope: Envelope) -> bytes:
    """An exception inside a stream, after which nothing follows."""
    kind = said.type or _usual(said)[0]
    return _message("exception", kind[0].lower() + kind[1:], error(said, envelope.request_id))


def counted(envelope: Envelope) -> bytes:
    """The answer of CountTokens."""
    return msgspec.json.encode({"inputTokens": envelope.question.input_tokens})


def _usual(said: ScriptedError) -> tuple[str, str]:
    return _ERRORS.get(said.status) or _ERRORS[400 if said.status < 500 else 500]


def _message(kind: str, name: str, payload: bytes) -> bytes:
    headers = {
        f":{kind}-type": name,
        ":content-type": "application/json",
        ":message-type": kind,
    }
    return frame(headers, payload)


def _usage(counts: Counts) -> dict[str, Any]:
    read, written = counts.cached_tokens, counts.cache_write_tokens
    return {
        "inputTokens": max(0, counts.input_tokens - read - written),
        "outputTokens": counts.output_tokens,
        "totalTokens": counts.input_tokens + counts.output_tokens,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": written,
        "serverToolUsage": {},
    }


def _block(part: AnswerPart) -> dict[str, Any]:
    match part:
        case Words() | Refused():
            return {"text": part.text}
        case Thought():
            said = {"text": part.text, "signature": part.signature}
            return {"reasoningContent": {"reasoningText": said}}
        case Called():
            try:
                arguments = msgspec.json.decode(part.arguments)
            except msgspec.DecodeError:
                arguments = {}  # arguments that a script broke cannot be said
            return {"toolUse": {"toolUseId": part.id, "name": part.name, "input": arguments}}
        case _:
            assert_never(part)


def _told(envelope: Envelope) -> Iterator[tuple[str, dict[str, Any], int]]:
    answer = envelope.answers[0]
    yield "messageStart", {"role": "assistant"}, 0
    for index, part in enumerate(answer.parts):
        place = {"contentBlockIndex": index}
        if isinstance(part, Called):
            start = {"toolUse": {"toolUseId": part.id, "name": part.name}}
            yield "contentBlockStart", {**place, "start": start}, tokens.count(part.name)
        for delta, size in _deltas(part):
            yield "contentBlockDelta", {**place, "delta": delta}, size
        yield "contentBlockStop", place, 0
    yield "messageStop", {"stopReason": _FINISH.get(answer.finish, answer.finish)}, 0
    yield "metadata", {"metrics": {"latencyMs": 100}, "usage": _usage(envelope.counts)}, 0


def _deltas(part: AnswerPart) -> Iterator[tuple[dict[str, Any], int]]:
    match part:
        case Words() | Refused():
            for piece in tokens.pieces(part.text):
                yield {"text": piece}, 1
        case Thought():
            for piece in tokens.pieces(part.text):
                yield {"reasoningContent": {"text": piece}}, 1
            yield {"reasoningContent": {"signature": part.signature}}, 0
        case Called():
            for piece in tokens.pieces(part.arguments):
                yield {"toolUse": {"input": piece}}, 1
        case _:
            assert_never(part)
