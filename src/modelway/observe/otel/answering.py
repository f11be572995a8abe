"""What an answer tells of itself, as attributes, whether it is a value, bytes, or comes in pieces."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sized
from typing import Any

import msgspec

from modelway.call import Reply
from modelway.observe.otel.attributes import Attributes, put
from modelway.retrieval import EmbedResponse, RerankResponse
from modelway.types import ChatResponse, Finish, Start, Usage

_MOST_BYTES = 64 * 1024
"""Of a whole answer that is looked into."""
_LAST = 4
"""Pieces of a relayed stream, of its end, in which the reason is that it ended."""

_ID = re.compile(rb'"(?:id|responseId)":\s?"([^"\\]{1,200})"')
_MODEL = re.compile(rb'"(?:model|modelVersion)":\s?"([^"\\]{1,200})"')
_FINISH = re.compile(
    rb'"(?:finish_reason|stop_reason|finishReason|stopReason|done_reason)":\s?"([^"\\]{1,64})"'
)
"""In JSON these can be nothing else: within a text the quotes are escaped."""


class _Choice(msgspec.Struct):
    finish_reason: str | None = None


class _Candidate(msgspec.Struct):
    finishReason: str | None = None  # noqa: N815


class _Told(msgspec.Struct):
    """What any dialect's whole answer says of itself, each in its words."""

    id: str | None = None
    response_id: str | None = msgspec.field(default=None, name="responseId")
    model: str | None = None
    model_version: str | None = msgspec.field(default=None, name="modelVersion")
    choices: list[_Choice] = []
    candidates: list[_Candidate] = []
    finish_reason: str | None = None
    stop_reason: str | None = None
    stop_reason_of_bedrock: str | None = msgspec.field(default=None, name="stopReason")
    done_reason: str | None = None


_told = msgspec.json.Decoder(_Told).decode

_USAGE = (
    ("gen_ai.usage.input_tokens", "input_tokens"),
    ("gen_ai.usage.output_tokens", "output_tokens"),
    ("gen_ai.usage.cache_read.input_tokens", "cached_tokens"),
    ("gen_ai.usage.cache_creation.input_tokens", "cache_write_tokens"),
    ("gen_ai.usage.reasoning.output_tokens", "reasoning_tokens"),
)


def usage_attributes(said: Attributes, usage: Usage) -> None:
    """Tokens as billed, those from and to the provider's cache within the input, as here."""
    for name, field in _USAGE:
        value = getattr(usage, field)
        if value is not None:
            put(said, name, value)


def answer_attributes(reply: Reply) -> Attributes:
    """Of an answer that is there: its id, who wrote it, and why it ended."""
    said: Attributes = {}
    match reply.value:
        case ChatResponse() as value:
            _named(said, value.id, value.model)
            reasons = [one.raw_finish_reason or one.finish_reason for one in value.choices]
            put(said, "gen_ai.response.finish_reasons", reasons)
        case EmbedResponse() | RerankResponse() as value:
            _named(said, value.id, value.model)
        case None if reply.body is not None and len(reply.body) <= _MOST_BYTES:
            _of_body(said, reply.body)
        case _:
            pass
    return said


def _named(said: Attributes, id_: str | None, model: str | None) -> None:
    put(said, "gen_ai.response.id", id_)
    put(said, "gen_ai.response.model", model)


def _of_body(said: Attributes, body: bytes) -> None:
    try:
        told = _told(body)
    except (msgspec.MsgspecError, RecursionError):  # of another form, and its client's business
        return
    _named(said, told.id or told.response_id, told.model or told.model_version)
    reasons: list[Any] = [one.finish_reason for one in told.choices]
    reasons += [one.finishReason for one in told.candidates]
    reasons += [
        *(told.finish_reason, told.stop_reason, told.stop_reason_of_bedrock, told.done_reason)
    ]
    put(said, "gen_ai.response.finish_reasons", [one for one in reasons if one])


class Watch:
    """What the pieces of a streamed answer tell; ``see`` is for its ``on_batch``."""

    __slots__ = ("_first", "_id", "_last", "_model", "_reasons")

    def __init__(self) -> None:
        self._id = ""
        self._model = ""
        self._reasons: list[str] = []
        self._first: bytes | None = None
        self._last: deque[bytes] = deque(maxlen=_LAST)

    def see(self, batch: Sized) -> None:
        """Keep what may say something; bytes are read when the stream is over."""
        if isinstance(batch, bytes):
            if self._first is None:
                self._first = batch
            self._last.append(batch)
        elif isinstance(batch, list):
            for event in batch:
                match event:
                    case Start():
                        self._id, self._model = event.id, event.model
                    case Finish():
                        self._reasons.append(event.raw_reason or event.reason)
                    case _:
                        pass

    def attributes(self) -> Attributes:
        """What has been told so far."""
        said: Attributes = {}
        if self._first is not None:
            for name, pattern in (("id", _ID), ("model", _MODEL)):
                if found := pattern.search(self._first, 0, _MOST_BYTES):
                    put(said, f"gen_ai.response.{name}", found[1].decode(errors="replace"))
            for piece in self._last:
                if len(piece) <= _MOST_BYTES:
                    self._reasons += [one.decode() for one in _FINISH.findall(piece)]
            self._first = None
            self._last.clear()
        else:
            _named(said, self._id, self._model)
        put(said, "gen_ai.response.finish_reasons", self._reasons)
        return said
