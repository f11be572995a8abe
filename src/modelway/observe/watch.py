"""The middleware that tells observers of a call's beginning, chunks and end."""

from __future__ import annotations

import platform
from collections.abc import Sized
from typing import Any

from modelway.call import Call, Reply, Stream
from modelway.errors import LLMError
from modelway.observe.events import Bus, CallEvent, EventName
from modelway.ports import Clock, Handler, Middleware
from modelway.types import ChatRequest, ChatResponse, Text, Usage


def observing(bus: Bus, clock: Clock) -> Middleware:
    """Tells the bus of every call that passes."""
    node = platform.node()

    async def observe(call: Call, inner: Handler) -> Reply:
        watch = _Watch(bus, clock, call, node)
        watch.tell("llm.request.start", prompt_chars=_prompt_chars(call))
        try:
            reply = await inner(call)
        except LLMError as error:
            watch.failed(error)
            raise
        except BaseException as error:
            watch.tell("llm.request.error", error=type(error).__name__)
            raise
        watch.answered(reply)
        return reply

    return observe


class _Watch:
    """One call as it is seen by the observers."""

    def __init__(self, bus: Bus, clock: Clock, call: Call, node: str) -> None:
        self._bus = bus
        self._clock = clock
        self._call = call
        self._node = node
        self._started = clock.monotonic()
        self._first: float | None = None
        self._answerer: dict[str, Any] = {}
        self._stream: Stream | None = None

    def tell(self, name: EventName, **facts: Any) -> None:
        call = self._call
        self._bus.emit(
            CallEvent(
                name=name,
                call=call.id,
                time=self._clock.time(),
                model=call.model,
                operation=call.operation,
                tenant=call.tenant,
                node=self._node,
                metadata=dict(call.request.metadata)
                if isinstance(call.request, ChatRequest)
                else {},
                **self._answerer,
                **facts,
            )
        )

    def _elapsed_s(self) -> float:
        return self._clock.monotonic() - self._started

    def failed(self, error: LLMError) -> None:
        if error.provider:
            self._answerer["provider"] = error.provider
        self.tell(
            "llm.request.error",
            error=type(error).__name__,
            status=error.status,
            duration_s=self._elapsed_s(),
        )

    def answered(self, reply: Reply) -> None:
        self._answerer = {
            "provider": reply.deployment.provider.name,
            "deployment": reply.deployment.id,
            "cached": reply.cached,
        }
        stream: Stream | None = reply.chunks or reply.events
        if stream is not None:
            self._first = self._elapsed_s()
            self.tell("llm.stream.start", time_to_first_token_s=self._first)
            self._stream = stream
            stream.on_batch.append(self._batch)
            stream.on_settled.append(self._settled)
            return
        usage = reply.usage
        self.tell(
            "llm.request.complete",
            duration_s=self._elapsed_s(),
            response_chars=_response_chars(reply),
            **_tokens(usage),
        )

    def _batch(self, batch: Sized) -> None:
        del batch
        self.tell("llm.stream.chunk", duration_s=self._elapsed_s())

    def _settled(self, usage: Usage | None, error: LLMError | None) -> None:
        facts: dict[str, Any] = {
            "duration_s": self._elapsed_s(),
            "time_to_first_token_s": self._first,
            **_tokens(usage),
        }
        if error is not None:
            self.tell("llm.request.error", error=type(error).__name__, **facts)
            return
        facts["response_chars"] = self._stream.received_chars if self._stream is not None else None
        self.tell("llm.stream.complete", **facts)
        self.tell("llm.request.complete", **facts)


def _tokens(usage: Usage | None) -> dict[str, int | None]:
    if usage is None:
        return {}
    return {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}


def _prompt_chars(call: Call) -> int | None:
    if isinstance(call.request, ChatRequest):
        return sum(
            len(part.text)
            for message in call.request.messages
            for part in message.parts
            if isinstance(part, Text)
        )
    if call.body is not None and "messages" in call.body.fields:
        return len(memoryview(call.body.fields["messages"]))
    return None


def _response_chars(reply: Reply) -> int | None:
    if isinstance(reply.value, ChatResponse):
        return len(reply.value.text)
    return len(reply.body) if reply.body is not None else None
