"""A provider's stream forwarded to a client of the same dialect, watched on the way."""

from __future__ import annotations

import re

from msgspec import Struct
from msgspec.json import Decoder

from modelway.dialects.cohere.stream import INTERRUPTED, read_event
from modelway.dialects.cohere.usage import finish_reason, read_usage
from modelway.dialects.cohere.wire import Call, StreamContent, StreamPayload
from modelway.dialects.reading import UNREADABLE
from modelway.errors import LLMError, ResponseError, StreamInterruptedError
from modelway.framing.sse import Borders, Event, parse
from modelway.types import FinishReason, Usage

_DELTA = b"event: content-delta\ndata: "
_DELTA_BYTES = len(_DELTA)

_BLANK = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")


class _Content(Struct, frozen=True):
    text: str = ""
    thinking: str = ""


class _Message(Struct, frozen=True):
    content: _Content


class _Said(Struct, frozen=True):
    message: _Message


class _Delta(Struct, frozen=True):
    delta: _Said


_delta = Decoder(_Delta).decode


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
        """Events with line ends of LF; those of generated text, the many, take the short way."""
        if b"\r" in whole or self.finish is not None:
            return self._watch_any(whole)
        position = 0
        for block in whole.split(b"\n\n"):
            if block.startswith(_DELTA):
                try:
                    content = _delta(block[_DELTA_BYTES:]).delta.message.content
                except UNREADABLE:
                    pass
                else:
                    self.received_chars += len(content.text) + len(content.thinking)
                    position += len(block) + 2
                    continue
            if block and not self._passes(block):
                return whole[:position]
            position += len(block) + 2
            if self._done:
                return whole[:position]
        return whole

    def _watch_any(self, whole: bytes) -> bytes:
        """Events with any line ends."""
        position = 0
        for blank in _BLANK.finditer(whole):
            if not self._passes(whole[position : blank.start()]):
                return whole[:position]
            position = blank.end()
            if self._done:
                return whole[:position]
        return whole

    def _passes(self, block: bytes) -> bool:
        try:
            for event in parse(block + b"\n\n"):
                self._learn(event)
        except LLMError as error:
            self.error = error
            return False
        return True

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
