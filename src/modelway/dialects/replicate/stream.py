"""A prediction's stream read into events.

Source: https://replicate.com/docs/topics/predictions/streaming, 2026-11-21. What a stream does not
say: its usage, which only the prediction has, and which model answers.
"""

from __future__ import annotations

import msgspec

from modelway.dialects.reading import UNREADABLE
from modelway.dialects.replicate.faults import failure
from modelway.errors import LLMError, ResponseError, StreamInterruptedError
from modelway.framing.sse import Event, Events
from modelway.types import Finish, Start, StreamEvent, TextDelta

INTERRUPTED = "the stream ended before its event 'done'"


class Decoder:
    """Bytes of a stream → events. See ``ports.Decoder``."""

    def __init__(self) -> None:
        self.error: LLMError | None = None
        self._events = Events()
        self._started = False
        self._finished = False

    def feed(self, data: bytes) -> list[StreamEvent]:
        if self.error is not None or self._finished:
            return []
        try:
            events = self._events.feed(data)
        except ResponseError as error:
            self.error = error
            return []
        return self._read_all(events)

    def close(self) -> list[StreamEvent]:
        """An event without its blank line is whole only where it is the last."""
        if self.error is not None or self._finished:
            return []
        read = self._read_all([event for event in self._events.close() if event.name == "done"])
        self._interrupt()
        return read

    def _interrupt(self) -> None:
        if not self._finished and (self.error is None or isinstance(self.error, ResponseError)):
            self.error = StreamInterruptedError(INTERRUPTED)

    def _read_all(self, events: list[Event]) -> list[StreamEvent]:
        found: list[StreamEvent] = []
        for event in events:
            self._read(event, found)
            if self.error is not None or self._finished:
                break
        return found

    def _read(self, event: Event, found: list[StreamEvent]) -> None:
        if not self._started and event.name in ("output", "done"):
            self._started = True
            found.append(Start())
        match event.name:
            case "output":
                if event.data:
                    found.append(TextDelta(text=event.data.decode("utf-8", "replace")))
            case "error":
                self.error = failure("failed", _member(event.data, "detail") or _text(event.data))
            case "done":
                self._end(event.data, found)
            case _:
                pass  # logs, and what is not known

    def _end(self, data: bytes, found: list[StreamEvent]) -> None:
        """``{}`` ends an answer; a reason says why there is none."""
        try:
            told = msgspec.json.decode(data)
        except UNREADABLE:
            told = None
        if not isinstance(told, dict):
            self.error = ResponseError("the end of the provider's stream cannot be read")
        elif told.get("reason") is not None:
            reason = str(told["reason"])
            self.error = failure("failed" if reason == "error" else reason, None)
        else:
            self._finished = True
            found.append(Finish(reason="stop", raw_reason="succeeded"))


def _member(data: bytes, name: str) -> str | None:
    try:
        told = msgspec.json.decode(data)
    except UNREADABLE:
        return None
    value = told.get(name) if isinstance(told, dict) else None
    return value if isinstance(value, str) else None


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
