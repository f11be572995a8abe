"""The middlewares that tell OpenTelemetry of a call, and of each attempt at answering it."""

from __future__ import annotations

import random
from urllib.parse import urlsplit

from msgspec.structs import replace
from opentelemetry.context import (
    Context,
    attach,
    create_key,
    detach,
    get_current,
    get_value,
    set_value,
)
from opentelemetry.trace import NonRecordingSpan, SpanKind, set_span_in_context

from modelway.call import Call, Deployment, Operation, Reply
from modelway.observe.otel import wire
from modelway.observe.otel.asking import span_name
from modelway.observe.otel.attributes import Attributes, put
from modelway.observe.otel.carrying import read, written
from modelway.observe.otel.content import Contents
from modelway.observe.otel.destination import Destination
from modelway.observe.otel.ending import Attempted, AttemptSpan, Cost, RequestSpan
from modelway.observe.otel.exporting import Exporting
from modelway.observe.otel.measures import Measures
from modelway.observe.otel.names import OPERATIONS, provider_name
from modelway.observe.otel.tracing import Tracer
from modelway.observe.otel.trip import Trip
from modelway.observe.settings import TelemetrySettings
from modelway.ports import Clock, Handler, Middleware

_TRIP = create_key("modelway")


class Telemetry:
    """Opened by ``open_telemetry``; ``request`` and ``attempt`` go around what they are named after."""

    def __init__(
        self,
        settings: TelemetrySettings,
        to: Destination,
        version: str,
        *,
        clock: Clock,
        chance: random.Random,
    ) -> None:
        self._measures = Measures(clock) if settings.metrics else None
        self._exporting = Exporting(to, version, metrics=self._measured, now=clock.monotonic)
        self._tracer = Tracer(self._exporting.span, clock, chance, settings.sample)
        self._contents: Contents | None = None
        if settings.content == "events":
            self._contents = Contents(self._exporting.event, clock)
        self._propagates = settings.propagate

    def _measured(self) -> list[bytes]:
        return [] if self._measures is None else self._measures.written()

    async def request(self, call: Call, inner: Handler) -> Reply:
        """The span of a call, from its coming in to the end of its stream."""
        parent = _parent(call)
        from_outside = call.body is not None or call.passing is not None
        kind = SpanKind.SERVER if from_outside else SpanKind.INTERNAL
        span = self._tracer.begin(span_name(call), kind, parent)
        trip = Trip(call, sampled=span.sampled)
        ending = RequestSpan(span, trip, call, self._measures, self._contents)
        token = attach(set_value(_TRIP, trip, span.inside(parent)))
        try:
            reply = await inner(call)
        except BaseException as error:
            ending.settle(None, error)
            raise
        finally:
            detach(token)
        ending.answered(reply)
        return reply

    def attempt(
        self, deployment: Deployment, operation: Operation, cost: Cost | None = None
    ) -> Middleware:
        """The span of each attempt at this deployment.

        Beneath it ``trace_parent`` is what the provider is told: this span, or nothing.
        """
        static = _static(deployment, operation)
        name = f"{OPERATIONS[operation]} {deployment.model}".strip()
        attempted = Attempted(
            deployment=deployment.id,
            encoded=wire.attributes(static, number=9),
            series=(
                OPERATIONS[operation],
                provider_name(deployment.provider),
                deployment.model[:256],
                str(static.get("server.address", "")),
                int(str(static.get("server.port", 0))),
            ),
            measures=self._measures,
            cost=cost,
        )

        async def attempt(call: Call, inner: Handler) -> Reply:
            found = get_value(_TRIP)
            context = get_current() if isinstance(found, Trip) else _parent(call)
            span = self._tracer.begin(name, SpanKind.CLIENT, context)
            trip = found if isinstance(found, Trip) else Trip(call, sampled=span.sampled)
            if self._propagates:
                parent, state = written(span.context)
                call = replace(call, trace_parent=parent, trace_state=state)
            elif call.trace_parent:
                call = replace(call, trace_parent="", trace_state="")
            ending = AttemptSpan(span, trip, attempted, trip.begin(deployment.id))
            trip.open += 1
            try:
                reply = await inner(call)
            except BaseException as error:
                ending.settle(None, error)
                raise
            finally:
                trip.open -= 1
            ending.answered(reply)
            return reply

        return attempt

    async def aclose(self) -> None:
        """Export what waits, for a bounded time."""
        await self._exporting.aclose()


def _parent(call: Call) -> Context:
    """The caller's span as its headers name it; else the one that the program is in."""
    outside = read(call.trace_parent, call.trace_state) if call.trace_parent else None
    if outside is None:
        return get_current()
    return set_span_in_context(NonRecordingSpan(outside))


def _static(deployment: Deployment, operation: Operation) -> Attributes:
    """What is the same for every attempt at a deployment."""
    said: Attributes = {
        "gen_ai.operation.name": OPERATIONS[operation],
        "gen_ai.provider.name": provider_name(deployment.provider),
    }
    put(said, "gen_ai.request.model", deployment.model)
    if not deployment.provider.in_process:
        place = urlsplit(deployment.base_url)
        put(said, "server.address", place.hostname)
        if place.hostname:
            said["server.port"] = place.port or (80 if place.scheme == "http" else 443)
    put(said, "modelway.deployment", deployment.id)
    return said
