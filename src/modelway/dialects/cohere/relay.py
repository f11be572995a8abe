"""A provider's stream forwarded to a client of the same dialect, watched on the way."""

from __future__ import annotations

import re

from modelway.dialects.cohere.stream import INTERRUPTED, read_event
from modelway.dialects.cohere.usage import finish_reason, read_usage
from modelway.dialects.cohere.wire import Call, StreamContent, StreamPayload
from modelway.errors import LLMError, ResponseError, StreamInterruptedError
from modelway.framing.sse import Borders, Event, parse
from modelway.types import FinishReason, Usage

_BLANK = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")


class Relay:
    """Bytes of a stream → the same bytes, whole events at a time. See ``ports.Relay``.

    An error is not forwarded: it is in ``error``, and leaves as every other error does. Behind
    ``message-end`` only ``[DONE]`` is.
    """

    def __init__(self) -> None:
        self.error: LLMError | None = None
        self.usage: Usage | None = None
        self.finish: FinishReason | None = None
        self.received_chars = 0
        self._borders = Borders()
        self._done = False

    def feed(self, data: bytes) -> bytes:
        if self.error is not None or self._done:
            return b""
        try:
            whole = self._borders.feed(data)
        except ResponseError as error:
            self.error = error
            return b""
        return self._watch(whole) if whole else b""

    def close(self) -> bytes:
        """A last event without its blank line is forwarded with one, if it is whole."""
        if self.error is not None or self._done:
            return b""
        rest = self._borders.close().rstrip(b"\r\n")
        forwarded = self._watch(rest + b"\n\n") if rest else b""
        self._interrupt()
        return forwarded

    def _interrupt(self) -> None:
        """Half an event at the very end is a cut, not an unreadable answer."""
        if isinstance(self.error, ResponseError):
            self.error = None
        if self.finish is None and self.error is None:
            self.error = StreamInterruptedError(INTERRUPTED)

    def _watch(self, whole: bytes) -> bytes:
        position = 0
        for blank in _BLANK.finditer(whole):
            try:
                for event in parse(whole[position : blank.start()] + b"\n\n"):
                    self._learn(event)
            except LLMError as error:
                self.error = error
                return whole[:position]
            position = blank.end()
            if self._done:
                return whole[:position]
        return whole

    def _learn(self, event: Event) -> None:
        if event.data == b"[DONE]":
            self._done = self.finish is not None
            return
        found = read_event(event.data)
        if self.finish is not None:
            return
        if found.type == "message-end":
            delta = found.delta
            self.finish = finish_reason(delta.finish_reason if delta is not None else None)
            self.usage = read_usage(delta.usage if delta is not None else None)
        else:
            self.received_chars += _chars(found)


def _chars(event: StreamPayload) -> int:
    message = event.delta.message if event.delta is not None else None
    if message is None:
        return 0
    chars = len(message.tool_plan)
    if isinstance(message.content, StreamContent):
        chars += len(message.content.text) + len(message.content.thinking)
    if isinstance(message.tool_calls, Call):
        chars += len(message.tool_calls.function.arguments or "")
    return chars


def relay(hide_usage: bool) -> Relay:  # noqa: ARG001 - usage is part of every stream of this API
    return Relay()
