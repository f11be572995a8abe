"""What is said of circuit breakers: settings, states, changes."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

State: TypeAlias = Literal["closed", "open", "half_open"]
"""``closed``: calls pass; ``open``: none does; ``half_open``: one is out to try."""

Reason: TypeAlias = Literal[
    "failures", "due", "probe failed", "probe left", "probed elsewhere", "success", "sign", "reset"
]
"""Why a circuit changed. ``sign``: of life, short of a whole answer."""


class BreakerSettings(Struct, frozen=True, kw_only=True):
    """When a deployment is left alone, and for how long."""

    failures: int = 5
    """So many in a row open the circuit."""
    open_s: float = 60.0
    probe_s: float = 30.0
    """How long a probe may take before another one is sent."""
    counted: tuple[str, ...] = (
        "OverloadedError",
        "APITimeoutError",
        "APIConnectionError",
        "StreamInterruptedError",
        "ResponseError",
        "CredentialError",
    )
    """Names of error classes, of the tree in ``errors``, that are failures of the deployment."""


class Failure(Struct, frozen=True, kw_only=True):
    """An error as it is kept and shown: it holds no key."""

    error: str
    """The error's class."""
    status: int | None = None
    code: str | None = None
    message: str = ""
    time: float
    """Unix time in seconds, by the clock of who saw it."""


class BreakerStatus(Struct, frozen=True, kw_only=True):
    """A deployment's circuit at this moment."""

    deployment: str
    state: State
    failures: int = 0
    """In a row, up to now."""
    last_failure: Failure | None = None
    failed_s: float | None = None
    """How long ago that was."""
    opened: float | None = None
    """Unix time in seconds; ``None`` where it is closed."""
    opened_s: float | None = None
    """How long ago that was."""
    retry_in_s: float | None = None
    """When the next probe may be sent, or, while one is out, given up for lost."""
    node: str = ""
    """Who opened it."""


class BreakerChange(Struct, frozen=True, kw_only=True):
    """A circuit went from one state to another."""

    deployment: str
    before: State
    after: State
    reason: Reason
    node: str
    """Where it was found out."""
    time: float
    """Unix time in seconds."""
    failures: int = 0
    failure: Failure | None = None
    """The last one, where the circuit opened."""
