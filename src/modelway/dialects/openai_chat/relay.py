"""A provider's stream on its way to a client of the same dialect: the same bytes, watched."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from modelway.dialects.openai_chat.assembly import FINISH
from modelway.dialects.openai_chat.decoder import DONE, NO_CHOICES, error_in
from modelway.dialects.openai_chat.wire import JSON, read_chunk
from modelway.dialects.openai_wire.usage import read as read_usage
from modelway.errors import LLMError, ResponseError, StreamInterruptedError
from modelway.framing.sse import Borders, parse
from modelway.types import FinishReason, Usage


class _Function(Struct, gc=False):
    arguments: Any = None


class _Call(Struct, gc=False):
    function: _Function | None = None


class _Delta(Struct, gc=False):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: Any = None
    tool_calls: list[_Call] | None = None


class _Choice(Struct, gc=False):
    index: Any = 0
    delta: _Delta | None = None
    text: Any = None
    finish_reason: Any = None
    error: Any = None


class _Chunk(Struct, gc=False):
    """What a relay looks at."""

    choices: list[_Choice] | None = None
    usage: JSON | None = None
    x_groq: Any = None
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode


class ChunkRelay:
    """``ports.Relay`` for Chat Completions."""

    __slots__ = (
        "_begun",
        "_borders",
        "_ended",
        "_finished",
        "_foreign",
        "_hide_usage",
        "error",
        "finish",
        "received_chars",
        "usage",
    )

    def __init__(self, hide_usage: bool) -> None:
        self.error: LLMError | None = None
        self.usage: Usage | None = None
        self.finish: FinishReason | None = None
        self.received_chars = 0
        self._hide_usage = hide_usage
        self._borders = Borders()
        self._begun: set[int] = set()
        self._finished: set[int] = set()
        self._ended = False
        self._foreign = False

    def feed(self, data: bytes) -> bytes:
        if self.error is not None:
            return b""
        try:
            whole = self._borders.feed(data)
        except ResponseError as error:
            self.error = error
            return b""
        if not whole:
            return b""
        out, self.error = self._watch(whole)
        return out

    def close(self) -> bytes:
        """The end of the bytes: clean after ``[DONE]``, or after every choice's finish reason."""
        if self.error is not None:
            return b""
        rest = self._borders.close()
        out = b"" if rest.strip() else rest  # the other half of a CR LF
        error: LLMError | None = None
        if any(event.data.strip() for event in parse(rest + b"\n\n")):
            out, error = self._watch(rest + b"\n\n")
            if isinstance(error, ResponseError):
                error = _interrupted("in the middle of an event")
        whole = self._finished and self._finished >= self._begun
        if error is None and not self._ended and not whole:
            foreign = self._foreign and not self._begun
            error = ResponseError(NO_CHOICES) if foreign else _interrupted("before a finish reason")
        self.error = error
        return out

    def _watch(self, whole: bytes) -> tuple[bytes, LLMError | None]:
        """The bytes that may go on: all, but for a fault and what follows, and a hidden chunk."""
        lines = whole
        if b"\r" in whole:
            lines = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        blocks = lines.split(b"\n\n")
        hidden: set[int] = set()
        for position, block in enumerate(blocks):
            if not block:
                continue
            try:
                shown = self._look(block)
            except LLMError as error:
                return _joined(blocks[:position], hidden), error
            if not shown:
                hidden.add(position)
        return (_joined(blocks[:-1], hidden) if hidden else whole), None

    def _look(self, block: bytes) -> bool:
        """Read one event; False for one that the client is not to see."""
        if block.startswith(b"data: {") and b"\n" not in block:
            data = block[6:]
        else:
            events = parse(block + b"\n\n")
            if not events:
                return True  # a comment, or nothing
            data = events[0].data.strip()
            if data == DONE or not data:
                self._ended = self._ended or data == DONE
                return True
        try:
            chunk = _decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            read_chunk(data)  # raises what is wrong, if it is not only torn text
            return True
        for choice in chunk.choices or ():
            index = choice.index if type(choice.index) is int else 0
            self._begun.add(index)
            if choice.delta is not None:
                self._count(choice.delta)
            elif isinstance(choice.text, str):
                self.received_chars += len(choice.text)
            if choice.finish_reason is not None:
                self._finished.add(index)
                self.finish = FINISH.get(str(choice.finish_reason).lower(), "other")
            if choice.error is not None:
                return self._look_closely(chunk, data)
        if not chunk.choices or chunk.error is not None or chunk.x_groq is not None:
            return self._look_closely(chunk, data)
        if chunk.usage is not None:
            self.usage = read_usage(chunk.usage)
        return True

    def _count(self, delta: _Delta) -> None:
        content = delta.content
        if isinstance(content, str):
            self.received_chars += len(content)
        elif content is not None:
            self.received_chars += len(msgspec.json.encode(content))
        thought = delta.reasoning_content or delta.reasoning
        if thought and isinstance(thought, str):
            self.received_chars += len(thought)
        if delta.refusal and isinstance(delta.refusal, str):
            self.received_chars += len(delta.refusal)
        for call in delta.tool_calls or ():
            if call.function is not None and isinstance(call.function.arguments, str):
                self.received_chars += len(call.function.arguments)

    def _look_closely(self, chunk: _Chunk, data: bytes) -> bool:
        """A chunk without choices, or with what may be an error."""
        whole = read_chunk(data)
        error = error_in(whole, data)
        if error is not None:
            raise error
        self._foreign = self._foreign or (chunk.choices is None and chunk.usage is None)
        raw = whole.usage or (whole.x_groq.usage if whole.x_groq is not None else None)
        if raw:
            self.usage = read_usage(raw)
        return not (self._hide_usage and not chunk.choices and chunk.usage)


def _interrupted(where: str) -> StreamInterruptedError:
    return StreamInterruptedError(f"the provider's stream ended {where}")


def _joined(blocks: list[bytes], hidden: set[int]) -> bytes:
    kept = [block for position, block in enumerate(blocks) if position not in hidden]
    return b"".join([block + b"\n\n" for block in kept])
