"""A store that goes away: hard budgets refuse what is not held, soft ones count later."""

import gc
import logging

import pytest

from modelway.errors import BudgetExceededError, StoreDownError
from support.budget_world import budget, total_pool, turns, world


async def test_what_is_held_may_be_spent_and_no_more(caplog):
    async with world(budget(100_000)) as w:
        one = await w.process()
        for _ in range(10):
            (await one.enter(10)).settle(10)
        w.store.away = True
        with caplog.at_level(logging.WARNING):
            spent = 0
            while True:
                hold = one.purse().reserve(10)
                if hold is None:
                    break
                hold.settle(10)
                spent += 10
            assert await one.refused(10) == "store_down"
        assert spent
        assert caplog.text.count("budgets.store_down") == 1
        w.store.away = False
        await w.clock.advance(2)
        (await one.enter(10)).settle(10)
        await one.budgets.aclose()
        assert await w.total(total_pool()) == 100 + spent + 10


async def test_it_is_not_asked_again_for_a_moment():
    async with world(budget(1000)) as w:
        one = await w.process()
        w.store.away = True
        assert await one.refused(10) == "store_down"
        trips = w.store.trips
        for _ in range(50):
            assert await one.refused(10) == "store_down"
        assert w.store.trips == trips
        w.store.away = False
        await w.clock.advance(0.8)
        assert (await one.enter(10)).draws


async def test_a_refusal_says_when_to_try_again():
    async with world(budget(1000)) as w:
        one = await w.process()
        w.store.away = True
        with pytest.raises(BudgetExceededError, match="budget b cannot be asked") as caught:
            await one.enter(10)
        assert 0 < caught.value.retry_after_s <= 0.75
        assert isinstance(caught.value.__cause__, StoreDownError)


async def test_a_soft_budget_lets_through_and_counts_later():
    async with world(budget(1000, hard=False)) as w:
        one = await w.process()
        w.store.away = True
        hold = await one.enter(600)
        assert hold.draws == ()
        hold.settle(500)
        (await one.enter(600)).settle(400)
        await w.clock.advance(3)
        w.store.away = False
        await w.clock.advance(5)
        assert await w.total(total_pool()) == 900
        assert {alert.percent for alert in w.alerts} == {50, 80}


async def test_settlements_are_kept_until_they_can_be_told():
    async with world(budget(1000)) as w:
        one = await w.process()
        hold = await one.enter(600)
        w.store.away = True
        hold.settle(100)
        await w.clock.advance(30)
        assert await w.total(total_pool()) == 600
        assert one.notes.out
        w.store.away = False
        await w.clock.advance(3)
        assert await w.total(total_pool()) == 100
        assert not one.notes.out


async def test_unbounded_keys_leave_nothing_behind():
    async with world(budget(1000, about={"user": "*"})) as w:
        one = await w.process()
        w.store.away = True
        for number in range(500):
            assert await one.refused(10, user=f"u{number}") == "store_down"
        await w.clock.advance(3)
        assert not one.budgets._active
        one.budgets.adopt([])
        gc.collect()  # errors know where they were raised
        assert not one.budgets._tills
        assert not one.budgets._accounts


async def test_two_budgets_one_of_which_is_soft():
    async with world(budget(1000, name="s", hard=False), budget(1000, name="h")) as w:
        one = await w.process()
        w.store.away = True
        assert await one.refused(10) == "store_down"
        w.store.away = False
        await w.clock.advance(2)
        await turns()
        hold = await one.enter(10)
        assert len(hold.draws) == 2
