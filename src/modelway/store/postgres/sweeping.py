"""Throws out what has ended, in the background of calls."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from modelway.errors import StoreDownError
from modelway.store.postgres.connections import Connections

_SWEEP = "select modelway.sweep($1, $2)"
_BATCH_ROWS = 1000
_EVERY_S = 60.0


class Sweeper:
    """Of all processes one sweeps at a time; what one did not get to, the next call's sweep does."""

    def __init__(
        self,
        connections: Connections,
        cache_bytes: int,
        *,
        chance: random.Random,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connections = connections
        self._cache_bytes = cache_bytes
        self._now = now
        self._chance = chance
        self._next = now() + _EVERY_S * chance.random()
        self._sweeping: asyncio.Task[None] | None = None

    def now_and_then(self) -> None:
        """Start a sweep, if the last one was a while ago."""
        now = self._now()
        if now >= self._next:
            self._next = now + _EVERY_S * (0.5 + self._chance.random())
            self.start()

    def start(self) -> asyncio.Task[None]:
        """The sweep that is running, or a new one. It does not fail: there will be another."""
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.create_task(self._sweep())
        return self._sweeping

    async def aclose(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.wait([self._sweeping])

    async def _sweep(self) -> None:
        try:
            while True:
                rows = await self._connections.work(_SWEEP, self._cache_bytes, _BATCH_ROWS)
                if rows[0][0] < _BATCH_ROWS:
                    return
        except StoreDownError:
            return
