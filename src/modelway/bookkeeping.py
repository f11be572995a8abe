"""The books of a process: its ledger, its budgets and its figures, as a configuration wants them."""

from __future__ import annotations

import platform
from collections.abc import Mapping

from modelway.config.settings import Settings
from modelway.installation import secret, state_directory
from modelway.ports import Clock
from modelway.state import State


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
    semantic = settings.cache.semantic
    shares = settings.cache.where == "store" and settings.store.url != "memory:"
    if settings.cache.enabled and (shares or (semantic is not None and semantic.url)):
        state.secret = secret(directory, environment)
    if settings.cache.enabled and semantic is not None and semantic.url is not None:
        from modelway.store.postgres.vectors import open_vectors  # noqa: PLC0415  # an extra

        state.vectors = await open_vectors(
            semantic.url, most_entries=semantic.most_entries, secret=state.secret
        )
    said = settings.ledger.enabled
    if said or (said is None and (ledger or settings.budgets)):
        from modelway.ledger.opening import open_ledger  # noqa: PLC0415  # not every client has one

        state.ledger = await open_ledger(
            settings.ledger,
            state=directory,
            clock=clock,
            node=platform.node(),
            give_back=state.store.leases.settle,
        )
        if state.budgets is not None:
            state.budgets.notes = state.ledger
        await state.ledger.start()
    if settings.metrics.enabled or (settings.metrics.enabled is None and metrics):
        from modelway.observe.metrics import Metrics  # noqa: PLC0415  # not every client has them

        state.metrics = Metrics(settings.metrics)
        state.metrics.open_requests = lambda: state.counts.open
