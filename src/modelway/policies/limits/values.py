"""What may be sent, of whom that is said, and how it stands."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct

from modelway.call import Limits

Kind: TypeAlias = Literal["provider", "credential", "deployment", "tenant", "key"]


class Subject(NamedTuple):
    """Who is limited."""

    kind: Kind
    name: str
    limits: Limits


class Queueing(Struct, frozen=True, kw_only=True):
    """What becomes of requests that a limit stops."""

    on_limit: Literal["wait", "refuse"] = "wait"
    max_wait_s: float = 30.0
    size: int = 1000
    """How many may wait for the same limit in one process."""


class LimitStatus(Struct, frozen=True, kw_only=True):
    """How a limit stands, as far as this process knows without asking the store."""

    kind: Kind
    subject: str
    name: str
    """``requests_per_minute`` …; a provider may tell of others."""
    current: int
    limit: int
    remaining: int
    reset_s: float
    """Until nothing of what counts now counts any more."""
    source: Literal["configured", "learned"] = "configured"


PRESETS: dict[str, Limits] = {
    "anthropic": Limits(requests_per_minute=50, tokens_per_minute=100_000),
    "openai": Limits(requests_per_minute=60, tokens_per_minute=90_000),
    "openai-tier-2": Limits(requests_per_minute=500, tokens_per_minute=80_000),
    "local": Limits(),
}
"""Limits by name, for those who ask for them; providers change theirs, and tell them in headers."""
