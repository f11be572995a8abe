"""A monitor for as long as an engine is open, and its successors after a reload."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator

from msgspec.structs import replace

from modelway.clock import SystemClock
from modelway.config.settings import HealthSettings, Settings
from modelway.health.monitor import Monitor
from modelway.opening import Opened


@contextlib.asynccontextmanager
async def watched_over(opened: Opened, *, unless_told: bool) -> AsyncIterator[None]:
    """Look after the providers of whatever configuration is in force; ``unless_told``: see below."""
    engine = opened.engine
    state = engine.state
    monitor = Monitor(
        engine,
        watching(engine.settings, opened, unless_told=unless_told),
        SystemClock(),
        random.Random(),  # noqa: S311 - spreads checks, guards nothing
        state.breakers,
        state.tell_health,
    )
    state.monitor = monitor
    await monitor.start()
    try:
        yield
    finally:
        state.monitor = None
        await monitor.aclose()


def watching(settings: Settings, opened: Opened, *, unless_told: bool) -> HealthSettings:
    """Whether providers are asked, where the configuration does not say it: ``unless_told``.

    Never while a cassette is recorded or replayed: it is to hold what callers ask, and nothing else.
    """
    said = settings.health
    if opened.on_tape:
        return replace(said, active=False)
    return said if said.active is not None else replace(said, active=unless_told)
