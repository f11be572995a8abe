"""Events written as a stream for a client of Cohere's chat.

Content blocks have dense indexes, and follow one another; calls have indexes of their own.
Source: https://docs.cohere.com/v2/docs/streaming, 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import msgspec

from modelway.dialects.cohere.citations import CITATION, write_citation
from modelway.dialects.cohere.downstream import write_logprob
from modelway.dialects.cohere.usage import finish_word, write_usage
from modelway.dialects.cohere.wire import NAME, PLAN
from modelway.dialects.told import for_caller
from modelway.errors import LLMError, StreamInterruptedError
from modelway.framing.fields import Fields
from modelway.framing.sse import frame
from modelway.types import (
    JSON,
    Audio,
    CitationDelta,
    Finish,
    Opaque,
    PartDelta,
    ReasoningDelta,
    RefusalDelta,
    Start,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    Usage,
)

_DONE = b"data: [DONE]\n\n"

_encode = msgspec.json.encode


class Encoder:
    """Events → bytes of a stream. See ``ports.Encoder``. Choices after the first are left out."""

    def __init__(self) -> None:
        self._out: list[bytes] = []
        self._blocks: dict[tuple[str, int], int] = {}
        self._current: int | None = None
        self._first_text: int | None = None
        self._plans: set[int] = set()
        self._calls: dict[int, int] = {}
        self._citations = 0
        self._started = False
        self._ended = False
        self._finish: Finish | None = None
        self._usage: Usage | None = None

    def feed(self, events: Sequence[StreamEvent]) -> bytes:
        if self._ended:
            return b""
        for event in events:
            self._write(event)
        return self._taken()

    def close(self) -> bytes:
        """The end of the message; without a ``Finish`` before it there is none, and that is an error."""
        if self._ended:
            return b""
        finish = self._finish
        if finish is None:
            return self.fail(StreamInterruptedError("the stream ended before its end"))
        self._begin("", "")
        self._leave()
        for number in self._calls.values():
            self._emit("tool-call-end", {"index": number})
        self._end(
            {
                "finish_reason": finish_word(
                    finish.reason, finish.raw_reason, finish.stop_sequence
                ),
                "usage": write_usage(self._usage),
            }
        )
        return self._taken()

    def fail(self, error: LLMError) -> bytes:
        """The end, with the error's words: there is no event for errors alone."""
        if self._ended:
            return b""
        self._end({"error": for_caller(error), "finish_reason": "ERROR"})
        return self._taken()

    def _end(self, delta: JSON) -> None:
        self._ended = True
        self._emit("message-end", {"delta": delta})
        self._out.append(_DONE)

    def _taken(self) -> bytes:
        taken = b"".join(self._out)
        self._out.clear()
        return taken

    def _write(self, event: StreamEvent) -> None:
        if isinstance(event, Start):
            self._begin(event.id, event.model)
            self._usage = event.usage or self._usage
            return
        if isinstance(event, Finish):
            self._usage = event.usage or self._usage
            if event.choice == 0:
                self._finish = event
            return
        if event.choice != 0:
            return
        self._begin("", "")
        match event:
            case TextDelta() | RefusalDelta():
                self._text(event)
            case ReasoningDelta():
                self._reasoning(event)
            case ToolCallDelta():
                self._call(event)
            case CitationDelta():
                index = self._block("text", event.index)
                self._cite(write_citation(event.citation, index, self._first_text or 0))
            case PartDelta():
                self._part(event)
            case _:
                assert_never(event)

    def _begin(self, id: str, model: str) -> None:  # noqa: ARG002 - a stream does not name its model
        if self._started:
            return
        self._started = True
        message: JSON = {
            "role": "assistant",
            "content": [],
            "tool_plan": "",
            "tool_calls": [],
            "citations": [],
        }
        self._emit("message-start", {"id": id, "delta": {"message": message}})

    def _text(self, event: TextDelta | RefusalDelta) -> None:
        logprobs = event.logprobs if isinstance(event, TextDelta) else ()
        if not event.text and not logprobs:
            return
        index = self._block("text", event.index)
        told: JSON = {"index": index, "delta": {"message": {"content": {"text": event.text}}}}
        if not logprobs:
            self._emit("content-delta", told)
            return
        for number, one in enumerate(logprobs):
            content = {"text": "" if number else event.text}
            self._emit(
                "content-delta",
                {
                    "index": index,
                    "delta": {"message": {"content": content}},
                    "logprobs": write_logprob(one),
                },
            )

    def _reasoning(self, event: ReasoningDelta) -> None:
        """A plan says so once; signatures have no field."""
        if event.format == PLAN:
            self._plans.add(event.index)
        if not event.text:
            return
        if event.index in self._plans:
            self._emit("tool-plan-delta", {"delta": {"message": {"tool_plan": event.text}}})
            return
        index = self._block("thinking", event.index)
        content = {"thinking": event.text}
        self._emit("content-delta", {"index": index, "delta": {"message": {"content": content}}})

    def _call(self, event: ToolCallDelta) -> None:
        number = self._calls.get(event.index)
        if number is None:
            number = self._calls[event.index] = len(self._calls)
            self._leave()
            function = {"name": event.name or "", "arguments": event.arguments}
            call = {"id": event.id or "", "type": "function", "function": function}
            name = "tool-call-start"
        elif event.arguments:
            call = {"function": {"arguments": event.arguments}}
            name = "tool-call-delta"
        else:
            return
        self._emit(name, {"index": number, "delta": {"message": {"tool_calls": call}}})

    def _part(self, event: PartDelta) -> None:
        part = event.part
        if isinstance(part, Opaque) and part.dialect == NAME and part.kind == CITATION:
            self._cite(part.data)
        elif isinstance(part, Audio) and part.transcript:
            self._text(TextDelta(text=part.transcript, index=event.index))

    def _cite(self, citation: JSON) -> None:
        number, self._citations = self._citations, self._citations + 1
        self._emit(
            "citation-start", {"index": number, "delta": {"message": {"citations": citation}}}
        )
        self._emit("citation-end", {"index": number})

    def _block(self, kind: str, index: int) -> int:
        """The block of this part, which is opened at its first delta."""
        key = (kind, index)
        number = self._blocks.get(key)
        if number is None:
            self._leave()
            number = self._blocks[key] = len(self._blocks)
            if kind == "text" and self._first_text is None:
                self._first_text = number
            self._current = number
            content = {"type": kind, kind: ""}
            self._emit(
                "content-start", {"index": number, "delta": {"message": {"content": content}}}
            )
        return number

    def _leave(self) -> None:
        if self._current is not None:
            self._emit("content-end", {"index": self._current})
            self._current = None

    def _emit(self, name: str, told: JSON) -> None:
        self._out.append(frame(_encode({"type": name, **told}), name))


def encoder(fields: Fields) -> Encoder:  # noqa: ARG001 - nothing asked changes the stream's form
    return Encoder()
