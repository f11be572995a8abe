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
    open_requests: int = 0


class Counts:
    """The counters behind ``Stats``; changed from one event loop."""

    __slots__ = (
        "cancelled",
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

    def succeed(self, usage: Usage | None) -> None:
        self.successful += 1
        if usage is not None:
            self.input_tokens += usage.input_tokens or 0
            self.output_tokens += usage.output_tokens or 0
            self.reported_cost_usd += usage.reported_cost_usd or 0.0

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
            open_requests=self.total - self.successful - self.failed - self.cancelled,
        )
