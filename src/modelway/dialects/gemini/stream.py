"""A provider's stream read into events, and forwarded to clients of the same dialect.

A stream has no closing event: it is whole where its bytes end and every candidate has its finish.
Source: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent, 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Raw, Struct
from msgspec.json import Decoder as JSONDecoder

from modelway.dialects.gemini.array import Items
from modelway.dialects.gemini.assembly import Assembly, read_chunk
from modelway.dialects.gemini.usage import finish_reason, merge_usage, read_usage, reason_name
from modelway.dialects.gemini.wire import ABSENT, PromptFeedback
from modelway.dialects.reading import UNREADABLE
from modelway.errors import LLMError, ResponseError, StreamInterruptedError
from modelway.framing.sse import Borders, Events, parse
from modelway.types import JSON, FinishReason, StreamEvent, Usage

INTERRUPTED = "the stream ended before a finish reason"


class Decoder:
    """Bytes of a stream → events. See ``ports.Decoder``.

    Without ``alt=sse`` the API streams one JSON array, which is read as well.
    """

    def __init__(self) -> None:
        self.error: LLMError | None = None
        self._assembly = Assembly()
        self._frames: Events | Items | None = None
        self._closed = False

    def feed(self, data: bytes) -> list[StreamEvent]:
        if self.error is not None or self._closed:
            return []
        if self._frames is None:
            data = data.lstrip()
            if not data:
                return []
            self._frames = Items() if data.startswith((b"[", b"{")) else Events()
            if data.startswith(b"{"):  # one object, not framed: mostly an error
                self._frames.feed(b"[")
        try:
            return self._read(_pieces(self._frames, data))
        except ResponseError as error:
            self.error = error
            return []

    def close(self) -> list[StreamEvent]:
        if self.error is not None or self._closed:
            return []
        self._closed = True
        found: list[StreamEvent] = []
        if isinstance(self._frames, Events):
            found = self._read([event.data for event in self._frames.close()])
        if self.error is None and self._assembly.complete:
            return found + self._assembly.end()
        self.error = _cut(self.error)
        return found + self._assembly.cut()

    def _read(self, pieces: Iterable[bytes]) -> list[StreamEvent]:
        found: list[StreamEvent] = []
        for data in pieces:
            try:
                found += self._assembly.add(read_chunk(data))
            except LLMError as error:
                self.error = error
                break
        return found


def _cut(error: LLMError | None) -> LLMError:
    """Half an event at the very end is a cut, not an unreadable answer."""
    if error is None or isinstance(error, ResponseError):
        return StreamInterruptedError(INTERRUPTED)
    return error


def _pieces(frames: Events | Items, data: bytes) -> list[bytes]:
    if isinstance(frames, Items):
        return frames.feed(data)
    return [event.data for event in frames.feed(data)]


# ---------------------------------------------------------------- forwarded


class _Args(Struct, gc=False):
    name: str | None = None
    args: Raw = ABSENT
    partialArgs: Raw = ABSENT  # noqa: N815 - the wire's name


class _Part(Struct, gc=False):
    text: str | None = None
    functionCall: _Args | None = None  # noqa: N815


class _Content(Struct, gc=False):
    parts: list[_Part] | None = None


class _Candidate(Struct, gc=False):
    index: int = 0
    content: _Content | None = None
    finishReason: str | int | None = None  # noqa: N815


class _Chunk(Struct, gc=False):
    """What a relay looks at."""

    candidates: list[_Candidate] | None = None
    usageMetadata: JSON | None = None  # noqa: N815
    promptFeedback: PromptFeedback | None = None  # noqa: N815
    responseId: str | None = None  # noqa: N815
    error: Any = None


_decode = JSONDecoder(_Chunk).decode


class Relay:
    """Bytes of a stream → the same bytes, whole events at a time. See ``ports.Relay``.

    An error event is not forwarded: it is in ``error``, and leaves as every other error does.
    """

    def __init__(self, hide_usage: bool) -> None:  # noqa: ARG002 - usage is part of every stream
        self.error: LLMError | None = None
        self.usage: Usage | None = None
        self.finish: FinishReason | None = None
        self.received_chars = 0
        self._borders = Borders()
        self._counts: JSON = {}
        self._open: dict[int, str | None] = {}
        self._calls: set[int] = set()
        self._blocked = False

    def feed(self, data: bytes) -> bytes:
        if self.error is not None:
            return b""
        try:
            whole = self._borders.feed(data)
        except ResponseError as error:
            self.error = error
            return b""
        return self._watch(whole) if whole else b""

    def close(self) -> bytes:
        if self.error is not None:
            return b""
        rest = self._borders.close()
        out = b"" if rest.strip() else rest  # the other half of a CR LF
        if parse(rest + b"\n\n"):
            out = self._watch(rest + b"\n\n")
        complete = all(self._open.values()) if self._open else self._blocked
        if not complete:
            self.error = _cut(self.error)
        return out

    def _watch(self, whole: bytes) -> bytes:
        """The bytes that may go on: all, but for a fault and what follows it."""
        lines = whole
        if b"\r" in whole:
            lines = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        blocks = lines.split(b"\n\n")
        for position, block in enumerate(blocks):
            try:
                for event in parse(block + b"\n\n"):
                    self._look(event.data)
            except LLMError as error:
                self.error = error
                return b"".join([one + b"\n\n" for one in blocks[:position]])
        return whole

    def _look(self, data: bytes) -> None:
        try:
            chunk = _decode(data)
        except UNREADABLE:
            read_chunk(data)  # raises what is wrong, if it is not only torn text
            return
        if chunk.error is not None or chunk.responseId is None:
            read_chunk(data)
        for candidate in chunk.candidates or ():
            self._look_at(candidate)
        if chunk.usageMetadata:
            self._counts = merge_usage(self._counts, chunk.usageMetadata)
            self.usage = read_usage(self._counts)
        feedback = chunk.promptFeedback
        if feedback is not None and feedback.block_reason is not None:
            self._blocked = True
            if not self._open:
                self.finish = "content_filter"

    def _look_at(self, candidate: _Candidate) -> None:
        choice = candidate.index
        self._open.setdefault(choice, None)
        if candidate.content is not None:
            for part in candidate.content.parts or ():
                if part.text is not None:
                    self.received_chars += len(part.text)
                call = part.functionCall
                if call is not None:
                    self._calls.add(choice)
                    self.received_chars += len(bytes(call.args)) + len(bytes(call.partialArgs))
        if candidate.finishReason is not None:
            name = self._open[choice] = reason_name(candidate.finishReason)
            if choice == min(self._open):
                self.finish = finish_reason(name, choice in self._calls)
