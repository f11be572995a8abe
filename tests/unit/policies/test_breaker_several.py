"""Processes that share a store: what one finds out the others know, and one of them probes."""

import asyncio

import pytest

from modelway.errors import OverloadedError, StoreDownError
from modelway.policies.breaker import Breakers, BreakerSettings
from modelway.policies.breaker.sharing import STREAM
from modelway.store.memory import open_memory
from support.hand_clock import HandClock, turns

BUSY = OverloadedError("busy", status=503)
SETTINGS = BreakerSettings(failures=3)


class Flaky:
    """A store that a test takes away."""

    def __init__(self, store):
        self.store = store
        self.down = False
        self.hearing = asyncio.Event()
        self.hearing.set()

    def _check(self):
        if self.down:
            raise StoreDownError("the store is down")

    async def take(self, *arguments, **named):
        self._check()
        return await self.store.leases.take(*arguments, **named)

    async def settle(self, *arguments):
        self._check()
        await self.store.leases.settle(*arguments)

    async def append(self, *arguments, **named):
        self._check()
        return await self.store.records.append(*arguments, **named)

    async def query(self, *arguments, **named):
        self._check()
        return await self.store.records.query(*arguments, **named)

    async def watch(self, stream, *, after=None):
        self._check()
        async for records in self.store.records.watch(stream, after=after):
            self._check()
            await self.hearing.wait()
            yield records


class Several:
    """Processes on one store; ``flaky`` has the store as each of them sees it."""

    def __init__(self, settings=SETTINGS):
        self.settings = settings
        self.clock = HandClock()
        self.store = open_memory(self.clock)
        self.running = []
        self.flaky = []
        self.told = []

    async def start(self, node=None):
        flaky = Flaky(self.store)
        breakers = Breakers(
            self.settings,
            self.clock,
            leases=flaky,
            records=flaky,
            node=node or f"node-{len(self.running)}",
            tell=self.told.append,
        )
        await breakers.start()
        self.running.append(breakers)
        self.flaky.append(flaky)
        return breakers

    async def aclose(self):
        for breakers in self.running:
            await breakers.aclose()


@pytest.fixture
async def several():
    made = Several()
    yield made
    await made.aclose()


def opened(breakers, deployment="a/x"):
    breaker = breakers.of(deployment)
    for _ in range(breakers.settings.failures):
        breaker.failed(BUSY)
    return breaker


async def test_an_opening_and_a_closing_spread(several):
    one, other = await several.start(), await several.start()
    breaker = opened(one)
    await turns()
    (status,) = other.statuses()
    assert (status.state, status.failures, status.node) == ("open", 3, "node-0")
    assert status.last_failure.error == "OverloadedError"
    assert await other.of("a/x").claim() == "refused"
    breaker.succeeded()
    await turns()
    assert other.of("a/x").closed
    assert [(one.after, one.reason) for one in several.told] == [
        ("open", "failures"),
        ("open", "failures"),
        ("closed", "success"),
        ("closed", "success"),
    ]


async def test_of_many_processes_one_probes(several):
    running = [await several.start() for _ in range(8)]
    opened(running[0])
    await turns()
    await several.clock.advance(60.0)
    claims = await asyncio.gather(*[one.of("a/x").claim() for one in running for _ in range(5)])
    assert sorted(claims) == ["probe", *["refused"] * 39]


async def test_a_probe_that_fails_at_once_is_not_followed_by_another(several):
    running = [await several.start() for _ in range(8)]
    opened(running[0])
    await turns()
    await several.clock.advance(60.0)
    for asked, one in enumerate(running):
        claim = await one.of("a/x").claim()
        assert claim == ("refused" if asked else "probe")
        one.of("a/x").failed(BUSY)
        await several.running[asked].aclose()  # its word and its claim go out before the next asks
    assert {one.state for breakers in running for one in breakers.statuses()} == {"open"}


async def test_a_probe_that_goes_well_is_heard_of_by_who_would_be_next(several):
    one, other = await several.start(), await several.start()
    opened(one)
    await turns()
    await several.clock.advance(60.0)
    assert await one.of("a/x").claim() == "probe"
    one.of("a/x").succeeded()
    await one.aclose()
    assert await other.of("a/x").claim() in ("closed", "refused")
    assert other.of("a/x").closed


async def test_who_gets_the_claim_reads_first_what_it_has_not_heard(several):
    """Between a fast probe's end and the news of it."""
    one, other = await several.start(), await several.start()
    opened(one)
    await turns()
    several.flaky[1].hearing.clear()
    await several.clock.advance(60.0)
    assert await one.of("a/x").claim() == "probe"
    one.of("a/x").failed(BUSY)
    await turns()
    assert other.of("a/x").retry_in_s() == 0.0
    assert await other.of("a/x").claim() == "refused"
    assert other.of("a/x").retry_in_s() == 60.0
    await several.clock.advance(60.0)
    assert await one.of("a/x").claim() == "probe"
    one.of("a/x").succeeded()
    await turns()
    assert await other.of("a/x").claim() == "closed"
    opened(other)
    several.flaky[1].hearing.set()  # and what it has read it does not hear again
    await turns()
    assert not other.of("a/x").closed


async def test_what_waits_for_the_store_is_told_in_its_order(several):
    one, other = await several.start(), await several.start()
    several.flaky[0].down = True
    opened(one)
    await one.reset()
    opened(one)
    several.flaky[0].down = False
    await several.clock.advance(1.0)
    assert not other.of("a/x").closed


@pytest.mark.parametrize("word", ["open", "closed"])
async def test_who_hears_of_it_while_its_own_probe_is_out_gives_the_claim_back(word):
    several = Several(BreakerSettings(failures=3, open_s=10.0, probe_s=1000.0))
    one, other = await several.start(), await several.start()
    opened(one)
    await turns()
    await several.clock.advance(10.0)
    assert await one.of("a/x").claim() == "probe"
    if word == "open":
        other.of("a/x").reset()
        opened(other)
    else:
        other.of("a/x").succeeded()
    await turns()
    assert one.of("a/x").status().state == word
    opened(other)
    await several.clock.advance(10.0)
    assert await other.of("a/x").claim() == "probe"
    await several.aclose()


async def test_who_opened_it_is_told_apart_from_who_probed(several):
    one, other = await several.start(), await several.start()
    opened(one)
    await turns()
    await several.clock.advance(60.0)
    assert await other.of("a/x").claim() == "probe"
    other.of("a/x").left()
    assert other.of("a/x").status().node == "node-0"


async def test_another_process_takes_over_where_the_probe_left(several):
    one, other = await several.start(), await several.start()
    opened(one)
    await turns()
    await several.clock.advance(60.0)
    assert await one.of("a/x").claim() == "probe"
    assert await other.of("a/x").claim() == "refused"
    assert other.of("a/x").retry_in_s() == 1.0
    one.of("a/x").left()
    await several.clock.advance(1.0)
    assert await other.of("a/x").claim() == "probe"


async def test_who_waits_for_anothers_probe_asks_the_store_once_a_second(several):
    one, other = await several.start(), await several.start()
    opened(one)
    await turns()
    await several.clock.advance(60.0)
    assert await one.of("a/x").claim() == "probe"
    asked = 0
    take = several.store.leases.take

    async def counted(*arguments, **named):
        nonlocal asked
        asked += 1
        return await take(*arguments, **named)

    several.store.leases.take = counted
    for _ in range(100):
        await several.clock.advance(0.1)
        assert await other.of("a/x").claim() == "refused"
    assert 9 <= asked <= 11


async def test_who_comes_later_knows_what_is_open_and_since_when(several):
    one = await several.start()
    opened(one, "a/x")
    opened(one, "a/y").succeeded()
    await several.clock.advance(20.0)
    late = await several.start()
    assert late.of("a/y").closed
    assert not late.of("a/x").closed
    status = late.of("a/x").status()
    assert (status.retry_in_s, status.opened_s, status.failed_s) == (40.0, 20.0, 20.0)


async def test_processes_of_one_node_hear_each_other_too(several):
    one, other = await several.start("same"), await several.start("same")
    opened(one)
    await turns()
    assert not other.of("a/x").closed
    late = await several.start("same")
    assert not late.of("a/x").closed


async def test_a_reset_spreads_to_those_that_the_resetter_does_not_know_of(several):
    one, other = await several.start(), await several.start()
    several.flaky[1].down = True
    opened(other, "a/x")
    opened(other, "a/y")
    several.flaky[1].down = False
    assert await one.reset() == ()
    await turns()
    assert {status.state for status in other.statuses()} == {"closed"}
    opened(other, "a/x")
    opened(other, "a/y")
    await turns()
    await one.reset("a/x")
    await turns()
    assert [(status.deployment, status.state) for status in other.statuses()] == [
        ("a/x", "closed"),
        ("a/y", "open"),
    ]


async def test_an_old_word_does_not_undo_a_newer_one(several):
    """A closing from before our opening arrives after it."""
    one, other = await several.start(), await several.start()
    opened(one)
    await turns()
    several.flaky[1].down = True  # the other's watch hears nothing for now
    one.of("a/x").succeeded()
    await turns()
    several.flaky[1].down = False
    other.of("a/x").reset()
    opened(other)
    await turns()
    await several.clock.advance(2.0)
    assert not other.of("a/x").closed
    assert not one.of("a/x").closed


async def test_a_store_that_is_away_is_caught_up_with(several):
    one, other = await several.start(), await several.start()
    for flaky in several.flaky:
        flaky.down = True
    opened(one)
    await several.clock.advance(5.0)
    assert not other.statuses()
    for flaky in several.flaky:
        flaky.down = False
    await several.clock.advance(2.0)
    assert not other.of("a/x").closed


async def test_who_starts_without_the_store_joins_when_it_comes(several):
    one = await several.start()
    opened(one)
    await turns()
    breakers = Several.start(several)
    several.store, there = several.store._replace(records=_Away()), several.store
    late = await breakers
    several.flaky[-1].store = there
    await several.clock.advance(1.0)
    assert not late.of("a/x").closed


class _Away:
    async def append(self, *arguments, **named):
        raise StoreDownError("the store is down")


async def test_news_that_are_too_old_are_not_told(several):
    one = await several.start()
    several.flaky[0].down = True
    opened(one)
    await several.clock.advance(100.0)
    several.flaky[0].down = False
    await several.clock.advance(10.0)
    told = await several.store.records.query(STREAM)
    assert [record.key for record in told if record.key] == []


async def test_words_of_another_version_are_passed_over(several):
    one = await several.start()
    await several.store.records.append(STREAM, [("a/x", b"{}"), ("a/y", b"\xff")])
    await turns()
    assert one.statuses() == ()


async def test_nothing_is_left_when_it_is_closed(several):
    before = asyncio.all_tasks()
    one = await several.start()
    several.flaky[0].down = True
    opened(one)
    await several.clock.advance(1.5)
    await one.aclose()
    assert asyncio.all_tasks() == before
