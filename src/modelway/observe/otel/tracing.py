"""Spans, from their beginning to the bytes that are exported of them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping

from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

from modelway.observe.otel import wire
from modelway.observe.otel.attributes import Value
from modelway.observe.otel.carrying import header
from modelway.ports import Clock

_NANO = 1_000_000_000
_COMPARED_S = 30.0
_KINDS = {SpanKind.INTERNAL: 1, SpanKind.SERVER: 2, SpanKind.CLIENT: 3}
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_NOT_SAMPLED = TraceFlags(TraceFlags.DEFAULT)
_KNOWS_WHETHER_REMOTE = 0x100
_IS_REMOTE = 0x200


class Span:
    """One that has begun. Unsampled ones have a context, and nothing else comes of them."""

    __slots__ = (
        "_began",
        "_began_ns",
        "_kind",
        "_name",
        "_parent",
        "_tracer",
        "context",
        "sampled",
    )

    def __init__(
        self, tracer: Tracer, name: str, kind: SpanKind, parent: SpanContext | None
    ) -> None:
        self._tracer = tracer
        self._name = name
        self._kind = kind
        self._parent = parent
        self._began = tracer.monotonic()
        self._began_ns = tracer.at_ns(self._began)
        if parent is None:
            trace = tracer.number(128)
            self.sampled = trace & 0xFFFF_FFFF_FFFF_FFFF < tracer.bound
            state = None
        else:
            trace, state = parent.trace_id, parent.trace_state
            self.sampled = parent.trace_flags.sampled
        self.context = SpanContext(
            trace, tracer.number(64), False, _SAMPLED if self.sampled else _NOT_SAMPLED, state
        )

    def elapsed_s(self) -> float:
        return self._tracer.monotonic() - self._began

    def inside(self, context: Context) -> Context:
        """The context, with this span as the one that is going on."""
        return set_span_in_context(NonRecordingSpan(self.context), context)

    def end(self, said: Mapping[str, Value], *, failed: bool, encoded: bytes = b"") -> None:
        """Once. ``encoded``: attributes that are written already."""
        if not self.sampled:
            return
        parent = self._parent
        flags = self.context.trace_flags | _KNOWS_WHETHER_REMOTE
        if parent is not None and parent.is_remote:
            flags |= _IS_REMOTE
        self._tracer.emit(
            wire.span(
                trace=self.context.trace_id,
                id_=self.context.span_id,
                state=header(self.context.trace_state),
                parent=0 if parent is None else parent.span_id,
                flags=flags,
                name=self._name,
                kind=_KINDS[self._kind],
                began_ns=self._began_ns,
                ended_ns=self._began_ns + int(self.elapsed_s() * _NANO),
                encoded=encoded + wire.attributes(said, number=9),
                failed=failed,
            )
        )


class Tracer:
    """Begins spans. A parent's decision to sample is kept; ``sample`` is for traces that begin here."""

    def __init__(
        self, emit: Callable[[bytes], None], clock: Clock, chance: random.Random, sample: float
    ) -> None:
        self.emit = emit
        self.monotonic = clock.monotonic
        self._time = clock.time
        self._apart_s = 0.0
        self._valid_until = -math.inf
        self.bound = round(sample * 2**64)
        self._bits = chance.getrandbits

    def at_ns(self, moment: float) -> int:
        """Unix time of a moment that the monotonic clock told just now.

        The clocks are compared now and then only: else being interrupted in between would have a span
        end after the one that it is part of.
        """
        if moment >= self._valid_until:
            self._apart_s = self._time() - moment
            self._valid_until = moment + _COMPARED_S
        return int((moment + self._apart_s) * _NANO)

    def number(self, bits: int) -> int:
        """An id, which is never 0."""
        return self._bits(bits) or 1

    def begin(self, name: str, kind: SpanKind, context: Context) -> Span:
        """A span whose parent is the one of this context, if there is one."""
        parent = get_current_span(context).get_span_context()
        return Span(self, name, kind, parent if parent.is_valid else None)
