"""Events written as a stream for a client of Ollama's API: a line for each, the last one ``done``.

Calls are whole on this wire, so they are written when the answer ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import msgspec

from modelway.dialects.ollama.downstream import write_call, write_logprob, write_message
from modelway.dialects.ollama.faults import stream_refusal
from modelway.dialects.ollama.usage import done_reason, write_time, write_usage
from modelway.errors import LLMError, StreamInterruptedError
from modelway.framing.fields import Fields
from modelway.framing.ndjson import frame
from modelway.types import (
    JSON,
    CitationDelta,
    Finish,
    PartDelta,
    ReasoningDelta,
    RefusalDelta,
    Start,
    StreamEvent,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)


class _Call:
    """The pieces of one call so far."""

    __slots__ = ("id", "name", "pieces")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.pieces: list[str] = []

    def whole(self) -> ToolCall:
        return ToolCall(id=self.id, name=self.name, arguments="".join(self.pieces))


class Encoder:
    """Events → bytes of a stream. See ``ports.Encoder``. Choices after the first are left out."""

    def __init__(self, generate: bool) -> None:
        self._generate = generate
        self._head: JSON = {"model": "", "created_at": write_time(None)}
        self._calls: dict[int, _Call] = {}
        self._finish: Finish | None = None
        self._usage: Usage | None = None
        self._ended = False

    def feed(self, events: Sequence[StreamEvent]) -> bytes:
        if self._ended:
            return b""
        return b"".join([self._line(event) for event in events])

    def close(self) -> bytes:
        """The last line; without a ``Finish`` before it there is none, and that is an error."""
        if self._ended:
            return b""
        finish = self._finish
        if finish is None:
            return self.fail(StreamInterruptedError("the stream ended before its end"))
        self._ended = True
        calls = [self._calls[index].whole() for index in sorted(self._calls)]
        written = [write_call(call, number) for number, call in enumerate(calls)]
        before = self._said({"content": "", "tool_calls": written}) if written else b""
        last = {
            "done": True,
            "done_reason": done_reason(finish.reason, finish.raw_reason),
            **write_usage(self._usage),
        }
        return before + self._said({"content": ""}, last)

    def fail(self, error: LLMError) -> bytes:
        if self._ended:
            return b""
        self._ended = True
        return frame(stream_refusal(error))

    def _line(self, event: StreamEvent) -> bytes:
        if isinstance(event, Start):
            self._head = {"model": event.model, "created_at": write_time(event.created)}
            self._usage = event.usage or self._usage
            return b""
        if isinstance(event, Finish):
            self._usage = event.usage or self._usage
        if event.choice != 0:
            return b""
        match event:
            case TextDelta():
                more = [write_logprob(one) for one in event.logprobs]
                if not event.text and not more:
                    return b""
                return self._said({"content": event.text}, {"logprobs": more} if more else {})
            case RefusalDelta():
                return self._said({"content": event.text}) if event.text else b""
            case ReasoningDelta():
                return self._said({"content": "", "thinking": event.text}) if event.text else b""
            case ToolCallDelta():
                call = self._calls.setdefault(event.index, _Call())
                call.id = event.id or call.id
                call.name = event.name or call.name
                call.pieces.append(event.arguments)
                return b""
            case PartDelta():
                said = write_message((event.part,))
                return self._said(said) if len(said) > 2 else b""
            case CitationDelta():
                return b""
            case Finish():
                self._finish = event
                return b""
            case _:
                assert_never(event)

    def _said(self, said: JSON, more: JSON | None = None) -> bytes:
        line: JSON = dict(self._head)
        if self._generate:
            line["response"] = said["content"]
            if "thinking" in said:
                line["thinking"] = said["thinking"]
        else:
            line["message"] = {"role": "assistant", **said}
        line["done"] = False
        return frame(msgspec.json.encode(line | more if more else line))


def of_chat(fields: Fields) -> Encoder:  # noqa: ARG001 - nothing asked changes the stream's form
    return Encoder(generate=False)


def of_generate(fields: Fields) -> Encoder:  # noqa: ARG001
    return Encoder(generate=True)
