"""A clock that a test moves by hand, with the sleepers that it wakes on the way."""

from __future__ import annotations

import asyncio
import heapq
import itertools

_TURNS = 20
"""Of the event loop: what is woken does something, and wakes others."""


class HandClock:
    """``jump_s`` is by how much somebody has set the wall clock; the monotonic one does not follow."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.jump_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._numbers = itertools.count()

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_790_000_000.0 + self.now + self.jump_s

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._numbers), woken))
        await woken.wait()

    async def advance(self, seconds: float) -> None:
        """Let so much time go by, and what is due in it happen in order."""
        end = self.now + seconds
        await turns()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, woken = heapq.heappop(self._sleepers)
            self.now = max(self.now, at)
            woken.set()
            await turns()
        self.now = end


async def turns(number: int = _TURNS) -> None:
    """Let what is ready run."""
    for _ in range(number):
        await asyncio.sleep(0)
