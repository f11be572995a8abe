"""A provider's answer → events or a value: streams as they arrive, whole answers at once."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from modelway.dialects.openai_responses.reading import Reading
from modelway.dialects.openai_responses.wire import (
    Answer,
    Event,
    answers,
    events,
    finish_reason,
    read,
)
from modelway.dialects.openai_wire.faults import from_object
from modelway.dialects.openai_wire.usage import read as read_usage
from modelway.errors import LLMError, ResponseError, StreamInterruptedError
from modelway.fold import fold
from modelway.framing.sse import Events
from modelway.types import JSON, ChatResponse, Finish, Start, StreamEvent, Usage

ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})
INTERRUPTED = "the provider's stream ended before response.completed"
FOREIGN = (
    "the answer has no output: it is not of the Responses API; "
    "check the provider's base URL and dialect"
)


class Decoder:
    """``ports.Decoder`` for the Responses API's server-sent events."""

    __slots__ = ("_ended", "_events", "_known", "_reading", "_seen", "_started", "error")

    def __init__(self) -> None:
        self.error: LLMError | None = None
        self._events = Events()
        self._reading = Reading()
        self._started = False
        self._ended = False
        self._seen = False
        """Whether any event came."""
        self._known = False
        """Whether one of them was of this API."""

    def feed(self, data: bytes) -> list[StreamEvent]:
        reading = self._reading
        reading.out = []
        if self.error is None and not self._ended:
            try:
                for event in self._events.feed(data):
                    self._take(event.data)
            except LLMError as error:
                self.error = error
        return reading.out

    def close(self) -> list[StreamEvent]:
        """The end of the bytes: clean after the event that ends a response."""
        reading = self._reading
        reading.out = []
        if self.error is not None or self._ended:
            return reading.out
        try:
            for event in self._events.close():
                self._take(event.data)
        except ResponseError:
            self.error = StreamInterruptedError(INTERRUPTED)
        except LLMError as error:
            self.error = error
        if self.error is None and not self._ended:
            foreign = self._seen and not self._known
            self.error = ResponseError(FOREIGN) if foreign else StreamInterruptedError(INTERRUPTED)
        return reading.out

    def _take(self, data: bytes) -> None:
        if self._ended or not data or data == b"[DONE]":
            return
        event = read(events, data)
        self._seen = True
        raise_fault(event)
        if not event.type.startswith("response."):
            return
        self._known = True
        answer = event.response
        if not self._started:
            self._started = True
            told = answer or Answer()
            self._reading.out.append(start(told))
        if event.type in ENDS and answer is not None:
            self._reading.end(answer)
            self._reading.out.append(finish(answer, self._reading.called))
            self._ended = True
        else:
            self._reading.add(event)


def decode(body: bytes) -> ChatResponse:
    """A whole answer. An error inside a 200 is raised as the error that it is."""
    answer = read(answers, body)
    raise_failure(answer)
    if answer.output is None:
        raise ResponseError(FOREIGN)
    reading = Reading()
    reading.end(answer)
    return fold([start(answer), *reading.out, finish(answer, reading.called)])


def start(answer: Answer) -> Start:
    created = None if answer.created_at is None else int(answer.created_at)
    return Start(id=answer.id, model=answer.model or "", created=created)


def finish(answer: Answer, called: bool) -> Finish:
    reason, raw = finish_reason(answer, called)
    return Finish(reason=reason, raw_reason=raw, usage=read_usage(answer.usage) or Usage())


def raise_fault(event: Event) -> None:
    """The error that an event is: ``error`` itself, or ``response.failed``."""
    if event.type == "error" or (event.error and not event.type):
        raise from_object(_said(event), 200)
    if event.response is not None:
        raise_failure(event.response, failed=event.type == "response.failed")


def _said(event: Event) -> Any:
    """OpenAI nests what its documentation has flat."""
    if isinstance(event.error, dict):
        return {"error": event.error}
    return {"message": event.message, "code": event.code, "param": event.param}


def raise_failure(answer: Answer, *, failed: bool = False) -> None:
    """The error of a response whose status is ``failed``, and of an error object in a 200."""
    if answer.error or failed or answer.status == "failed":
        told = answer.error or {"message": "the provider says that the response failed"}
        raise from_object({"error": told}, 200)


class _Plain(Struct):
    """What most answers are: an output, its usage, and no error."""

    output: list[Raw]
    usage: JSON
    status: Literal["completed", "incomplete"]
    error: None = None


_plain = msgspec.json.Decoder(_Plain)


def usage(body: bytes) -> Usage | None:
    """The usage of a whole answer; raises what ``decode`` raises for an answer that is none."""
    try:
        return read_usage(_plain.decode(body).usage)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = decode(body).usage
        return said if said != Usage() else None
