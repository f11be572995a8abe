"""Limits that a provider tells of: correcting ours, and standing for those that nobody configured."""

from __future__ import annotations

import asyncio

import pytest

from modelway.call import Limits
from modelway.errors import LimitExceededError
from modelway.policies.limits import Subject
from support.limits_world import provider, world

OTHER = ((b"content-type", b"application/json"), (b"date", b"Sat, 21 Nov 2026 12:00:00 GMT"))


def told(limit, remaining, reset, what="requests"):
    return (
        *OTHER,
        (f"x-ratelimit-limit-{what}".encode(), str(limit).encode()),
        (f"x-ratelimit-remaining-{what}".encode(), str(remaining).encode()),
        (f"x-ratelimit-reset-{what}".encode(), reset.encode()),
    )


async def sent(gate, tokens=1):
    return gate.admit(tokens) or await gate.enter(tokens, wait=False)


def learning(here, **limits):
    return here.process().gate([provider(**limits)], learns=True)


async def test_what_nobody_configured_is_shown_as_learned():
    async with world() as here:
        process = here.process()
        gate = process.gate([provider()], learns=True)
        gate.learn(200, told(500, 420, "9.6s"))
        (status,) = process.status()
        assert (status.name, status.source) == ("requests_per_minute", "learned")
        assert (status.current, status.limit, status.remaining) == (80, 500, 420)
        assert status.reset_s == pytest.approx(9.6)
        gate.learn(200, told(500, 419, "9.7s"))
        assert process.status()[0].remaining == 419
        await here.clock.advance(30)
        assert process.status()[0].remaining == 500


async def test_an_exhausted_limit_blocks_until_there_is_some_again():
    async with world() as here:
        gate = learning(here)
        gate.learn(200, told(60, 1, "59s"))
        assert gate.admit(1) is not None
        gate.learn(200, told(60, 0, "60s"))
        assert gate.admit(1) is None
        assert gate.blocked_s(1) == pytest.approx(1.0)
        with pytest.raises(LimitExceededError, match="asked to be left alone") as refused:
            await gate.enter(1, wait=False)
        assert refused.value.code == "requests_per_minute"
        assert refused.value.retry_after_s == pytest.approx(1.0)
        waiting = asyncio.ensure_future(gate.enter(1, wait=True))
        await here.clock.advance(0.9)
        assert not waiting.done()
        await here.clock.advance(0.3)
        (await waiting).done(None)
        assert gate.blocked_s(1) == 0
        assert gate.admit(1) is not None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ((b"retry-after", b"7"), 7),
        ((b"retry-after-ms", b"2500"), 2.5),
        ((b"retry-after", b"999"), 60),
    ],
    ids=["seconds", "milliseconds", "too long"],
)
async def test_a_429_blocks_as_long_as_it_says_but_a_minute_at_most(header, seconds):
    async with world() as here:
        gate = learning(here, requests_per_minute=1000)
        gate.learn(429, (*OTHER, header))
        assert gate.blocked_s(1) == pytest.approx(seconds)
        assert gate.admit(1) is None
        await here.clock.advance(seconds + 0.1)
        (await sent(gate)).done(None)


async def test_a_429_that_says_nothing_does_not_block():
    async with world() as here:
        gate = learning(here)
        gate.learn(429, OTHER)
        assert gate.admit(1) is not None


async def test_after_a_block_they_do_not_all_go_at_once():
    async with world() as here:
        gate = learning(here)
        gate.learn(429, (*OTHER, (b"retry-after", b"5")))
        waiting = [asyncio.ensure_future(gate.enter(1, wait=True)) for _ in range(20)]
        await here.clock.advance(5.05)
        assert sum(task.done() for task in waiting) == 1
        await here.clock.advance(0.1)
        assert sum(task.done() for task in waiting) == 3
        assert gate.admit(1) is None
        gate.learn(429, (*OTHER, (b"retry-after", b"3")))
        await here.clock.advance(2)
        assert sum(task.done() for task in waiting) == 3
        await here.clock.advance(3)
        for task in waiting:
            (await task).done(None)
        assert gate.admit(1) is not None


async def test_less_left_than_we_think_holds_us_back():
    async with world() as here:
        gate = learning(here, requests_per_minute=100)
        (await sent(gate)).done(None)
        gate.learn(200, told(100, 3, "58.2s"))
        for _ in range(3):
            (await sent(gate)).done(None)
        with pytest.raises(LimitExceededError) as refused:
            await sent(gate)
        assert refused.value.code == "requests_per_minute"
        assert gate.blocked_s(1) > 0
        await here.clock.advance(2)
        for _ in range(20):
            (await sent(gate)).done(None)


async def test_more_left_than_we_think_changes_nothing():
    async with world() as here:
        gate = learning(here, requests_per_minute=3)
        for remaining in (9999, 9998, 9997):
            (await sent(gate)).done(None)
            gate.learn(200, told(10_000, remaining, "6ms"))
        with pytest.raises(LimitExceededError):
            await sent(gate)


async def test_tokens_are_corrected_too():
    async with world() as here:
        gate = learning(here, tokens_per_minute=10_000)
        (await sent(gate, 100)).done(None)
        gate.learn(200, told(10_000, 500, "57s", "tokens"))
        (await sent(gate, 400)).done(None)
        with pytest.raises(LimitExceededError) as refused:
            await sent(gate, 400)
        assert refused.value.code == "tokens_per_minute"


async def test_what_is_told_is_of_the_last_subject_and_shared_by_its_gates():
    async with world() as here:
        process = here.process()
        one = Subject("deployment", "acme/one", Limits())
        two = Subject("deployment", "acme/two", Limits())
        gates = [process.gate([provider(), each], learns=True) for each in (one, two)]
        again = process.gate([one], learns=True)
        gates[0].learn(429, (*OTHER, (b"retry-after", b"5")))
        assert gates[0].admit(1) is None
        assert again.admit(1) is None
        assert gates[1].admit(1) is not None


async def test_a_gate_that_does_not_learn_believes_nothing():
    async with world() as here:
        gate = here.gate()
        gate.learn(429, (*OTHER, (b"retry-after", b"5")))
        assert gate.admit(1) is not None


async def test_headers_in_another_order_are_read_as_well():
    async with world() as here:
        process = here.process()
        gate = process.gate([provider()], learns=True)
        headers = told(500, 400, "12s")
        gate.learn(200, headers)
        gate.learn(200, tuple(reversed(told(500, 300, "24s"))))
        assert process.status()[0].remaining == 300
        gate.learn(200, OTHER)
        gate.learn(200, told(500, "rubbish", "24s"))
        gate.learn(200, told(500, 0, "60s"))
        assert gate.admit(1) is None
