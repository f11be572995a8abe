"""The circuit breakers of all deployments, in one process and between processes."""

from __future__ import annotations

from collections.abc import Callable

from modelway.policies.breaker.breaker import Around, Breaker
from modelway.policies.breaker.sharing import EVERY, Shared
from modelway.policies.breaker.values import BreakerChange, BreakerSettings, BreakerStatus
from modelway.ports import Clock, Leases, Records

_MOST = 10_000
"""Breakers that are kept: callers may choose models, and so deployments. The oldest one that has
nothing to remember goes first."""

_NEWS = ("failures", "probe failed", "success", "sign", "reset")
"""Reasons of changes that other processes are told of."""


class Breakers:
    """One for each deployment's identity, which outlives configurations.

    Used from one event loop. ``node`` says to people where something was found out.
    """

    def __init__(
        self,
        settings: BreakerSettings,
        clock: Clock,
        *,
        leases: Leases,
        records: Records,
        node: str,
        tell: Callable[[BreakerChange], None],
    ) -> None:
        self.settings = settings
        """May be set anew: what is open stays so for as long as it was to."""
        self._clock = clock
        self._node = node
        self._tell = tell
        self._breakers: dict[str, Breaker] = {}
        self._shared = Shared(
            self._current,
            clock,
            leases=leases,
            records=records,
            hear=self._hear,
        )
        self._around = Around(clock, node, self._shared, self._current, self._changed)

    def of(self, deployment: str) -> Breaker:
        """The one breaker of this deployment."""
        breaker = self._breakers.get(deployment)
        if breaker is None:
            if len(self._breakers) >= _MOST:
                self._drop_one()
            breaker = self._breakers[deployment] = Breaker(deployment, self._around)
        return breaker

    def statuses(self) -> tuple[BreakerStatus, ...]:
        """Of every deployment that has been asked of, or was heard of."""
        return tuple([breaker.status() for breaker in self._breakers.values()])

    async def reset(self, deployment: str | None = None) -> tuple[str, ...]:
        """Close one, or all, here and in the other processes; those that were not closed here."""
        chosen = list(self._breakers.values()) if deployment is None else [self.of(deployment)]
        closed = tuple([breaker.deployment for breaker in chosen if breaker.reset()])
        # said even if nothing was open here: it may be elsewhere
        change = BreakerChange(
            deployment=EVERY if deployment is None else deployment,
            before="open",
            after="closed",
            reason="reset",
            node=self._node,
            time=self._clock.time(),
        )
        self._shared.say(change.deployment, change)
        await self._shared.flush()
        return closed

    async def start(self) -> None:
        """Hear from the other processes. A store that is down only stops that."""
        await self._shared.start()

    async def aclose(self) -> None:
        await self._shared.aclose()

    # ------------------------------------------------------------ what happens

    def _changed(self, change: BreakerChange, ours: bool) -> None:
        if ours and change.reason in _NEWS:
            self._shared.say(change.deployment, change)
        self._tell(change)

    def _current(self) -> BreakerSettings:
        return self.settings

    def _hear(self, change: BreakerChange, ago_s: float) -> None:
        heard = list(self._breakers.values())
        if change.deployment != EVERY:
            heard = [self.of(change.deployment)]
        for breaker in heard:
            breaker.heard(change, ago_s)

    def _drop_one(self) -> None:
        idle = (name for name, breaker in self._breakers.items() if breaker.untroubled)
        del self._breakers[next(idle, next(iter(self._breakers)))]
