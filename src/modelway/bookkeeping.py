"""The books of a process: its ledger, its budgets and its figures, as a configuration wants them."""

from __future__ import annotations

import asyncio
import functools
import platform
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from modelway.call import Timeouts
from modelway.config.settings import Settings
from modelway.installation import secret, state_directory
from modelway.ports import Clock, Pool, Spent, Transport, WireRequest
from modelway.state import State
from modelway.transport.url import parse_base_url

if TYPE_CHECKING:
    from modelway.policies.budget.values import BudgetAlert
    from modelway.policies.budget.webhook import Webhooks

_TIMEOUTS = Timeouts(connect_s=5.0, first_byte_s=10.0, total_s=15.0)


async def begin_books(
    state: State,
    settings: Settings,
    environment: Mapping[str, str],
    clock: Clock,
    *,
    ledger: bool,
    metrics: bool,
) -> None:
    """Open them. ``ledger``, ``metrics``: also where nothing is said of it; budgets have a ledger."""
    directory = state_directory(environment)
    state.secret = functools.cache(lambda: secret(directory, environment))
    semantic = settings.cache.semantic
    if settings.cache.enabled and semantic is not None and semantic.url is not None:
        from modelway.store.postgres.vectors import open_vectors  # noqa: PLC0415  # an extra

        state.vectors = await open_vectors(
            semantic.url, most_entries=semantic.most_entries, secret=state.secret()
        )
    said = settings.ledger.enabled
    if said or (said is None and (ledger or settings.budgets)):
        from modelway.ledger.opening import open_ledger  # noqa: PLC0415  # not every client has one

        state.ledger = await open_ledger(
            settings.ledger,
            state=directory,
            secret=await asyncio.to_thread(state.secret),
            clock=clock,
            node=platform.node(),
            give_back=functools.partial(_give_back, state),
        )
        if state.budgets is not None:
            state.budgets.notes = state.ledger
    if settings.metrics.enabled or (settings.metrics.enabled is None and metrics):
        from modelway.observe.metrics import Metrics  # noqa: PLC0415  # not every client has them

        state.metrics = Metrics(settings.metrics)
        state.metrics.open_requests = lambda: state.counts.open


async def _give_back(state: State, pool: Pool, spent: Sequence[Spent]) -> None:
    """Settle grants of a process that died; a budget that is passed by it closes."""
    budgets = state.budgets
    settle = state.store.leases.settle if budgets is None else budgets.settle_for
    await settle(pool, spent)


class Alarms:
    """Whom the budgets of the newest configuration want told, beside the log and the observers."""

    def __init__(self, state: State, transport: Transport, clock: Clock) -> None:
        self._state = state
        self._transport = transport
        self._clock = clock
        self._webhooks: Webhooks | None = None
        state.on_alert.append(self._tell)

    def _tell(self, alert: BudgetAlert) -> None:
        newest = self._state.newest
        for budget in newest.settings.budgets if newest is not None else ():
            if budget.name == alert.name and budget.webhook is not None:
                self._opened().tell(alert, budget.webhook)

    def _opened(self) -> Webhooks:
        if self._webhooks is None:
            from modelway.policies.budget.webhook import Webhooks  # noqa: PLC0415  # few have any

            self._webhooks = Webhooks(self._post, self._clock)
        return self._webhooks

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        origin, path = parse_base_url(url)
        named = tuple([(name.encode(), value.encode()) for name, value in headers.items()])
        request = WireRequest("POST", origin, path or "/", named, body, _TIMEOUTS)
        response = await self._transport.send(request)
        await response.read()
        return response.status

    async def aclose(self) -> None:
        """What has not arrived is given up."""
        if self._webhooks is not None:
            await self._webhooks.aclose()
