"""How a response is played out: its bytes, the waits between them, and the faults that end it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from modelway.simulator.question import Envelope, HeaderPairs
from modelway.simulator.script import Fault, Pace


class Cut(NamedTuple):
    """The connection breaks, these bytes of an unfinished chunk being the last."""

    torn: bytes


Step: TypeAlias = bytes | float | Cut
"""Of a response's body: bytes to send, seconds to wait (``inf``: for ever), or the end of it all."""


class SimulatedResponse(NamedTuple):
    """A response to play out: wait ``delay_s``, send the head, then the steps."""

    status: int
    headers: HeaderPairs
    steps: Iterator[Step]
    length: int | None = None
    """Content-Length; ``None`` for a body in chunks."""
    delay_s: float = 0.0
    dropped: bool = False
    """Close the connection instead."""


def whole(
    status: int, headers: HeaderPairs, body: bytes, delay_s: float = 0.0
) -> SimulatedResponse:
    """A response whose body is sent at once."""
    return SimulatedResponse(
        status, headers, iter((body,) if body else ()), length=len(body), delay_s=delay_s
    )


def in_stream(fault: Fault) -> bool:
    """Whether a fault comes in the midst of a stream."""
    after = (fault.cut_after_chunks, fault.error_after_chunks, fault.stall_after_chunks)
    return any(each is not None for each in after)


def played_whole(
    head: tuple[int, HeaderPairs], body: bytes, pace: Pace, fault: Fault, envelope: Envelope
) -> SimulatedResponse:
    """A whole answer, as late as its stream would end, and cut where that would be cut."""
    status, headers = head
    delay_s = pace.latency_s + pace.time_to_first_token_s
    if pace.tokens_per_s:
        delay_s += envelope.counts.output_tokens / pace.tokens_per_s
    half = body[: len(body) // 2]
    if fault.half_json:
        return whole(status, headers, half, delay_s)
    steps: tuple[Step, ...] = (body,)
    if fault.cut_after_chunks is not None:
        steps = (Cut(half),)
    elif fault.stall_after_chunks is not None:
        steps = (half, math.inf)
    return SimulatedResponse(status, headers, iter(steps), length=len(body), delay_s=delay_s)


def played_stream(
    events: Iterator[tuple[bytes, int]],
    pace: Pace,
    fault: Fault,
    ending: bytes,
    halved: Callable[[bytes], bytes],
) -> Iterator[Step]:
    """A stream's events in their time. ``ending`` is its error; ``halved`` halves an event's JSON."""
    if pace.time_to_first_token_s:
        yield pace.time_to_first_token_s
    for sent, (event, size) in enumerate(events):
        if sent == fault.cut_after_chunks:
            yield Cut(event[: len(event) // 2])
            return
        if sent == fault.stall_after_chunks:
            yield math.inf
            return
        if sent == fault.error_after_chunks:
            yield ending
            return
        if size and pace.tokens_per_s:
            yield size / pace.tokens_per_s
        yield halved(event) if fault.half_json and sent == 1 else event
