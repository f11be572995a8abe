"""What outlives a configuration: figures, limits, breakers, books and the shared store of a process."""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from modelway.call import Deployment
from modelway.config.settings import Settings
from modelway.errors import LLMError
from modelway.observe.seen import Seen
from modelway.observe.stats import Counts
from modelway.policies.breaker import BreakerChange, Breakers
from modelway.policies.budget.values import Budget
from modelway.policies.limits import Limiter
from modelway.policies.retry import RetryBudget
from modelway.ports import Clock, Handler
from modelway.store import Store
from modelway.store.memory import MemoryLeases, open_memory

if TYPE_CHECKING:
    from modelway.experiments.recorder import OutcomeLog
    from modelway.ledger.ledger import Ledger
    from modelway.observe.metrics import Metrics
    from modelway.observe.otel.telemetry import Telemetry
    from modelway.policies.budget.budgets import Budgets
    from modelway.policies.budget.values import BudgetAlert
    from modelway.policies.caching.exact import ExactCache
    from modelway.policies.caching.semantic.cache import SemanticCache
    from modelway.policies.caching.semantic.vectors import Vectors


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


class Newest(Protocol):
    """An engine."""

    settings: Settings
    handle: Handler

    def deployment(self, id_: str) -> Deployment | None: ...
    def new_id(self) -> str: ...


class HealthTold(Protocol):
    """A change of a provider's health."""

    @property
    def provider(self) -> str: ...
    @property
    def after(self) -> str: ...
    @property
    def time(self) -> float: ...


Changed: TypeAlias = Callable[[BreakerChange], None]

_log = logging.getLogger("modelway")
PICO_USD = 10**12
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
        self.ledger: Ledger | None = None
        self.metrics: Metrics | None = None
        self.telemetry: Telemetry | None = None
        self.kept: ExactCache | None = None
        """Answers that are kept, where they are."""
        self.shares = store is not None
        """Whether other processes have the same store."""
        self.secret: Callable[[], bytes] = bytes
        """The installation's: what others could write to is sealed with it."""
        self.meant: SemanticCache | None = None
        """Those that are found by what a question means, where they are."""
        self.vectors: Vectors | None = None
        """Where its vectors are, if not in this process."""
        self.newest: Newest | None = None
        """Whatever works by the newest configuration."""
        self.on_alert: list[Callable[[BudgetAlert], None]] = []
        """Who is told when a budget is nearly, or quite, used up."""
        self._clock = clock
        self._started = False
        self.budgets: Budgets | None = None
        self._outcomes: OutcomeLog | None = None
        self.on_change: list[Changed] = []
        """Who is told when a breaker opens or closes."""
        self.on_health: list[Callable[[HealthTold], None]] = []
        self._seen: dict[str, Seen] = {}
        if settings.budgets:
            self.budgets = self._budgets(settings.budgets)

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

    def deployment(self, id_: str) -> Deployment | None:
        """The deployment of this id in the newest configuration."""
        return None if self.newest is None else self.newest.deployment(id_)

    async def adopt(self, settings: Settings) -> None:
        """Go on by these settings; what was counted, spent and opened so far stays."""
        self.adopted = settings
        self.limiter.queueing = settings.queue
        self.breakers.settings = settings.breaker
        if self.budgets is not None:
            self.budgets.adopt(settings.budgets)
        elif settings.budgets:
            self.budgets = self._budgets(settings.budgets)
            if self._started:
                await self.budgets.start()

    def _budgets(self, budgets: Sequence[Budget]) -> Budgets:
        from modelway.policies.budget.budgets import Budgets  # noqa: PLC0415  # where there are any

        return Budgets(
            budgets,
            self.store.leases,
            self.store.records,
            self._clock,
            node=platform.node(),
            tell=self._alert,
            notes=self.ledger,
        )

    def _alert(self, alert: BudgetAlert) -> None:
        about = "".join([f", {scope} {whom}" for scope, whom in alert.about.items()])
        _log.warning(
            "budget.%s: %s%s: %.6f of %.6f USD (%g %%)%s",
            alert.kind,
            alert.name,
            about,
            alert.spent_pico_usd / PICO_USD,
            alert.limit_pico_usd / PICO_USD,
            alert.percent,
            f", {alert.excess_pico_usd / PICO_USD:.6f} USD more was billed than was reserved"
            if alert.excess_pico_usd
            else "",
        )
        for told in self.on_alert:
            told(alert)

    def _tell(self, change: BreakerChange) -> None:
        if self.metrics is not None and change.after == "open":
            broken = self.deployment(change.deployment)
            if broken is not None:
                self.metrics.opened(broken.provider.name, broken.model)
        for told in self.on_change:
            told(change)

    def tell_health(self, change: HealthTold) -> None:
        """A provider went from one state to another."""
        for told in self.on_health:
            told(change)

    async def start(self) -> None:
        """Listen to what other processes say of breakers and budgets."""
        self._started = True
        await self.breakers.start()
        if self.budgets is not None:
            await self.budgets.start()

    async def aclose(self) -> None:
        """Give back what is leased, write what waits, and let go of the store: all, whatever fails."""
        async with AsyncExitStack() as closing:  # the last one first
            for one in (
                self.store,
                self._outcomes,
                self.telemetry,
                self.ledger,
                self.budgets,
                self.meant or self.vectors,
                self.kept,
                self.limiter,
                self.breakers,
            ):
                if one is not None:
                    closing.push_async_callback(one.aclose)
