"""Limits of providers and of callers, under more load than they allow: none is passed by anybody's clock."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from modelway.errors import LimitExceededError
from modelway.policies.limits.limiter import Limiter
from modelway.transport.http1 import Http1Transport
from support.chaos_world import ask, follow, world

WINDOW_S = 1.0
OPEN, RATE = 4, 20
"""Of one provider, at once and in a window."""
SLACK_S = 0.1
"""From when a request may go to when it does, on a machine where every processor is busy."""


@pytest.fixture(autouse=True)
def short_minutes(monkeypatch):
    """A minute of limits is ``WINDOW_S`` long."""
    init = Limiter.__init__

    def shorter(self, *args, **kwargs):
        init(self, *args, **{**kwargs, "minute_s": WINDOW_S})

    monkeypatch.setattr(Limiter, "__init__", shorter)


@pytest.fixture
def sent(monkeypatch):
    """When requests were sent, by the sender's clock."""
    times = []
    send = Http1Transport.send

    def noted(self, request):
        times.append(time.monotonic())
        return send(self, request)

    monkeypatch.setattr(Http1Transport, "send", noted)
    return times


def most_in_a_window(times: list[float], window_s: float) -> int:
    """Of these times, how many are in one window at most."""
    first, most = 0, 0
    for last, time_ in enumerate(times):
        while time_ - times[first] >= window_s:
            first += 1
        most = max(most, last - first + 1)
    return most


async def load(made, ends_s: float, workers: int, chance: random.Random) -> list:
    """So many who ask without a pause."""
    outcomes = []
    ends = time.monotonic() + ends_s

    async def work(number: int) -> None:
        while time.monotonic() < ends:
            how = chance.choice((ask, follow))
            outcomes.append(await how(made, f"q{number}.{len(outcomes)}", priority=number % 3))
            if outcomes[-1].error is not None:
                await asyncio.sleep(0.005)

    await asyncio.gather(*[work(number) for number in range(workers)])
    return outcomes


@pytest.mark.parametrize(
    ("whose", "on_limit"),
    [("provider", "wait"), ("deployment", "refuse"), ("key", "refuse"), ("tenant", "wait")],
)
async def test_no_limit_is_passed_and_nearly_all_of_it_is_used(whose, on_limit, sent):
    limits = {"requests_per_minute": RATE, "concurrent": OPEN}
    config = {
        "provider": {"providers": {"a": {"limits": limits}}},
        "deployment": {
            "route": {"deployments": [{"provider": "a", "model": "a", "limits": limits}]}
        },
        "key": {"providers": {"a": {"key_limits": limits}}},
        "tenant": {"tenants": {"local": {"limits": limits}}},
    }[whose]
    async with world("warm") as made:  # what is imported at the first call takes its time there
        await asyncio.gather(ask(made, "q"), follow(made, "q"))
    sent.clear()
    queue = {"on_limit": on_limit, "max_wait_s": 5}
    async with world("a", queue=queue, **config) as made:
        a = made.upstreams["a"]
        a.behave = a.slowly(0.01)
        outcomes = await load(made, 1.3 * WINDOW_S, 12, random.Random(1))
        assert most_in_a_window(sent, WINDOW_S - SLACK_S) <= RATE
        assert a.most_open <= OPEN
        assert len(sent) > RATE, "a second window's were let go"
        answered = [one for one in outcomes if one.error is None]
        assert len(answered) == len(sent) == len(a.arrived)
        assert all(isinstance(one.error, LimitExceededError | None) for one in outcomes)


async def test_what_one_may_not_take_the_next_does():
    limits = {"providers": {"a": {"limits": {"requests_per_minute": RATE}}}}
    async with world("a", "b", **limits) as made:
        a, b = made.upstreams["a"], made.upstreams["b"]
        outcomes = await asyncio.gather(*[ask(made, f"q{number}") for number in range(3 * RATE)])
        assert all(one.error is None for one in outcomes)
        assert most_in_a_window([one.at for one in a.arrived], WINDOW_S - SLACK_S) <= RATE
        assert len(a.arrived) + len(b.arrived) == len(outcomes)


async def test_permits_of_callers_that_leave_their_streams_are_there_for_the_next():
    chance = random.Random(2)
    async with world(
        "a", tenants={"local": {"limits": {"concurrent": OPEN}}}, queue={"max_wait_s": 10}
    ) as made:
        a = made.upstreams["a"]
        a.behave = a.paced(tokens_per_s=300)
        tasks = [asyncio.create_task(follow(made, f"q{number}")) for number in range(60)]
        for task in tasks:
            asyncio.get_running_loop().call_later(chance.uniform(0, 0.4), task.cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        last = [await ask(made, f"last{number}") for number in range(2 * OPEN)]
        assert all(one.error is None for one in last)
