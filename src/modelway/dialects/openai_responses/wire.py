"""The fields that we read of an answer or of a stream's event; everything else is ignored.

Hosts that copied this API leave out what is required, so every field may be absent.
Source: https://platform.openai.com/docs/api-reference/responses (OpenAPI 2.3.0), 2026-11-21.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from modelway.errors import ResponseError
from modelway.types import JSON, FinishReason

NAME = "openai-responses"

STATEFUL = ("previous_response_id", "conversation", "prompt")
"""Fields by which a request has something to say without ``input``."""

STATE = "openai-responses-v1"
"""``Reasoning.format`` of a summary with its encrypted state; OpenRouter's word for it."""

T = TypeVar("T")

_ABSENT = Raw(b"null")


class Logprob(Struct):
    token: str = ""
    logprob: float | None = None
    bytes: list[int] | None = None
    top_logprobs: list[Logprob] | None = None


class Content(Struct):
    """A part of a message's or a reasoning item's content, or of a summary."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None
    annotations: list[JSON] | None = None
    logprobs: list[Logprob] | None = None


class Item(Struct):
    """What we read of an item of the output; those of other types are kept whole."""

    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: Any = None
    content: list[Raw] | None = None
    summary: list[Content] | None = None
    encrypted_content: str | None = None
    phase: str | None = None


class Incomplete(Struct):
    reason: str | None = None


class Answer(Struct):
    """A response object, as an answer or in an event."""

    id: str = ""
    model: str | None = None
    created_at: float | None = None
    status: str | None = None
    output: list[Raw] | None = None
    usage: JSON | None = None
    error: Any = None
    incomplete_details: Incomplete | None = None


class Event(Struct):
    """An event of a stream, of whatever type."""

    type: str = ""
    output_index: int | None = None
    content_index: int | None = None
    summary_index: int | None = None
    item_id: str | None = None
    delta: Any = None
    text: str | None = None
    refusal: str | None = None
    arguments: str | None = None
    logprobs: list[Logprob] | None = None
    annotation: JSON | None = None
    item: Raw = _ABSENT
    response: Answer | None = None
    error: Any = None
    code: Any = None
    message: Any = None
    param: Any = None


answers = msgspec.json.Decoder(Answer)
events = msgspec.json.Decoder(Event)
items = msgspec.json.Decoder(Item)
contents = msgspec.json.Decoder(Content)
objects = msgspec.json.Decoder(dict[str, Any])


def read(decoder: msgspec.json.Decoder[T], data: bytes | Raw) -> T:
    """ResponseError for what is not of this API."""
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise ResponseError(
            f"the answer does not have the form of the Responses API: {error}"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read_torn(decoder, bytes(data))


def _read_torn(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    """Once more for text that holds half a surrogate pair or half a character."""
    try:
        told = json.loads(data.decode("utf-8", "replace"))
        return decoder.decode(json.dumps(told, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        start = data[:40].decode("utf-8", "replace")
        raise ResponseError(f"the answer is not JSON; it begins with {start!r}") from None


_INCOMPLETE: dict[str | None, FinishReason] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "length": "length",
    "content_filter": "content_filter",
}


def finish_reason(answer: Answer, called: bool) -> tuple[FinishReason, str | None]:
    """Why it ended, in our words and in the provider's. ``called``: a tool of the caller's was."""
    if answer.status == "incomplete":
        why = answer.incomplete_details.reason if answer.incomplete_details is not None else None
        return _INCOMPLETE.get(why, "other"), why or "incomplete"
    if answer.status in {"completed", None}:
        return ("tool_calls" if called else "stop"), answer.status
    return "other", answer.status
