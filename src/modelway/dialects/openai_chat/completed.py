"""A text completion's answer as its clients read it, whole and in chunks."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.dialects.openai_chat import usage as usages
from modelway.dialects.openai_chat.completions import logprobs_out
from modelway.dialects.openai_chat.downstream import finish_out
from modelway.dialects.openai_chat.encoder import wants_usage
from modelway.dialects.openai_chat.wire import JSON
from modelway.dialects.openai_wire.body import encode_json
from modelway.dialects.openai_wire.faults import refuse
from modelway.errors import LLMError, StreamInterruptedError
from modelway.framing.fields import Fields
from modelway.framing.sse import frame
from modelway.types import (
    ChatResponse,
    Choice,
    Finish,
    FinishReason,
    Refusal,
    RefusalDelta,
    Start,
    StreamEvent,
    Text,
    TextDelta,
    Usage,
)


def encode(response: ChatResponse) -> bytes:
    """What a model said in words; it has called nothing."""
    body: JSON = {
        "id": response.id,
        "object": "text_completion",
        "created": response.created or 0,
        "model": response.model,
        "choices": [_choice(choice, number) for number, choice in enumerate(response.choices)],
    }
    usage = usages.write(response.usage)
    if usage is not None:
        body["usage"] = usage
    return encode_json(body)


def _choice(choice: Choice, number: int) -> JSON:
    parts = choice.message.parts
    return {
        "text": "".join([part.text for part in parts if isinstance(part, Text | Refusal)]),
        "index": number,
        "logprobs": logprobs_out(choice.logprobs, 0),
        "finish_reason": _finish(choice.finish_reason),
    }


def _finish(reason: FinishReason) -> str:
    """Source: OpenAPI 2.3.0, CreateCompletionResponse: stop, length, content_filter, 2026-11-21."""
    return "stop" if reason == "tool_calls" else finish_out(reason)


class CompletionEncoder:
    """``ports.Encoder`` for text completion."""

    def __init__(self, fields: Fields) -> None:
        self._include_usage = wants_usage(fields)
        self._head: JSON = {}
        self._offsets: dict[int, int] = {}
        """Choice → characters of its text so far."""
        self._begun: set[int] = set()
        self._finished: set[int] = set()
        self._usage: Usage | None = None
        self._ended = False
        self._start(Start())

    def feed(self, events: Sequence[StreamEvent]) -> bytes:
        if self._ended:
            return b""
        pieces: list[bytes] = []
        for event in events:
            match event:
                case Start():
                    self._start(event)
                    self._usage = event.usage
                    self._begun.add(0)
                case TextDelta():
                    logprobs = logprobs_out(event.logprobs, self._offsets.get(event.choice, 0))
                    pieces.append(self._said(event.choice, event.text, logprobs))
                case RefusalDelta():
                    pieces.append(self._said(event.choice, event.text, None))
                case Finish():
                    self._usage = event.usage or self._usage
                    self._begun.add(event.choice)
                    self._finished.add(event.choice)
                    pieces.append(self._chunk(event.choice, "", None, _finish(event.reason)))
                case _:
                    self._begun.add(event.choice)
        return b"".join(pieces)

    def close(self) -> bytes:
        """Usage, where it was asked for and is known, and the end."""
        if self._ended:
            return b""
        if not self._finished or self._begun - self._finished:
            return self.fail(StreamInterruptedError("the stream ended before its end"))
        self._ended = True
        usage = usages.write(self._usage) if self._usage is not None else None
        last = b""
        if self._include_usage and usage is not None:
            last = frame(encode_json({**self._head, "choices": [], "usage": usage}))
        return last + b"data: [DONE]\n\n"

    def fail(self, error: LLMError) -> bytes:
        if self._ended:
            return b""
        self._ended = True
        return frame(refuse(error)[1])

    def _start(self, event: Start) -> None:
        self._head = {
            "id": event.id,
            "object": "text_completion",
            "created": event.created or 0,
            "model": event.model,
        }

    def _said(self, choice: int, text: str, logprobs: JSON | None) -> bytes:
        self._begun.add(choice)
        self._offsets[choice] = self._offsets.get(choice, 0) + len(text)
        return self._chunk(choice, text, logprobs, None)

    def _chunk(self, choice: int, text: str, logprobs: JSON | None, finish: str | None) -> bytes:
        written = {"text": text, "index": choice, "logprobs": logprobs, "finish_reason": finish}
        chunk = {**self._head, "choices": [written]}
        if self._include_usage:
            chunk["usage"] = None
        return frame(encode_json(chunk))
