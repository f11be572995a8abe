"""A provider's stream forwarded to a client of the same dialect, watched on the way."""

from __future__ import annotations

import re

from msgspec import Struct
from msgspec.json import Decoder

from modelway.dialects.anthropic_messages.faults import stream_error
from modelway.dialects.anthropic_messages.stream import INTERRUPTED, read_event
from modelway.dialects.anthropic_messages.usage import finish_reason, merge_usage, read_usage
from modelway.dialects.reading import UNREADABLE
from modelway.errors import LLMError, ResponseError, StreamInterruptedError
from modelway.framing.sse import Borders, parse
from modelway.types import JSON, FinishReason, Usage

_DELTA = b"event: content_block_delta\ndata: "
_DELTA_BYTES = len(_DELTA)
_PING = b"event: ping\n"

_BLANK = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")


class _Generated(Struct, frozen=True):
    text: str = ""
    thinking: str = ""
    partial_json: str = ""


class _Delta(Struct, frozen=True):
    delta: _Generated = _Generated()


_delta = Decoder(_Delta).decode


class Relay:
    """Bytes of a stream → the same bytes, whole events at a time. See ``ports.Relay``.

    An error event is not forwarded: it is in ``error``, and leaves as every other error does. Nor
    is anything that follows ``message_stop``.
    """

    def __init__(self) -> None:
        self.error: LLMError | None = None
        self.usage: Usage | None = None
        self.finish: FinishReason | None = None
        self.received_chars = 0
        self._borders = Borders()
        self._counts: JSON = {}
        self._finished = False

    def feed(self, data: bytes) -> bytes:
        if self.error is not None or self._finished:
            return b""
        try:
            whole = self._borders.feed(data)
        except ResponseError as error:
            self.error = error
            return b""
        if not whole:
            return b""
        return self._watch_any(whole) if b"\r" in whole else self._watch_plain(whole)

    def close(self) -> bytes:
        """A last event without its blank line is forwarded with one, if it is whole."""
        if self.error is not None or self._finished:
            return b""
        rest = self._borders.close().rstrip(b"\r\n") + b"\n\n"
        forwarded = b""
        try:
            if self._watch(rest):
                forwarded = rest
        except ResponseError:
            pass  # half an event: the stream was cut
        except LLMError as error:
            self.error = error
            return b""
        if not self._finished:
            self.error = StreamInterruptedError(INTERRUPTED)
        return forwarded

    def _watch_plain(self, whole: bytes) -> bytes:
        """Events with line ends of LF; those of generated text, the many, take the short way."""
        position = 0
        for block in whole.split(b"\n\n"):
            if block.startswith(_DELTA):
                try:
                    said = _delta(block[_DELTA_BYTES:]).delta
                except UNREADABLE:
                    said = None
                if said is not None:
                    self.received_chars += (
                        len(said.text) + len(said.thinking) + len(said.partial_json)
                    )
                    position += len(block) + 2
                    continue
            if block and not block.startswith(_PING) and not self._passes(block):
                return whole[:position]
            position += len(block) + 2
            if self._finished:
                return whole[:position]
        return whole

    def _watch_any(self, whole: bytes) -> bytes:
        """Events with any line ends."""
        position = 0
        for blank in _BLANK.finditer(whole):
            if not self._passes(whole[position : blank.start()]):
                return whole[:position]
            position = blank.end()
            if self._finished:
                return whole[:position]
        return whole

    def _passes(self, block: bytes) -> bool:
        try:
            self._watch(block + b"\n\n")
        except LLMError as error:
            self.error = error
            return False
        return True

    def _watch(self, block: bytes) -> bool:
        """Learn from one event; False for a block that holds none."""
        events = parse(block)
        for event in events:
            found = read_event(event.data)
            delta = found.delta
            match found.type:
                case "message_start":
                    if found.message is not None:
                        self._count(found.message.usage)
                case "message_delta":
                    self._count(found.usage)
                    if delta is not None and delta.stop_reason is not None:
                        self.finish = finish_reason(delta.stop_reason)
                case "content_block_delta":
                    if delta is not None:
                        self.received_chars += (
                            len(delta.text) + len(delta.thinking) + len(delta.partial_json)
                        )
                case "message_stop":
                    self._finished = True
                case kind if kind == "error" or found.error is not None:
                    raise stream_error(found.error)
                case _:
                    pass
        return bool(events)

    def _count(self, usage: JSON | None) -> None:
        self._counts = merge_usage(self._counts, usage)
        self.usage = read_usage(self._counts)


def relay(hide_usage: bool) -> Relay:  # noqa: ARG001 - usage is part of every stream of this API
    return Relay()
