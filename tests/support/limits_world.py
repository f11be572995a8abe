"""Processes that share a store in memory, on a clock that is moved by hand."""

from __future__ import annotations

import asyncio
import contextlib

from modelway.call import Limits
from modelway.errors import StoreDownError
from modelway.policies.limits import Limiter, Queueing, Subject
from modelway.ports import Pool
from modelway.store.memory import MemoryLeases
from support.hand_clock import HandClock, turns


class Shaky:
    """Leases that can be away, and count how often they are asked."""

    def __init__(self, leases, clock, latency_s=0.0):
        self.leases = leases
        self.clock = clock
        self.latency_s = latency_s
        self.away = False
        self.trips = 0

    async def _trip(self):
        self.trips += 1
        if self.latency_s:
            await self.clock.sleep(self.latency_s)
        if self.away:
            raise StoreDownError("the store is away")

    async def take(self, pool, want, *, least=1, share=1, spent=()):
        await self._trip()
        grant = await self.leases.take(pool, want, least=least, share=share, spent=spent)
        if self.latency_s:
            await self.clock.sleep(self.latency_s)
        return grant

    async def settle(self, pool, spent):
        await self._trip()
        await self.leases.settle(pool, spent)

    async def renew(self, pool, grants):
        await self._trip()
        return await self.leases.renew(pool, grants)

    async def aclose(self):
        """Nothing is held."""


class World:
    def __init__(self, *, latency_s=0.0, minute_s=60.0):
        self.clock = HandClock()
        self.minute_s = minute_s
        self.store = Shaky(MemoryLeases(self.clock), self.clock, latency_s)
        self.limiters = []

    def process(self, *, when_down="open", store=None, **queueing):
        limiter = Limiter(
            store or self.store,
            self.clock,
            queueing=Queueing(**queueing),
            when_down=when_down,
            alone=MemoryLeases(self.clock),
            minute_s=self.minute_s,
        )
        self.limiters.append(limiter)
        return limiter

    def gate(self, *, learns=False, **limits):
        """Of a process of its own."""
        return self.process().gate([provider(**limits)], learns=learns)

    async def left(self, subject, name, limit, window_s=60.0):
        """What the store says is left of a limit."""
        pool = Pool(f"limit:{subject.kind}:{subject.name}:{name}", limit, window_s, 1.0)
        return (await self.store.leases.take(pool, 0)).left

    async def soon(self, awaitable, seconds=0.5):
        """What comes of it within so much time."""
        task = asyncio.ensure_future(awaitable)
        await self.clock.advance(seconds)
        assert task.done(), "it still waits"
        return await task

    async def aclose(self):
        closing = [asyncio.ensure_future(limiter.aclose()) for limiter in self.limiters]
        for _ in range(100):
            if all(task.done() for task in closing):
                break
            await self.clock.advance(0.1)
        await asyncio.gather(*closing)


@contextlib.asynccontextmanager
async def world(**options):
    made = World(**options)
    try:
        yield made
    finally:
        await made.aclose()


def provider(name="acme", **limits):
    return Subject("provider", name, Limits(**limits))


__all__ = ["World", "provider", "turns", "world"]
