"""Writes answers, streams, counts, embeddings, listings and errors as Gemini's API does.

Source: https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse,
https://ai.google.dev/gemini-api/docs/troubleshooting, 2026-11-21; forms as recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from modelway.simulator import tokens
from modelway.simulator.answer import sign
from modelway.simulator.gemini_contents import signed
from modelway.simulator.gemini_read import unknown_model
from modelway.simulator.question import (
    Answer,
    Asked,
    Called,
    Envelope,
    Question,
    Refused,
    Thought,
    Words,
)
from modelway.simulator.script import ListedModel, ScriptedError

_FINISH = {
    "stop": "STOP",
    "stop_sequence": "STOP",
    "tool_calls": "STOP",
    "refusal": "STOP",
    "pause": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
}
_ERRORS: dict[int, tuple[str, str]] = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    403: ("PERMISSION_DENIED", "The caller does not have permission"),
    404: ("NOT_FOUND", "Requested entity was not found."),
    405: ("INVALID_ARGUMENT", "Method Not Allowed"),
    413: ("INVALID_ARGUMENT", "Request payload size exceeds the limit"),
    429: ("RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan."),
    499: ("CANCELLED", "The operation was cancelled."),
    500: ("INTERNAL", "An internal error has occurred. Please retry."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "The request timed out. Please try again."),
    529: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
}
_TYPE = "type.googleapis.com/google.rpc"
_METHODS = ("generateContent", "countTokens", "embedContent")


def whole(envelope: Envelope) -> bytes:
    """A ``GenerateContentResponse``."""
    candidates = [
        _candidate(index, _parts(answer, envelope), answer)
        for index, answer in enumerate(envelope.answers)
    ]
    return msgspec.json.encode(_response(envelope, candidates, envelope.counts.output_tokens))


def events(envelope: Envelope) -> Iterator[tuple[bytes, int]]:
    """The chunks of a stream, as events or as a JSON array."""
    as_events = envelope.question.told["sse"]
    for number, (chunk, size) in enumerate(_chunks(envelope)):
        said = msgspec.json.encode(chunk)
        if as_events:
            yield b"data: " + said + b"\r\n\r\n", size
        else:
            yield (b",\r\n" if number else b"[") + said, size
    if not as_events:
        yield b"]", 0


def stream_media(asked: Question) -> bytes:
    """A stream's media type."""
    return b"text/event-stream" if asked.told["sse"] else b"application/json; charset=UTF-8"


def error(said: ScriptedError, request_id: str) -> bytes:  # noqa: ARG001  not in Google's body
    """The body of an error."""
    usual = _ERRORS.get(said.status) or _ERRORS[400 if said.status < 500 else 500]
    details: list[dict[str, Any]] = []
    if said.code is not None:
        where = {"service": "generativelanguage.googleapis.com"}
        info = {"reason": said.code, "domain": "googleapis.com", "metadata": where}
        details.append({"@type": f"{_TYPE}.ErrorInfo", **info})
    if said.retry_after_s is not None:
        wait = {"retryDelay": f"{said.retry_after_s:g}s"}
        details.append({"@type": f"{_TYPE}.RetryInfo", **wait})
    inner: dict[str, Any] = {
        "code": said.status,
        "message": said.message or usual[1],
        "status": said.type or usual[0],
    }
    if details:
        inner["details"] = details
    return msgspec.json.encode({"error": inner})


def error_event(said: ScriptedError, envelope: Envelope) -> bytes:
    """An error inside a stream, after which nothing follows."""
    body = error(said, envelope.request_id)
    return (
        b"data: " + body + b"\r\n\r\n" if envelope.question.told["sse"] else b",\r\n" + body + b"]"
    )


def counted(envelope: Envelope) -> bytes:
    """The answer of ``countTokens``."""
    total = envelope.question.input_tokens
    return msgspec.json.encode({"totalTokens": total, "promptTokensDetails": _details(total)})


def models(asked: Asked) -> bytes:
    """A page of the listing.

    Source: https://ai.google.dev/api/models#method:-models.list, 2026-11-21.
    """
    listed = [_model(each) for each in asked.listed.values()]
    size, token = asked.query.get("pageSize", "50"), asked.query.get("pageToken", "0")
    size, token = (size if size.isdigit() else "50"), (token if token.isdigit() else "0")
    start, end = int(token), int(token) + max(1, int(size))
    more = {"nextPageToken": str(end)} if end < len(listed) else {}
    return msgspec.json.encode({"models": listed[start:end], **more})


def model(asked: Asked) -> bytes:
    """One model."""
    name = asked.places["model"]
    if name not in asked.listed:
        raise unknown_model(name)
    return msgspec.json.encode(_model(asked.listed[name]))


def _model(listed: ListedModel) -> dict[str, Any]:
    return {
        "name": f"models/{listed.id}",
        "version": "001",
        "displayName": listed.id,
        "description": "A simulated model",
        "inputTokenLimit": listed.context_tokens or 1_048_576,
        "outputTokenLimit": listed.max_output_tokens or 65_536,
        "supportedGenerationMethods": _METHODS,
        "temperature": 1,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 2,
        "thinking": True,
    }


def _details(count: int) -> list[dict[str, Any]]:
    return [{"modality": "TEXT", "tokenCount": count}]


def _response(
    envelope: Envelope, candidates: list[dict[str, Any]], output_tokens: int
) -> dict[str, Any]:
    counts = envelope.counts
    thoughts = min(counts.reasoning_tokens, output_tokens)
    usage: dict[str, Any] = {"promptTokenCount": counts.input_tokens}
    if output_tokens > thoughts:
        usage["candidatesTokenCount"] = output_tokens - thoughts
    usage["totalTokenCount"] = counts.input_tokens + output_tokens
    if counts.cached_tokens:
        usage["cachedContentTokenCount"] = counts.cached_tokens
        usage["cacheTokensDetails"] = _details(counts.cached_tokens)
    usage["promptTokensDetails"] = _details(counts.input_tokens)
    if thoughts:
        usage["thoughtsTokenCount"] = thoughts
    ended = {
        "usageMetadata": usage,
        "modelVersion": envelope.question.model,
        "responseId": envelope.id,
    }
    if any(isinstance(part, Refused) for part in envelope.answers[0].parts):
        return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, **ended}
    return {"candidates": candidates, **ended}


def _candidate(index: int, parts: list[dict[str, Any]], ended: Answer | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": index}
    if ended is not None:
        candidate["finishReason"] = _FINISH.get(ended.finish, ended.finish)
        if candidate["finishReason"] == "SAFETY":
            rating = {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH"}
            candidate["safetyRatings"] = [{**rating, "blocked": True}]
    return candidate


def _parts(answer: Answer, envelope: Envelope) -> list[dict[str, Any]]:
    """The parts, each of its size; the last words are signed where there was a thought."""
    made: list[dict[str, Any]] = []
    called = False
    for part in answer.parts:
        match part:
            case Thought():
                if not part.hidden:
                    made.append({"text": part.text, "thought": True})
            case Called():
                made.append(_call(part, envelope, first=not called))
                called = True
            case Words():
                made.append({"text": part.text})
            case Refused():
                pass  # nothing is said to a prompt that is blocked
    thoughts = [part for part in answer.parts if isinstance(part, Thought)]
    if thoughts and made and not called:
        made[-1]["thoughtSignature"] = sign(thoughts[0].text)
    return made


def _call(part: Called, envelope: Envelope, *, first: bool) -> dict[str, Any]:
    try:
        arguments = msgspec.json.decode(part.arguments)
    except msgspec.DecodeError:
        arguments = {}  # arguments that a script broke cannot be said
    said: dict[str, Any] = {"functionCall": {"name": part.name, "args": arguments, "id": part.id}}
    if first and envelope.question.dialect == "gemini":
        said["thoughtSignature"] = signed(part.name, arguments)
    return said


def _chunks(envelope: Envelope) -> Iterator[tuple[dict[str, Any], int]]:
    sent = 0
    for index, answer in enumerate(envelope.answers):
        end: dict[str, Any] = {"text": ""}
        for part in _parts(answer, envelope):
            if "text" not in part:
                sent += tokens.count_json(part["functionCall"])
                yield _response(envelope, [_candidate(index, [part], None)], sent), 1
                continue
            if "thoughtSignature" in part:
                end["thoughtSignature"] = part.pop("thoughtSignature")
            for piece in tokens.pieces(part["text"]):
                sent += 1
                said = [{**part, "text": piece}]
                yield _response(envelope, [_candidate(index, said, None)], sent), 1
        made = envelope.counts.output_tokens
        yield _response(envelope, [_candidate(index, [end], answer)], made), 0
