"""A provider's stream read into events.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming, 2026-11-21. Event types and
deltas that are not known are passed over, as that page asks.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw
from msgspec.json import Decoder as JSONDecoder

from modelway.dialects.anthropic_messages.blocks import opaque, read_block, read_citation
from modelway.dialects.anthropic_messages.faults import stream_error
from modelway.dialects.anthropic_messages.usage import finish_reason, merge_usage, read_usage
from modelway.dialects.anthropic_messages.wire import (
    JSON_OBJECT,
    StreamDelta,
    StreamMessage,
    StreamPayload,
)
from modelway.dialects.reading import read_answer
from modelway.errors import BadRequestError, LLMError, ResponseError, StreamInterruptedError
from modelway.framing.sse import Event, Events
from modelway.types import (
    JSON,
    CitationDelta,
    File,
    Finish,
    Image,
    Opaque,
    PartDelta,
    Reasoning,
    ReasoningDelta,
    Start,
    StreamEvent,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)

INTERRUPTED = "the stream ended before message_stop"

_payload = JSONDecoder(StreamPayload)


def read_event(data: bytes) -> StreamPayload:
    """The data of one event; ResponseError where it cannot be read."""
    return read_answer(_payload, data, "an event of the stream")


class _OpenCall:
    """A tool call whose arguments are arriving; ``whole`` is what its start already said of them."""

    __slots__ = ("begun", "whole")

    def __init__(self, whole: str) -> None:
        self.whole = whole
        self.begun = False


class _OpenOpaque:
    """A block that is handed on whole when it ends."""

    __slots__ = ("data", "kind", "pieces")

    def __init__(self, kind: str, data: JSON) -> None:
        self.kind = kind
        self.data = data
        self.pieces: list[str] = []

    def absorb(self, delta: JSON) -> None:
        """A delta of a kind we do not know: texts are appended, the rest is set."""
        for name, value in delta.items():
            if name == "type":
                continue
            present = self.data.get(name)
            both = isinstance(present, str) and isinstance(value, str)
            self.data[name] = present + value if both else value

    def part(self) -> Opaque:
        text = "".join(self.pieces)
        if text:
            try:
                self.data["input"] = msgspec.json.decode(text)
            except (msgspec.DecodeError, RecursionError):
                self.data["input"] = text  # cut at the output cap: kept as it is
        return opaque(self.kind, self.data)


class Decoder:
    """Bytes of a stream → events. See ``ports.Decoder``."""

    def __init__(self) -> None:
        self.error: LLMError | None = None
        self._events = Events()
        self._open: dict[int, _OpenCall | _OpenOpaque] = {}
        self._usage: JSON = {}
        self._stop_reason: str | None = None
        self._stop_sequence: str | None = None
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
        if self.error is not None or self._finished:
            return []
        read = self._read_all(self._events.close())
        self._interrupt()
        return read

    def _interrupt(self) -> None:
        """Half an event at the very end is a cut, not an unreadable answer."""
        if not self._finished and (self.error is None or isinstance(self.error, ResponseError)):
            self.error = StreamInterruptedError(INTERRUPTED)

    def _read_all(self, events: list[Event]) -> list[StreamEvent]:
        found: list[StreamEvent] = []
        for event in events:
            try:
                self._read(event.data, found)
            except LLMError as error:
                self.error = error
            if self.error is not None or self._finished:
                break
        return found

    def _read(self, data: bytes, found: list[StreamEvent]) -> None:
        event = read_event(data)
        delta = event.delta
        if not self._started and event.type.startswith("content_block"):
            self._started = True
            found.append(Start())
        match event.type:
            case "content_block_delta":
                if delta is not None:
                    self._read_delta(event.index, delta, data, found)
            case "content_block_start":
                self._begin(event.index, event.content_block, found)
            case "content_block_stop":
                self._end(event.index, found)
            case "message_start":
                self._start(event, found)
            case "message_delta":
                self._usage = merge_usage(self._usage, event.usage)
                if delta is not None:
                    self._stop_reason = delta.stop_reason or self._stop_reason
                    self._stop_sequence = delta.stop_sequence or self._stop_sequence
            case "message_stop":
                self._finish(found)
            case _ if event.error is not None:
                raise stream_error(event.error)
            case "error":
                raise stream_error(None)
            case _:
                pass

    def _start(self, event: StreamPayload, found: list[StreamEvent]) -> None:
        """A stream starts once, whatever it says later."""
        message = event.message or StreamMessage()
        self._usage = merge_usage(self._usage, message.usage)
        if not self._started:
            self._started = True
            usage = read_usage(self._usage)
            found.append(Start(id=message.id, model=message.model, usage=usage))

    def _finish(self, found: list[StreamEvent]) -> None:
        if not self._started:
            found.append(Start())
        for index in list(self._open):
            self._end(index, found)
        self._finished = True
        found.append(
            Finish(
                reason=finish_reason(self._stop_reason),
                raw_reason=self._stop_reason,
                stop_sequence=self._stop_sequence,
                usage=read_usage(self._usage) or Usage(),
            )
        )

    def _begin(self, index: int, raw: Raw, found: list[StreamEvent]) -> None:
        try:
            part = read_block(raw, "content_block")
        except BadRequestError as error:
            raise ResponseError(
                f"a block of the stream cannot be read: {error.message} at {error.param}"
            ) from None
        match part:
            case Text():
                if part.text:
                    found.append(TextDelta(text=part.text, index=index))
                found += [CitationDelta(citation=one, index=index) for one in part.citations]
            case Reasoning():
                if part != Reasoning():
                    found.append(
                        ReasoningDelta(
                            text=part.text,
                            signature=part.signature,
                            encrypted=part.encrypted,
                            index=index,
                        )
                    )
            case ToolCall():
                self._open[index] = _OpenCall(part.arguments)
                found.append(ToolCallDelta(index=index, id=part.id, name=part.name))
            case Opaque():
                self._open[index] = _OpenOpaque(part.kind, part.data)
            case Image() | File():
                found.append(PartDelta(part=part, index=index))
            case _:
                data = read_answer(JSON_OBJECT, raw, "a block of the stream")
                self._open[index] = _OpenOpaque(str(data.get("type")), data)

    def _read_delta(
        self, index: int, delta: StreamDelta, data: bytes, found: list[StreamEvent]
    ) -> None:
        match delta.type:
            case "text_delta":
                if delta.text:
                    found.append(TextDelta(text=delta.text, index=index))
            case "thinking_delta":
                if delta.thinking:
                    found.append(ReasoningDelta(text=delta.thinking, index=index))
            case "signature_delta":
                if delta.signature:
                    found.append(ReasoningDelta(signature=delta.signature, index=index))
            case "input_json_delta":
                self._read_arguments(index, delta.partial_json, found)
            case "citations_delta":
                if delta.citation is not None:
                    citation = read_citation(delta.citation)
                    found.append(CitationDelta(citation=citation, index=index))
            case _:
                block = self._open.get(index)
                if isinstance(block, _OpenOpaque):
                    block.absorb(_delta_of(data))

    def _read_arguments(self, index: int, piece: str, found: list[StreamEvent]) -> None:
        block = self._open.get(index)
        if isinstance(block, _OpenOpaque):
            block.pieces.append(piece)
        elif piece:
            if block is not None:
                block.begun = True
            found.append(ToolCallDelta(index=index, arguments=piece))

    def _end(self, index: int, found: list[StreamEvent]) -> None:
        block = self._open.pop(index, None)
        if isinstance(block, _OpenOpaque):
            found.append(PartDelta(part=block.part(), index=index))
        elif block is not None and not block.begun:
            found.append(ToolCallDelta(index=index, arguments=block.whole))


def _delta_of(data: bytes) -> JSON:
    event: Any = msgspec.json.decode(data)
    delta: JSON = event["delta"]
    return delta
