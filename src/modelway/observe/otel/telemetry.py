"""The middlewares that tell OpenTelemetry of a call, and of each attempt at answering it."""

from __future__ import annotations

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
from modelway.observe.otel.asking import asked_attributes, asked_model, span_name
from modelway.observe.otel.attributes import Attributes, put
from modelway.observe.otel.carrying import read, written
from modelway.observe.otel.content import Contents
from modelway.observe.otel.ending import AttemptSpan, Cost, RequestSpan, Trip
from modelway.observe.otel.exporting import Exporting
from modelway.observe.otel.measures import Measures
from modelway.observe.otel.names import OPERATIONS, provider_name
from modelway.ports import Clock, Handler, Middleware

_TRIP = create_key("modelway")


class Telemetry:
    """Opened by ``open_telemetry``; ``request`` and ``attempt`` go around what they are named after."""

    def __init__(self, exporting: Exporting, *, propagates: bool, clock: Clock) -> None:
        self._exporting = exporting
        self._tracer = exporting.tracer
        self._measures = None if exporting.meter is None else Measures(exporting.meter)
        self._contents = None if exporting.events is None else Contents(exporting.events)
        self._propagates = propagates
        self._now = clock.monotonic

    async def request(self, call: Call, inner: Handler) -> Reply:
        """The span of a call, from its coming in to the end of its stream."""
        trip = Trip(asked_attributes(call))
        parent = _parent(call)
        attributes: Attributes = {
            "gen_ai.operation.name": OPERATIONS[call.operation],
            "modelway.call.id": call.id,
            **trip.asked,
        }
        put(attributes, "gen_ai.request.model", asked_model(call.model))
        put(attributes, "modelway.tenant", call.tenant)
        from_outside = call.body is not None or call.passing is not None
        kind = SpanKind.SERVER if from_outside else SpanKind.INTERNAL
        span = self._tracer.start_span(span_name(call), parent, kind, attributes)
        ending = RequestSpan(
            span,
            trip,
            self._now,
            call=call,
            measures=self._measures,
            contents=self._contents,
        )
        token = attach(set_value(_TRIP, trip, set_span_in_context(span, parent)))
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
        measured: Attributes = {}
        if self._measures is not None:
            by = self._measures.series.attributes(
                OPERATIONS[operation], provider_name(deployment.provider), deployment.model
            )
            measured = by | {key: value for key, value in static.items() if key in _SERVER}

        async def attempted(call: Call, inner: Handler) -> Reply:
            found = get_value(_TRIP)
            trip = found if isinstance(found, Trip) else Trip(asked_attributes(call))
            reason = trip.begin(deployment.id)
            attributes = {
                **static,
                **trip.asked,
                "modelway.attempt.number": trip.number,
                "modelway.attempt.reason": reason,
            }
            context = get_current() if found is trip else _parent(call)
            span = self._tracer.start_span(name, context, SpanKind.CLIENT, attributes)
            if self._propagates:
                parent, state = written(span.get_span_context())
                call = replace(call, trace_parent=parent, trace_state=state)
            elif call.trace_parent:
                call = replace(call, trace_parent="", trace_state="")
            ending = AttemptSpan(
                span, trip, self._now, measured=measured, measures=self._measures, cost=cost
            )
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

        return attempted

    async def aclose(self) -> None:
        """Export what waits, for a bounded time."""
        await self._exporting.aclose()


def _parent(call: Call) -> Context:
    """The caller's span as its headers name it; else the one that the program is in."""
    outside = read(call.trace_parent, call.trace_state) if call.trace_parent else None
    if outside is None:
        return get_current()
    return set_span_in_context(NonRecordingSpan(outside))


_SERVER = ("server.address", "server.port")


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
