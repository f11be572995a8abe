"""The context of a trace as its headers carry it, by W3C Trace Context.

Source: https://www.w3.org/TR/trace-context-1/, 2026-11-21.
"""

from __future__ import annotations

import re

from opentelemetry.trace import SpanContext, TraceFlags
from opentelemetry.trace.span import TraceState

from modelway.observe.otel.told import Told

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_MEMBER = re.compile(
    r"((?:[a-z][_0-9a-z\-*/]{0,255})|(?:[a-z0-9][_0-9a-z\-*/]{0,240}@[a-z][_0-9a-z\-*/]{0,13}))"
    r"=([\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e])"
)
_MOST_MEMBERS = 32
_MOST_PARENT = 512
"""Characters of a ``traceparent``; the version in use has 55."""
_MOST_STATE = 8192


def read(parent: str, state: str) -> SpanContext | None:
    """The span that headers name; ``None`` where there is none, or they are malformed.

    A malformed ``tracestate`` is left out, and harms no ``traceparent``.
    """
    found = _PARENT.fullmatch(parent.strip(" \t")) if len(parent) <= _MOST_PARENT else None
    if found is None:
        return None
    version, trace, span, flags, more = found.groups()
    if version == "ff" or (version == "00" and more):
        return None
    context = SpanContext(
        trace_id=int(trace, 16),
        span_id=int(span, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(flags, 16)),
        trace_state=_state(state),
    )
    return context if context.is_valid else None


def _state(text: str) -> TraceState:
    nothing = TraceState()
    if not text or len(text) > _MOST_STATE:
        return nothing
    members: dict[str, str] = {}
    for item in text.split(","):
        member = item.strip(" \t")
        if not member:
            continue
        found = _MEMBER.fullmatch(member)
        if found is None or found[1] in members or len(members) == _MOST_MEMBERS:
            return nothing
        members[found[1]] = found[2]
    return TraceState(list(members.items()))


def header(state: TraceState) -> str:
    """What most traces have none of."""
    return state.to_header() if state else ""


def written(context: SpanContext) -> tuple[Told, str]:
    """``traceparent`` and ``tracestate`` for what is asked by this span."""
    parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 0x03:02x}"
    return Told(parent), header(context.trace_state)
