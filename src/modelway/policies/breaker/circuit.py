"""What becomes of a deployment's circuit at each event: a pure function, and a table in its test."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias, assert_never

from modelway.policies.breaker.values import BreakerSettings, State

Event: TypeAlias = Literal[
    "failure", "success", "sign", "due", "left", "elsewhere", "opened", "reset"
]
"""``sign``: of life, short of a whole answer; ``due``: a probe goes out; ``left``: the probe ended and
said nothing; ``elsewhere``: another process has the probe; ``opened``: another process opened it."""

ASK_AGAIN_S = 1.0
"""How long another process's probe is waited for: what becomes of it is heard within this time."""


class Circuit(NamedTuple):
    """Times are monotonic seconds."""

    state: State = "closed"
    failures: int = 0
    """In a row."""
    opened: float = 0.0
    until: float = 0.0
    """No probe goes out before this."""


CLOSED = Circuit()
"""The one circuit without a failure, so that it can be told by its identity."""


def decide(circuit: Circuit, event: Event, now: float, settings: BreakerSettings) -> Circuit:
    """The circuit after an event.

    A success closes whatever was open. A sign of life closes too, but the next failure opens again.
    A failure after the opening, of a call from before it, does not prolong it.
    """
    state, failures, opened, _ = circuit
    match event:
        case "success" | "reset":
            return CLOSED
        case "sign":
            if state == "closed":
                return circuit
            return Circuit("closed", max(settings.failures, 1) - 1)
        case "failure":
            failures += 1
            if state == "open" or (state == "closed" and failures < settings.failures):
                return circuit._replace(failures=failures)
            return Circuit("open", failures, now, now + settings.open_s)
        case "opened":
            failures = max(failures, settings.failures)
            return Circuit("open", failures, now, now + settings.open_s)
        case "due":
            if state == "closed":
                return circuit
            return Circuit("half_open", failures, opened, now + settings.probe_s)
        case "left":
            return Circuit("open", failures, opened, now) if state == "half_open" else circuit
        case "elsewhere":
            if state != "half_open":
                return circuit
            return Circuit("open", failures, opened, now + ASK_AGAIN_S)
        case _:
            assert_never(event)
