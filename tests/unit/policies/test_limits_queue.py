"""The line at a limit: its order, its bounds, and leaving it."""

from __future__ import annotations

import asyncio

import pytest

from modelway.call import Limits
from modelway.errors import LimitExceededError
from modelway.policies.limits import Subject
from modelway.policies.limits.line import LEVEL_S
from support.limits_world import provider, turns, world


async def taken(gate, number=1, tokens=1):
    """So many tickets, of a limit that is then reached."""
    return [gate.admit(tokens) or await gate.enter(tokens, wait=False) for _ in range(number)]


def queue(gate, went, name, tokens=1, **options):
    async def go():
        ticket = await gate.enter(tokens, wait=True, **options)
        went.append(name)
        return ticket

    return asyncio.ensure_future(go())


async def test_who_came_first_goes_first():
    async with world() as here:
        gate = here.gate(concurrent=1)
        (held,) = await taken(gate)
        went = []
        waiting = [queue(gate, went, number) for number in range(6)]
        await turns()
        for number in range(6):
            held.done(None)
            await here.clock.advance(0.2)
            assert went == list(range(number + 1))
            held = await waiting[number]
        held.done(None)


async def test_a_higher_priority_goes_first():
    async with world() as here:
        gate = here.gate(concurrent=1)
        (held,) = await taken(gate)
        went = []
        waiting = {}
        for name, priority in (("a", 0), ("b", 5), ("c", -1), ("d", 5), ("e", 1)):
            waiting[name] = queue(gate, went, name, priority=priority)
            await turns()
        for _ in waiting:
            held.done(None)
            await here.clock.advance(0.2)
            held = await waiting[went[-1]]
        held.done(None)
        assert "".join(went) == "bdeac"


@pytest.mark.parametrize(("waited_s", "first"), [(LEVEL_S - 1, "high"), (LEVEL_S + 1, "low")])
async def test_waiting_long_is_worth_a_level(waited_s, first):
    async with world() as here:
        gate = here.gate(concurrent=1)
        (held,) = await taken(gate)
        went = []
        waiting = {"low": queue(gate, went, "low", priority=0)}
        await here.clock.advance(waited_s)
        waiting["high"] = queue(gate, went, "high", priority=1)
        await turns()
        for _ in waiting:
            held.done(None)
            await here.clock.advance(0.2)
            held = await waiting[went[-1]]
        held.done(None)
        assert went[0] == first


async def test_nobody_is_passed_by_a_newcomer_of_the_same_priority():
    async with world() as here:
        gate = here.gate(tokens_per_minute=100)
        await taken(gate, 1, 40)
        await here.clock.advance(40)
        went = []
        large = queue(gate, went, "large", 90)
        await turns()
        assert not large.done()
        assert gate.admit(1) is None
        with pytest.raises(LimitExceededError):
            await gate.enter(1, wait=False)
        small = queue(gate, went, "small", 1)
        await turns()
        assert not small.done()
        await here.clock.advance(25)
        assert went == ["large", "small"]
        for task in (large, small):
            task.result().done(None)


async def test_a_newcomer_that_ranks_higher_need_not_wait_for_those_below_it():
    async with world() as here:
        gate = here.gate(tokens_per_minute=100)
        await taken(gate, 1, 40)
        await here.clock.advance(40)
        went = []
        large = queue(gate, went, "large", 90)
        await turns()
        small = queue(gate, went, "small", 1, priority=1)
        await here.clock.advance(2)
        assert went == ["small"]
        await here.clock.advance(23)
        for task in (large, small):
            task.result().done(None)


async def test_a_line_has_a_bound_and_the_last_gives_way_to_who_ranks_before_it():
    async with world() as here:
        gate = here.process(size=2).gate([provider(concurrent=1)], learns=False)
        (held,) = await taken(gate)
        went = []
        first, last = queue(gate, went, "first"), queue(gate, went, "last")
        await turns()
        with pytest.raises(LimitExceededError, match="its queue is full") as refused:
            await gate.enter(1, wait=True)
        assert refused.value.code == "concurrent"
        high = queue(gate, went, "high", priority=3)
        await turns()
        assert isinstance(last.exception(), LimitExceededError)
        held.done(None)
        await here.clock.advance(0.2)
        (await high).done(None)
        await here.clock.advance(0.2)
        (await first).done(None)
        assert went == ["high", "first"]


@pytest.mark.parametrize("when", ["waiting", "as it is given"])
async def test_one_that_is_cancelled_leaves_and_takes_nothing_with_it(when):
    async with world() as here:
        gate = here.gate(concurrent=1, requests_per_minute=4)
        (held,) = await taken(gate)
        went = []
        gone = queue(gate, went, "gone")
        stays = queue(gate, went, "stays")
        await turns()
        if when == "waiting":
            gone.cancel()
            held.done(None)
        else:
            held.done(None)  # gives the ticket; the task has not run since
            gone.cancel()
        await here.clock.advance(0.2)
        assert gone.cancelled()
        (await stays).done(None)
        assert went == ["stays"]
        await here.clock.advance(3)
        for _ in range(2):
            (await taken(gate))[0].done(None)
        with pytest.raises(LimitExceededError, match="4 requests a minute"):
            await taken(gate)


async def test_who_waits_for_one_limit_does_not_hold_up_those_of_another():
    async with world() as here:
        process = here.process()
        shared = provider(requests_per_minute=100)
        busy = Subject("deployment", "busy", Limits(concurrent=1))
        free = Subject("deployment", "free", Limits(concurrent=1))
        at_busy = process.gate([shared, busy], learns=False)
        at_free = process.gate([shared, free], learns=False)
        (held,) = await taken(at_busy)
        waiting = asyncio.ensure_future(at_busy.enter(1, wait=True))
        await here.clock.advance(0.2)
        (other,) = await taken(at_free)
        assert not waiting.done()
        held.done(None)
        other.done(None)
        await here.clock.advance(0.2)
        (await waiting).done(None)


async def test_who_gets_through_one_limit_waits_at_the_next_in_its_old_place():
    async with world() as here:
        process = here.process()
        tenant = Subject("tenant", "one", Limits(concurrent=1))
        both = process.gate([tenant, provider(concurrent=1)], learns=False)
        only = process.gate([provider(concurrent=1)], learns=False)
        (held,) = await taken(both)
        went = []
        old = queue(both, went, "old")  # waits at the tenant's first
        await here.clock.advance(1)
        new = queue(only, went, "new")
        await turns()
        held.done(None)
        for _ in range(2):
            await here.clock.advance(0.5)
            (await (old if went[-1] == "old" else new)).done(None)
        assert sorted(went) == ["new", "old"]


async def test_those_who_wait_are_told_when_the_process_closes():
    async with world() as here:
        process = here.process()
        gate = process.gate([provider(concurrent=1)], learns=False)
        (held,) = await taken(gate)
        waiting = asyncio.ensure_future(gate.enter(1, wait=True))
        await turns()
        await process.aclose()
        with pytest.raises(LimitExceededError, match="closing"):
            await waiting
        with pytest.raises(LimitExceededError):
            await gate.enter(1, wait=True)
        held.done(None)


async def test_a_thousand_who_wait_and_are_cancelled_leave_nothing():
    async with world() as here:
        gate = here.gate(concurrent=2)
        held = await taken(gate, 2)
        waiting = [asyncio.ensure_future(gate.enter(1, wait=True)) for _ in range(1000)]
        await turns()
        for number, task in enumerate(waiting):
            if number % 3:
                task.cancel()
        held[0].done(None)
        await here.clock.advance(0.2)
        for task in waiting:
            task.cancel()
        await here.clock.advance(0.2)
        for task in waiting:
            if not task.cancelled():
                task.result().done(None)
        held[1].done(None)
        await here.clock.advance(3)
        assert await here.left(provider(), "concurrent", 2, 0.0) == 2
        assert [len(meter.line) for meter in gate.meters] == [0, 0]


async def test_a_line_of_no_length_still_asks_the_store():
    async with world() as here:
        gate = here.process(size=0).gate([provider(requests_per_minute=3)], learns=False)
        entering = [asyncio.ensure_future(gate.enter(1, wait=True)) for _ in range(5)]
        await here.clock.advance(0.1)
        came = [task for task in entering if task.exception() is None]
        assert len(came) == 3
        with pytest.raises(LimitExceededError):
            await gate.enter(1, wait=True)


async def test_a_crowd_that_comes_at_once_is_cut_to_the_bound():
    async with world() as here:
        gate = here.process(size=4).gate([provider(concurrent=2)], learns=False)
        entering = [asyncio.ensure_future(gate.enter(1, wait=True)) for _ in range(10)]
        await here.clock.advance(0.1)
        refused = [task for task in entering if task.done() and task.exception() is not None]
        assert refused == entering[6:]
        assert all("its queue is full" in task.exception().message for task in refused)
        for task in entering[:6]:
            await here.clock.advance(0.5)
            (await task).done(None)


async def test_when_the_first_gives_up_the_next_goes_if_there_is_enough_for_it():
    async with world() as here:
        gate = here.gate(tokens_per_minute=100)
        (ticket,) = await taken(gate, 1, 70)
        await here.clock.advance(40)
        went = []
        large, small = queue(gate, went, "large", 90), queue(gate, went, "small", 5)
        await here.clock.advance(0.5)
        large.cancel()
        await here.clock.advance(1.5)
        assert went == ["small"]
        small.result().done(None)
        ticket.done(None)
