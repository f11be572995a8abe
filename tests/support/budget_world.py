"""Processes with budgets on a store in memory, on a clock that is moved by hand."""

from __future__ import annotations

import asyncio
import contextlib

from modelway.errors import BudgetExceededError
from modelway.policies.budget.budgets import Budgets
from modelway.policies.budget.pools import pool_name
from modelway.policies.budget.values import Budget, Spender
from modelway.policies.budget.vault import HUGE
from modelway.ports import Pool, Spent
from modelway.store.memory import MemoryLeases, MemoryRecords
from support.hand_clock import HandClock, turns
from support.limits_world import Shaky


class Notes:
    """What a journal would hold: grants, and what calls drew of them."""

    def __init__(self):
        self.out = {}

    def granted(self, pool, grant, amount):
        assert amount > 0
        assert (pool.name, grant) not in self.out
        self.out[pool.name, grant] = pool

    def returned(self, pool, grant):
        del self.out[pool, grant]


class Process:
    """One that may die."""

    def __init__(self, world, budgets, node, tell=None):
        self.world = world
        self.alerts = []
        self.notes = Notes()
        self.budgets = Budgets(
            budgets,
            world.store,
            world.records,
            world.clock,
            node=node,
            tell=tell or self.alerts.append,
            notes=self.notes,
        )
        self.holds = []

    def purse(self, **about):
        return self.budgets.purse(spender(**about))

    async def enter(self, pico_usd, **about):
        return await self.world.soon(self.purse(**about).enter(pico_usd))

    async def refused(self, pico_usd, **about):
        """The code of the refusal."""
        try:
            hold = await self.enter(pico_usd, **about)
        except BudgetExceededError as error:
            return error.code
        hold.release()
        raise AssertionError(f"{pico_usd} was let through")

    def die(self):
        """Without a word: its tasks do nothing any more."""
        for task in [
            *self.budgets._tasks,
            self.budgets._ticking,
            self.budgets._closures._listening,
        ]:
            if task is not None:
                task.cancel()
        self.budgets._spawn = lambda work: work.close()
        for account in self.budgets._accounts.values():
            account.means = account.means._replace(spawn=lambda work: work.close())

    async def replayed_by(self, other, costs):
        """Its journal: of each grant that is out what its calls did cost, or had reserved."""
        for (name, grant), pool in list(self.notes.out.items()):
            used = sum(cost for draw, cost in costs if (draw.pool, draw.grant) == (name, grant))
            await other.budgets.settle_for(pool, [Spent(grant, used)])


class World:
    def __init__(self, *budgets, latency_s=0.0):
        self.clock = HandClock()
        self.store = Shaky(MemoryLeases(self.clock), self.clock, latency_s)
        self.records = MemoryRecords(self.clock)
        self.list = budgets
        self.processes = []

    async def process(self, *budgets, tell=None):
        made = Process(self, budgets or self.list, f"n{len(self.processes)}", tell)
        self.processes.append(made)
        await made.budgets.start()
        await turns()
        return made

    async def soon(self, awaitable, seconds=0.5):
        task = asyncio.ensure_future(awaitable)
        await turns()
        if not task.done():
            await self.clock.advance(seconds)
        assert task.done(), "it still waits"
        return await task

    async def total(self, name):
        """All that counts against a pool."""
        return HUGE - (await self.store.leases.take(Pool(name, HUGE, 0.0, 1.0), 0)).left

    @property
    def alerts(self):
        return [alert for process in self.processes for alert in process.alerts]

    async def aclose(self):
        for process in self.processes:
            closing = asyncio.ensure_future(process.budgets.aclose())
            for _ in range(100):
                if closing.done():
                    break
                await self.clock.advance(0.1)
            await closing
        await self.records.aclose()


@contextlib.asynccontextmanager
async def world(*budgets, **options):
    made = World(*budgets, **options)
    try:
        yield made
    finally:
        await made.aclose()


def spender(**said):
    fields = {
        "tenant": "local",
        "key": "k",
        "team": "",
        "user": "",
        "tags": (),
        "provider": "openai",
        "model": "m",
        "asked": "m",
        "deployment": "openai/m",
    }
    return Spender(**{**fields, **said})


def budget(limit=1000, **said):
    return Budget(**{"name": "b", "limit_pico_usd": limit, "period": "total", **said})


def total_pool(**said):
    """The name of the pool of a budget in all."""
    return pool_name(budget(**said), (), "total")


__all__ = ["World", "budget", "spender", "total_pool", "turns", "world"]
