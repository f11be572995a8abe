"""Writes responses, their streams, and what is kept of them, as OpenAI's Responses API does.

Source: https://platform.openai.com/docs/api-reference/responses/object and …/responses-streaming,
2026-11-21; forms as recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from modelway.simulator import openai_write, tokens
from modelway.simulator.question import (
    AnswerPart,
    Asked,
    Called,
    Envelope,
    Refused,
    Thought,
    Words,
    refuse,
)
from modelway.simulator.responses_items import encrypted
from modelway.simulator.script import ScriptedError

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
_REPEATED: dict[str, Any] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "store": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
    "metadata": {},
}
"""Field → what is said of it where the request did not."""


def whole(envelope: Envelope) -> bytes:
    """A ``response``."""
    return msgspec.json.encode(_kept(envelope, _finished(envelope)))


def events(envelope: Envelope) -> Iterator[tuple[bytes, int]]:
    """The events of a stream, each with the number of tokens in it."""
    for number, (event, size) in enumerate(_told(envelope)):
        yield _event(event, number), size


def error_event(said: ScriptedError, envelope: Envelope) -> bytes:
    """An error inside a stream, after which nothing follows."""
    inner = msgspec.json.decode(openai_write.error(said, envelope.request_id))["error"]
    return _event({"type": "error", "error": inner}, envelope.fails_after)


def counted(envelope: Envelope) -> bytes:
    """The answer of ``input_tokens``."""
    said = {"object": "response.input_tokens", "input_tokens": envelope.question.input_tokens}
    return msgspec.json.encode(said)


def stored(asked: Asked) -> bytes:
    """A response that was kept."""
    return msgspec.json.encode(_found(asked)["response"])


def stored_input(asked: Asked) -> bytes:
    """What a response that was kept had been asked, newest first."""
    items = _found(asked)["input"][::-1]
    ids = [item["id"] for item in items]
    first, last = (ids[0], ids[-1]) if ids else (None, None)
    page = {"first_id": first, "last_id": last, "has_more": False}
    return msgspec.json.encode({"object": "list", "data": items, **page})


def forget(asked: Asked) -> bytes:
    """Delete a response that was kept."""
    _found(asked)
    name = asked.places["id"]
    asked.shelf.pop(f"response {name}")
    return msgspec.json.encode({"id": name, "object": "response", "deleted": True})


def _found(asked: Asked) -> dict[str, Any]:
    name = asked.places["id"]
    found: dict[str, Any] | None = asked.shelf.get(f"response {name}")
    if found is None:
        raise refuse(f"Response with id '{name}' not found.", status=404)
    return found


def _kept(envelope: Envelope, response: dict[str, Any]) -> dict[str, Any]:
    """The response, kept where the request does not forbid it."""
    asked = envelope.question.told
    if asked.get("store") is not False:
        given = [
            {"id": f"{envelope.id}_{at}", **item} if "id" not in item else item
            for at, item in enumerate(asked["input"])
        ]
        items = [*given, *response["output"]]
        kept = {"response": response, "input": given, "items": items}
        envelope.shelf.put(f"response {envelope.id}", kept)
        for item in items:
            envelope.shelf.put(f"item {item['id']}", item)
    return response


def _finished(envelope: Envelope) -> dict[str, Any]:
    answer, counts = envelope.answers[0], envelope.counts
    reason = _INCOMPLETE.get(answer.finish)
    output = [_item(part, at, envelope, "completed") for at, part in enumerate(answer.parts)]
    if reason and output and "status" in output[-1]:
        output[-1]["status"] = "incomplete"
    input_details: dict[str, int] = {"cached_tokens": counts.cached_tokens}
    if counts.cache_write_tokens:
        input_details["cache_write_tokens"] = counts.cache_write_tokens
    usage = {
        "input_tokens": counts.input_tokens,
        "input_tokens_details": input_details,
        "output_tokens": counts.output_tokens,
        "output_tokens_details": {"reasoning_tokens": counts.reasoning_tokens},
        "total_tokens": counts.input_tokens + counts.output_tokens,
    }
    return {
        **_begun(envelope),
        "status": "incomplete" if reason else "completed",
        "completed_at": None if reason else envelope.created,
        "incomplete_details": {"reason": reason} if reason else None,
        "output": output,
        "usage": usage,
    }


def _begun(envelope: Envelope) -> dict[str, Any]:
    asked = envelope.question.told
    said = {name: asked.get(name, usual) for name, usual in _REPEATED.items()}
    reasoning, text = asked.get("reasoning") or {}, asked.get("text") or {}
    return {
        "id": envelope.id,
        "object": "response",
        "created_at": envelope.created,
        "status": "in_progress",
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": envelope.question.model,
        "output": [],
        **said,
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "service_tier": "default",
        "text": {"format": {"type": "text"}, "verbosity": "medium", **text},
        "usage": None,
    }


def _item(part: AnswerPart, at: int, envelope: Envelope, status: str) -> dict[str, Any]:
    """An item; in progress it is empty."""
    name, done = f"{envelope.id.removeprefix('resp_')}{at:02d}", status != "in_progress"
    match part:
        case Thought():
            summary = [{"type": "summary_text", "text": part.text}]
            item: dict[str, Any] = {"id": f"rs_{name}", "type": "reasoning", "summary": []}
            if done and not part.hidden:
                item["summary"] = summary
            if "reasoning.encrypted_content" in envelope.question.told["include"]:
                item["encrypted_content"] = encrypted(part.text) if done else ""
            return item
        case Called():
            return {
                "id": f"fc_{name}",
                "type": "function_call",
                "status": status,
                "arguments": part.arguments if done else "",
                "call_id": part.id,
                "name": part.name,
            }
        case Words() | Refused():
            return {
                "id": f"msg_{name}",
                "type": "message",
                "status": status,
                "content": [_part(part, part.text)] if done else [],
                "role": "assistant",
            }


def _part(part: Words | Refused, text: str) -> dict[str, Any]:
    if isinstance(part, Refused):
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def _told(envelope: Envelope) -> Iterator[tuple[dict[str, Any], int]]:
    begun, finished = _begun(envelope), _finished(envelope)
    yield {"type": "response.created", "response": begun}, 0
    yield {"type": "response.in_progress", "response": begun}, 0
    for at, part in enumerate(envelope.answers[0].parts):
        item, done = _item(part, at, envelope, "in_progress"), finished["output"][at]
        yield {"type": "response.output_item.added", "output_index": at, "item": item}, 0
        yield from _deltas(part, {"item_id": item["id"], "output_index": at})
        yield {"type": "response.output_item.done", "output_index": at, "item": done}, 0
    yield {"type": f"response.{finished['status']}", "response": _kept(envelope, finished)}, 0


def _deltas(part: AnswerPart, place: dict[str, Any]) -> Iterator[tuple[dict[str, Any], int]]:
    match part:
        case Called():
            kind = "response.function_call_arguments"
            for piece in tokens.pieces(part.arguments):
                yield {"type": f"{kind}.delta", **place, "delta": piece}, 1
            yield {"type": f"{kind}.done", **place, "arguments": part.arguments}, 0
        case Thought() if not part.hidden:
            place = {**place, "summary_index": 0}
            kind, empty = "response.reasoning_summary", {"type": "summary_text", "text": ""}
            yield {"type": f"{kind}_part.added", **place, "part": empty}, 0
            for piece in tokens.pieces(part.text):
                yield {"type": f"{kind}_text.delta", **place, "delta": piece}, 1
            yield {"type": f"{kind}_text.done", **place, "text": part.text}, 0
            yield {"type": f"{kind}_part.done", **place, "part": {**empty, "text": part.text}}, 0
        case Words() | Refused():
            place = {**place, "content_index": 0}
            refused = isinstance(part, Refused)
            kind = f"response.{'refusal' if refused else 'output_text'}"
            field = "refusal" if refused else "text"
            logprobs: dict[str, Any] = {} if refused else {"logprobs": []}
            yield {"type": "response.content_part.added", **place, "part": _part(part, "")}, 0
            for piece in tokens.pieces(part.text):
                yield {"type": f"{kind}.delta", **place, "delta": piece, **logprobs}, 1
            yield {"type": f"{kind}.done", **place, field: part.text, **logprobs}, 0
            yield {"type": "response.content_part.done", **place, "part": _part(part, part.text)}, 0
        case _:
            return


def _event(event: dict[str, Any], number: int) -> bytes:
    said = msgspec.json.encode({**event, "sequence_number": number})
    return f"event: {event['type']}\ndata: ".encode() + said + b"\n\n"
