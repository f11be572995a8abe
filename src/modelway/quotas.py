"""Limits of tenants and of callers' keys: they count a call once, however often it is tried."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from modelway.asked import estimated_tokens
from modelway.call import Call, Limits, Reply
from modelway.config.settings import Settings
from modelway.errors import LLMError
from modelway.policies.limits import Gate, Limiter, Subject, Ticket
from modelway.ports import Clock, Handler, Middleware
from modelway.types import Usage

_LEAST_S = 0.001
_USUAL_OUTPUT = 256.0
"""Tokens that a call without a cap is counted to write, before it is known."""


def limiting(settings: Settings, limiter: Limiter, clock: Clock) -> Middleware | None:
    """Holds callers to their limits; ``None`` where nobody has any."""
    keys = {one.credential.name: one.limits for one in settings.gateway.keys if one.limits}
    if not keys and not settings.tenants:
        return None

    gates: dict[tuple[str, str], Gate | None] = {}  # as many as there are keys and tenants

    def gate_of(call: Call) -> Gate | None:
        who = (call.tenant, call.key)
        if who not in gates:
            found = _subjects(call, settings.tenants, keys)
            gates[who] = limiter.gate(found, learns=False) if found else None
        return gates[who]

    async def limit(call: Call, inner: Handler) -> Reply:
        gate = gate_of(call)
        if gate is None:
            return await inner(call)
        tokens = estimated_tokens(call, _USUAL_OUTPUT)
        ticket = gate.admit(tokens)
        if ticket is None:
            began = clock.monotonic()
            ticket = await gate.enter(
                tokens,
                priority=call.options.priority,
                until=_until(call, began),
                wait=settings.queue.on_limit == "wait",
            )
            call = _later(call, clock.monotonic() - began)
        try:
            reply = await inner(call)
        except LLMError:
            ticket.done(0)
            raise
        except BaseException:
            ticket.done(None)
            raise
        stream = reply.chunks or reply.events
        if reply.cached:  # no provider was asked
            ticket.done(0)
        elif stream is None:
            _settled(ticket, reply.usage, None)
        else:
            stream.on_settled.append(partial(_settled, ticket))
        return reply

    return limit


def _subjects(call: Call, tenants: dict[str, Limits], keys: dict[str, Limits]) -> list[Subject]:
    found = []
    if call.tenant in tenants:
        found.append(Subject("tenant", call.tenant, tenants[call.tenant]))
    if call.key in keys:
        found.append(Subject("key", call.key, keys[call.key]))
    return found


def _until(call: Call, now: float) -> float | None:
    """The moment after which the call is no longer waited with."""
    said = [one for one in (call.options.max_wait_s, call.options.timeout_s) if one is not None]
    return now + min(said) if said else None


def _later(call: Call, waited_s: float) -> Call:
    """The call with the time that it still has."""
    options = call.options
    if waited_s <= 0.0 or (options.timeout_s is None and options.max_wait_s is None):
        return call
    if options.timeout_s is not None:
        options = replace(options, timeout_s=max(_LEAST_S, options.timeout_s - waited_s))
    if options.max_wait_s is not None:
        options = replace(options, max_wait_s=max(_LEAST_S, options.max_wait_s - waited_s))
    return replace(call, options=options)


def _settled(ticket: Ticket, usage: Usage | None, error: LLMError | None) -> None:
    del error  # what was used was used
    if usage is None or usage.input_tokens is None:
        ticket.done(None)
    else:
        ticket.done(usage.input_tokens + (usage.output_tokens or 0))
