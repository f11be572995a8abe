"""A provider that bills more than was reserved: booked in full, told, and closed where it passes."""

import asyncio
import logging

from support.budget_world import budget, total_pool, turns, world


async def test_what_fits_beside_the_reservation_closes_nothing():
    async with world(budget(1000)) as w:
        one = await w.process()
        (await one.enter(100)).settle(300)
        await w.clock.advance(1)
        assert await w.total(total_pool()) == 300
        assert not one.purse().blocked
        (await one.enter(700)).settle(700)
        assert [alert.kind for alert in w.alerts] == []


async def test_an_excess_that_passes_the_limit_closes_it_here_at_once_and_elsewhere_in_a_second(
    caplog,
):
    async with world(budget(100_000)) as w:
        one, two = await w.process(), await w.process()
        for process in (one, two):
            for _ in range(8):
                (await process.enter(100)).settle(100)
        assert two.purse().reserve(100) is not None, "it holds a slice"
        hold = await one.enter(100)
        with caplog.at_level(logging.WARNING):
            hold.settle(200_000)
            assert one.purse().reserve(100) is None, "not even for the moment that booking takes"
            await turns()
        assert "budgets.passed" in caplog.text
        assert await one.refused(100) == "closed"
        await w.clock.advance(1)
        assert two.purse().reserve(100) is None
        assert await two.refused(100) == "closed"
        assert "is closed" in two.purse().blocked
        (alert,) = [alert for alert in w.alerts if alert.kind == "excess"]
        assert alert.excess_pico_usd >= 190_000
        assert alert.limit_pico_usd == 100_000
        assert alert in one.alerts
        assert alert.spent_pico_usd >= 200_000 + 16 * 100, "slices not spoken of count, too"


async def test_what_was_billed_counts_at_once_while_other_calls_of_its_slice_go_on():
    async with world(budget(10_000)) as w:
        one = await w.process()
        tasks = [asyncio.ensure_future(one.purse().enter(100)) for _ in range(10)]
        await turns()
        holds = [await task for task in tasks]
        shared = [hold for hold in holds if hold.draws[0].grant == holds[-1].draws[0].grant]
        assert len(shared) > 2
        shared[0].settle(5_000)
        await turns()
        assert await w.total(total_pool()) == 5_000 + 9 * 100
        shared[1].settle(100)
        await turns()
        assert await w.total(total_pool()) == 5_000 + 9 * 100, "it is not booked twice"
        for hold in holds:
            hold.settle(100)
        await w.clock.advance(8)
        assert await w.total(total_pool()) == 5_000 + 9 * 100
        assert not one.notes.out


async def test_a_slice_whose_last_call_ends_while_its_excess_is_booked():
    for later_s in (0.0, 0.01, 0.03, 0.05, 0.07, 0.09):
        async with world(budget(10_000), latency_s=0.02) as w:
            one = await w.process()
            tasks = [asyncio.ensure_future(one.purse().enter(100)) for _ in range(10)]
            await w.clock.advance(0.5)
            holds = [await task for task in tasks]
            shared = [hold for hold in holds if hold.draws[0].grant == holds[-1].draws[0].grant]
            shared[0].settle(3_000)
            await w.clock.advance(later_s)
            for hold in holds:
                hold.settle(100)
            await w.clock.advance(8)
            assert await w.total(total_pool()) == 3_000 + 9 * 100
            assert not one.notes.out


async def test_nothing_is_let_through_out_of_any_slice_while_it_is_not_known():
    for step_s in (0.003, 0.01, 0.021):
        async with world(budget(100_000), latency_s=0.02) as w:
            one = await w.process()
            purse = one.purse()
            billed = await one.enter(100)
            tasks = [asyncio.ensure_future(purse.enter(100)) for _ in range(40)]
            await w.clock.advance(1)
            holds = [await task for task in tasks]
            holds.pop(5).settle(10)
            entering = asyncio.ensure_future(purse.enter(5_000))  # its slice is on its way
            await w.clock.advance(0.01)
            holds.pop(5).settle(10)
            (account,) = one.budgets._accounts.values()
            assert account.room, "there is what could be spent"
            billed.settle(10**6)
            for hold in holds[:20]:
                assert purse.reserve(1) is None
                hold.settle(0)
                assert purse.reserve(1) is None
                await w.clock.advance(step_s)
            await w.clock.advance(1)
            (gone,) = await asyncio.gather(entering, return_exceptions=True)
            assert gone.code == "closed"
            for hold in holds[20:]:
                hold.settle(0)


async def test_an_excess_that_comes_while_another_is_booked():
    for later_s in (0.0, 0.01, 0.02, 0.03, 0.05, 0.07):
        async with world(budget(1_000), latency_s=0.02) as w:
            one = await w.process()
            holds = [await one.enter(100) for _ in range(2)]
            holds[0].settle(200)
            await w.clock.advance(later_s)
            holds[1].settle(5_000)
            await w.clock.advance(0.5)
            assert await w.total(total_pool()) == 5_200
            assert await one.refused(1) == "closed"
            await w.clock.advance(5)
            assert [alert.kind for alert in w.alerts].count("excess") == 1


async def test_what_had_no_reservation_is_booked_in_full_whenever_it_comes():
    for later_s in (0.0, 0.01, 0.02, 0.03, 0.05, 0.07):
        async with world(budget(1_000, unpriced="allow"), latency_s=0.02) as w:
            one = await w.process()
            one.purse().reserve(None).settle(70)
            await w.clock.advance(later_s)
            one.purse().reserve(None).settle(50)
            await w.clock.advance(5)
            assert await w.total(total_pool()) == 120


async def test_a_journal_replayed_at_any_moment_of_an_excess_counts_it_once():
    for moments in range(12):
        async with world(budget(10_000)) as w:
            one, heir = await w.process(), await w.process()
            first = await one.enter(100)
            holds = [await one.enter(100) for _ in range(5)]
            same = [hold for hold in holds if hold.draws[0].grant == holds[1].draws[0].grant]
            costs = [(first.draws[0], 100), *[(hold.draws[0], 100) for hold in holds]]
            same[0].settle(3_000)
            costs[1 + holds.index(same[0])] = (same[0].draws[0], 3_000)
            await turns(moments)
            for hold in same[1:]:
                hold.settle(100)
            await turns(moments)
            one.die()
            await one.replayed_by(heir, costs)
            assert await w.total(total_pool()) == 3_000 + 5 * 100


async def test_it_opens_when_the_limit_is_raised_above_what_was_spent():
    async with world(budget(1000)) as w:
        one, two = await w.process(), await w.process()
        (await one.enter(1000)).settle(1500)
        await w.clock.advance(1)
        assert await two.refused(1) == "closed"
        one.budgets.adopt([budget(1400)])
        assert await one.refused(1) == "closed"
        for process in (one, two):
            process.budgets.adopt([budget(2000)])
        (await two.enter(500)).settle(500)
        assert await one.refused(1) in {"budget", "closed"}


async def test_it_opens_when_the_period_ends():
    async with world(budget(1000, period="day")) as w:
        one = await w.process()
        (await one.enter(1000)).settle(1500)
        await turns()
        assert await one.refused(1) == "closed"
        w.clock.jump_s += 86_400
        assert (await one.enter(1000)).draws
        w.clock.jump_s -= 86_400
        await w.clock.advance(2)
        assert await one.refused(1) == "closed", "and what was passed stays passed"


async def test_a_process_that_comes_later_knows_what_is_closed():
    async with world(budget(1000)) as w:
        one = await w.process()
        (await one.enter(1000)).settle(1500)
        await w.clock.advance(1)
        late = await w.process()
        assert await late.refused(1) == "closed"


async def test_slices_that_others_hold_do_not_keep_it_closed():
    async with world(budget(10_000)) as w:
        one, two = await w.process(), await w.process()
        held = await two.enter(9_000)
        (await one.enter(1_000)).settle(1_500)
        await w.clock.advance(1)
        assert await one.refused(1) == "closed"
        held.settle(100)
        await w.clock.advance(2)
        assert (await one.enter(8_000)).draws


async def test_what_is_billed_while_the_store_is_away_closes_until_it_is_known():
    async with world(budget(10_000)) as w:
        one = await w.process()
        hold = await one.enter(100)
        w.store.away = True
        hold.settle(300)
        assert await one.refused(100) == "store_down"
        w.store.away = False
        await w.clock.advance(2)
        assert await w.total(total_pool()) == 300
        assert (await one.enter(9_000)).draws


async def test_a_soft_budget_is_passed_and_goes_on():
    async with world(budget(1000, hard=False)) as w:
        one = await w.process()
        (await one.enter(900)).settle(5_000)
        hold = await one.enter(900)
        assert hold.draws
        hold.settle(900)
        await w.clock.advance(8)
        assert await w.total(total_pool()) == 5_900
        assert [alert.percent for alert in w.alerts] == [50, 80, 100]
        (status,) = await one.budgets.statuses()
        assert (status.spent_pico_usd, status.remaining_pico_usd, status.closed) == (
            5_900,
            0,
            False,
        )


async def test_a_journal_can_pass_the_limit_too():
    async with world(budget(1000)) as w:
        one, heir = await w.process(), await w.process()
        hold = await one.enter(600)
        other = await heir.enter(300)
        one.die()
        await one.replayed_by(heir, [(hold.draws[0], 5_000)])
        assert await heir.refused(1) == "closed"
        (alert,) = heir.alerts
        assert alert.kind == "excess"
        other.settle(300)
        await heir.budgets.aclose()
        assert await w.total(total_pool()) == 5_300
