"""What observers are told of beside calls: retries and fallbacks, circuits, health, and budgets."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from modelway.call import Call, Deployment
from modelway.observe.events import Bus, CallEvent, EventName
from modelway.policies.breaker import BreakerChange
from modelway.policies.budget.values import BudgetAlert
from modelway.ports import Clock, Observer
from modelway.state import HealthTold, State
from modelway.types import ChatRequest


class Announcer:
    """Tells an engine's observers, and those of single calls."""

    def __init__(self, observers: Sequence[Observer], state: State, clock: Clock) -> None:
        self.bus = Bus(observers) if observers else None
        """To the engine's, where it has any."""
        self._state = state
        self._clock = clock
        self._node = platform.node()
        self._watched: dict[str, Bus] = {}

    def listen(self) -> None:
        """Hear, from now on, of what happens to all engines of a process."""
        if self.bus is not None:
            self._state.on_change.append(self._changed)
            self._state.on_health.append(self._health)
            self._state.on_alert.append(self._alert)

    def retire(self) -> None:
        """Hand over what is to be told, and hear nothing more."""
        if self.bus is None:
            return
        self.bus.flush()
        if self._changed in self._state.on_change:
            self._state.on_change.remove(self._changed)
            self._state.on_health.remove(self._health)
            self._state.on_alert.remove(self._alert)

    @contextmanager
    def watching(self, call: Call, observers: Sequence[Observer]) -> Iterator[Bus]:
        """Tell these of one call, too."""
        bus = self._watched[call.id] = Bus(observers)
        try:
            yield bus
        finally:
            del self._watched[call.id]

    def tell(
        self,
        name: EventName,
        call: Call,
        deployment: Deployment,
        attempt: int | None = None,
        delay_s: float | None = None,
    ) -> None:
        """Of something on a call's way."""
        buses = [bus for bus in (self.bus, self._watched.get(call.id)) if bus]
        if not buses:
            return
        event = CallEvent(
            name=name,
            call=call.id,
            time=self._clock.time(),
            model=call.model,
            provider=deployment.provider.name,
            deployment=deployment.id,
            operation=call.operation,
            tenant=call.tenant,
            node=self._node,
            metadata=dict(call.request.metadata) if isinstance(call.request, ChatRequest) else {},
            attempt=attempt,
            delay_s=delay_s,
        )
        for bus in buses:
            bus.emit(event)

    def _emit(self, event: CallEvent) -> None:
        if self.bus is not None:
            self.bus.emit(event)

    def _changed(self, change: BreakerChange) -> None:
        self._emit(
            CallEvent(
                name="llm.breaker.change",
                time=change.time,
                deployment=change.deployment,
                node=change.node,
                state=change.after,
                reason=change.reason,
            )
        )

    def _health(self, change: HealthTold) -> None:
        self._emit(
            CallEvent(
                name="llm.health.change",
                time=change.time,
                provider=change.provider,
                state=change.after,
            )
        )

    def _alert(self, alert: BudgetAlert) -> None:
        self._emit(
            CallEvent(
                name="llm.budget.alert",
                time=alert.time,
                state=alert.kind,
                reason=f"{alert.percent:g} % of {alert.name}",
                metadata={
                    "budget": alert.name,
                    "about": alert.about,
                    "spent_pico_usd": alert.spent_pico_usd,
                    "limit_pico_usd": alert.limit_pico_usd,
                    "excess_pico_usd": alert.excess_pico_usd,
                },
            )
        )
