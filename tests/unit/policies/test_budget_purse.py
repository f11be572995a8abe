"""Reserving and settling in one process, and what is said to who is refused."""

import asyncio

import pytest

from modelway.errors import BudgetExceededError
from support.budget_world import budget, spender, total_pool, turns, world


async def test_a_cold_slice_takes_a_round_trip_and_a_warm_one_none():
    async with world(budget(1_000_000)) as w:
        one = await w.process()
        purse = one.purse()
        assert purse.reserve(10) is None
        hold = await one.enter(10)
        (draw,) = hold.draws
        assert (draw.pool, draw.pico_usd) == (total_pool(), 10)
        assert list(one.notes.out) == [(draw.pool, draw.grant)]
        hold.settle(4)
        trips = w.store.trips
        again = purse.reserve(6)
        assert again is not None
        assert w.store.trips == trips
        again.settle(6)


async def test_what_was_settled_is_what_the_store_counts():
    async with world(budget()) as w:
        one = await w.process()
        hold = await one.enter(100)
        hold.settle(30)
        await one.budgets.aclose()
        assert await w.total(total_pool()) == 30
        assert not one.notes.out


@pytest.mark.parametrize(
    ("first", "counted"),
    [(lambda h: h.settle(40), 40), (lambda h: h.settle(None), 100), (lambda h: h.release(), 0)],
    ids=["settled", "unknown", "released"],
)
async def test_only_the_first_settlement_counts(first, counted):
    async with world(budget()) as w:
        one = await w.process()
        hold = await one.enter(100)
        first(hold)
        hold.settle(90)
        hold.release()
        hold.settle(None)
        await one.budgets.aclose()
        assert await w.total(total_pool()) == counted


async def test_nothing_is_reserved_beyond_the_limit_by_many_at_once():
    async with world(budget(1000), latency_s=0.01) as w:
        one = await w.process()
        purse = one.purse()

        tasks = [asyncio.ensure_future(purse.enter(70)) for _ in range(200)]
        await w.clock.advance(5)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        holds = [one for one in ended if not isinstance(one, BudgetExceededError)]
        assert len(holds) == 1000 // 70
        assert {one.code for one in ended if one not in holds} == {"budget"}
        for hold in holds:
            hold.release()
        assert len((await w.soon(purse.enter(1000))).draws) == 1


async def test_a_refusal_says_whose_budget_what_remains_what_was_asked_and_when_it_begins_anew():
    month = budget(2_500_000_000_000, period="month", time_zone="Europe/Berlin", about={"key": "*"})
    async with world(month) as w:
        one = await w.process()
        await one.enter(1_000_000_000_000)
        with pytest.raises(BudgetExceededError) as caught:
            await one.enter(1_500_000_000_001)
        error = caught.value
        assert error.code == "budget"
        assert error.retry_after_s > 86_400
        for words in ("budget b", "key k", "1.5 USD left", "2.5 USD", "1.500000000001 USD"):
            assert words in error.message
        assert "2026-10-01 00:00 Europe/Berlin" in error.message


async def test_several_budgets_reserve_in_all_or_none():
    wide, narrow = budget(1000, name="wide"), budget(100, name="narrow")
    async with world(wide, narrow) as w:
        one = await w.process()
        hold = await one.enter(60)
        assert len(hold.draws) == 2
        assert await one.refused(60) == "budget"
        hold.release()
        await w.clock.advance(6)
        assert await w.total(total_pool(name="wide")) == 0
        assert (await one.enter(100)).draws


async def test_who_gives_up_while_it_waits_takes_nothing_along():
    async with world(budget(100), latency_s=0.1) as w:
        one = await w.process()
        for at in (0, 1, 3, 20):
            task = asyncio.ensure_future(one.purse().enter(100))
            await w.clock.advance(0.01)
            await turns(at)
            if at:
                await w.clock.advance(0.1 * at)
            task.cancel()
            (gone,) = await asyncio.gather(task, return_exceptions=True)
            if not isinstance(gone, BaseException):
                gone.release()
            await w.clock.advance(6)
            assert await w.total(total_pool()) == 0


async def test_who_gives_up_at_the_second_budget_takes_nothing_of_the_first():
    async with world(budget(100, name="a"), budget(100, name="b"), latency_s=0.1) as w:
        one = await w.process()
        task = asyncio.ensure_future(one.purse().enter(100))
        await w.clock.advance(0.25)  # it has the first, and asks for the second
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await w.clock.advance(6)
        assert await w.total(total_pool(name="a")) == 0
        assert await w.total(total_pool(name="b")) == 0


async def test_an_unknown_price_is_refused_and_says_how_to_add_one():
    async with world(budget()) as w:
        one = await w.process()
        assert one.purse().reserve(None) is None
        with pytest.raises(BudgetExceededError) as caught:
            await one.enter(None)
        assert caught.value.code == "unpriced"
        assert "`catalogue:`" in caught.value.message
        assert "docs/models-and-prices.md" in caught.value.message
        assert w.store.trips == 0


@pytest.mark.parametrize("said", [{"unpriced": "allow"}, {"hard": False}], ids=str)
async def test_an_unknown_price_that_is_allowed_touches_no_pool(said):
    async with world(budget(**said)) as w:
        one = await w.process()
        hold = one.purse().reserve(None)
        assert hold.draws == ()
        assert hold.pico_usd is None
        hold.settle(None)
        await turns()
        assert w.store.trips == 0


async def test_what_an_unknown_price_comes_to_is_booked_where_it_is_known_in_the_end():
    async with world(budget(unpriced="allow")) as w:
        one = await w.process()
        one.purse().reserve(None).settle(70)
        await w.clock.advance(3)
        assert await w.total(total_pool()) == 70


async def test_what_is_free_needs_nothing_of_an_exhausted_budget():
    async with world(budget(100)) as w:
        one = await w.process()
        (await one.enter(100)).settle(100)
        assert await one.refused(1) == "budget"
        assert one.purse().reserve(0).draws == ()


async def test_nothing_negative_is_reserved_or_given_back():
    async with world(budget(100)) as w:
        one = await w.process()
        hold = await one.enter(50)
        with pytest.raises(ValueError, match="-1 pico-dollars"):
            one.purse().reserve(-1)
        hold.settle(-50)
        await one.budgets.aclose()
        assert await w.total(total_pool()) == 0


async def test_no_budget_about_it_is_an_empty_purse():
    async with world(budget(about={"team": "red"})) as w:
        one = await w.process()
        purse = one.purse(team="blue")
        assert purse.empty
        assert not purse.hard
        assert purse.left_pico_usd is None
        assert purse.reserve(10**15).draws == ()
        assert purse.reserve(None).draws == ()


async def test_what_remains_and_why_nothing_would_go():
    async with world(budget(100), budget(50, name="soft", hard=False)) as w:
        one = await w.process()
        purse = one.purse()
        assert purse.left_pico_usd is None
        assert purse.hard
        hold = await one.enter(60)
        assert purse.left_pico_usd == 40
        assert not purse.blocked
        rest = await one.enter(40)
        assert await one.refused(1) == "budget"
        assert "budget b" in purse.blocked
        hold.release()
        await w.clock.advance(1)
        assert not purse.blocked
        rest.release()


async def test_a_limit_of_nothing_lets_nothing_through():
    async with world(budget(0)) as w:
        one = await w.process()
        assert await one.refused(1) == "budget"
        await w.clock.advance(5)
        assert [alert.kind for alert in w.alerts] == ["refused"]


async def test_sums_beyond_all_money_are_refused_and_booked_without_a_fault():
    async with world(budget(10**18)) as w:
        one = await w.process()
        assert await one.refused(10**40) == "budget"
        (await one.enter(5)).settle(10**40)
        await w.clock.advance(3)
        assert await one.refused(1) == "closed"


async def test_idle_slices_go_back():
    async with world(budget(10_000)) as w:
        one = await w.process()
        for _ in range(20):
            (await one.enter(10)).settle(10)
            await w.clock.advance(0.1)
        assert await w.total(total_pool()) > 200
        await w.clock.advance(8)
        assert await w.total(total_pool()) == 200
        assert not one.budgets._active


async def test_what_comes_back_to_an_older_slice_is_spent_again():
    async with world(budget(100)) as w:
        one = await w.process()
        first, second = await one.enter(50), await one.enter(50)
        assert await one.refused(10) == "budget"
        first.settle(20)
        again = await one.enter(30)
        assert await one.refused(1) == "budget"
        for hold in (second, again):
            hold.settle(0)


async def test_what_was_given_back_a_moment_ago_is_found():
    async with world(budget(100), latency_s=0.02) as w:
        one = await w.process()
        hold = await one.enter(100)
        refused = asyncio.ensure_future(one.purse().enter(1))
        await w.clock.advance(0.05)
        assert refused.exception().code == "budget"
        hold.settle(0)
        (await one.enter(100)).release()


async def test_a_spender_has_one_purse_and_the_idle_are_forgotten():
    async with world(budget(about={"user": "*"})) as w:
        one = await w.process()
        assert one.budgets.purse(spender(user="u")) is one.budgets.purse(spender(user="u"))
        for number in range(25_000):
            one.budgets.purse(spender(user=f"u{number}")).reserve(1)
        assert len(one.budgets._young) + len(one.budgets._old) <= 10_000
        assert len(one.budgets._tills) <= 10_000
