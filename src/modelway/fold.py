"""A stream's events folded into the whole answer, and a whole answer unfolded into events.

The two are inverse to each other, which is what lets one path serve both forms.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

import msgspec

from modelway.types import (
    Audio,
    ChatResponse,
    Choice,
    Citation,
    CitationDelta,
    File,
    Finish,
    Image,
    Message,
    Opaque,
    Part,
    PartDelta,
    Reasoning,
    ReasoningDelta,
    Refusal,
    RefusalDelta,
    Start,
    StreamEvent,
    Text,
    TextDelta,
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    Usage,
)


def generated_chars(event: StreamEvent) -> int:
    """How many characters of it a model wrote."""
    match event:
        case TextDelta() | ReasoningDelta() | RefusalDelta():
            return len(event.text)
        case ToolCallDelta():
            return len(event.arguments)
        case _:
            return 0


class _OpenPart:
    """The pieces of one part so far."""

    __slots__ = ("citations", "encrypted", "format", "id", "name", "pieces", "signatures", "whole")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.citations: list[Citation] = []
        self.id: str | None = None
        self.name: str | None = None
        self.signatures: list[str] = []
        self.encrypted: str | None = None
        self.format: str | None = None
        self.whole: Part | None = None


class Fold:
    """``add`` events, then read ``response``, at the end or (for a cut stream) before it."""

    def __init__(self) -> None:
        self._start = Start()
        self._parts: dict[tuple[int, int, str], _OpenPart] = {}
        self._logprobs: dict[int, list[TokenLogprob]] = {}
        self._finishes: dict[int, Finish] = {}
        self._usage: Usage | None = None

    def add(self, event: StreamEvent) -> None:
        match event:
            case Start():
                self._start = event
                self._usage = event.usage
            case TextDelta():
                if event.text or not event.logprobs:  # log-probabilities alone are no text
                    self._open(event.choice, event.index, "text").pieces.append(event.text)
                if event.logprobs:
                    self._logprobs.setdefault(event.choice, []).extend(event.logprobs)
            case ReasoningDelta():
                part = self._open(event.choice, event.index, "reasoning")
                part.pieces.append(event.text)
                if event.signature is not None:
                    part.signatures.append(event.signature)
                if event.encrypted is not None:
                    part.encrypted = event.encrypted
                if event.id is not None:
                    part.id = event.id
                if event.format is not None:
                    part.format = event.format
            case RefusalDelta():
                self._open(event.choice, event.index, "refusal").pieces.append(event.text)
            case ToolCallDelta():
                part = self._open(event.choice, event.index, "tool_call")
                part.pieces.append(event.arguments)
                part.id = event.id or part.id
                part.name = event.name or part.name
                if event.signature is not None:
                    part.signatures = [event.signature]
            case CitationDelta():
                self._open(event.choice, event.index, "text").citations.append(event.citation)
            case PartDelta():
                self._open(event.choice, event.index, "whole").whole = event.part
            case Finish():
                self._finishes[event.choice] = event
                self._usage = event.usage or self._usage
            case _:
                assert_never(event)

    def _open(self, choice: int, index: int, kind: str) -> _OpenPart:
        key = (choice, index, kind)
        part = self._parts.get(key)
        if part is None:
            part = self._parts[key] = _OpenPart()
        return part

    def response(self) -> ChatResponse:
        """The answer so far. A choice without its ``Finish`` has finish reason ``other``."""
        parts: dict[int, list[Part]] = {choice: [] for choice in self._finishes}
        for choice, index, kind in sorted(self._parts, key=lambda key: key[:2]):
            built = _build(kind, self._parts[choice, index, kind])
            parts.setdefault(choice, []).append(built)
        choices = [
            self._choice(choice, tuple(built)) for choice, built in sorted(parts.items())
        ] or [self._choice(0, ())]
        return ChatResponse(
            id=self._start.id,
            model=self._start.model,
            created=self._start.created,
            choices=tuple(choices),
            usage=self._usage or Usage(),
        )

    def _choice(self, choice: int, parts: tuple[Part, ...]) -> Choice:
        finish = self._finishes.get(choice)
        return Choice(
            message=Message(role="assistant", parts=parts),
            finish_reason=finish.reason if finish else "other",
            raw_finish_reason=finish.raw_reason if finish else None,
            stop_sequence=finish.stop_sequence if finish else None,
            logprobs=tuple(self._logprobs.get(choice, ())),
        )


def _build(kind: str, part: _OpenPart) -> Part:
    text = "".join(part.pieces)
    signature = "".join(part.signatures) if part.signatures else None
    match kind:
        case "text":
            return Text(text=text, citations=tuple(part.citations))
        case "reasoning":
            return Reasoning(
                text=text,
                signature=signature,
                encrypted=part.encrypted,
                id=part.id,
                format=part.format,
            )
        case "refusal":
            return Refusal(text=text)
        case "tool_call":
            return ToolCall(
                id=part.id or "",
                name=part.name or "",
                arguments=text,
                signature=signature,
            )
        case _:
            assert part.whole is not None  # noqa: S101 - only PartDelta opens this kind
            return part.whole


def fold(events: Iterable[StreamEvent]) -> ChatResponse:
    """The whole answer of a stream."""
    folding = Fold()
    for event in events:
        folding.add(event)
    return folding.response()


def unfold(response: ChatResponse) -> list[StreamEvent]:
    """The events of a whole answer: ``fold(unfold(r))`` has r's content, finish and usage."""
    events: list[StreamEvent] = [
        Start(id=response.id, model=response.model, created=response.created)
    ]
    for number, choice in enumerate(response.choices):
        deltas = [
            event
            for index, part in enumerate(choice.message.parts)
            for event in _deltas(part, index, number)
        ]
        events += _with_logprobs(deltas, choice, number) if choice.logprobs else deltas
    last = len(response.choices) - 1
    events += [
        Finish(
            reason=choice.finish_reason,
            raw_reason=choice.raw_finish_reason,
            stop_sequence=choice.stop_sequence,
            usage=response.usage if number == last else None,
            choice=number,
        )
        for number, choice in enumerate(response.choices)
    ]
    return events


def _with_logprobs(deltas: list[StreamEvent], choice: Choice, number: int) -> list[StreamEvent]:
    """The deltas of a choice, its log-probabilities on the first that has text."""
    for position, event in enumerate(deltas):
        if isinstance(event, TextDelta) and event.text:
            told = msgspec.structs.replace(event, logprobs=choice.logprobs)
            return [*deltas[:position], told, *deltas[position + 1 :]]
    alone = TextDelta(text="", index=len(deltas), choice=number, logprobs=choice.logprobs)
    return [*deltas, alone]


def _deltas(part: Part, index: int, choice: int) -> list[StreamEvent]:
    match part:
        case Text():
            return [
                TextDelta(text=part.text, index=index, choice=choice),
                *[CitationDelta(citation=c, index=index, choice=choice) for c in part.citations],
            ]
        case Reasoning():
            return [
                ReasoningDelta(
                    text=part.text,
                    signature=part.signature,
                    encrypted=part.encrypted,
                    id=part.id,
                    format=part.format,
                    index=index,
                    choice=choice,
                )
            ]
        case Refusal():
            return [RefusalDelta(text=part.text, index=index, choice=choice)]
        case ToolCall():
            return [
                ToolCallDelta(
                    index=index,
                    id=part.id,
                    name=part.name,
                    arguments=part.arguments,
                    signature=part.signature,
                    choice=choice,
                )
            ]
        case Image() | Audio() | File() | Opaque():
            return [PartDelta(part=part, index=index, choice=choice)]
        case ToolResult():
            return []  # an answer holds no results
        case _:
            assert_never(part)
