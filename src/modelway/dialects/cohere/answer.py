"""The parts of an answer, of whatever provider, written as a message for a client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from modelway.dialects.cohere.citations import CITATION, write_citation
from modelway.dialects.cohere.content import write_call
from modelway.dialects.cohere.wire import NAME, PLAN
from modelway.types import (
    JSON,
    Audio,
    Citation,
    File,
    Image,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)


class Written:
    """What is said, by the field that it stands in. Pictures and files have none."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._content: list[JSON] = []
        self._plan: list[str] = []
        self._calls: list[JSON] = []
        self._cited: list[tuple[Citation, int]] = []
        self._whole: list[JSON] = []
        self._first: int | None = None
        for part in parts:
            self._add(part)

    def _add(self, part: Part) -> None:
        match part:
            case Text():
                index = self._text(part.text)
                self._cited += [(citation, index) for citation in part.citations]
            case Refusal():
                self._text(part.text)
            case Audio():
                if part.transcript:
                    self._text(part.transcript)
            case Reasoning():
                if part.format == PLAN:
                    self._plan.append(part.text)
                elif part.text:
                    self._content.append({"type": "thinking", "thinking": part.text})
            case ToolCall():
                self._calls.append(write_call(part))
            case Opaque():
                if part.dialect == NAME:
                    (self._whole if part.kind == CITATION else self._content).append(part.data)
            case Image() | File() | ToolResult():
                pass
            case _:
                assert_never(part)

    def _text(self, text: str) -> int:
        index = len(self._content)
        if self._first is None:
            self._first = index
        self._content.append({"type": "text", "text": text})
        return index

    def message(self) -> JSON:
        message: JSON = {"role": "assistant"}
        if self._content or not self._calls:
            message["content"] = self._content
        if self._plan:
            message["tool_plan"] = "".join(self._plan)
        if self._calls:
            message["tool_calls"] = self._calls
        citations = [write_citation(one, at, self._first or 0) for one, at in self._cited]
        if citations or self._whole:
            message["citations"] = citations + self._whole
        return message
