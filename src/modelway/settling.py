"""What a deployment's breaker, limits and figures are told of an attempt, and why it is not made."""

from __future__ import annotations

from msgspec.structs import replace

from modelway.call import Reply, Timeouts
from modelway.errors import (
    CircuitOpenError,
    ConfigError,
    LLMError,
    RefusedError,
    RequestError,
    StreamInterruptedError,
)
from modelway.policies.breaker.breaker import counts
from modelway.policies.limits import Ticket
from modelway.tracks import Track
from modelway.types import CallWarning, ChatResponse, Usage

_NEWEST = 0.1
"""The weight of the newest answer in the average of what is written."""


def open_circuit(track: Track) -> CircuitOpenError:
    """Why a deployment is left alone, and for how long."""
    deployment = track.deployment
    retry_in_s = track.breaker.retry_in_s()
    return CircuitOpenError(
        f"{deployment.id} is left alone after failures; "
        f"`modelway health` shows them, and `modelway health reset {deployment.id}` ends it",
        provider=deployment.provider.name,
        model=deployment.model,
        retry_after_s=retry_in_s,
    )


def refused(track: Track, ticket: Ticket, error: LLMError) -> None:
    """An attempt failed: what it counted for is given back as far as nothing was used."""
    if error.status is None and isinstance(error, ConfigError | RequestError | RefusedError):
        ticket.unsent()
        return
    if error.status == 429:
        wait_s = error.retry_after_s
        headers = () if wait_s is None else ((b"retry-after", b"%.3f" % wait_s),)
        track.gate.learn(429, headers)
    ticket.done(0 if error.status is not None else None)


def failed(track: Track, error: LLMError, counted: tuple[str, ...], *, probes: bool) -> None:
    """Tell the breaker. What says nothing of the deployment ends a probe, if it was one, and no other."""
    if probes or counts(error, counted):
        track.breaker.failed(error)


def cut(error: LLMError, given_s: float | None, timeouts: Timeouts) -> bool:
    """Whether a stream ended because the time that its caller gave was over, not the deployment's."""
    if given_s is None or given_s >= timeouts.total_s:
        return False
    return isinstance(error, StreamInterruptedError) and error.code == "total"


def settled(
    track: Track,
    ticket: Ticket,
    usage: Usage | None,
    error: LLMError | None,
    *,
    counted: tuple[str, ...],
    given_s: float | None = None,
) -> None:
    """An answer is over, with its stream where it was one. ``given_s``: what its caller gave it."""
    seen = track.seen
    seen.open_requests -= 1
    if error is None:
        track.breaker.succeeded()
    elif not cut(error, given_s, track.deployment.timeouts):
        failed(track, error, counted, probes=False)  # one that began is no probe any more
    if usage is None or usage.input_tokens is None:
        ticket.done(None)
        return
    written = usage.output_tokens or 0
    seen.output_tokens += (written - seen.output_tokens) * _NEWEST
    ticket.done(usage.input_tokens + written)


def warned(reply: Reply, lost: tuple[CallWarning, ...]) -> Reply:
    if isinstance(reply.value, ChatResponse):
        value = replace(reply.value, warnings=reply.value.warnings + lost)
        reply = replace(reply, value=value)
    return replace(reply, warnings=reply.warnings + lost)
