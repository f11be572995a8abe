"""Answers to emulated questions, read back: a tool's arguments, or the JSON in a text, as the text.

A whole answer is read as the stream that it could have been, so both give the same.
"""

from __future__ import annotations

import re
from typing import Protocol

from msgspec.structs import replace

from modelway.fold import fold, unfold
from modelway.types import (
    ChatResponse,
    CitationDelta,
    Finish,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
)

_IN_VALUE = re.compile(r'["{}\[\]]')
_IN_STRING = re.compile(r'["\\]')


class Reader(Protocol):
    """A fold over events; ``whole`` is the same for an answer that came at once."""

    def feed(self, events: list[StreamEvent]) -> list[StreamEvent]: ...

    def whole(self, response: ChatResponse) -> ChatResponse: ...


class JsonText:
    """The first JSON object or array in a text that arrives in pieces, without what is around it.

    A text that has none is given back whole at its end.
    """

    def __init__(self, opening: str) -> None:
        self._opening = re.compile(f"[{re.escape(opening)}]")
        self._before: list[str] = []
        self._begun = False
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def feed(self, text: str) -> str:
        at = 0
        if not self._begun:
            found = self._opening.search(text)
            if found is None:
                self._before.append(text)
                return ""
            self._begun = True
            at = found.start()
        elif self._depth == 0:
            return ""
        return text[at : self._end(text, at)]

    def close(self) -> str:
        """What is left to say, at the end of the text."""
        said = "" if self._begun else "".join(self._before)
        self._before.clear()
        return said

    def _end(self, text: str, at: int) -> int:
        """Where the value ends in the text, or the text does."""
        while at < len(text):
            if self._escaped:
                self._escaped = False
                at += 1
                continue
            found = (_IN_STRING if self._in_string else _IN_VALUE).search(text, at)
            if found is None:
                break
            at = found.end()
            match found[0]:
                case '"':
                    self._in_string = not self._in_string
                case "\\":
                    self._escaped = True
                case "{" | "[":
                    self._depth += 1
                case _:
                    self._depth -= 1
                    if self._depth == 0:
                        return at
        return len(text)


class TextReader:
    """Of each choice's text, the JSON in it."""

    def __init__(self, opening: str = "{") -> None:
        self._opening = opening
        self._texts: dict[int, JsonText] = {}
        self._last: dict[int, int] = {}

    def feed(self, events: list[StreamEvent]) -> list[StreamEvent]:
        out: list[StreamEvent] = []
        for event in events:
            match event:
                case TextDelta():
                    self._last[event.choice] = event.index
                    text = self._texts.setdefault(event.choice, JsonText(self._opening))
                    piece = text.feed(event.text)
                    if piece:
                        out.append(replace(event, text=piece, logprobs=()))
                case CitationDelta():
                    pass  # its place in the text is no longer where it was
                case Finish():
                    rest = self._texts[event.choice].close() if event.choice in self._texts else ""
                    if rest:
                        at = self._last[event.choice]
                        out.append(TextDelta(text=rest, index=at, choice=event.choice))
                    out.append(event)
                case _:
                    out.append(event)
        return out

    def whole(self, response: ChatResponse) -> ChatResponse:
        return replace(response, choices=fold(self.feed(unfold(response))).choices)


class ToolReader:
    """Of each choice, the arguments of its first call; of one without a call, the JSON in its text."""

    def __init__(self) -> None:
        self._calls: dict[int, int] = {}
        self._texts: dict[int, list[StreamEvent]] = {}

    def feed(self, events: list[StreamEvent]) -> list[StreamEvent]:
        out: list[StreamEvent] = []
        for event in events:
            match event:
                case ToolCallDelta():
                    index = self._calls.setdefault(event.choice, event.index)
                    if index == event.index and event.arguments:
                        said = TextDelta(text=event.arguments, index=index, choice=event.choice)
                        out.append(said)
                case TextDelta() | CitationDelta():
                    self._texts.setdefault(event.choice, []).append(event)
                case Finish() if event.choice in self._calls:
                    reason = "stop" if event.reason == "tool_calls" else event.reason
                    out.append(replace(event, reason=reason))
                case Finish():
                    out += TextReader().feed([*self._texts.pop(event.choice, ()), event])
                case _:
                    out.append(event)
        return out

    def whole(self, response: ChatResponse) -> ChatResponse:
        return replace(response, choices=fold(self.feed(unfold(response))).choices)
