"""Limits of open requests: permits that are held, shared, renewed, given back, and outlived."""

from __future__ import annotations

import asyncio

import pytest

from modelway.errors import LimitExceededError
from support.limits_world import provider, world


async def opened(gate, number=1):
    return [gate.admit(0) or await gate.enter(0, wait=False) for _ in range(number)]


async def left(here, limit):
    return await here.left(provider(), "concurrent", limit, 0.0)


async def test_no_more_are_open_than_may_be():
    async with world() as here:
        gate = here.gate(concurrent=8)
        tickets = await opened(gate, 8)
        with pytest.raises(LimitExceededError) as refused:
            await opened(gate)
        assert refused.value.code == "concurrent"
        assert "8 open requests" in refused.value.message
        for ticket in tickets:
            ticket.done(None)
        for ticket in await opened(gate, 8):
            ticket.done(None)


async def test_processes_share_them_and_free_ones_come_to_who_waits_elsewhere():
    async with world() as here:
        one, other = here.gate(concurrent=4), here.gate(concurrent=4)
        tickets = await opened(one, 4)
        waiting = asyncio.ensure_future(other.enter(0, wait=True))
        await here.clock.advance(1)
        assert not waiting.done()
        tickets.pop().done(None)
        await here.clock.advance(0.5)
        (await waiting).done(None)
        for ticket in tickets:
            ticket.done(None)


async def test_a_process_that_always_has_somebody_waiting_does_not_keep_them_all():
    async with world() as here:
        busy, other = here.gate(concurrent=2), here.gate(concurrent=2)
        ended = False

        async def work():
            while not ended:
                ticket = await busy.enter(0, wait=True)
                await here.clock.sleep(0.3)
                ticket.done(None)

        working = [asyncio.ensure_future(work()) for _ in range(10)]
        await here.clock.advance(5)
        waiting = asyncio.ensure_future(other.enter(0, wait=True))
        await here.clock.advance(15)
        assert waiting.done()
        (await waiting).done(None)
        ended = True
        await here.clock.advance(20)
        await asyncio.gather(*working)


async def test_they_are_renewed_as_long_as_requests_are_open():
    async with world() as here:
        gate = here.gate(concurrent=3)
        tickets = await opened(gate, 3)
        for _ in range(10):
            await here.clock.advance(30)
            assert await left(here, 3) == 0
        for ticket in tickets:
            ticket.done(None)
        await here.clock.advance(2)
        assert await left(here, 3) == 3


async def test_those_of_a_process_that_has_died_come_back():
    async with world() as here:
        dead = here.process()
        await opened(dead.gate([provider(concurrent=3)], learns=False), 3)
        dead._means.alarm.close()
        gate = here.gate(concurrent=3)
        with pytest.raises(LimitExceededError):
            await opened(gate)
        await here.clock.advance(31)
        for ticket in await opened(gate, 3):
            ticket.done(None)


async def test_what_a_burst_took_is_given_back_while_some_are_open_still():
    async with world() as here:
        gate = here.gate(concurrent=1000)
        entering = [asyncio.ensure_future(gate.enter(0, wait=True)) for _ in range(400)]
        await here.clock.advance(0.1)
        tickets = [await one for one in entering]
        for ticket in tickets[5:]:
            ticket.done(None)
        await here.clock.advance(15)
        assert await left(here, 1000) >= 1000 - 5 - 5
        for ticket in tickets[:5]:
            ticket.done(None)
        await here.clock.advance(5)
        assert await left(here, 1000) == 1000


async def test_a_lower_limit_holds_when_enough_have_ended():
    async with world() as here:
        process = here.process()
        gate = process.gate([provider(concurrent=6)], learns=False)
        tickets = await opened(gate, 6)
        gate = process.gate([provider(concurrent=2)], learns=False)
        await here.clock.advance(3)
        for ticket in tickets[:4]:
            ticket.done(None)
        await here.clock.advance(3)
        with pytest.raises(LimitExceededError):
            await opened(gate)
        for ticket in tickets[4:]:
            ticket.done(None)
        await here.clock.advance(3)
        for ticket in await opened(gate, 2):
            ticket.done(None)


async def test_many_requests_of_one_process_need_few_round_trips():
    async with world() as here:
        gate = here.gate(concurrent=200)
        for _ in range(2000):
            ticket = gate.admit(0) or await gate.enter(0, wait=True)
            ticket.done(None)
            await here.clock.advance(0.001)
        assert here.store.trips < 40


async def test_how_long_it_takes_is_estimated_by_how_fast_requests_end():
    async with world() as here:
        gate = here.gate(concurrent=1)
        for _ in range(20):
            (ticket,) = await opened(gate)
            await here.clock.advance(0.5)
            ticket.done(None)
        (held,) = await opened(gate)
        with pytest.raises(LimitExceededError) as refused:
            await opened(gate)
        assert 0.2 < refused.value.retry_after_s < 1.5
        held.done(None)


async def test_slow_answers_do_not_make_the_wait_seem_endless():
    """One of four ends every five seconds: a request waits for the next end, not for half a minute."""
    async with world() as here:
        gate = here.gate(concurrent=4)
        tickets = await opened(gate, 4)
        for _ in range(8):
            await here.clock.advance(5)
            tickets.pop(0).done(None)
            tickets += await opened(gate)
        await here.clock.advance(0.5)
        waiting = asyncio.ensure_future(gate.enter(0, wait=True))
        await here.clock.advance(3)
        assert not waiting.done(), "it waits, and is not refused for the look of it"
        assert 5 <= gate.blocked_s(0) <= 11
        for ticket in tickets:
            ticket.done(None)
        await here.clock.advance(1)
        (await waiting).done(None)
