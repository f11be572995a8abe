"""A provider's stream forwarded to a client of the same dialect, watched on the way."""

from __future__ import annotations

import re

from modelway.dialects.openai_responses.decoder import FOREIGN, INTERRUPTED, raise_fault
from modelway.dialects.openai_responses.reading import CALLS
from modelway.dialects.openai_responses.wire import Answer, events, finish_reason, items, read
from modelway.dialects.openai_wire.usage import read as read_usage
from modelway.errors import LLMError, ResponseError, StreamInterruptedError
from modelway.framing.sse import Borders, parse
from modelway.types import FinishReason, Usage

_BLANK = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")

_GENERATED = frozenset(
    {
        "response.output_text.delta",
        "response.function_call_arguments.delta",
        "response.reasoning_summary_text.delta",
        "response.reasoning_text.delta",
        "response.refusal.delta",
        "response.custom_tool_call_input.delta",
        "response.code_interpreter_call_code.delta",
        "response.mcp_call_arguments.delta",
    }
)


class Relay:
    """``ports.Relay`` for the Responses API.

    An event that is an error is not forwarded: it is in ``error``, and leaves as every other error
    does. What follows the end of the response, as some hosts' ``[DONE]``, is forwarded.
    """

    __slots__ = (
        "_borders",
        "_called",
        "_ended",
        "_known",
        "_seen",
        "error",
        "finish",
        "received_chars",
        "usage",
    )

    def __init__(self) -> None:
        self.error: LLMError | None = None
        self.usage: Usage | None = None
        self.finish: FinishReason | None = None
        self.received_chars = 0
        self._borders = Borders()
        self._called = False
        self._ended = False
        self._seen = False
        self._known = False

    def feed(self, data: bytes) -> bytes:
        if self.error is not None:
            return b""
        try:
            whole = self._borders.feed(data)
        except ResponseError as error:
            self.error = error
            return b""
        return self._watch(whole) if whole else b""

    def close(self) -> bytes:
        if self.error is not None:
            return b""
        rest = self._borders.close()
        out = b"" if rest.strip() else rest  # the other half of a CR LF
        if any(event.data.strip() for event in parse(rest + b"\n\n")):
            out = self._watch(rest + b"\n\n")
        self.error = self._fault()
        return out

    def _fault(self) -> LLMError | None:
        """Half an event at the very end is a cut, not an unreadable answer."""
        error = self.error
        if isinstance(error, ResponseError):
            return StreamInterruptedError(INTERRUPTED)
        if error is not None or self._ended:
            return error
        foreign = self._seen and not self._known
        return ResponseError(FOREIGN) if foreign else StreamInterruptedError(INTERRUPTED)

    def _watch(self, whole: bytes) -> bytes:
        """The bytes up to a fault."""
        position = 0
        if b"\r" not in whole:
            for block in whole.split(b"\n\n"):
                if block and not self._passes(block):
                    return whole[:position]
                position += len(block) + 2
            return whole
        for blank in _BLANK.finditer(whole):
            if not self._passes(whole[position : blank.start()]):
                return whole[:position]
            position = blank.end()
        return whole

    def _passes(self, block: bytes) -> bool:
        try:
            name, newline, data = block.partition(b"\ndata: ")
            if newline and name.startswith(b"event: ") and b"\n" not in data:
                self._learn(data)
            else:
                for event in parse(block + b"\n\n"):
                    self._learn(event.data)
        except LLMError as error:
            self.error = error
        return self.error is None

    def _learn(self, data: bytes) -> None:
        if self._ended or not data or data == b"[DONE]":
            return
        event = read(events, data)
        self._seen = True
        answer = event.response
        if answer is not None and answer.usage:
            self.usage = read_usage(answer.usage)
        raise_fault(event)
        if not event.type.startswith("response."):
            return
        self._known = True
        if event.type in _GENERATED:
            if isinstance(event.delta, str):
                self.received_chars += len(event.delta)
        elif event.type == "response.output_item.added":
            self._called = self._called or read(items, event.item).type in CALLS
        elif event.type in {"response.completed", "response.incomplete"} and answer is not None:
            self.finish = finish_reason(answer, self._called or _calls(answer))[0]
            self._ended = True


def _calls(answer: Answer) -> bool:
    return any(read(items, raw).type in CALLS for raw in answer.output or ())


def relay(hide_usage: bool) -> Relay:  # noqa: ARG001 - usage is part of every stream of this API
    return Relay()
