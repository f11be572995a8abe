"""How the spans of a call and of its attempts end, and what they have learnt by then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import wraps
from typing import NamedTuple, ParamSpec, TypeAlias

from modelway.call import Call, Reply, Stream
from modelway.errors import LLMError
from modelway.observe.otel.answering import Watch, answer_attributes
from modelway.observe.otel.asking import asked_model
from modelway.observe.otel.attributes import Attributes, put
from modelway.observe.otel.content import Contents, Keeping
from modelway.observe.otel.measures import Measures, Series
from modelway.observe.otel.names import NOBODY, OPERATIONS, provider_name
from modelway.observe.otel.tracing import Span
from modelway.observe.otel.trip import NO_ANSWER, Answer, Trip, answer
from modelway.types import Usage

Said = ParamSpec("Said")
Cost: TypeAlias = Callable[[Usage], int | None]
"""What a usage costs, in pico-dollars; ``None``: its price is not known."""

_CANCELLED = "cancelled"
_NO_FAILURES = frozenset((None, _CANCELLED))
_LEFT = "left"
"""The code of a stream that its reader did not read to the end."""
_PICO = 10**12
_TOO_DEAR_USD = 1e9


def _harmless(tell: Callable[Said, None]) -> Callable[Said, None]:
    """No call fails because it cannot be told of."""

    @wraps(tell)
    def told(*args: Said.args, **kwargs: Said.kwargs) -> None:
        try:
            tell(*args, **kwargs)
        except Exception:
            logging.getLogger("modelway").exception("telemetry could not be told of a call")

    return told


def kind_of(error: BaseException | None) -> str | None:
    """For ``error.type``: the class of it, or ``cancelled`` where a caller gave up."""
    if error is None:
        return None
    if isinstance(error, asyncio.CancelledError):
        return _CANCELLED
    if isinstance(error, LLMError) and error.code == _LEFT:
        return _CANCELLED
    return type(error).__name__


def _put_error(said: Attributes, error: BaseException | None, kind: str | None) -> None:
    """No message of an error is exported: providers quote in them what they were sent."""
    if kind is None:
        return
    said["error.type"] = kind
    if isinstance(error, LLMError):
        put(said, "http.response.status_code", error.status)


class Attempted(NamedTuple):
    """What is the same for all attempts at a deployment."""

    deployment: str
    encoded: bytes
    """Attributes that are written already."""
    series: Series
    measures: Measures | None
    cost: Cost | None

    def cost_of(self, usage: Usage) -> int | None:
        """The provider's own word before ours."""
        told = usage.reported_cost_usd
        if told is not None and 0 <= told < _TOO_DEAR_USD:
            return round(told * _PICO)
        return None if self.cost is None else self.cost(usage)


class AttemptSpan:
    """Ends with the attempt, or with the stream that it began."""

    def __init__(self, span: Span, trip: Trip, attempted: Attempted, reason: str) -> None:
        self._span = span
        self._trip = trip
        self._attempted = attempted
        self._said: Attributes = {
            "modelway.attempt.number": trip.number,
            "modelway.attempt.reason": reason,
        }
        self._first_s: float | None = None
        self._watch: Watch | None = None
        self._answer: Attributes = {}

    @_harmless
    def answered(self, reply: Reply) -> None:
        """There is an answer, or the beginning of one."""
        stream: Stream | None = reply.chunks or reply.events
        if stream is None:
            if self._span.sampled:
                self._answer = answer_attributes(reply)
            self.settle(reply.usage, None)
            return
        if self._trip.streams:
            self._first_s = self._span.elapsed_s()
            if self._span.sampled:
                self._watch = Watch()
                stream.on_batch.append(self._watch.see)
        stream.on_settled.append(self.settle)

    @_harmless
    def settle(self, usage: Usage | None, error: BaseException | None) -> None:
        """It is over, with its stream where it was one."""
        kind = kind_of(error)
        attempted, trip = self._attempted, self._trip
        if attempted.measures is not None:
            attempted.measures.client(
                attempted.series,
                took_s=self._span.elapsed_s(),
                first_s=self._first_s,
                usage=usage,
                error=kind,
            )
        if not self._span.sampled:
            return
        said = self._said
        if self._first_s is not None:
            said["gen_ai.response.time_to_first_chunk"] = self._first_s
        cost = None if usage is None else attempted.cost_of(usage)
        if cost is not None:
            said["modelway.cost_usd"] = cost / _PICO
            trip.cost_pico_usd = cost + (trip.cost_pico_usd or 0)
        _put_error(said, error, kind)
        told = answer(self._answer if self._watch is None else self._watch.attributes(), usage)
        trip.answers[attempted.deployment] = told
        self._span.end(
            said,
            failed=kind not in _NO_FAILURES,
            encoded=attempted.encoded + trip.encoded + told.encoded,
        )


class RequestSpan:
    """Ends with the call, or with the stream of its answer."""

    def __init__(
        self,
        span: Span,
        trip: Trip,
        call: Call,
        measures: Measures | None,
        contents: Contents | None,
    ) -> None:
        self._span = span
        self._trip = trip
        self._call = call
        self._measures = measures
        self._contents = contents if span.sampled else None
        self._first_s: float | None = None
        self._reply: Reply | None = None
        self._provider = NOBODY
        self._watch: Watch | None = None
        self._keeping: Keeping | None = None

    @_harmless
    def answered(self, reply: Reply) -> None:
        """There is an answer, or the beginning of one."""
        self._reply = reply
        self._provider = provider_name(reply.deployment.provider)
        if self._contents is not None:
            self._keeping = Keeping(self._call, reply)
        stream: Stream | None = reply.chunks or reply.events
        if stream is None:
            self.settle(reply.usage, None)
            return
        if self._trip.streams:
            self._first_s = self._span.elapsed_s()
            if self._trip.number == 0 and self._span.sampled:  # nobody else looks at it
                self._watch = Watch()
                stream.on_batch.append(self._watch.see)
        if self._keeping is not None:
            stream.on_batch.append(self._keeping.see)
        stream.on_settled.append(self.settle)

    @_harmless
    def settle(self, usage: Usage | None, error: BaseException | None) -> None:
        """It is over, with its stream where it was one."""
        kind = kind_of(error)
        call = self._call
        operation, model = OPERATIONS[call.operation], asked_model(call.model)
        if self._measures is not None:
            self._measures.server(
                (operation, self._provider, "" if self._provider == NOBODY else model, "", 0),
                took_s=self._span.elapsed_s(),
                first_s=self._first_s,
                usage=usage,
                error=kind,
            )
        if not self._span.sampled:
            return
        said: Attributes = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": self._provider,
            "modelway.call.id": call.id,
        }
        put(said, "gen_ai.request.model", model)
        put(said, "modelway.tenant", call.tenant)
        self._put_way(said)
        _put_error(said, error, kind)
        told = self._told(usage)
        if self._contents is not None:
            self._contents.tell(
                self._span, call, {**self._trip.asked, **told.said, **said}, self._keeping
            )
        self._span.end(
            said, failed=kind not in _NO_FAILURES, encoded=self._trip.encoded + told.encoded
        )

    def _told(self, usage: Usage | None) -> Answer:
        """As the attempt has it that gave the answer; of one that was kept or shared, found out here."""
        reply = self._reply
        if reply is None:
            return NO_ANSWER
        if self._trip.number:
            return self._trip.answers.get(reply.deployment.id, NO_ANSWER)
        said = answer_attributes(reply) if self._watch is None else self._watch.attributes()
        return answer(said, usage)

    def _put_way(self, said: Attributes) -> None:
        """How the answer came about."""
        if self._reply is not None:
            said["modelway.deployment"] = self._reply.deployment.id
            if self._reply.cached:
                said["modelway.cache.hit"] = self._reply.cached
                said["modelway.cache.age_s"] = self._reply.age_s
        if self._first_s is not None:
            said["gen_ai.response.time_to_first_chunk"] = self._first_s
        if self._trip.cost_pico_usd is not None:
            said["modelway.cost_usd"] = self._trip.cost_pico_usd / _PICO
        if self._trip.number:
            said["modelway.attempts"] = self._trip.number
