"""Events → the chunks that a client of this dialect reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import msgspec
from msgspec import Struct

from modelway.dialects.openai_chat import usage as usages
from modelway.dialects.openai_chat.answer import whole_out
from modelway.dialects.openai_chat.downstream import finish_out, logprobs_out
from modelway.dialects.openai_chat.parts import citation_out
from modelway.dialects.openai_chat.reasoning import details_out
from modelway.dialects.openai_chat.wire import JSON
from modelway.dialects.openai_wire.body import encode_json
from modelway.dialects.openai_wire.faults import refuse
from modelway.errors import LLMError, StreamInterruptedError
from modelway.framing.fields import Fields
from modelway.framing.sse import frame
from modelway.types import (
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


class _StreamOptions(Struct):
    include_usage: bool | None = None


_options = msgspec.json.Decoder(_StreamOptions | None)

_NO_LOGPROBS = b',"logprobs":null,"finish_reason":null}]'


def wants_usage(fields: Fields) -> bool:
    """Whether the client asked for the usage chunk."""
    raw = fields.get("stream_options")
    if raw is None:
        return False
    try:
        options = _options.decode(raw)
    except msgspec.ValidationError:
        return False
    return bool(options is not None and options.include_usage)


class ChunkEncoder:
    """``ports.Encoder`` for Chat Completions."""

    def __init__(self, fields: Fields) -> None:
        self._include_usage = wants_usage(fields)
        self._close = b',"usage":null}\n\n' if self._include_usage else b"}\n\n"
        self._open = b""
        """The beginning of every chunk, up to its choices."""
        self._begun: set[int] = set()
        self._finished: set[int] = set()
        self._calls: dict[int, dict[int, int]] = {}
        """Choice → content index → the call's own number."""
        self._blocks: dict[int, dict[int, int]] = {}
        """Choice → content index → the reasoning block's own number."""
        self._usage: Usage | None = None
        self._ended = False
        self._start(Start())

    def feed(self, events: Sequence[StreamEvent]) -> bytes:
        if self._ended:
            return b""
        pieces: list[bytes] = []
        for event in events:
            if isinstance(event, Start):
                self._start(event)
                self._usage = event.usage
                self._begin(0, pieces)
                continue
            if event.choice not in self._begun:
                self._begin(event.choice, pieces)
            if isinstance(event, Finish):
                self._usage = event.usage or self._usage
                self._finished.add(event.choice)
                pieces.append(self._finish(event))
            elif isinstance(event, TextDelta) and not event.logprobs:
                text = encode_json(event.text)
                pieces.append(self._raw(event.choice, b'{"content":' + text + b"}"))
            else:
                pieces.append(self._delta(event))
        return b"".join(pieces)

    def close(self) -> bytes:
        """Usage, where it was asked for and is known, and the end.

        A choice without its ``Finish`` is no whole answer, and leaves as an error.
        """
        if self._ended:
            return b""
        if not self._finished or self._begun - self._finished:
            return self.fail(StreamInterruptedError("the stream ended before its end"))
        self._ended = True
        usage = usages.write(self._usage) if self._usage is not None else None
        last = b""
        if self._include_usage and usage is not None:
            last = self._open + b'],"usage":' + encode_json(usage) + b"}\n\n"
        return last + b"data: [DONE]\n\n"

    def fail(self, error: LLMError) -> bytes:
        """The error as OpenAI's streams say it; no ``[DONE]``, for the answer is not whole."""
        if self._ended:
            return b""
        self._ended = True
        return frame(refuse(error)[1])

    # ------------------------------------------------------------ chunks

    def _start(self, event: Start) -> None:
        head = {
            "id": event.id,
            "object": "chat.completion.chunk",
            "created": event.created or 0,
            "model": event.model,
        }
        self._open = b"data: " + encode_json(head)[:-1] + b',"choices":['

    def _begin(self, choice: int, pieces: list[bytes]) -> None:
        if choice not in self._begun:
            self._begun.add(choice)
            pieces.append(self._raw(choice, b'{"role":"assistant","content":"","refusal":null}'))

    def _raw(self, choice: int, delta: bytes) -> bytes:
        head = b'%b{"index":%d,"delta":' % (self._open, choice)
        return head + delta + _NO_LOGPROBS + self._close

    def _finish(self, event: Finish) -> bytes:
        written: JSON = {
            "index": event.choice,
            "delta": {},
            "logprobs": None,
            "finish_reason": finish_out(event.reason),
        }
        if event.stop_sequence is not None:
            written["stop_reason"] = event.stop_sequence
        return self._open + encode_json(written) + b"]" + self._close

    def _delta(
        self,
        event: TextDelta
        | ReasoningDelta
        | RefusalDelta
        | ToolCallDelta
        | CitationDelta
        | PartDelta,
    ) -> bytes:
        delta: JSON
        match event:
            case TextDelta():
                written = {
                    "index": event.choice,
                    "delta": {"content": event.text},
                    "logprobs": logprobs_out(event.logprobs),
                    "finish_reason": None,
                }
                return self._open + encode_json(written) + b"]" + self._close
            case ReasoningDelta():
                block = _number(self._blocks, event.choice, event.index)
                delta = {"reasoning_details": details_out(event, block)}
                if event.text:
                    delta["reasoning_content"] = event.text
            case RefusalDelta():
                delta = {"refusal": event.text}
            case ToolCallDelta():
                delta = {"tool_calls": [self._call(event)]}
            case CitationDelta():
                annotation = citation_out(event.citation)
                if annotation is None:
                    return b""
                delta = {"annotations": [annotation]}
            case PartDelta():
                delta = whole_out(event.part)
                if not delta:
                    return b""
                if "tool_calls" in delta:
                    number = _number(self._calls, event.choice, event.index)
                    delta["tool_calls"] = [{"index": number, **delta["tool_calls"][0]}]
            case _:
                assert_never(event)
        return self._raw(event.choice, encode_json(delta))

    def _call(self, event: ToolCallDelta) -> JSON:
        number = _number(self._calls, event.choice, event.index)
        function: JSON = {"arguments": event.arguments}
        written: JSON = {"index": number}
        if event.id is not None:
            written |= {"id": event.id, "type": "function"}
        if event.name is not None:
            function = {"name": event.name, "arguments": event.arguments}
        written["function"] = function
        if event.signature is not None:
            written["extra_content"] = {"google": {"thought_signature": event.signature}}
        return written


def _number(numbers: dict[int, dict[int, int]], choice: int, index: int) -> int:
    """Content indexes have gaps; a client wants 0, 1, 2 … in the order of appearance."""
    known = numbers.setdefault(choice, {})
    return known.setdefault(index, len(known))
