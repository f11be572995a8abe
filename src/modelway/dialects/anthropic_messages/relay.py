"""A provider's stream forwarded to a client of the same dialect, watched on the way."""

from __future__ import annotations

import re

import msgspec
from msgspec import Struct
from msgspec.json import Decoder

from modelway.dialects.anthropic_messages.faults import stream_error
from modelway.dialects.anthropic_messages.stream import INTERRUPTED, payload
from modelway.dialects.anthropic_messages.usage import finish_reason, merge_usage, read_usage
from modelway.dialects.anthropic_messages.wire import unreadable
from modelway.errors import LLMError, ResponseError, StreamInterruptedError
from modelway.framing.sse import MAX_EVENT_BYTES, cut, parse
from modelway.types import JSON, FinishReason, Usage

_DELTA = b"event: content_block_delta\ndata: "
_DELTA_BYTES = len(_DELTA)
_UNWATCHED = (b"event: content_block_st", b"event: ping\n")
"""Beginnings of events that say nothing of usage, finish, errors or generated text."""

_BLANK = re.compile(rb"(?:\r\n|\n|\r){2}")


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
        self._rest = b""
        self._counts: JSON = {}
        self._finished = False

    def feed(self, data: bytes) -> bytes:
        if self.error is not None or self._finished:
            return b""
        whole, self._rest = cut(self._rest + data if self._rest else data)
        if len(self._rest) > MAX_EVENT_BYTES:
            self.error = ResponseError(
                f"an event of the stream is larger than {MAX_EVENT_BYTES} bytes"
            )
        if not whole:
            return b""
        return self._watch_all(whole) if b"\r" in whole else self._watch_plain(whole)

    def close(self) -> bytes:
        """A last event without its blank line is forwarded with one, if it is whole."""
        rest, self._rest = self._rest, b""
        forwarded = b""
        if self.error is None and not self._finished and rest.strip():
            forwarded = self._watch_all(rest + b"\n\n")
        if not self._finished and (self.error is None or isinstance(self.error, ResponseError)):
            self.error = StreamInterruptedError(INTERRUPTED)
        return forwarded

    def _watch_plain(self, whole: bytes) -> bytes:
        """Events with line ends of LF; those of generated text, the many, take the short way."""
        position = 0
        for block in whole.split(b"\n\n"):
            if block.startswith(_DELTA):
                try:
                    said = _delta(block[_DELTA_BYTES:]).delta
                except (msgspec.DecodeError, RecursionError):
                    self._watch(block)
                else:
                    self.received_chars += (
                        len(said.text) + len(said.thinking) + len(said.partial_json)
                    )
            elif block and not block.startswith(_UNWATCHED):
                self._watch(block)
            if self.error is not None:
                return whole[:position]
            position += len(block) + 2
            if self._finished:
                break
        return whole[:position]

    def _watch_all(self, whole: bytes) -> bytes:
        """Events with any line ends."""
        position = 0
        for blank in _BLANK.finditer(whole):
            self._watch(whole[position : blank.start()])
            if self.error is not None:
                return whole[:position]
            position = blank.end()
            if self._finished:
                break
        return whole[:position]

    def _watch(self, block: bytes) -> None:
        for event in parse(block + b"\n\n"):
            try:
                found = payload(event.data)
            except (msgspec.DecodeError, RecursionError) as error:
                self.error = unreadable("an event of the stream", error)
                return
            match found.type:
                case "message_start":
                    if found.message is not None:
                        self._count(found.message.usage)
                case "message_delta":
                    self._count(found.usage)
                    if found.delta is not None and found.delta.stop_reason is not None:
                        self.finish = finish_reason(found.delta.stop_reason)
                case "content_block_delta":
                    if found.delta is not None:
                        said = found.delta
                        self.received_chars += (
                            len(said.text) + len(said.thinking) + len(said.partial_json)
                        )
                case "message_stop":
                    self._finished = True
                case kind if kind == "error" or found.error is not None:
                    self.error = stream_error(found.error)
                case _:
                    pass

    def _count(self, usage: JSON | None) -> None:
        self._counts = merge_usage(self._counts, usage)
        self.usage = read_usage(self._counts)


def relay(hide_usage: bool) -> Relay:  # noqa: ARG001 - usage is part of every stream of this API
    return Relay()
