"""Calls back at times of a clock, with one sleeper for all."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import Callable

from modelway.ports import Clock

_log = logging.getLogger(__name__)


class Alarm:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._calls: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._sleeper: asyncio.Task[None] | None = None
        self._wakes_at = 0.0
        self._closed = False

    def at(self, when: float, call: Callable[[], None]) -> None:
        """Call at ``when`` (monotonic), or soon after."""
        if self._closed:
            return
        heapq.heappush(self._calls, (when, next(self._numbers), call))
        if self._sleeper is not None and when < self._wakes_at:
            self._sleeper.cancel()
            self._sleeper = None
        if self._sleeper is None:
            self._sleeper = asyncio.create_task(self._sleep())

    def close(self) -> None:
        """Nothing is called any more."""
        self._closed = True
        self._calls.clear()
        if self._sleeper is not None:
            self._sleeper.cancel()

    async def _sleep(self) -> None:
        while self._calls:
            self._wakes_at = self._calls[0][0]
            wait_s = self._wakes_at - self._clock.monotonic()
            if wait_s > 0:
                await self._clock.sleep(wait_s)
            self._wakes_at = 0.0  # those who are called may call `at`
            self._call_due()
        self._sleeper = None

    def _call_due(self) -> None:
        now = self._clock.monotonic()
        while self._calls and self._calls[0][0] <= now:
            _, _, call = heapq.heappop(self._calls)
            try:
                call()
            except Exception:  # noqa: BLE001 - one meter's fault does not end the upkeep of others
                _log.exception("a limit's upkeep failed")
