"""What an answer says → events, item by item; deltas first, then whatever they left out.

One reading serves whole answers and streams, so that the folded stream and the whole answer cannot
differ: a whole item is read as a stream's last word on it. Each item has a thousand content indexes.
It is long because hosts leave out indexes, ids and events, each of which can be told by another.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import Raw

from modelway.dialects.openai_responses.items import CONTENT, PHASE
from modelway.dialects.openai_responses.parts import citation_in, logprobs_in
from modelway.dialects.openai_responses.thoughts import parts_in
from modelway.dialects.openai_responses.wire import (
    NAME,
    STATE,
    Answer,
    Content,
    Event,
    Item,
    Logprob,
    contents,
    items,
    objects,
    read,
)
from modelway.types import (
    JSON,
    CitationDelta,
    Opaque,
    PartDelta,
    ReasoningDelta,
    RefusalDelta,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
)

_WIDTH = 1000
"""Content indexes an item has."""

CALLS = frozenset({"function_call", "custom_tool_call", "local_shell_call", "computer_call"})
"""Items that end a turn, because the caller must run something."""


class _Open:
    """What has been told of one item."""

    __slots__ = ("chars", "cited", "done", "headed", "id", "index", "summary")

    def __init__(self, slot: int) -> None:
        self.index = slot * _WIDTH
        self.id: str | None = None
        self.chars: dict[int, int] = {}
        """Part of the content → characters told of it; -1 is a summary."""
        self.cited: dict[int, int] = {}
        self.summary = 0
        """The summary's part that is being told."""
        self.headed = False
        """Whether a call's id and name, or a message's phase, are told."""
        self.done = False


class Reading:
    """An answer as far as it has been read. Events are appended to ``out``."""

    __slots__ = ("_by_id", "_slots", "called", "out")

    def __init__(self) -> None:
        self.out: list[StreamEvent] = []
        self.called = False
        self._slots: dict[int, _Open] = {}
        self._by_id: dict[str, int] = {}

    # ------------------------------------------------------------ a stream's pieces

    def add(self, event: Event) -> None:
        """What one event says; those of types that say nothing of their own are passed over."""
        delta = event.delta
        match event.type:
            case "response.output_text.delta":
                item = self._open(event)
                self._text(item, event.content_index or 0, _string(delta), event.logprobs)
            case "response.function_call_arguments.delta":
                self._arguments(self._open(event), _string(delta))
            case "response.reasoning_summary_text.delta":
                self._summary(self._open(event), event.summary_index or 0, _string(delta))
            case "response.reasoning_text.delta":
                self._thought(self._open(event), _string(delta))
            case "response.refusal.delta":
                self._refusal(self._open(event), event.content_index or 0, _string(delta))
            case "response.output_text.annotation.added":
                if event.annotation is not None:
                    self._cite(self._open(event), event.content_index or 0, event.annotation)
            case "response.output_item.added":
                self._begin(read(items, event.item), event.output_index)
            case "response.output_item.done":
                item = self._begin(read(items, event.item), event.output_index)
                self._finish(item, event.item)
            case _:
                pass

    def _slot(self, id_: str | None, index: int | None) -> _Open:
        """An item by its place, else by its id, else a new one at the end."""
        if index is None:
            known = self._by_id.get(id_ or "")
            index = known if known is not None else len(self._slots)
        item = self._slots.get(index)
        if item is None:
            item = self._slots[index] = _Open(index)
        if id_ is not None:
            self._by_id.setdefault(id_, index)
            item.id = item.id or id_
        return item

    def _open(self, event: Event) -> _Open:
        return self._slot(event.item_id, event.output_index)

    def _begin(self, item: Item, index: int | None) -> _Open:
        slot = self._slot(item.id, index)
        self.called = self.called or item.type in CALLS
        if item.type == "function_call":
            self._head(slot, item)
        elif item.phase is not None and not slot.headed:
            slot.headed = True
            part = Opaque(dialect=NAME, kind=PHASE, data={"phase": item.phase})
            self.out.append(PartDelta(part=part, index=slot.index))
        return slot

    # ------------------------------------------------------------ whole items

    def end(self, answer: Answer) -> None:
        """What the whole answer says and no event has."""
        streamed = bool(self._slots)
        for position, raw in enumerate(answer.output or ()):
            item = read(items, raw)
            known = self._by_id.get(item.id) if item.id is not None and streamed else None
            slot = self._begin(item, position if known is None else known)
            self._finish(slot, raw)

    def _finish(self, slot: _Open, raw: Raw) -> None:
        if slot.done:
            return
        slot.done = True
        item = read(items, raw)
        match item.type:
            case "message":
                for position, content in enumerate(item.content or ()):
                    self._part(slot, position, content)
            case "function_call":
                arguments = item.arguments
                if not isinstance(arguments, str):
                    arguments = "" if arguments is None else json.dumps(arguments)
                rest = _rest(arguments, slot.chars.get(0, 0))
                if rest or not slot.chars.get(0):
                    self._arguments(slot, rest or "{}")
            case "reasoning":
                self._reasoning(slot, item)
            case _:
                part = Opaque(dialect=NAME, kind=item.type, data=read(objects, raw))
                self.out.append(PartDelta(part=part, index=slot.index))

    def _part(self, slot: _Open, position: int, raw: Raw) -> None:
        content = read(contents, raw)
        told = slot.chars.get(position, 0)
        match content.type:
            case "output_text" | "text" | "input_text":
                rest = _rest(content.text or "", told)
                if rest:
                    self._text(slot, position, rest, None if told else content.logprobs)
                for annotation in (content.annotations or ())[slot.cited.get(position, 0) :]:
                    self._cite(slot, position, annotation)
            case "refusal":
                rest = _rest(content.refusal or "", told)
                if rest:
                    self._refusal(slot, position, rest)
            case _:
                part = Opaque(dialect=NAME, kind=CONTENT + content.type, data=read(objects, raw))
                self.out.append(PartDelta(part=part, index=_index(slot, position)))

    def _reasoning(self, slot: _Open, item: Item) -> None:
        """The parts of the whole, but for the text that has been told."""
        thought = _joined([read(contents, raw) for raw in item.content or ()], "")
        summary = _joined(item.summary or [], "\n\n")
        for part in parts_in(item.id, summary, thought, item.encrypted_content):
            own = part.format == STATE
            told = slot.chars.get(-1 if own or not thought else 0, 0)
            self.out.append(
                ReasoningDelta(
                    text=part.text[told:],
                    signature=part.signature,
                    encrypted=part.encrypted,
                    id=part.id,
                    format=part.format,
                    index=slot.index if own else slot.index + 1,
                )
            )

    # ------------------------------------------------------------ events

    def _text(self, slot: _Open, position: int, text: str, logprobs: list[Logprob] | None) -> None:
        slot.chars[position] = slot.chars.get(position, 0) + len(text)
        if text or logprobs:
            index = _index(slot, position)
            self.out.append(TextDelta(text=text, index=index, logprobs=logprobs_in(logprobs)))

    def _refusal(self, slot: _Open, position: int, text: str) -> None:
        slot.chars[position] = slot.chars.get(position, 0) + len(text)
        self.out.append(RefusalDelta(text=text, index=_index(slot, position)))

    def _cite(self, slot: _Open, position: int, annotation: JSON) -> None:
        slot.cited[position] = slot.cited.get(position, 0) + 1
        citation = citation_in(annotation)
        self.out.append(CitationDelta(citation=citation, index=_index(slot, position)))

    def _summary(self, slot: _Open, part: int, text: str) -> None:
        """The parts of a summary are paragraphs of one text."""
        if part != slot.summary and slot.chars.get(-1):
            text = "\n\n" + text
        slot.summary = part
        slot.chars[-1] = slot.chars.get(-1, 0) + len(text)
        self.out.append(ReasoningDelta(text=text, id=slot.id, format=STATE, index=slot.index))

    def _thought(self, slot: _Open, text: str) -> None:
        slot.chars[0] = slot.chars.get(0, 0) + len(text)
        self.out.append(ReasoningDelta(text=text, id=slot.id, index=slot.index + 1))

    def _head(self, slot: _Open, item: Item) -> None:
        if not slot.headed:
            slot.headed = True
            id_ = item.call_id or item.id or f"call_{slot.index // _WIDTH}"
            self.out.append(ToolCallDelta(index=slot.index, id=id_, name=item.name or ""))

    def _arguments(self, slot: _Open, text: str) -> None:
        slot.chars[0] = slot.chars.get(0, 0) + len(text)
        self.out.append(ToolCallDelta(index=slot.index, arguments=text))


def _index(slot: _Open, position: int) -> int:
    return slot.index + 1 + min(max(position, 0), _WIDTH - 2)


def _rest(whole: str, told: int) -> str:
    """What deltas left out of a text; a whole that is shorter than they were says nothing new."""
    return whole[told:]


def _joined(parts: list[Content], between: str) -> str:
    return between.join([part.text for part in parts if part.text])


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
