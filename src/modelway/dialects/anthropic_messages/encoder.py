"""Events written as a stream for a client of Anthropic's Messages API.

Blocks have dense indexes and, but for parallel calls whose arguments interleave, follow one another:
a block is closed when another part begins.
Source: https://platform.claude.com/docs/en/build-with-claude/streaming, 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, assert_never

import msgspec

from modelway.dialects import carried
from modelway.dialects.anthropic_messages.answer import (
    is_afterthought,
    write_block,
    write_call_signature,
    write_citation,
    write_state,
)
from modelway.dialects.anthropic_messages.content import arguments_object
from modelway.dialects.anthropic_messages.downstream import model_told
from modelway.dialects.anthropic_messages.faults import refuse
from modelway.dialects.anthropic_messages.usage import stop_reason, write_usage
from modelway.errors import LLMError, StreamInterruptedError
from modelway.framing.fields import Fields
from modelway.framing.sse import frame
from modelway.types import (
    JSON,
    CitationDelta,
    Finish,
    PartDelta,
    Reasoning,
    ReasoningDelta,
    RefusalDelta,
    Start,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    Usage,
)

_Key: TypeAlias = tuple[str, int]
"""A kind of block, and the index of its part in our events."""

_encode = msgspec.json.encode
_THINKING: JSON = {"type": "thinking", "thinking": "", "signature": ""}


class _Block:
    """An open block. ``id`` and ``arguments`` are a call's."""

    __slots__ = ("arguments", "id", "index")

    def __init__(self, index: int, id: str) -> None:
        self.index = index
        self.id = id
        self.arguments: list[str] = []


class Encoder:
    """Events → bytes of a stream. See ``ports.Encoder``. Choices after the first are left out."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._out: list[bytes] = []
        self._blocks = 0
        self._open: dict[_Key, _Block] = {}
        self._current: _Key | None = None
        self._ended_calls: dict[_Key, _Block] = {}
        self._state = carried.NOTHING
        """Of the thought that is current: it waits for its end, where clients expect it whole."""
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
        if self._blocks and self._thinks_last():
            self._current = None
        self._leave()
        self._close_all()
        reason = stop_reason(finish.reason, finish.raw_reason, finish.stop_sequence)
        self._emit(
            "message_delta",
            {
                "delta": {"stop_reason": reason, "stop_sequence": finish.stop_sequence},
                "usage": write_usage(self._usage),
            },
        )
        self._emit("message_stop", {})
        self._ended = True
        return self._taken()

    def fail(self, error: LLMError) -> bytes:
        if self._ended:
            return b""
        self._ended = True
        return self._taken() + frame(refuse(error)[1], "error")

    def _taken(self) -> bytes:
        taken = b"".join(self._out)
        self._out.clear()
        return taken

    def _write(self, event: StreamEvent) -> None:
        if isinstance(event, Start):
            self._begin_message(event)
            return
        if isinstance(event, Finish):
            self._usage = event.usage or self._usage
            if event.choice == 0:
                self._finish = event
            return
        if event.choice != 0:
            return
        match event:
            case TextDelta() | RefusalDelta():
                if event.text:
                    self._write_text(("text", event.index), event.text)
            case ReasoningDelta():
                self._write_reasoning(event)
            case ToolCallDelta():
                self._write_call(event)
            case CitationDelta():
                block = self._block(("text", event.index), {"type": "text", "text": ""})
                citation = write_citation(event.citation)
                self._delta(block, {"type": "citations_delta", "citation": citation})
            case PartDelta():
                for whole in write_block(event.part):
                    self._write_whole(whole)
            case _:
                assert_never(event)

    def _begin_message(self, start: Start | None) -> None:
        if self._started:
            return
        self._started = True
        start = start or Start()
        self._usage = start.usage
        message: JSON = {
            "id": start.id,
            "type": "message",
            "role": "assistant",
            "model": model_told(start.model, self._fields),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(start.usage),
        }
        self._emit("message_start", {"message": message})

    def _write_text(self, key: _Key, text: str) -> None:
        block = self._block(key, {"type": "text", "text": ""})
        self._out.append(
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,'
            b'"delta":{"type":"text_delta","text":%b}}\n\n' % (block.index, _encode(text))
        )

    def _write_reasoning(self, event: ReasoningDelta) -> None:
        key = ("thinking", event.index)
        if key != self._current:
            self._leave()
            self._current = key
        if event.text:
            block = self._open.get(key) or self._begin_block(key, _THINKING)
            self._delta(block, {"type": "thinking_delta", "thinking": event.text})
        self._state = carried.joined(self._state, event)

    def _thinks_last(self) -> bool:
        thinking = self._current is not None and self._current[0] == "thinking"
        if not thinking or self._current in self._open:
            return False
        return is_afterthought(Reasoning(text="", format=self._state.format))

    def _end_thought(self, key: _Key) -> None:
        block, state, self._state = self._open.get(key), self._state, carried.NOTHING
        signature, redacted = write_state("said" if block else "", state)
        if signature:
            block = block or self._begin_block(key, _THINKING)
            self._delta(block, {"type": "signature_delta", "signature": signature})
        if block:
            self._close(key)
        if redacted is not None:
            self._write_whole({"type": "redacted_thinking", "data": redacted})

    def _write_call(self, event: ToolCallDelta) -> None:
        key = ("tool_use", event.index)
        known = self._open.get(key) or self._ended_calls.get(key)
        for sealed in write_call_signature(known.id if known else event.id or "", event.signature):
            self._write_whole(sealed)
        if key in self._ended_calls and not event.arguments.strip():
            return
        block = self._ended_calls.get(key) or self._block(
            key,
            {
                "type": "tool_use",
                "id": event.id or f"toolu_{event.index}",
                "name": event.name or "",
                "input": {},
            },
        )
        if event.arguments:
            block.arguments.append(event.arguments)
            self._delta(block, {"type": "input_json_delta", "partial_json": event.arguments})

    def _write_whole(self, content: JSON) -> None:
        self._leave()
        index = self._blocks
        self._blocks += 1
        self._emit("content_block_start", {"index": index, "content_block": content})
        self._emit("content_block_stop", {"index": index})

    def _block(self, key: _Key, content: JSON) -> _Block:
        """The open block of this key; the block before it is left."""
        if key == self._current:
            return self._open[key]
        self._leave()
        self._current = key
        return self._open.get(key) or self._begin_block(key, content)

    def _begin_block(self, key: _Key, content: JSON) -> _Block:
        block = self._open[key] = _Block(self._blocks, content.get("id", ""))
        self._blocks += 1
        self._emit("content_block_start", {"index": block.index, "content_block": content})
        return block

    def _leave(self) -> None:
        """Close the current block, unless it is a call whose arguments are still to come."""
        self._begin_message(None)
        key, self._current = self._current, None
        if key is None:
            return
        if key[0] == "thinking":
            self._end_thought(key)
        elif key[0] != "tool_use":
            self._close(key)
        elif (block := self._open[key]).arguments and arguments_object("".join(block.arguments)):
            self._ended_calls[key] = block
            self._close(key)

    def _close_all(self) -> None:
        for key in list(self._open):
            self._close(key)

    def _close(self, key: _Key) -> None:
        self._emit("content_block_stop", {"index": self._open.pop(key).index})

    def _delta(self, block: _Block, delta: JSON) -> None:
        self._emit("content_block_delta", {"index": block.index, "delta": delta})

    def _emit(self, name: str, content: JSON) -> None:
        self._out.append(frame(_encode({"type": name, **content}), name))


def encoder(fields: Fields) -> Encoder:
    return Encoder(fields)
