"""A provider's stream read into events.

Source: https://docs.cohere.com/v2/docs/streaming, 2026-11-21. Event types that are not known are
passed over. ``message-end`` ends an answer; what follows is ``[DONE]``.
"""

from __future__ import annotations

from msgspec.json import Decoder as JSONDecoder

from modelway.dialects.cohere.citations import kept_whole, place, read_citation
from modelway.dialects.cohere.faults import stream_error
from modelway.dialects.cohere.upstream import read_logprob
from modelway.dialects.cohere.usage import finish_reason, read_usage
from modelway.dialects.cohere.wire import PLAN, Call, StreamContent, StreamPayload
from modelway.dialects.reading import read_answer
from modelway.errors import LLMError, ResponseError, StreamInterruptedError
from modelway.framing.sse import Event, Events
from modelway.types import (
    JSON,
    CitationDelta,
    Finish,
    PartDelta,
    ReasoningDelta,
    Start,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    Usage,
)

INTERRUPTED = "the stream ended before message-end"

PLACE_OF_PLAN = 1_000_000
"""Parts stand as in a whole answer: content by its index, the plan, calls, and citations of none."""
_PLACE_OF_CALLS = PLACE_OF_PLAN + 1
_PLACE_OF_CITATIONS = 2 * PLACE_OF_PLAN

_payload = JSONDecoder(StreamPayload)


def read_event(data: bytes) -> StreamPayload:
    """The data of one event; ResponseError where it cannot be read, and the error that it tells of."""
    found = read_answer(_payload, data, "an event of the stream")
    failed = found.delta.error if found.delta is not None else None
    if failed is not None or found.type == "error" or (not found.type and found.message):
        raise stream_error(failed if failed is not None else found.message)
    return found


class Decoder:
    """Bytes of a stream → events. See ``ports.Decoder``."""

    def __init__(self) -> None:
        self.error: LLMError | None = None
        self._events = Events()
        self._texts: dict[int, bool] = {}
        self._first_text: int | None = None
        self._calls: dict[int, bool] = {}
        self._citations = 0
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
        """Half an event at the very end is a cut, not an unreadable answer."""
        if self.error is not None or self._finished:
            return []
        read = self._read_all(self._events.close())
        self._interrupt()
        return read

    def _interrupt(self) -> None:
        if not self._finished and (self.error is None or isinstance(self.error, ResponseError)):
            self.error = StreamInterruptedError(INTERRUPTED)

    def _read_all(self, events: list[Event]) -> list[StreamEvent]:
        found: list[StreamEvent] = []
        for event in events:
            if event.data == b"[DONE]":
                continue
            try:
                self._read(read_event(event.data), found)
            except LLMError as error:
                self.error = error
            if self.error is not None or self._finished:
                break
        return found

    def _read(self, event: StreamPayload, found: list[StreamEvent]) -> None:
        delta = event.delta
        if not self._started and event.type:
            self._started = True
            found.append(Start(id=event.id or ""))
        message = delta.message if delta is not None else None
        match event.type:
            case "content-delta" | "content-start":
                if message is not None and isinstance(message.content, StreamContent):
                    self._content(event, message.content, found)
            case "tool-plan-delta":
                if message is not None and message.tool_plan:
                    found.append(
                        ReasoningDelta(text=message.tool_plan, format=PLAN, index=PLACE_OF_PLAN)
                    )
            case "tool-call-start" | "tool-call-delta":
                if message is not None and isinstance(message.tool_calls, Call):
                    self._call(event, message.tool_calls, found)
            case "tool-call-end":
                if self._calls.get(event.index) is False:
                    self._calls[event.index] = True
                    found.append(ToolCallDelta(index=_call_index(event.index), arguments="{}"))
            case "citation-start":
                if message is not None and isinstance(message.citations, dict):
                    self._cite(message.citations, found)
            case "message-end":
                self._end(event, found)
            case _:
                pass

    def _content(
        self, event: StreamPayload, content: StreamContent, found: list[StreamEvent]
    ) -> None:
        index = event.index
        if event.type == "content-start":
            is_text = content.type in ("text", "")
            self._texts[index] = is_text
            if is_text and self._first_text is None:
                self._first_text = index
        if content.thinking:
            found.append(ReasoningDelta(text=content.thinking, index=index))
        if content.text or event.logprobs is not None:
            logprobs = (read_logprob(event.logprobs),) if event.logprobs is not None else ()
            found.append(TextDelta(text=content.text, index=index, logprobs=logprobs))

    def _call(self, event: StreamPayload, call: Call, found: list[StreamEvent]) -> None:
        index, function = _call_index(event.index), call.function
        if event.type == "tool-call-start":
            self._calls[event.index] = bool(function.arguments)
            found.append(
                ToolCallDelta(
                    index=index, id=call.id, name=function.name, arguments=function.arguments or ""
                )
            )
        elif function.arguments:
            self._calls[event.index] = True
            found.append(ToolCallDelta(index=index, arguments=function.arguments))

    def _cite(self, raw: JSON, found: list[StreamEvent]) -> None:
        index = place(raw, self._texts, self._first_text)
        if index is not None:
            found.append(CitationDelta(citation=read_citation(raw), index=index))
            return
        found.append(PartDelta(part=kept_whole(raw), index=_PLACE_OF_CITATIONS + self._citations))
        self._citations += 1

    def _end(self, event: StreamPayload, found: list[StreamEvent]) -> None:
        for index, begun in self._calls.items():
            if not begun:
                found.append(ToolCallDelta(index=_call_index(index), arguments="{}"))
        word = event.delta.finish_reason if event.delta is not None else None
        usage = event.delta.usage if event.delta is not None else None
        self._finished = True
        found.append(
            Finish(reason=finish_reason(word), raw_reason=word, usage=read_usage(usage) or Usage())
        )


def _call_index(index: int) -> int:
    return _PLACE_OF_CALLS + index
