"""Providers that fail in every way at once: whatever happens, each call ends once, and leaves nothing."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from itertools import chain, pairwise
from operator import itemgetter

import pytest

from modelway.errors import LLMError, RateLimitError, StreamInterruptedError
from modelway.simulator.script import Fault, Pace, Reply, ScriptedError
from support.chaos_world import Arrival, Upstream, ask, follow, refuses, world

PATIENCE_S = 0.5
HASTE = {
    "timeouts": {"first_byte_s": PATIENCE_S, "idle_s": PATIENCE_S},
    "backoff": {"base_s": 0.01, "cap_s": 0.05},
    "retries": 2,
}
SAVED_RETRIES, RETRY_SHARE = 10, 0.2
"""Retries that a process begins with, and what each call adds: ``policies.retry.RetryBudget``."""

_REFUSALS = [
    Reply(error=ScriptedError(status=status, retry_after_s=wait_s))
    for status, wait_s in [
        (429, None),
        (429, 0.01),
        (429, 30.0),
        (500, None),
        (503, 0.01),
        (529, 9.0),
    ]
]
_FAULTS = [
    Fault(drop=True),
    Fault(hang=True),
    Fault(html_body=True),
    Fault(half_json=True),
    Fault(empty_body=True),
    *[Fault(cut_after_chunks=number) for number in (0, 1, 5)],
    *[Fault(error_after_chunks=number) for number in (0, 1, 5)],
    Fault(stall_after_chunks=3),
]


def badly(upstream: Upstream, chance: random.Random, share: float):
    """Each request of this share meets one of all faults."""

    def behave(question: str) -> Reply:
        text = upstream.answer(question)
        pace = Pace(latency_s=chance.uniform(0, 0.01))
        if chance.random() >= share:
            return Reply(text=text, pace=pace)
        if chance.random() < 0.4:
            return chance.choice(_REFUSALS)
        return Reply(text=text, pace=pace, fault=chance.choice(_FAULTS))

    return behave


@pytest.mark.parametrize(
    "seed", [*range(3), *[pytest.param(n, marks=pytest.mark.exhaustive) for n in range(3, 60)]]
)
async def test_each_call_ends_once_whatever_fails(seed):
    chance = random.Random(seed)
    calls = 60
    breaker = {"failures": chance.choice((3, 1000)), "open_s": 0.05}
    limits = {"providers": {"a": {"limits": {"concurrent": 5}}, "b": {"limits": {"concurrent": 9}}}}
    async with world(
        "a", "b", "c", defaults=HASTE, breaker=breaker, queue={"max_wait_s": 1}, **limits
    ) as made:
        for upstream in made.upstreams.values():
            upstream.behave = badly(upstream, chance, chance.uniform(0.1, 0.9))

        async def call(number: int):
            await asyncio.sleep(number / 300)
            how = follow if number % 2 else ask
            return await how(made, f"q{number}", retries=chance.choice((None, 0, 4)))

        outcomes = await asyncio.gather(*[call(number) for number in range(calls)])
        stats = made.engine.stats()
        _is_whole_or_a_beginning(made.upstreams.values(), outcomes)
        _nobody_is_asked_after_an_answer(made.upstreams.values())
        _is_within_the_retry_budget(made.upstreams.values(), calls, stats.retries)
        assert stats.total_requests == calls
        assert stats.successful_requests == len([one for one in outcomes if one.error is None])


def _is_whole_or_a_beginning(upstreams, outcomes):
    """Of one provider's answer: never of two, never a part twice."""
    for one in outcomes:
        right = [upstream.answer(one.question) for upstream in upstreams]
        if one.error is None:
            assert one.text in right
        elif one.text:
            assert isinstance(one.error, LLMError)
            assert any(text.startswith(one.text) for text in right)


def _nobody_is_asked_after_an_answer(upstreams):
    """Unless the answer was too late for a machine that is busy."""
    asked: dict[str, list[Arrival]] = defaultdict(list)
    for arrival in sorted(
        chain.from_iterable([one.arrived for one in upstreams]), key=itemgetter(0)
    ):
        asked[arrival.question].append(arrival)
    for of_one in asked.values():
        for before, after in pairwise(of_one):
            assert not before.answered or after.at - before.at >= PATIENCE_S, (before, after)


def _is_within_the_retry_budget(upstreams, calls, retries):
    assert retries <= SAVED_RETRIES + RETRY_SHARE * calls
    attempts = sum(len(upstream.arrived) for upstream in upstreams)
    # a connection that is found closed is tried anew by the transport, which counts as no attempt
    assert attempts <= calls * len(upstreams) + retries


# ------------------------------------------------------------ storms


@pytest.mark.parametrize("wait_s", [None, 0.02, 3600.0])
async def test_a_storm_of_429_costs_a_provider_no_more_than_its_share(wait_s):
    calls = 100
    async with world("a", defaults=HASTE, queue={"max_wait_s": 0.2}) as made:
        made.upstreams["a"].behave = refuses(429, wait_s)
        outcomes = await asyncio.gather(*[ask(made, f"q{number}") for number in range(calls)])
        assert all(one.error is not None for one in outcomes)
        bound = calls + SAVED_RETRIES + RETRY_SHARE * calls
        assert len(made.upstreams["a"].arrived) <= bound
        assert Counter(type(one.error) for one in outcomes)[RateLimitError] > 0


async def test_who_says_how_long_is_left_alone_so_long_and_the_next_answers():
    async with world("a", "b", defaults=HASTE) as made:
        a, b = made.upstreams["a"], made.upstreams["b"]
        a.behave = refuses(429, 60.0)
        for wave in range(5):
            outcomes = await asyncio.gather(*[ask(made, f"q{wave}.{one}") for one in range(20)])
            assert all(one.text == b.answer(one.question) for one in outcomes)
        assert len(a.arrived) <= 20, "only those who were on their way when it first refused"


async def test_a_storm_passes_and_who_waited_is_answered_without_a_herd():
    async with world("a", defaults=HASTE | {"retries": 0}, queue={"max_wait_s": 20}) as made:
        a = made.upstreams["a"]
        a.behave = refuses(429, 0.3)
        first = await ask(made, "first")
        assert isinstance(first.error, RateLimitError)
        a.behave = a.well
        outcomes = await asyncio.gather(*[ask(made, f"q{number}") for number in range(30)])
        assert all(one.text == a.answer(one.question) for one in outcomes)
        blocked_until = a.arrived[0].at + 0.3
        assert all(one.at >= blocked_until - 0.01 for one in a.arrived[1:])
        early = [one for one in a.arrived[1:] if one.at < a.arrived[1].at + 0.05]
        assert len(early) < 10, "they come back by and by"


# ------------------------------------------------------------ the sick


async def test_a_sick_provider_is_tried_by_one_at_a_time():
    open_s, at_once, calls = 0.2, 10, 400
    async with world(
        "a", "b", defaults={"retries": 0}, breaker={"failures": 3, "open_s": open_s}
    ) as made:
        a, b = made.upstreams["a"], made.upstreams["b"]
        a.behave = refuses(500)
        b.behave = b.slowly(0.02)
        numbers = iter(range(calls))

        async def work():
            for number in numbers:
                outcome = await ask(made, f"q{number}")
                assert outcome.text == b.answer(outcome.question)

        await asyncio.gather(*[work() for _ in range(at_once)])
        elapsed_s = a.arrived[-1].at - a.arrived[0].at
        assert len(b.arrived) == calls
        assert len(a.arrived) <= 3 + at_once + elapsed_s / open_s + 1
        probes = [one.at for one in a.arrived[at_once + 3 :]]
        assert all(after - before > 0.9 * open_s for before, after in pairwise(probes))


async def test_what_has_become_slow_is_left_for_what_has_not():
    async with world("a", "b", route={"strategy": "latency"}) as made:
        a, b = made.upstreams["a"], made.upstreams["b"]
        a.behave, b.behave = a.slowly(0.005), b.slowly(0.005)

        async def phase(name: str, calls: int) -> float:
            """The share that went to ``a``."""
            before = len(a.arrived)
            numbers = iter(range(calls))

            async def work():
                for number in numbers:
                    assert (await ask(made, f"{name}{number}")).error is None

            await asyncio.gather(*[work() for _ in range(4)])
            return (len(a.arrived) - before) / calls

        assert await phase("even", 60) > 0.1
        a.behave = a.slowly(0.25)
        assert await phase("slow", 100) < 0.2


async def test_hedges_are_bounded_and_the_losers_are_let_go():
    calls, share = 80, 0.1
    hedging = {"enabled": True, "after_s": 0.03, "share": share}
    async with world("a", "b", hedging=hedging) as made:
        a, b = made.upstreams["a"], made.upstreams["b"]
        a.behave = a.slowly(0.3)
        outcomes = await asyncio.gather(*[ask(made, f"q{number}") for number in range(calls)])
        assert all(one.text in (a.answer(one.question), b.answer(one.question)) for one in outcomes)
        hedges = made.engine.stats().hedges
        assert 0 < hedges <= 2 + share * calls
        assert len(a.arrived) == calls
        assert len(b.arrived) == hedges
        by_b = [one for one in outcomes if one.text.startswith("b:")]
        assert len(by_b) == a.disconnects, "who lost was cut off"


async def test_a_provider_that_flaps_changes_its_state_seldom_and_costs_no_request():
    flaps, of_each, interval_s = 60, 3, 0.05
    health = {"interval_s": interval_s, "first_s": 0, "down_after": 2, "up_after": 2}
    traffic_tells = {"breaker": {"failures": 1000}, "defaults": {"retries": 0}}
    async with world("a", "b", health={"active": True, **health}, **traffic_tells) as made:
        a, b = made.upstreams["a"], made.upstreams["b"]
        changes = []
        made.state.on_health.append(changes.append)
        began = time.monotonic()
        for flap in range(flaps):
            a.down = flap % 2 == 1
            for number in range(of_each):
                outcome = await ask(made, f"q{flap}.{number}")
                assert outcome.text in (a.answer(outcome.question), b.answer(outcome.question))
        longest_hold_s = 16 * interval_s
        falls = 6 + (time.monotonic() - began) / longest_hold_s
        of_a = [one.after for one in changes if one.provider == "a"]
        assert {"healthy", "down"} <= set(of_a)
        assert len(of_a) <= 1 + 2 * falls < flaps, "less and less often, though it goes on"
        assert {one.after for one in changes if one.provider == "b"} == {"healthy"}


# ------------------------------------------------------------ in mid-stream


@pytest.mark.parametrize("chunks", [0, 1, 2, 7])
@pytest.mark.parametrize("how", ["cut_after_chunks", "error_after_chunks", "stall_after_chunks"])
async def test_a_stream_that_dies_is_never_spliced_nor_repeated(how, chunks):
    async with world("a", "b", defaults=HASTE) as made:
        a, b = made.upstreams["a"], made.upstreams["b"]
        a.behave = a.faulty(**{how: chunks})
        outcome = await follow(made, "q")
        if b.arrived:
            assert outcome == ("q", b.answer("q"), None), "nothing of the first had been given"
        else:
            assert outcome.error is not None
            assert a.answer("q").startswith(outcome.text)
        if chunks > 1:
            assert isinstance(outcome.error, LLMError)
            assert outcome.text
            assert len(a.arrived) == 1
            if how != "error_after_chunks":
                assert isinstance(outcome.error, StreamInterruptedError)
