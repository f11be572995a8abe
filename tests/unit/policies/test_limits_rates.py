"""Requests and tokens in a window: what goes at once, what waits, what is refused, what comes back."""

from __future__ import annotations

import asyncio
import gc

import pytest

from modelway.call import Limits
from modelway.errors import LimitExceededError
from modelway.policies.limits import PRESETS, Subject
from support.limits_world import provider, world


async def sent(gate, tokens=1, wait=False):
    return gate.admit(tokens) or await gate.enter(tokens, wait=wait)


async def test_no_more_than_the_limit_goes_in_a_window_and_all_of_it_does():
    async with world() as here:
        gate = here.gate(requests_per_minute=10)
        for _ in range(10):
            (await sent(gate)).done(None)
        with pytest.raises(LimitExceededError) as refused:
            await sent(gate)
        assert refused.value.code == "requests_per_minute"
        assert 59 < refused.value.retry_after_s <= 61
        assert "provider acme is at its limit of 10 requests a minute" in refused.value.message
        assert "raise limits.requests_per_minute" in refused.value.message
        await here.clock.advance(61)
        for _ in range(10):
            (await sent(gate)).done(None)


async def test_what_is_held_goes_without_asking_anybody():
    async with world() as here:
        gate = here.gate(requests_per_minute=100_000)
        for _ in range(30):
            (await sent(gate)).done(None)
            await here.clock.advance(0.1)
        asked = here.store.trips
        for _ in range(3):
            gate.admit(1).done(None)
        assert here.store.trips == asked


async def test_processes_share_a_limit():
    async with world() as here:
        gates = [here.gate(requests_per_minute=12) for _ in range(4)]
        went = 0
        for turn in range(40):
            try:
                (await sent(gates[turn % 4])).done(None)
                went += 1
            except LimitExceededError:
                pass
        assert went == 12


async def test_one_that_waits_goes_when_there_is_room():
    async with world() as here:
        gate = here.gate(requests_per_minute=1)
        (await sent(gate)).done(None)
        await here.clock.advance(45)
        waiting = asyncio.ensure_future(gate.enter(1, wait=True))
        await here.clock.advance(14)
        assert not waiting.done()
        await here.clock.advance(3)
        (await waiting).done(None)


async def test_one_that_cannot_be_served_in_time_is_refused_at_once():
    async with world() as here:
        gate = here.process(max_wait_s=30).gate([provider(requests_per_minute=1)], learns=False)
        (await sent(gate)).done(None)
        with pytest.raises(LimitExceededError) as refused:
            await gate.enter(1, wait=True)
        assert 59 < refused.value.retry_after_s <= 61
        await here.clock.advance(40)
        with pytest.raises(LimitExceededError):
            await gate.enter(1, wait=True, until=here.clock.monotonic() + 5)
        waiting = asyncio.ensure_future(gate.enter(1, wait=True))
        await here.clock.advance(25)
        assert waiting.done()
        (await waiting).done(None)


async def test_one_that_was_thought_to_be_served_is_refused_when_its_time_is_over():
    async with world() as here:
        first, second = here.gate(requests_per_minute=1), here.gate(requests_per_minute=1)
        (await sent(first)).done(None)
        await here.clock.advance(50)
        waiting = [asyncio.ensure_future(gate.enter(1, wait=True)) for gate in (first, second)]
        await here.clock.advance(31)
        came = [task for task in waiting if task.done() and task.exception() is None]
        refused = [task for task in waiting if task.done() and task.exception() is not None]
        assert len(came) == len(refused) == 1
        assert refused[0].exception().code == "requests_per_minute"


@pytest.mark.parametrize("tokens", [101, 10**9])
async def test_a_request_larger_than_the_limit_is_refused_saying_so(tokens):
    async with world() as here:
        gate = here.gate(tokens_per_minute=100)
        with pytest.raises(
            LimitExceededError, match=f"about {tokens} tokens is more than"
        ) as refused:
            await gate.enter(tokens, wait=True)
        assert refused.value.code == "tokens_per_minute"
        assert refused.value.retry_after_s is None
        assert here.store.trips == 0


async def test_all_limits_of_all_subjects_are_taken_or_none():
    async with world() as here:
        roomy = provider(requests_per_minute=10)
        tight = Subject("deployment", "acme/one", Limits(requests_per_minute=1, concurrent=5))
        gate = here.process().gate([roomy, tight], learns=False)
        other = here.process().gate([roomy], learns=False)
        (await sent(gate)).done(None)
        for _ in range(5):
            with pytest.raises(LimitExceededError) as refused:
                await sent(gate)
            assert "deployment acme/one" in refused.value.message
        await here.clock.advance(3)
        for _ in range(9):
            (await sent(other)).done(None)
        with pytest.raises(LimitExceededError):
            await sent(other)


async def test_what_was_not_sent_can_be_sent_again():
    async with world() as here:
        gate = here.gate(requests_per_minute=5, tokens_per_minute=50, concurrent=5)
        for _ in range(20):
            ticket = await sent(gate, 10)
            ticket.unsent()
            ticket.unsent()
            ticket.done(10)
        for _ in range(5):
            (await sent(gate, 10)).done(None)
        with pytest.raises(LimitExceededError):
            await sent(gate, 10)


async def test_tokens_that_were_not_used_come_back():
    async with world() as here:
        gate = here.gate(tokens_per_minute=1000)
        tickets = [await sent(gate, 250) for _ in range(4)]
        with pytest.raises(LimitExceededError):
            await sent(gate, 250)
        await here.clock.advance(10)
        for ticket in tickets:
            ticket.done(50)
        await here.clock.advance(2)
        for _ in range(3):
            (await sent(gate, 250)).done(None)
        with pytest.raises(LimitExceededError):
            await sent(gate, 250)


async def test_tokens_beyond_the_estimate_are_charged():
    async with world() as here:
        gate = here.gate(tokens_per_minute=1000)
        (await sent(gate, 100)).done(900)
        await here.clock.advance(5)
        (await sent(gate, 100)).done(None)
        with pytest.raises(LimitExceededError):
            await sent(gate, 100)


async def test_tokens_that_turn_out_after_their_slice_is_settled_are_charged_too():
    async with world() as here:
        gate = here.gate(tokens_per_minute=1000)
        ticket = await sent(gate, 100)
        await here.clock.advance(45)
        ticket.done(800)
        (await sent(gate, 10)).done(None)
        await here.clock.advance(20)
        assert await here.left(provider(), "tokens_per_minute", 1000) == 1000 - 700 - 10


async def test_everything_is_available_again_after_a_window():
    async with world() as here:
        gate = here.gate(
            requests_per_minute=7, tokens_per_minute=70, requests_per_day=50, concurrent=3
        )
        for _ in range(3):
            for _ in range(7):
                (await sent(gate, 10)).done(7)
            await here.clock.advance(70)
        for name, limit in (
            ("requests_per_minute", 7),
            ("tokens_per_minute", 70),
            ("concurrent", 3),
        ):
            assert await here.left(provider(), name, limit) == limit
        assert await here.left(provider(), "requests_per_day", 50, 86_400.0) == 50 - 21


async def test_a_day_is_any_24_hours():
    async with world() as here:
        gate = here.gate(requests_per_day=3)
        for _ in range(3):
            (await sent(gate)).done(None)
            await here.clock.advance(3600)
        with pytest.raises(LimitExceededError) as refused:
            await sent(gate)
        assert refused.value.code == "requests_per_day"
        assert 20 * 3600 < refused.value.retry_after_s < 22 * 3600
        await here.clock.advance(21.5 * 3600)
        (await sent(gate)).done(None)
        with pytest.raises(LimitExceededError):
            await sent(gate)


async def test_a_changed_limit_holds_from_now_on_for_old_gates_too():
    async with world() as here:
        process = here.process()
        old = process.gate([provider(requests_per_minute=100)], learns=False)
        for _ in range(5):
            (await sent(old)).done(None)
        new = process.gate([provider(requests_per_minute=6)], learns=False)
        await here.clock.advance(0.1)
        (await sent(old)).done(None)
        for gate in (old, new):
            with pytest.raises(LimitExceededError):
                await sent(gate)
        process.gate([provider(requests_per_minute=8)], learns=False)
        await here.clock.advance(1.5)
        for gate in (old, new):
            (await sent(gate)).done(None)
        with pytest.raises(LimitExceededError):
            await sent(new)
        back = process.gate([provider(requests_per_minute=100)], learns=False)
        await here.clock.advance(1.5)
        for _ in range(50):
            (await sent(back)).done(None)


async def test_how_long_it_would_take_is_known_without_trying():
    async with world() as here:
        gate = here.gate(requests_per_minute=2)
        assert gate.blocked_s(1) == 0
        for _ in range(2):
            (await sent(gate)).done(None)
        with pytest.raises(LimitExceededError):
            await sent(gate)
        assert 58 < gate.blocked_s(1) <= 61
        await here.clock.advance(20)
        assert 38 < gate.blocked_s(1) <= 41
        await here.clock.advance(42)
        assert gate.blocked_s(1) == 0


async def test_status_says_what_is_used_and_left():
    async with world() as here:
        process = here.process()
        gate = process.gate([provider(requests_per_minute=50, concurrent=4)], learns=True)
        tickets = [await sent(gate) for _ in range(3)]
        open_requests, requests = process.status()
        assert (open_requests.name, open_requests.current, open_requests.remaining) == (
            "concurrent",
            3,
            1,
        )
        assert (requests.name, requests.current, requests.limit) == ("requests_per_minute", 3, 50)
        assert requests.remaining == 47
        assert 59 <= requests.reset_s <= 62
        assert requests.source == "configured"
        for ticket in tickets:
            ticket.done(None)
        await here.clock.advance(65)
        assert [one.current for one in process.status()] == [0, 0]
        assert process.status()[1].reset_s == 0


async def test_a_gate_without_limits_lets_everything_through():
    async with world() as here:
        gate = here.process().gate([provider()], learns=True)
        for _ in range(100):
            gate.admit(10**9).done(None)
        assert gate.blocked_s(10**9) == 0
        assert here.store.trips == 0


async def test_meters_that_nobody_uses_are_dropped():
    async with world() as here:
        process = here.process()
        for number in range(3000):
            key = Subject("key", f"key-{number}", Limits(requests_per_minute=100))
            gate = process.gate([key], learns=False)
            if number % 10 == 0:
                (await sent(gate)).done(None)
        del gate
        await here.clock.advance(65)
        gc.collect()
        assert len(process.status()) <= 1024


def test_presets_are_those_that_are_documented():
    assert PRESETS["anthropic"] == Limits(requests_per_minute=50, tokens_per_minute=100_000)
    assert PRESETS["openai"] == Limits(requests_per_minute=60, tokens_per_minute=90_000)
    assert PRESETS["openai-tier-2"] == Limits(requests_per_minute=500, tokens_per_minute=80_000)
    assert PRESETS["local"] == Limits()


@pytest.mark.parametrize("latency_s", [0.0, 0.3])
async def test_a_slice_is_not_spent_after_its_end(
    latency_s,
):
    async with world(latency_s=latency_s) as here:
        gate = here.gate(requests_per_minute=10_000)
        for _ in range(60):
            ticket = gate.admit(1)
            if ticket is None:
                ticket = await here.soon(gate.enter(1, wait=False), 2 * latency_s)
            ticket.done(None)
            await here.clock.advance(0.02)
        here.store.away = True
        gate.admit(1).done(None)
        await here.clock.advance(1.1)
        assert gate.admit(1) is None


async def test_a_process_that_dies_has_its_last_slice_counted_as_used():
    async with world() as here:
        process = here.process()
        gate = process.gate([provider(requests_per_minute=100)], learns=False)
        for _ in range(20):
            (await sent(gate)).done(None)
        held = 100 - await here.left(provider(), "requests_per_minute", 100)
        assert held >= 20
        process._means.alarm.close()
        await here.clock.advance(59)
        assert await here.left(provider(), "requests_per_minute", 100) == 100 - held
        await here.clock.advance(5)
        assert await here.left(provider(), "requests_per_minute", 100) == 100
