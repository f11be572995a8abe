"""What is said of providers' health: states, and changes."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from modelway.policies.breaker import Failure

State: TypeAlias = Literal["unknown", "healthy", "degraded", "down", "unconfigured"]
"""``unknown``: neither asked nor used yet; ``unconfigured``: there is no key, so it is not asked."""


class HealthStatus(Struct, frozen=True, kw_only=True):
    """A provider at this moment, as seen with one of its credentials."""

    provider: str
    credential: str
    """The credential's public name."""
    state: State
    since_s: float | None = None
    """How long it has been so."""
    last_s: float | None = None
    """How long the last answer took: to a check, or to begin where only traffic is watched."""
    p50_s: float | None = None
    """The same in the middle of the last answers."""
    last_failure: Failure | None = None
    failed_s: float | None = None
    """How long ago that was."""
    check: str = ""
    """What it is asked: ``models``, ``model``, ``count_tokens``; nothing where only traffic is watched."""
    checked_s: float | None = None
    """How long ago it was last asked."""
    note: str = ""
    """Why it is not asked, or what an answer does not prove."""


class HealthChange(Struct, frozen=True, kw_only=True):
    """A provider went from one state to another."""

    provider: str
    credential: str
    before: State
    after: State
    time: float
    """Unix time in seconds."""
    failure: Failure | None = None
    """What made it worse, where that was one."""
