"""Events written as a stream for a client of Bedrock's ConverseStream.

Blocks have dense indexes and, but for parallel calls whose arguments interleave, follow one another:
a block is closed when another part begins. A text has no start, as in Bedrock's own streams.
Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html,
2026-11-21.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, assert_never

import msgspec

from modelway.dialects import carried
from modelway.dialects.bedrock_converse.answer import (
    write_block,
    write_call_signature,
    write_citation,
    write_state,
)
from modelway.dialects.bedrock_converse.content import arguments_object
from modelway.dialects.bedrock_converse.faults import stream_refusal
from modelway.dialects.bedrock_converse.usage import stop_reason, write_usage
from modelway.errors import LLMError, StreamInterruptedError
from modelway.framing.eventstream import frame
from modelway.framing.fields import Fields
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
    ToolCallDelta,
    Usage,
)

_Key: TypeAlias = tuple[str, int]
"""A kind of block, and the index of its part in our events."""

_encode = msgspec.json.encode


class _Block:
    """An open block. ``id`` and ``arguments`` are a call's."""

    __slots__ = ("arguments", "id", "index")

    def __init__(self, index: int, id: str) -> None:
        self.index = index
        self.id = id
        self.arguments: list[str] = []


class Encoder:
    """Events → bytes of a stream. See ``ports.Encoder``. Choices after the first are left out."""

    def __init__(self) -> None:
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
        self._leave()
        for key in list(self._open):
            self._close(key)
        reason = stop_reason(finish.reason, finish.raw_reason, finish.stop_sequence)
        stop: JSON = {"stopReason": reason}
        if finish.stop_sequence is not None:
            stop["additionalModelResponseFields"] = {"stop_sequence": finish.stop_sequence}
        self._emit("messageStop", stop)
        self._emit("metadata", {"usage": write_usage(self._usage), "metrics": {"latencyMs": 0}})
        self._ended = True
        return self._taken()

    def fail(self, error: LLMError) -> bytes:
        if self._ended:
            return b""
        self._ended = True
        code, payload = stream_refusal(error)
        headers = {
            ":exception-type": code,
            ":content-type": "application/json",
            ":message-type": "exception",
        }
        return self._taken() + frame(headers, payload)

    def _taken(self) -> bytes:
        taken = b"".join(self._out)
        self._out.clear()
        return taken

    def _write(self, event: StreamEvent) -> None:
        if isinstance(event, Start):
            self._begin_message()
            self._usage = event.usage or self._usage
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
                    self._delta(self._block(("text", event.index)), {"text": event.text})
            case ReasoningDelta():
                self._write_reasoning(event)
            case ToolCallDelta():
                self._write_call(event)
            case CitationDelta():
                citation = write_citation(event.citation)
                self._delta(self._block(("text", event.index)), {"citation": citation})
            case PartDelta():
                for whole in write_block(event.part):
                    self._write_whole(whole)
            case _:
                assert_never(event)

    def _begin_message(self) -> None:
        if not self._started:
            self._started = True
            self._emit("messageStart", {"role": "assistant"})

    def _write_reasoning(self, event: ReasoningDelta) -> None:
        key = ("reasoning", event.index)
        if key != self._current:
            self._leave()
            self._current = key
        if event.text:
            block = self._open.get(key) or self._keep(key, None)
            self._delta(block, {"reasoningContent": {"text": event.text}})
        self._state = carried.joined(self._state, event)

    def _end_thought(self, key: _Key) -> None:
        block, state, self._state = self._open.get(key), self._state, carried.NOTHING
        signature, redacted = write_state("said" if block else "", state)
        if signature:
            block = block or self._keep(key, None)
            self._delta(block, {"reasoningContent": {"signature": signature}})
        if block:
            self._close(key)
        if redacted is not None:
            self._write_whole({"reasoningContent": {"redactedContent": redacted}})

    def _write_call(self, event: ToolCallDelta) -> None:
        key = ("toolUse", event.index)
        known = self._open.get(key) or self._ended_calls.get(key)
        for sealed in write_call_signature(known.id if known else event.id or "", event.signature):
            self._write_whole(sealed)
        if key in self._ended_calls and not event.arguments.strip():
            return
        start = {
            "toolUse": {
                "toolUseId": event.id or f"tooluse_{event.index}",
                "name": event.name or "",
            }
        }
        block = self._ended_calls.get(key) or self._block(key, start)
        if event.arguments:
            block.arguments.append(event.arguments)
            self._delta(block, {"toolUse": {"input": event.arguments}})

    def _write_whole(self, content: JSON) -> None:
        """A block in one delta, in the stream's form of its kind; kinds without one are left out."""
        for kind, said in content.items():
            start: JSON | None = None
            fields: JSON = said if isinstance(said, dict) else {}
            match kind:
                case "text" | "reasoningContent":
                    delta = said
                case "toolUse":
                    start = {name: fields[name] for name in fields if name != "input"}
                    delta = {"input": _encode(fields.get("input", {})).decode()}
                case "toolResult":
                    start = {name: fields[name] for name in fields if name != "content"}
                    delta = fields.get("content", [])
                case "image" if fields.keys() >= {"format", "source"}:
                    start, delta = {"format": fields["format"]}, {"source": fields["source"]}
                case _:
                    continue
            self._leave()
            block = self._open_block(None if start is None else {kind: start})
            self._delta(block, {kind: delta})
            self._emit("contentBlockStop", {"contentBlockIndex": block.index})

    def _block(self, key: _Key, start: JSON | None = None) -> _Block:
        """The open block of this key; the block before it is left."""
        if key == self._current:
            return self._open[key]
        self._leave()
        self._current = key
        return self._open.get(key) or self._keep(key, start)

    def _keep(self, key: _Key, start: JSON | None) -> _Block:
        block = self._open[key] = self._open_block(start)
        return block

    def _open_block(self, start: JSON | None) -> _Block:
        id_ = (start or {}).get("toolUse", {}).get("toolUseId", "")
        block = _Block(self._blocks, id_)
        self._blocks += 1
        if start is not None:
            self._emit("contentBlockStart", {"start": start, "contentBlockIndex": block.index})
        return block

    def _leave(self) -> None:
        """Close the current block, unless it is a call whose arguments are still to come."""
        self._begin_message()
        key, self._current = self._current, None
        if key is None:
            return
        if key[0] == "reasoning":
            self._end_thought(key)
        elif key[0] != "toolUse":
            self._close(key)
        elif (block := self._open[key]).arguments and arguments_object("".join(block.arguments)):
            self._ended_calls[key] = block
            self._close(key)

    def _close(self, key: _Key) -> None:
        self._emit("contentBlockStop", {"contentBlockIndex": self._open.pop(key).index})

    def _delta(self, block: _Block, delta: JSON) -> None:
        self._emit("contentBlockDelta", {"delta": delta, "contentBlockIndex": block.index})

    def _emit(self, name: str, content: JSON) -> None:
        headers = {
            ":event-type": name,
            ":content-type": "application/json",
            ":message-type": "event",
        }
        self._out.append(frame(headers, _encode(content)))


def encoder(fields: Fields) -> Encoder:  # noqa: ARG001 - nothing asked changes the stream's form
    return Encoder()
