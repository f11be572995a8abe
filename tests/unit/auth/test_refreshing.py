"""Values that expire: one fetch for all who wait, ahead of time, and kept where a fetch fails."""

from __future__ import annotations

import asyncio

import pytest

from modelway.auth.refreshing import RETRY_S, Lease, Refreshing
from modelway.errors import OverloadedError
from support.endpoints import WallClock


class Source:
    """Gives 1, 2, 3 …, each living an hour, once ``gate`` is open."""

    def __init__(self, clock, life_s=3600.0):
        self.clock, self.life_s = clock, life_s
        self.count = 0
        self.failing = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self):
        self.count += 1
        number = self.count
        await self.gate.wait()
        if self.failing:
            raise OverloadedError("down")
        return Lease(number, None if self.life_s is None else self.clock.now_s + self.life_s)


@pytest.fixture
def made():
    clock = WallClock()
    source = Source(clock)
    return clock, source, Refreshing(source, clock)


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_hundred_waiters_are_one_fetch(made):
    _, source, values = made
    source.gate.clear()
    waiting = [asyncio.create_task(values.get()) for _ in range(100)]
    await settle()
    source.gate.set()
    assert await asyncio.gather(*waiting) == [1] * 100
    assert source.count == 1


async def test_a_value_is_fetched_ahead_of_its_end_while_the_old_one_is_given(made):
    clock, source, values = made
    assert await values.get() == 1
    clock.now_s += 3299
    assert await values.get() == 1
    assert source.count == 1
    clock.now_s += 2
    assert [await values.get() for _ in range(10)] == [1] * 10
    await settle()
    assert (await values.get(), source.count) == (2, 2)


async def test_an_expired_value_is_never_given(made):
    clock, _, values = made
    assert await values.get() == 1
    clock.now_s += 3591
    assert await values.get() == 2


async def test_a_failed_refresh_keeps_a_valid_value_and_is_not_repeated_at_once(made):
    clock, source, values = made
    assert await values.get() == 1
    clock.now_s += 3400
    source.failing = True
    assert await values.get() == 1
    await settle()
    assert [await values.get() for _ in range(10)] == [1] * 10
    await settle()
    assert source.count == 2
    clock.now_s += RETRY_S + 1
    assert await values.get() == 1
    await settle()
    assert source.count == 3
    clock.now_s += 200
    with pytest.raises(OverloadedError):
        await values.get()
    with pytest.raises(OverloadedError):
        await values.get()
    source.failing = False
    assert await values.get() == 6


async def test_all_waiters_get_the_error_and_the_next_asks_again(made):
    _, source, values = made
    source.failing = True
    source.gate.clear()
    waiting = [asyncio.create_task(values.get()) for _ in range(100)]
    await settle()
    source.gate.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(outcome, OverloadedError) for outcome in outcomes)
    assert source.count == 1
    source.failing = False
    assert await values.get() == 2


async def test_a_waiter_that_leaves_takes_nothing_along(made):
    _, source, values = made
    source.gate.clear()
    first, second = (asyncio.create_task(values.get()) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    source.gate.set()
    assert await second == 1
    assert source.count == 1


async def test_a_short_life_is_renewed_in_its_last_fifth(made):
    clock, source, values = made
    source.life_s = 100.0
    await values.get()
    clock.now_s += 79
    await values.get()
    assert source.count == 1
    clock.now_s += 2
    assert await values.get() == 1
    await settle()
    assert source.count == 2


async def test_a_value_without_end_is_fetched_once(made):
    clock, source, values = made
    source.life_s = None
    await values.get()
    clock.now_s += 1e9
    assert await values.get() == 1


def test_two_event_loops_one_after_the_other():
    clock = WallClock()
    counted = []

    async def fetch():
        counted.append(1)
        await asyncio.sleep(0)
        return Lease(len(counted), clock.now_s + 3600)

    values = Refreshing(fetch, clock)

    async def leave_early():
        task = asyncio.create_task(values.get())
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(leave_early())
    assert asyncio.run(values.get()) == 2
    assert asyncio.run(values.get()) == 2
