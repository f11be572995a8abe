"""What outlives a configuration: the figures, limits, breakers and shared store of this process."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from modelway.call import Deployment
from modelway.config.settings import Settings
from modelway.errors import LLMError
from modelway.observe.seen import Seen
from modelway.observe.stats import Counts
from modelway.policies.breaker import BreakerChange, Breakers
from modelway.policies.limits import Limiter
from modelway.policies.retry import RetryBudget
from modelway.ports import Clock
from modelway.store import Store
from modelway.store.memory import MemoryLeases, open_memory

if TYPE_CHECKING:
    from modelway.experiments.recorder import OutcomeLog


class Watched(Protocol):
    """How providers are, as far as is known here."""

    def statuses(self) -> Sequence[Any]: ...
    def use(self, engine: Any, settings: Any = None) -> None: ...
    def seen(
        self,
        deployment: Deployment,
        ok: bool,
        latency_s: float | None,
        error: LLMError | None = None,
    ) -> None: ...


class HealthTold(Protocol):
    """A change of a provider's health."""

    @property
    def provider(self) -> str: ...
    @property
    def after(self) -> str: ...
    @property
    def time(self) -> float: ...


Changed: TypeAlias = Callable[[BreakerChange], None]

_MOST_SEEN = 10_000
"""Deployments, which callers may name, that are remembered; past it the idle ones are forgotten."""


class State:
    """Made once; ``start`` begins to share what other processes are to know."""

    def __init__(self, settings: Settings, clock: Clock, store: Store | None = None) -> None:
        self.store = store or open_memory(clock)
        self.counts = Counts()
        self.retries = RetryBudget()
        self.limiter = Limiter(
            self.store.leases,
            clock,
            queueing=settings.queue,
            when_down=settings.store.when_down,
            alone=MemoryLeases(clock),
        )
        self.breakers = Breakers(
            settings.breaker,
            clock,
            leases=self.store.leases,
            records=self.store.records,
            node=platform.node(),
            tell=self._tell,
        )
        self.monitor: Watched | None = None
        """Who watches over the providers' health, where somebody does."""
        self.adopted: Settings | None = None
        """The settings of the last reload."""
        self._clock = clock
        self._outcomes: OutcomeLog | None = None
        self.on_change: list[Changed] = []
        """Who is told when a breaker opens or closes."""
        self.on_health: list[Callable[[HealthTold], None]] = []
        self._seen: dict[str, Seen] = {}

    @property
    def outcomes(self) -> OutcomeLog:
        """Where experiments write down what became of their calls."""
        if self._outcomes is None:
            from modelway.experiments.recorder import OutcomeLog  # noqa: PLC0415  # few have any

            self._outcomes = OutcomeLog(self.store.records, self._clock)
        return self._outcomes

    def seen(self, deployment: str) -> Seen:
        """The figures of a deployment, by its id."""
        found = self._seen.get(deployment)
        if found is None:
            if len(self._seen) >= _MOST_SEEN:
                self._seen = {id_: one for id_, one in self._seen.items() if one.open_requests}
            found = self._seen[deployment] = Seen()
        return found

    def adopt(self, settings: Settings) -> None:
        """Go on by these settings; what was counted and opened so far stays."""
        self.adopted = settings
        self.limiter.queueing = settings.queue
        self.breakers.settings = settings.breaker

    def _tell(self, change: BreakerChange) -> None:
        for told in self.on_change:
            told(change)

    def tell_health(self, change: HealthTold) -> None:
        """A provider went from one state to another."""
        for told in self.on_health:
            told(change)

    async def start(self) -> None:
        """Listen to what other processes say of breakers."""
        await self.breakers.start()

    async def aclose(self) -> None:
        """Give back what is leased, write what waits, and let go of the store."""
        await self.breakers.aclose()
        await self.limiter.aclose()
        if self._outcomes is not None:
            await self._outcomes.aclose()
        await self.store.aclose()
