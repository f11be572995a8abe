"""Events written as a stream for a client of this dialect: each event a whole small answer.

Calls go out whole, when their arguments are; signatures when their part ends.
Source: https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse, 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import msgspec

from modelway.dialects.gemini.answer import (
    arguments_object,
    beside,
    write_part,
    write_reasoning,
)
from modelway.dialects.gemini.faults import refuse
from modelway.dialects.gemini.logprobs import write_logprobs
from modelway.dialects.gemini.usage import wire_reason, write_usage
from modelway.errors import LLMError, StreamInterruptedError
from modelway.fold import Fold
from modelway.framing.fields import Fields
from modelway.framing.sse import frame
from modelway.types import (
    JSON,
    Citation,
    CitationDelta,
    Finish,
    Opaque,
    PartDelta,
    Reasoning,
    ReasoningDelta,
    RefusalDelta,
    Start,
    StreamEvent,
    TextDelta,
    ToolCall,
    ToolCallDelta,
)

_encode = msgspec.json.encode
_TEXT_HEAD = b'data: {"candidates":[{"content":{"parts":[{"text":'


class _Choice:
    """What waits for the end of its part, or of the answer."""

    __slots__ = ("beside", "calls", "cited", "open", "reasoning", "texts")

    def __init__(self) -> None:
        self.open: int | None = None
        self.calls: dict[int, list[ToolCallDelta]] = {}
        self.reasoning: list[ReasoningDelta] = []
        self.texts: dict[int, list[str]] = {}
        self.cited: list[tuple[int, Citation]] = []
        self.beside: list[Opaque] = []


class Encoder:
    """Events → bytes of a stream. See ``ports.Encoder``."""

    def __init__(self) -> None:
        self._out: list[bytes] = []
        self._choices: dict[int, _Choice] = {}
        self._finished: set[int] = set()
        self._start = Start()
        self._tail = self._text_tail()
        self._ended = False

    def feed(self, events: Sequence[StreamEvent]) -> bytes:
        if self._ended:
            return b""
        for event in events:
            self._write(event)
        return self._taken()

    def close(self) -> bytes:
        """Nothing ends a stream of this dialect but its bytes; without its finishes it is an error."""
        if self._ended:
            return b""
        if not self._finished or not self._finished >= self._choices.keys():
            return self.fail(StreamInterruptedError("the stream ended before its end"))
        self._ended = True
        return b""

    def fail(self, error: LLMError) -> bytes:
        if self._ended:
            return b""
        self._ended = True
        return self._taken() + frame(refuse(error)[1])

    def _taken(self) -> bytes:
        taken = b"".join(self._out)
        self._out.clear()
        return taken

    def _write(self, event: StreamEvent) -> None:
        if isinstance(event, Start):
            self._start = event
            self._tail = self._text_tail()
            return
        choice = self._choices.get(event.choice)
        if choice is None:
            choice = self._choices[event.choice] = _Choice()
        if isinstance(event, Finish):
            self._finish(event, choice)
            return
        other = bool(choice.reasoning) and not isinstance(event, ReasoningDelta)
        if choice.open is not None and (other or event.index != choice.open):
            self._leave(choice, event.choice)
        match event:
            case TextDelta() | RefusalDelta():
                self._write_text(event, choice)
            case ReasoningDelta():
                self._write_reasoning(event, choice)
            case ToolCallDelta():
                if event.index in choice.calls or event.name or event.arguments.strip():
                    choice.open = event.index
                    choice.calls.setdefault(event.index, []).append(event)
            case CitationDelta():
                choice.cited.append((event.index, event.citation))
            case PartDelta():
                self._write_whole(event, choice)
            case _:
                assert_never(event)

    def _write_text(self, event: TextDelta | RefusalDelta, choice: _Choice) -> None:
        logprobs = event.logprobs if isinstance(event, TextDelta) else ()
        if event.text:
            choice.texts.setdefault(event.index, []).append(event.text)
            if event.choice == 0 and not logprobs:
                self._out.append(_TEXT_HEAD + _encode(event.text) + self._tail)
                return
        if event.text or logprobs:
            parts = [{"text": event.text}] if event.text else []
            self._emit(parts, event.choice, write_logprobs(logprobs))

    def _write_reasoning(self, event: ReasoningDelta, choice: _Choice) -> None:
        choice.open = event.index
        if event.text:
            self._emit([{"text": event.text, "thought": True}], event.choice)
        choice.reasoning.append(event)

    def _write_whole(self, event: PartDelta, choice: _Choice) -> None:
        part = event.part
        if isinstance(part, Opaque) and beside((part,), ()):
            choice.beside.append(part)
            return
        written = write_part(part)
        if written:
            self._emit(written, event.choice)

    def _leave(self, choice: _Choice, number: int) -> None:
        """Write what the open part still holds, unless it is a call whose arguments are to come."""
        index, choice.open = choice.open, None
        if choice.reasoning:
            self._end_reasoning(choice, number)
        elif index is not None and index in choice.calls:
            call = _call(choice.calls[index])
            if call.arguments and arguments_object(call.arguments) is not None:
                del choice.calls[index]
                self._emit(write_part(call), number)

    def _end_reasoning(self, choice: _Choice, number: int) -> None:
        """Its texts are written; what is left is the state that must come back with them."""
        folding = Fold()
        for event in choice.reasoning:
            folding.add(msgspec.structs.replace(event, choice=0))
        choice.reasoning = []
        [part] = folding.response().message.parts
        assert isinstance(part, Reasoning)  # noqa: S101 - of nothing else was it folded
        for written in write_reasoning(msgspec.structs.replace(part, text="")):
            if part.text:
                written["thought"] = True
            self._emit([written], number)

    def _finish(self, event: Finish, choice: _Choice) -> None:
        self._leave(choice, event.choice)
        for deltas in choice.calls.values():
            self._emit(write_part(_call(deltas)), event.choice)
        choice.calls = {}
        self._finished.add(event.choice)
        cited = [("".join(choice.texts.get(at, ())), one) for at, one in choice.cited]
        more = {"finishReason": wire_reason(event.reason, event.raw_reason)}
        usage = {} if event.usage is None else {"usageMetadata": write_usage(event.usage)}
        self._emit([], event.choice, more | beside(choice.beside, cited), usage)

    def _emit(
        self, parts: list[JSON], number: int, more: JSON | None = None, usage: JSON | None = None
    ) -> None:
        candidate = {"content": {"parts": parts, "role": "model"}, **(more or {}), "index": number}
        answer = {"candidates": [candidate], **(usage or {}), **self._head()}
        self._out.append(frame(_encode(answer)))

    def _head(self) -> JSON:
        return {"modelVersion": self._start.model, "responseId": self._start.id}

    def _text_tail(self) -> bytes:
        return b'}],"role":"model"},"index":0}],' + _encode(self._head())[1:] + b"\n\n"


def _call(deltas: Sequence[ToolCallDelta]) -> ToolCall:
    """The call that these deltas are pieces of."""
    first = deltas[0]
    signatures = [delta.signature for delta in deltas if delta.signature is not None]
    return ToolCall(
        id=next((delta.id for delta in deltas if delta.id), f"call_{first.index}"),
        name=next((delta.name for delta in deltas if delta.name), ""),
        arguments="".join([delta.arguments for delta in deltas]),
        signature=signatures[-1] if signatures else None,
    )


def encoder(fields: Fields) -> Encoder:  # noqa: ARG001 - nothing asked changes the stream's form
    return Encoder()
