"""Plain counts of what a client or gateway has done since it started."""

from __future__ import annotations

from msgspec import Struct

from modelway.call import Deployment
from modelway.types import Usage


class Stats(Struct, frozen=True, kw_only=True):
    """A snapshot. Tokens are those that providers reported."""

    total_requests: int = 0
    successful_requests: int = 0
    failed_requests: int = 0
    cancelled_requests: int = 0
    """Given up by the caller, before the answer or in its stream."""
    retries: int = 0
    retries_by_deployment: dict[str, int] = {}
    fallbacks: int = 0
    hedges: int = 0
    """Second deployments that were asked because the first was slow."""
    input_tokens: int = 0
    output_tokens: int = 0
    reported_cost_usd: float = 0.0
    """What providers themselves said that calls cost; 0 where none says."""
    cost_pico_usd: int = 0
    """What all attempts cost whose price is known, at the prices in force, in 10⁻¹² USD."""
    estimated_pico_usd: int = 0
    """The part of it that is reckoned, because nobody said what was used."""
    unpriced_attempts: int = 0
    """Whose price is not known: they are in no sum."""
    open_requests: int = 0


class Counts:
    """The counters behind ``Stats``; changed from one event loop."""

    __slots__ = (
        "cancelled",
        "cost_pico_usd",
        "estimated_pico_usd",
        "failed",
        "fallbacks",
        "hedges",
        "input_tokens",
        "output_tokens",
        "reported_cost_usd",
        "retries",
        "retries_by_deployment",
        "successful",
        "total",
        "unpriced",
    )

    def __init__(self) -> None:
        self.total = 0
        self.successful = 0
        self.failed = 0
        self.cancelled = 0
        self.retries = 0
        self.retries_by_deployment: dict[str, int] = {}
        self.fallbacks = 0
        self.hedges = 0
        self.input_tokens = 0
        self.output_tokens = 0
        self.reported_cost_usd = 0.0
        self.cost_pico_usd = 0
        self.estimated_pico_usd = 0
        self.unpriced = 0

    def spent(self, pico_usd: int | None, *, estimated: bool) -> None:
        """An attempt is over. ``None``: nobody knows what it cost."""
        if pico_usd is None:
            self.unpriced += 1
        else:
            self.cost_pico_usd += pico_usd
            if estimated:
                self.estimated_pico_usd += pico_usd

    def succeed(self, usage: Usage | None) -> None:
        self.successful += 1
        if usage is not None:
            self.input_tokens += usage.input_tokens or 0
            self.output_tokens += usage.output_tokens or 0
            self.reported_cost_usd += usage.reported_cost_usd or 0.0

    @property
    def open(self) -> int:
        return self.total - self.successful - self.failed - self.cancelled

    def retry(self, deployment: Deployment) -> None:
        self.retries += 1
        told = self.retries_by_deployment.get(deployment.id, 0)
        self.retries_by_deployment[deployment.id] = told + 1

    def snapshot(self) -> Stats:
        return Stats(
            total_requests=self.total,
            successful_requests=self.successful,
            failed_requests=self.failed,
            cancelled_requests=self.cancelled,
            retries=self.retries,
            retries_by_deployment=dict(self.retries_by_deployment),
            fallbacks=self.fallbacks,
            hedges=self.hedges,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            reported_cost_usd=self.reported_cost_usd,
            cost_pico_usd=self.cost_pico_usd,
            estimated_pico_usd=self.estimated_pico_usd,
            unpriced_attempts=self.unpriced,
            open_requests=self.open,
        )
