"""What was asked and answered, as the conventions' event has it: only where the operator asks for it.

Source: https://github.com/open-telemetry/semantic-conventions/blob/v1.41.1/docs/gen-ai/gen-ai-events.md,
2026-11-21.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence, Sized
from typing import Any

import msgspec

from modelway.call import Call, Reply
from modelway.dialects import dialect, requested
from modelway.errors import LLMError
from modelway.fold import Fold, generated_chars
from modelway.observe.otel import wire
from modelway.observe.otel.attributes import Attributes
from modelway.observe.otel.tracing import Span
from modelway.ports import Clock
from modelway.types import (
    JSON,
    Audio,
    ChatRequest,
    ChatResponse,
    File,
    Image,
    Message,
    Opaque,
    Part,
    PartDelta,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)

EVENT = "gen_ai.client.inference.operation.details"
_MOST_CHARS = 32 * 1024
"""Of what is recorded of a question, and of an answer."""
_MOST_ASKED_BYTES = 1024 * 1024
"""Of a client's request that is read for this: a larger one would hold up others."""
_MOST_BYTES = 256 * 1024
"""Of an answer that is kept until it is read for this."""
_EACH = 32
"""What a part or a message counts beside its text."""
_OPERATIONS = ("chat", "complete")


class Keeping:
    """An answer, kept until it is over as far as it is recorded."""

    def __init__(self, call: Call, reply: Reply) -> None:
        self._call = call
        self._reply = reply
        self._fold: Fold | None = None
        self._pieces: list[bytes] = []
        self._left = _MOST_BYTES

    def see(self, batch: Sized) -> None:
        """For a stream's ``on_batch``."""
        if self._left <= 0:
            return
        if isinstance(batch, bytes):
            self._pieces.append(batch[: self._left])
            self._left -= len(batch)
        elif isinstance(batch, list):
            self._fold = self._fold or Fold()
            for event in batch:
                if not isinstance(event, PartDelta):  # it would be left out
                    self._fold.add(event)
                    self._left -= generated_chars(event) + _EACH

    def response(self) -> ChatResponse | None:
        """As far as it was kept, and can be read."""
        if isinstance(self._reply.value, ChatResponse):
            return self._reply.value
        if self._fold is None and self._call.body is not None:
            codec = dialect(self._call.body.dialect).upstream.get(self._call.operation)
            body = self._reply.body
            try:
                if codec is not None and body is not None and len(body) <= _MOST_BYTES:
                    value = codec.decode(body)
                    return value if isinstance(value, ChatResponse) else None
                if codec is not None and codec.decoder is not None and self._pieces:
                    self._fold = Fold()
                    for event in codec.decoder().feed(b"".join(self._pieces)):
                        self._fold.add(event)
            except LLMError:
                return None
        return None if self._fold is None else self._fold.response()


class Contents:
    """Tells one event a call, which belongs to the call's span."""

    def __init__(self, emit: Callable[[bytes], None], clock: Clock) -> None:
        self._emit = emit
        self._time = clock.time

    def tell(self, span: Span, call: Call, said: Attributes, keeping: Keeping | None) -> None:
        """Of a call that was sampled, with what its span says."""
        if call.operation not in _OPERATIONS:
            return
        attributes: dict[str, Any] = dict(said)
        request = None
        if call.body is None or call.body.size_bytes <= _MOST_ASKED_BYTES:
            with contextlib.suppress(LLMError):  # it was refused for that
                request = requested(call)
        if isinstance(request, ChatRequest):
            attributes["gen_ai.input.messages"] = questions(request.messages)
        response = None if keeping is None else keeping.response()
        if response is not None:
            attributes["gen_ai.output.messages"] = answers(response)
        context = span.context
        self._emit(
            wire.event(
                name=EVENT,
                trace=context.trace_id,
                span_id=context.span_id,
                flags=context.trace_flags,
                at_ns=int(self._time() * 1e9),
                said=attributes,
            )
        )


def questions(messages: Sequence[Message]) -> list[JSON]:
    """The newest messages, as many as there is room for, in their order."""
    room = _Room()
    said: list[JSON] = []
    for message in reversed(messages):
        if room.left <= 0:
            break
        said.append({"role": message.role, "parts": room.parts(message.parts)})
    return said[::-1]


def answers(response: ChatResponse) -> list[JSON]:
    """One message a choice."""
    room = _Room()
    return [
        {
            "role": choice.message.role,
            "parts": room.parts(choice.message.parts),
            "finish_reason": choice.raw_finish_reason or choice.finish_reason,
        }
        for choice in response.choices
    ]


class _Room:
    """Writes parts down until so much is written."""

    def __init__(self) -> None:
        self.left = _MOST_CHARS

    def parts(self, parts: Iterable[Part]) -> list[JSON]:
        """Those of one message."""
        self.left -= _EACH
        said = []
        for part in parts:
            if self.left <= 0:
                break
            self.left -= _EACH
            said.append(self._part(part))
        return said

    def _part(self, part: Part) -> JSON:
        match part:
            case Text() | Refusal():
                return {"type": "text", "content": self._text(part.text)}
            case Reasoning():
                return {"type": "reasoning", "content": self._text(part.text)}
            case ToolCall():
                return {
                    "type": "tool_call",
                    "id": self._text(part.id),
                    "name": self._text(part.name),
                    "arguments": self._json(part.arguments),
                }
            case ToolResult():
                return {
                    "type": "tool_call_response",
                    "id": self._text(part.call_id),
                    "response": self.parts(part.parts),
                }
            case Image() | Audio() | File() | Opaque():
                return {"type": type(part).__name__.lower(), "left_out": True}

    def _text(self, text: str) -> str:
        text = text[: max(0, self.left)]
        self.left -= len(text)
        return text

    def _json(self, text: str) -> Any:
        """What is written in the text, where all of it fits."""
        fits = len(text) <= self.left
        text = self._text(text)
        if not fits:
            return text
        try:
            return msgspec.json.decode(text, type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError):
            return text
