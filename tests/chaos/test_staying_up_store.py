"""The shared store goes away under load and comes back: limits hold or refuse, nobody waits for it."""

from __future__ import annotations

import asyncio
import time

import pytest

from modelway.errors import LimitExceededError
from modelway.policies.limits.guard import AGAIN_S
from modelway.ports import Pool
from support.chaos_stores import KINDS, outage
from support.chaos_world import ask, grows, world
from support.sdk import until
from support.servers_postgres import postgres_server
from support.servers_valkey import ValkeyServer

CALLS = 50
LIMIT = 10_000
PATIENCE_S = 30
"""For a machine where every processor is busy."""


@pytest.fixture(scope="module")
def postgres():
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="module")
def valkey():
    with ValkeyServer() as server:
        yield server


@pytest.fixture(params=KINDS)
def away(request, tmp_path, postgres, valkey):
    with outage(request.param, tmp_path, postgres, valkey) as found:
        yield found


class Counted:
    """The store's leases, which count how often they are asked."""

    def __init__(self, guarded):
        self._leases, guarded._leases = guarded._leases, self
        self.trips = 0

    def __getattr__(self, name):
        self.trips += 1
        return getattr(self._leases, name)


def sharing(away, when_down, name, **config):
    """A world whose limits are in the store."""
    store = {"url": away.url, "when_down": when_down, "timeout_s": 0.2}
    limits = {"requests_per_minute": LIMIT, "concurrent": 20}
    return world(name, store=store, providers={name: {"limits": limits}}, **config)


async def left(made, name):
    """Of the limit, as the store says."""
    pool = Pool(f"limit:provider:{name}:requests_per_minute", LIMIT, 60.0, 1.0)
    return (await made.state.store.leases.take(pool, 0)).left


@pytest.mark.parametrize("when_down", ["open", "closed"])
async def test_a_store_that_goes_away_holds_nobody_up_and_is_shared_again(away, when_down):
    name = f"a-{when_down}-{time.monotonic_ns()}"
    async with asyncio.timeout(2 * PATIENCE_S), sharing(away, when_down, name) as made:
        upstream = made.upstreams[name]
        assert (await ask(made, "before")).error is None
        counted = Counted(made.state.limiter._means.store)
        await away.begin()
        began = time.monotonic()
        outcomes = [await ask(made, f"one{number}") for number in range(CALLS)]
        outcomes += await asyncio.gather(*[ask(made, f"all{number}") for number in range(CALLS)])
        looks = (time.monotonic() - began) / AGAIN_S
        assert counted.trips <= 8 + 2 * looks, "it is looked at seldom, whoever asks"
        answered = [one for one in outcomes if one.error is None]
        assert len(upstream.arrived) == 1 + len(answered)
        if when_down == "open":
            assert len(answered) == 2 * CALLS
        else:
            assert all(one.error is not None for one in outcomes[CALLS:])
            refused = [one.error for one in outcomes if one.error is not None]
            assert {(type(one), one.code) for one in refused} == {
                (LimitExceededError, "store_down")
            }
        await away.end()
        before, sent = None, len(upstream.arrived)
        while before is None or await left(made, name) > before - CALLS:
            assert (await ask(made, "is it counted there?")).error is None or when_down == "closed"
            await asyncio.sleep(0.005)
            if before is None and made.state.limiter._means.store.error is None:
                before, sent = await left(made, name), len(upstream.arrived)
        assert len(upstream.arrived) - sent < LIMIT


@pytest.mark.parametrize("when_down", ["open", "closed"])
async def test_a_store_that_is_away_when_it_all_begins_and_ends(away, when_down):
    name = f"b-{when_down}-{time.monotonic_ns()}"
    await away.begin()
    async with asyncio.timeout(PATIENCE_S), sharing(away, when_down, name) as made:
        outcomes = await asyncio.gather(*[ask(made, f"q{number}") for number in range(CALLS)])
        answered = [one for one in outcomes if one.error is None]
        assert len(answered) == (CALLS if when_down == "open" else 0)
        assert len(made.upstreams[name].arrived) == len(answered)


async def test_a_store_that_comes_and_goes_loses_no_request(away):
    name = f"c-{time.monotonic_ns()}"
    async with asyncio.timeout(2 * PATIENCE_S), sharing(away, "open", name) as made:
        going = True
        outcomes = []

        async def work(number: int) -> None:
            while going:
                outcomes.append(await ask(made, f"q{number}.{len(outcomes)}"))
                await asyncio.sleep(0.02)

        workers = [asyncio.create_task(work(number)) for number in range(5)]
        for _ in range(2):
            await asyncio.sleep(0.2)
            await away.begin()
            await until(lambda: made.state.limiter._means.store.error, most_s=PATIENCE_S)
            await grows(outcomes, 20)
            await away.end()
        going = False
        await asyncio.gather(*workers)
        upstream = made.upstreams[name]
        assert all(one.text == upstream.answer(one.question) for one in outcomes)
        assert len(upstream.arrived) == len(outcomes)
