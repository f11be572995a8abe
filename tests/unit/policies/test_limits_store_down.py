"""A store that goes away, and comes back: open or closed, fast either way."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest

from modelway.errors import LimitExceededError
from support.limits_world import provider, world


async def sent(gate, tokens=1):
    return gate.admit(tokens) or await gate.enter(tokens, wait=False)


async def test_closed_limits_refuse_at_once_and_ask_seldom():
    async with world() as here:
        gate = here.process(when_down="closed").gate(
            [provider(requests_per_minute=10)], learns=False
        )
        here.store.away = True
        for _ in range(50):
            with pytest.raises(LimitExceededError) as refused:
                await here.soon(gate.enter(1, wait=True), 0.02)
            assert refused.value.code == "store_down"
            assert refused.value.retry_after_s <= 1
        assert here.store.trips <= 4


async def test_those_who_wait_are_refused_when_the_store_goes_away():
    async with world() as here:
        gate = here.process(when_down="closed").gate(
            [provider(requests_per_minute=1)], learns=False
        )
        (await sent(gate)).done(None)
        await here.clock.advance(50)
        waiting = asyncio.ensure_future(gate.enter(1, wait=True))
        await here.clock.advance(1)
        here.store.away = True
        await here.clock.advance(2)
        assert waiting.exception().code == "store_down"


async def test_open_limits_hold_in_each_process_by_itself():
    async with world() as here:
        here.store.away = True
        for _ in range(2):
            gate = here.gate(requests_per_minute=5, tokens_per_minute=100, concurrent=3)
            for _ in range(5):
                (await sent(gate, 20)).done(None)
            with pytest.raises(LimitExceededError) as refused:
                await sent(gate, 20)
            assert refused.value.code in {"requests_per_minute", "tokens_per_minute"}
            await here.clock.advance(61)
            (await sent(gate, 20)).done(None)


async def test_it_is_used_again_when_it_is_back_and_both_are_said(caplog):
    async with world() as here:
        gate, other = here.gate(requests_per_minute=5), here.gate(requests_per_minute=5)
        here.store.away = True
        with caplog.at_level(logging.WARNING, "modelway"):
            (await sent(gate)).done(None)
            await here.clock.advance(5)
            (await sent(gate)).done(None)
            assert [record.message.split(":")[0] for record in caplog.records] == [
                "limits.store_down"
            ]
            here.store.away = False
            await here.clock.advance(2)
            (await sent(gate)).done(None)
            await here.clock.advance(2)
            assert caplog.records[-1].message.startswith("limits.store_back")
        went = 0
        for _ in range(5):
            for one in (gate, other):
                try:
                    (await sent(one)).done(None)
                    went += 1
                except LimitExceededError:
                    pass
        assert went == 5


async def test_open_requests_outlive_an_outage():
    async with world() as here:
        gate = here.gate(concurrent=4)
        tickets = [await sent(gate) for _ in range(3)]
        await here.clock.advance(5)
        here.store.away = True
        await here.clock.advance(60)
        tickets.append(await sent(gate))
        with pytest.raises(LimitExceededError):
            await sent(gate)
        here.store.away = False
        await here.clock.advance(40)
        with pytest.raises(LimitExceededError):
            await sent(gate)
        for ticket in tickets:
            ticket.done(None)
        await here.clock.advance(5)
        assert await here.left(provider(), "concurrent", 4, 0.0) == 4


async def test_what_was_used_is_told_when_the_store_is_back():
    async with world() as here:
        gate = here.gate(requests_per_minute=100)
        (await sent(gate)).done(None)
        here.store.away = True
        await here.clock.advance(20)
        here.store.away = False
        await here.clock.advance(5)
        assert await here.left(provider(), "requests_per_minute", 100) == 99


async def test_a_fault_of_the_store_is_not_swallowed(caplog):
    async with world() as here:
        gate = here.gate(requests_per_minute=100)

        async def broken(*_, **__):
            raise RuntimeError("a bug")

        here.store.take = broken
        with caplog.at_level(logging.ERROR), pytest.raises(RuntimeError, match="a bug"):
            await sent(gate)
        del here.store.take
        (await sent(gate)).done(None)


@pytest.mark.parametrize("when_down", ["open", "closed"])
async def test_where_nothing_is_held_nothing_goes_on(when_down):
    async with world() as here:
        process = here.process(when_down=when_down)
        gate = process.gate([provider(requests_per_minute=5, tokens_per_minute=50)], learns=False)
        here.store.away = True
        for _ in range(3):
            with contextlib.suppress(LimitExceededError):
                (await sent(gate)).done(None)
        await here.clock.advance(40)
        here.store.away = False
        await here.clock.advance(40)
        assert process._means.alarm._calls == []
        assert not process._tasks
