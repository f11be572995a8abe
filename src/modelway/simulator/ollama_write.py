"""Writes answers, line streams, embeddings, listings and errors as Ollama does.

Source: https://docs.ollama.com/api/chat, https://docs.ollama.com/api/streaming,
https://docs.ollama.com/api/errors, 2026-11-21; forms as recorded.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from modelway.simulator import tokens
from modelway.simulator.question import (
    Answer,
    Called,
    Envelope,
    Question,
    Refused,
    Thought,
    Words,
)
from modelway.simulator.script import ScriptedError

_FINISH = {
    "stop_sequence": "stop",
    "tool_calls": "stop",
    "refusal": "stop",
    "pause": "stop",
    "content_filter": "stop",
}
_ERRORS: dict[int, str] = {
    400: "invalid request",
    401: "unauthorized",
    403: "forbidden",
    404: "model not found",
    413: "request body too large",
    429: "too many requests",
    500: "llama runner process has terminated",
    502: "upstream unavailable",
    503: "server busy, please try again. maximum pending requests exceeded",
    529: "server busy, please try again. maximum pending requests exceeded",
}


def whole(envelope: Envelope) -> bytes:
    """The answer of a chat, at once."""
    return msgspec.json.encode(_end(envelope, {"message": _message(envelope)}))


def events(envelope: Envelope) -> Iterator[tuple[bytes, int]]:
    """The lines of a chat, each with the number of tokens in it."""
    number = 0
    for part in _parts(envelope):
        if isinstance(part, Called):
            said: dict[str, Any] = {"content": "", "tool_calls": [_call(part, number)]}
            number += 1
            yield _line(envelope, {"message": {"role": "assistant", **said}}), 1
            continue
        thinks = isinstance(part, Thought)
        for piece in tokens.pieces(part.text):
            said = {"content": "", "thinking": piece} if thinks else {"content": piece}
            yield _line(envelope, {"message": {"role": "assistant", **said}}), 1
    last = {"message": {"role": "assistant", "content": ""}}
    yield msgspec.json.encode(_end(envelope, last)) + b"\n", 0


def generated(envelope: Envelope) -> bytes:
    """The continuation of a prompt, at once."""
    message = _message(envelope)
    said = {"response": message["content"]}
    if "thinking" in message:
        said["thinking"] = message["thinking"]
    return msgspec.json.encode(_end(envelope, {**said, "context": _context(envelope)}))


def generating(envelope: Envelope) -> Iterator[tuple[bytes, int]]:
    """The lines of a continuation, each with the number of tokens in it."""
    for part in _parts(envelope):
        thinks = isinstance(part, Thought)
        for piece in [] if isinstance(part, Called) else tokens.pieces(part.text):
            said = {"response": "", "thinking": piece} if thinks else {"response": piece}
            yield _line(envelope, said), 1
    last = {"response": "", "context": _context(envelope)}
    yield msgspec.json.encode(_end(envelope, last)) + b"\n", 0


def stream_media(asked: Question) -> bytes:  # noqa: ARG001  it has one form
    """A stream's media type."""
    return b"application/x-ndjson"


def media(asked: Question) -> bytes:  # noqa: ARG001  it has one form
    """An answer's media type."""
    return b"application/json; charset=utf-8"


def halved(line: bytes) -> bytes:
    """Half of a line."""
    return line[: len(line) // 2] + b"\n"


def error(said: ScriptedError, request_id: str) -> bytes:  # noqa: ARG001  not in Ollama's body
    """The body of an error."""
    usual = _ERRORS.get(said.status) or _ERRORS[400 if said.status < 500 else 500]
    return msgspec.json.encode({"error": said.message or usual})


def error_event(said: ScriptedError, envelope: Envelope) -> bytes:
    """A line after which nothing follows."""
    return error(said, envelope.request_id) + b"\n"


def moment(created: int) -> str:
    """A time as Go writes it."""
    return datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def _parts(envelope: Envelope) -> list[Thought | Words | Refused | Called]:
    if envelope.question.told["empty"]:
        return []
    parts = envelope.answers[0].parts
    return [part for part in parts if not (isinstance(part, Thought) and part.hidden)]


def _message(envelope: Envelope) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    calls: list[dict[str, Any]] = []
    for part in _parts(envelope):
        match part:
            case Words() | Refused():
                message["content"] += part.text
            case Thought():
                message["thinking"] = part.text
            case Called():
                calls.append(_call(part, len(calls)))
    if calls:
        message["tool_calls"] = calls
    return message


def _call(call: Called, index: int) -> dict[str, Any]:
    try:
        arguments = msgspec.json.decode(call.arguments)
    except msgspec.DecodeError:
        arguments = {}  # arguments that a script broke cannot be said
    function = {"index": index, "name": call.name, "arguments": arguments}
    return {"id": call.id, "function": function}


def _head(envelope: Envelope) -> dict[str, Any]:
    return {"model": envelope.question.model, "created_at": moment(envelope.created)}


def _line(envelope: Envelope, said: dict[str, Any]) -> bytes:
    return msgspec.json.encode({**_head(envelope), **said, "done": False}) + b"\n"


def _end(envelope: Envelope, said: dict[str, Any]) -> dict[str, Any]:
    answer: Answer = envelope.answers[0]
    if envelope.question.told["empty"]:
        return {**_head(envelope), **said, "done": True, "done_reason": "load"}
    return {
        **_head(envelope),
        **said,
        "done": True,
        "done_reason": _FINISH.get(answer.finish, answer.finish),
        "total_duration": 300_000_000,
        "load_duration": 50_000_000,
        "prompt_eval_count": envelope.counts.input_tokens,
        "prompt_eval_duration": 50_000_000,
        "eval_count": envelope.counts.output_tokens,
        "eval_duration": 200_000_000,
    }


def _context(envelope: Envelope) -> list[int]:
    said = tokens.pieces(envelope.question.text + str(_message(envelope)["content"]))
    return [zlib.crc32(piece.encode()) % 100_000 for piece in said]
