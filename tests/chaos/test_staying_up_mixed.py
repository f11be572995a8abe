"""Everything at once: hedges, queues, shared answers, breakers and callers that leave at any moment."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest
from msgspec.structs import replace

import modelway.call
from modelway.call import Limits
from modelway.errors import ConfigError, LimitExceededError, LLMError, RateLimitError, RefusedError
from modelway.racing import Runner, race
from modelway.simulator.script import Fault, Pace, Reply, ScriptedError
from support.candidates import deployment
from support.chaos_world import Upstream, ask, follow, world
from support.sdk import until

CALLS = 120
_RATES = ("requests_per_minute", "tokens_per_minute")
_WRONG = [
    Reply(error=ScriptedError(status=503)),
    Reply(error=ScriptedError(status=429, retry_after_s=0.05)),
    Reply(fault=Fault(drop=True)),
    Reply(fault=Fault(hang=True)),
    Reply(fault=Fault(cut_after_chunks=4)),
    Reply(fault=Fault(stall_after_chunks=2)),
]


def moody(upstream: Upstream, chance: random.Random, share: float):
    """Quick, slow or wrong."""

    def behave(question: str) -> Reply:
        text = upstream.answer(question)
        if chance.random() < share:
            return replace(chance.choice(_WRONG), text=text)
        pace = Pace(
            latency_s=chance.choice((0, 0.005, 0.08)), tokens_per_s=chance.choice((None, 400))
        )
        return Reply(text=text, pace=pace)

    return behave


def config(chance: random.Random, folder) -> dict:
    """Any of the policies, in any strength."""

    def limits() -> dict:
        drawn = {
            "concurrent": chance.choice((1, 3, 8)),
            "requests_per_minute": chance.choice((30, 500)),
            "tokens_per_minute": chance.choice((3000, 200_000)),
        }
        return {"limits": {name: drawn[name] for name in drawn if chance.random() < 0.5}}

    store = chance.choice(("memory:", f"sqlite://{folder / 'shared.sqlite'}"))
    return {
        "store": {"url": store},
        "providers": {name: limits() for name in "abc" if chance.random() < 0.7},
        "route": {
            "strategy": chance.choice(("ordered", "latency", "least_busy", "round_robin", "random"))
        },
        "breaker": {"failures": chance.choice((1, 3)), "open_s": 0.05, "probe_s": 600},
        "hedging": {"enabled": chance.random() < 0.6, "after_s": 0.01, "share": 0.5},
        "single_flight": chance.random() < 0.5,
        "queue": {
            "on_limit": chance.choice(("wait", "refuse")),
            "max_wait_s": chance.choice((0.1, 0.5)),
            "size": chance.choice((2, 1000)),
        },
        "defaults": {
            "timeouts": {"first_byte_s": 0.3, "idle_s": 0.3},
            "backoff": {"base_s": 0.01, "cap_s": 0.1},
            "retries": chance.choice((0, 2)),
        },
    }


@pytest.mark.parametrize(
    "seed", [*range(4), *[pytest.param(n, marks=pytest.mark.exhaustive) for n in range(4, 150)]]
)
async def test_callers_that_leave_at_any_moment_leave_nothing_and_all_recovers(seed, tmp_path):
    chance = random.Random(seed)
    async with asyncio.timeout(60), world("a", "b", "c", **config(chance, tmp_path)) as made:
        for upstream in made.upstreams.values():
            upstream.behave = moody(upstream, chance, chance.uniform(0, 0.7))

        async def call(number: int):
            await asyncio.sleep(chance.uniform(0, 0.4))
            question = f"q{number % chance.choice((5, CALLS))}"
            options = {"timeout_s": chance.choice((None, 0.2)), "priority": chance.randrange(3)}
            return await (follow if number % 2 else ask)(made, question, **options)

        loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(call(number)) for number in range(CALLS)]
        for task in chance.sample(tasks, CALLS // 2):
            loop.call_later(chance.uniform(0, 0.6), task.cancel)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        kinds = Counter(_kind(made.upstreams.values(), one) for one in ended)
        assert set(kinds) <= {"cancelled", "whole", "failed"}, kinds
        await _recovers(made)


def _kind(upstreams, ended) -> str:
    if isinstance(ended, asyncio.CancelledError):
        return "cancelled"
    if isinstance(ended, BaseException):
        return repr(ended)
    right = [upstream.answer(ended.question) for upstream in upstreams]
    if ended.error is None:
        return "whole" if ended.text in right else f"wrong: {ended.text}"
    if not isinstance(ended.error, LLMError) or not any(
        text.startswith(ended.text) for text in right
    ):
        return f"wrong: {ended}"
    return "failed"


async def _recovers(made) -> None:
    """Once all are well, nobody is left alone for ever, but who has no more left of a minute."""
    for upstream in made.upstreams.values():
        upstream.behave = upstream.well
    unwell = dict.fromkeys(made.upstreams)
    number = 0
    while unwell:
        for name in list(unwell):
            number += 1
            only = {"models": (f"{name}/{name}",), "fallbacks": (), "hedge": False}
            outcome = await ask(made, f"well{number}", **only)
            spent = isinstance(outcome.error, LimitExceededError) and outcome.error.code in _RATES
            if outcome.error is None or spent:
                del unwell[name]
            assert outcome.error is None or isinstance(outcome.error, RefusedError | RateLimitError)
        await asyncio.sleep(0.02)


class Answer:
    """A stream that knows whether it was let go."""

    closed = False

    async def aclose(self) -> None:
        self.closed = True


@pytest.mark.parametrize("leaves", [1, 2])
async def test_an_answer_is_let_go_though_its_caller_leaves_as_the_loser_is_cut(leaves):
    cutting = asyncio.Event()
    answer = Answer()

    async def slow() -> Reply:
        await asyncio.sleep(0.01)
        return modelway.call.Reply(deployment=deployment("a"), chunks=answer)

    async def stubborn() -> Reply:
        try:
            await asyncio.sleep(60)
        finally:
            cutting.set()
            await asyncio.sleep(0.02)

    racing = asyncio.create_task(race(Runner("a", slow), 0.001, lambda: Runner("b", stubborn)))
    await cutting.wait()
    for _ in range(leaves):
        racing.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await racing
    await until(lambda: answer.closed)


@pytest.mark.parametrize("seed", range(2))
async def test_limits_and_orders_that_change_under_load_lose_nothing(seed):
    chance = random.Random(seed)
    async with asyncio.timeout(60), world("a", "b", queue={"max_wait_s": 20}) as made:
        for upstream in made.upstreams.values():
            upstream.behave = upstream.slowly(0.005)
        opened = made.client._session._opened
        said = made.engine.settings
        going, outcomes = True, []

        async def work(number: int) -> None:
            while going:
                how = chance.choice((ask, follow))
                outcomes.append(await how(made, f"q{number}.{len(outcomes)}"))

        working = [asyncio.create_task(work(number)) for number in range(20)]
        for _ in range(15):
            await asyncio.sleep(0.03)
            limits = {name: Limits(concurrent=chance.choice((None, 1, 5))) for name in "ab"}
            providers = {
                name: replace(one, limits=limits.get(name)) for name, one in said.providers.items()
            }
            await opened.reload(replace(said, providers=providers))
            with pytest.raises(ConfigError):
                await opened.reload({"providers": {"a": {"like": "nobody"}}})
        while len(outcomes) <= 200:  # noqa: ASYNC110  # a busy machine needs longer
            await asyncio.sleep(0.01)
        going = False
        await asyncio.gather(*working)
        assert all(one.error is None for one in outcomes), outcomes
        assert sum(len(upstream.arrived) for upstream in made.upstreams.values()) == len(outcomes)
