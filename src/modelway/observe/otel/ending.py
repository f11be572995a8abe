"""How the spans of a call and of its attempts end, and what they have learnt by then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from opentelemetry.trace import Span, StatusCode

from modelway.call import Call, Reply, Stream
from modelway.errors import LLMError
from modelway.observe.otel.answering import Watch, answer_attributes, usage_attributes
from modelway.observe.otel.asking import asked_model
from modelway.observe.otel.attributes import Attributes
from modelway.observe.otel.content import Contents, Keeping
from modelway.observe.otel.measures import Measures
from modelway.observe.otel.names import NOBODY, OPERATIONS, provider_name
from modelway.types import Usage

Cost: TypeAlias = Callable[[Usage], int | None]
"""What a usage costs, in pico-dollars; ``None``: its price is not known."""

_CANCELLED = "cancelled"
_LEFT = "left"
"""The code of a stream that its reader did not read to the end."""
_PICO = 10**12


class Trip:
    """What is known of a call while its attempts are made."""

    __slots__ = ("answer", "asked", "cost_pico_usd", "number", "open", "tried")

    def __init__(self, asked: Attributes) -> None:
        self.asked = asked
        self.number = 0
        self.open = 0
        self.tried: set[str] = set()
        self.answer: Attributes | None = None
        """What the attempt that answered has found out of its answer."""
        self.cost_pico_usd: int | None = None

    def begin(self, deployment: str) -> str:
        """Why one more attempt is made."""
        self.number += 1
        if self.number == 1:
            reason = "first"
        elif self.open:
            reason = "hedge"
        else:
            reason = "retry" if deployment in self.tried else "fallback"
        self.tried.add(deployment)
        return reason


def kind_of(error: BaseException | None) -> str | None:
    """For ``error.type``: the class of it, or ``cancelled`` where a caller gave up."""
    if error is None:
        return None
    if isinstance(error, asyncio.CancelledError):
        return _CANCELLED
    if isinstance(error, LLMError) and error.code == _LEFT:
        return _CANCELLED
    return type(error).__name__


def _end(span: Span, attributes: Attributes, error: BaseException | None) -> None:
    """No message of an error is exported: providers quote in them what they were sent."""
    kind = kind_of(error)
    if kind is not None:
        attributes["error.type"] = kind
        if isinstance(error, LLMError) and error.status is not None:
            attributes["http.response.status_code"] = error.status
        if kind != _CANCELLED:
            span.set_status(StatusCode.ERROR)
    span.set_attributes(attributes)
    span.end()


class AttemptSpan:
    """Ends with the attempt, or with the stream that it began."""

    def __init__(
        self,
        span: Span,
        trip: Trip,
        now: Callable[[], float],
        *,
        measured: Attributes,
        measures: Measures | None,
        cost: Cost | None,
    ) -> None:
        self._span = span
        self._trip = trip
        self._now = now
        self._began = now()
        self._measured = measured
        self._measures = measures
        self._cost = cost
        self._first_s: float | None = None
        self._watch: Watch | None = None
        self._told: Attributes = {}

    def answered(self, reply: Reply) -> None:
        """There is an answer, or the beginning of one."""
        stream: Stream | None = reply.chunks or reply.events
        if stream is None:
            if self._span.is_recording():
                self._told = answer_attributes(reply)
            self.settle(reply.usage, None)
            return
        self._first_s = self._now() - self._began
        if self._span.is_recording():
            self._watch = Watch()
            stream.on_batch.append(self._watch.see)
        stream.on_settled.append(self.settle)

    def settle(self, usage: Usage | None, error: BaseException | None) -> None:
        """It is over, with its stream where it was one."""
        took_s = self._now() - self._began
        if self._measures is not None:
            self._measures.client(self._measured, took_s, self._first_s, usage, kind_of(error))
        cost = None if usage is None else _cost(usage, self._cost)
        if cost is not None:
            self._trip.cost_pico_usd = cost + (self._trip.cost_pico_usd or 0)
        if not self._span.is_recording():
            return
        told = self._told if self._watch is None else self._watch.attributes()
        if error is None or self._watch is not None:
            self._trip.answer = told
        said = {**told, **({} if usage is None else usage_attributes(usage))}
        if self._first_s is not None:
            said["gen_ai.response.time_to_first_chunk"] = self._first_s
        if cost is not None:
            said["modelway.cost_usd"] = cost / _PICO
        _end(self._span, said, error)


def _cost(usage: Usage, cost: Cost | None) -> int | None:
    """The provider's own word before ours."""
    if usage.reported_cost_usd is not None:
        return round(usage.reported_cost_usd * _PICO)
    return None if cost is None else cost(usage)


class RequestSpan:
    """Ends with the call, or with the stream of its answer."""

    def __init__(
        self,
        span: Span,
        trip: Trip,
        now: Callable[[], float],
        *,
        call: Call,
        measures: Measures | None,
        contents: Contents | None,
    ) -> None:
        self._span = span
        self._trip = trip
        self._now = now
        self._began = now()
        self._call = call
        self._measures = measures
        self._contents = contents if span.is_recording() else None
        self._first_s: float | None = None
        self._provider = NOBODY
        self._said: Attributes = {}
        self._watch: Watch | None = None
        self._keeping: Keeping | None = None

    def answered(self, reply: Reply) -> None:
        """There is an answer, or the beginning of one."""
        self._provider = provider_name(reply.deployment.provider)
        if reply.cached:
            self._said["modelway.cache.hit"] = reply.cached
            self._said["modelway.cache.age_s"] = reply.age_s
        self._said["modelway.deployment"] = reply.deployment.id
        stream: Stream | None = reply.chunks or reply.events
        if self._contents is not None:
            self._keeping = Keeping(self._call, reply)
        if stream is None:
            if self._trip.answer is None and self._span.is_recording():
                self._trip.answer = answer_attributes(reply)
            self.settle(reply.usage, None)
            return
        self._first_s = self._now() - self._began
        if self._trip.number == 0 and self._span.is_recording():  # nobody else watches it
            self._watch = Watch()
            stream.on_batch.append(self._watch.see)
        if self._keeping is not None:
            stream.on_batch.append(self._keeping.see)
        stream.on_settled.append(self.settle)

    def settle(self, usage: Usage | None, error: BaseException | None) -> None:
        """It is over, with its stream where it was one."""
        took_s = self._now() - self._began
        call = self._call
        if self._measures is not None:
            known = self._provider != NOBODY
            by = self._measures.series.attributes(
                OPERATIONS[call.operation], self._provider, asked_model(call.model) if known else ""
            )
            self._measures.server(by, took_s, self._first_s, usage, kind_of(error))
        if not self._span.is_recording():
            return
        answer = self._trip.answer if self._watch is None else self._watch.attributes()
        said = {**self._said, **(answer or {}), "gen_ai.provider.name": self._provider}
        if usage is not None:
            said |= usage_attributes(usage)
        if self._first_s is not None:
            said["gen_ai.response.time_to_first_chunk"] = self._first_s
        if self._trip.cost_pico_usd is not None:
            said["modelway.cost_usd"] = self._trip.cost_pico_usd / _PICO
        if self._trip.number:
            said["modelway.attempts"] = self._trip.number
        if self._contents is not None:
            self._contents.tell(self._span, call, said, self._keeping)
        _end(self._span, said, error)
