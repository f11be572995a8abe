"""The same of budgets over every store: its numbers are large, its windows endless, its grants late."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager

import pytest

from modelway.clock import SystemClock
from modelway.errors import BudgetExceededError
from modelway.policies.budget.budgets import Budgets
from modelway.policies.budget.values import Spender
from modelway.ports import Spent
from modelway.store.opening import open_store
from support.budget_world import Notes, budget
from support.servers_valkey import ValkeyServer

CENT = 10**10
SPENDER = Spender("local", "k", "red", "", (), "openai", "m", "m", "openai/m")
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def valkey():
    with ValkeyServer() as server:
        yield server


@pytest.fixture(params=["memory", "sqlite", "valkey", "postgres"])
def url(request, tmp_path):
    match request.param:
        case "memory":
            return "memory:"
        case "sqlite":
            return f"sqlite:{tmp_path / 'store.sqlite'}"
        case "valkey":
            server = request.getfixturevalue("valkey")
            return f"{server.url.rpartition('/')[0]}/{next(NUMBERS)}"
        case _:
            server = request.getfixturevalue("postgres")
            name = f"budgets_{next(NUMBERS)}"
            server.ask(f"create database {name}")
            return server.url(name)


class Process:
    def __init__(self, store, *budgets):
        self.alerts = []
        self.told = asyncio.Event()
        self.notes = Notes()
        self.budgets = Budgets(
            budgets,
            store.leases,
            store.records,
            SystemClock(),
            node="n",
            tell=self.tell,
            notes=self.notes,
        )

    def tell(self, alert):
        self.alerts.append(alert)
        self.told.set()

    @property
    def purse(self):
        return self.budgets.purse(SPENDER)

    async def refused(self, pico_usd):
        with pytest.raises(BudgetExceededError) as caught:
            await self.purse.enter(pico_usd)
        return caught.value.code

    async def status(self):
        (status,) = await self.budgets.statuses()
        return status


@asynccontextmanager
async def processes(url, *budgets, number=2):
    store = await open_store(url, timeout_s=5.0)
    made = [Process(store, *budgets) for _ in range(number)]
    for one in made:
        await one.budgets.start()
    try:
        yield made
    finally:
        for one in made:
            await one.budgets.aclose()
        await store.aclose()
    assert not any(one.notes.out for one in made)


@pytest.mark.parametrize(
    "said",
    [
        {"period": "total"},
        {"period": "month"},
        {"period": "rolling", "rolling_s": 3600.0},
        {"period": "day", "about": {"team": "*"}},
    ],
    ids=lambda said: said["period"],
)
async def test_reserved_spent_and_remaining_to_the_last_unit(url, said):
    limit = 10**18 - 1
    async with processes(url, budget(limit, **said)) as (one, two):
        hold = await one.purse.enter(limit - 7 * CENT)
        assert await two.refused(7 * CENT + 1) == "budget"
        other = await two.purse.enter(7 * CENT)
        assert await one.refused(1) == "budget"
        hold.settle(3 * CENT + 1)
        other.settle(2 * CENT)
        await one.budgets.aclose()
        status = await two.status()
        assert (status.spent_pico_usd, status.reserved_pico_usd) == (5 * CENT + 1, 0)
        assert status.remaining_pico_usd == limit - 5 * CENT - 1
        (await two.purse.enter(limit - 5 * CENT - 1)).release()


async def test_what_is_billed_beyond_is_booked_told_and_closed_for_all(url):
    async with processes(url, budget(100 * CENT)) as (one, two):
        for process in (one, two):
            for _ in range(4):
                (await process.purse.enter(CENT)).settle(CENT)
        hold = await one.purse.enter(CENT)
        hold.settle(200 * CENT)
        async with asyncio.timeout(5):
            await one.told.wait()
        await asyncio.sleep(1)
        assert await one.refused(1) == await two.refused(1) == "closed"
        assert one.alerts[0].kind == "excess"
        assert not two.alerts
        assert (await one.budgets.statuses())[0].closed
        for process in (one, two):
            process.budgets.adopt([budget(1000 * CENT)])
        (await two.purse.enter(700 * CENT)).release()


async def test_a_soft_budget_is_counted_beyond_its_limit(url):
    async with processes(url, budget(CENT, hard=False)) as (one, two):
        for process in (one, two):
            (await process.purse.enter(5 * CENT)).settle(4 * CENT)
            await process.budgets.aclose()
        status = await two.status()
        assert (status.spent_pico_usd, status.remaining_pico_usd) == (8 * CENT, 0)


async def test_thresholds_are_told_once(url):
    async with processes(url, budget(10 * CENT, alerts=(80.0,))) as (one, two):
        (await one.purse.enter(5 * CENT)).settle(5 * CENT)
        (await two.purse.enter(4 * CENT)).settle(4 * CENT)
        async with asyncio.timeout(8):
            await two.told.wait()
        (await one.purse.enter(CENT)).settle(CENT // 2)
        await asyncio.sleep(1.5)
        (alert,) = one.alerts + two.alerts
        assert (alert.kind, alert.percent, alert.spent_pico_usd) == ("threshold", 80.0, 9 * CENT)


async def test_grants_of_one_that_died_are_settled_once(url):
    async with processes(url, budget(10 * CENT)) as (one, two):
        hold = await one.purse.enter(6 * CENT)
        (draw,) = hold.draws
        (pool,) = one.notes.out.values()
        for cost in (4 * CENT, 9 * CENT, 0):  # the last two come too late
            await two.budgets.settle_for(pool, [Spent(draw.grant, cost)])
        assert await two.refused(6 * CENT + 1) == "budget"
        (await two.purse.enter(6 * CENT)).release()
        hold.release()
