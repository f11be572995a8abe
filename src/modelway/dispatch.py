"""The handler in the middle of ring A: it tries what a call's plan has until something answers.

It asks breakers and limits before each attempt, and tells them what came of it. A stream that has
begun is not tried elsewhere; what limits hold back waits only where nothing else would answer.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Protocol

from modelway.accounting import Accounts
from modelway.attempts import Turn
from modelway.call import Call, Deployment, Reply
from modelway.config.settings import Settings
from modelway.errors import LLMError, RefusedError
from modelway.observe.events import EventName
from modelway.plans import Plans, Tier
from modelway.policies.hedging import HedgeBudget
from modelway.ports import Clock, Handler
from modelway.settling import cut
from modelway.state import State
from modelway.tracks import Track
from modelway.types import Usage
from modelway.walk import Walk


class Tell(Protocol):
    """Tells of a retry or a fallback."""

    def __call__(
        self,
        name: EventName,
        call: Call,
        deployment: Deployment,
        attempt: int | None = None,
        delay_s: float | None = None,
    ) -> None: ...


class Dispatch:
    """``__call__`` is the handler in the middle of ring A; ``attempt`` gives ring B."""

    def __init__(
        self,
        tiers: Callable[[Call], tuple[Tier, ...]],
        plans: Plans,
        state: State,
        attempt: Callable[[Deployment, Call], Handler],
        *,
        accounts: Accounts,
        settings: Settings,
        clock: Clock,
        chance: random.Random,
        tell: Tell,
    ) -> None:
        self._tiers = tiers
        self.plans = plans
        self.accounts = accounts
        self.state = state
        self.attempt = attempt
        self.queueing = settings.queue
        self.hedging = settings.hedging
        self.hedges = HedgeBudget(lambda: settings.hedging.share)
        self.clock = clock
        self.now = clock.monotonic
        self.chance = chance
        self._tell = tell

    def __call__(self, call: Call) -> Awaitable[Reply]:
        if call.options.cache == "only":  # none was, or nothing is kept
            from modelway.policies.caching.exact import only_kept  # noqa: PLC0415  # few say so

            return only_kept(call, self)
        return Walk(self, call).through(self._tiers(call))

    def fell_back(self, call: Call, deployment: Deployment) -> None:
        """Count and tell that a tier has given way to the next."""
        self.state.counts.fallbacks += 1
        if self.state.metrics is not None:
            self.state.metrics.fell_back(deployment.provider.name, deployment.model)
        self._tell("llm.fallback", call, deployment)

    def limited(self, kind: str, error: RefusedError) -> None:
        """Count that a limit, or a budget, has refused or held back a call."""
        if self.state.metrics is not None:
            self.state.metrics.limited(kind, error.code or type(error).__name__)

    def saw(self, track: Track, took_s: float | None, error: LLMError | None) -> None:
        """Let who looks after providers know of an attempt."""
        if self.state.monitor is not None:
            self.state.monitor.seen(track.deployment, error is None, took_s, error)

    def broke(
        self, track: Track, given_s: float | None, usage: Usage | None, error: LLMError | None
    ) -> None:
        """Let who looks after providers know of a stream that broke off."""
        del usage
        if error is not None and not cut(error, given_s, track.deployment.timeouts):
            self.saw(track, None, error)

    def hedged(self, call: Call, deployment: Deployment) -> None:
        """Count and tell that a second deployment is asked."""
        self.state.counts.hedges += 1
        if self.state.metrics is not None:
            self.state.metrics.hedged(deployment.provider.name, deployment.model)
        self._tell("llm.hedge", call, deployment)

    async def paused(self, call: Call, turn: Turn, delay_s: float) -> None:
        """Count and tell a retry, and wait until it may begin."""
        deployment = turn.track.deployment
        self.state.counts.retry(deployment)
        if self.state.metrics is not None:
            self.state.metrics.retried(deployment.provider.name, deployment.model)
        self._tell("llm.retry", call, deployment, turn.attempt - 1, delay_s)
        await self.clock.sleep(delay_s)
