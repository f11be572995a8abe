"""The middleware: what an attempt tells the breaker, whole or streamed, to its end or not."""

import asyncio
import random

import pytest

from modelway.call import Call, Deployment, Options, Reply, Target
from modelway.catalog.rows import Provider
from modelway.errors import (
    APITimeoutError,
    BadRequestError,
    CircuitOpenError,
    OverloadedError,
    StreamInterruptedError,
)
from modelway.policies.breaker import Breakers, BreakerSettings, guarding
from modelway.store.memory import open_memory
from support.hand_clock import HandClock

DEPLOYMENT = Deployment(
    id="a/x",
    provider=Provider(name="a", base_url="http://a", dialects=("openai-chat",)),
    dialect="openai-chat",
    target=Target(model="x"),
    base_url="http://a",
)
BUSY = OverloadedError("busy", status=503)


class Stream:
    def __init__(self):
        self.on_settled = []

    def settle(self, error=None):
        for told in self.on_settled:
            told(None, error)


class Guarded:
    """One guarded deployment, and how its next attempts end."""

    def __init__(self):
        self.clock = HandClock()
        store = open_memory(self.clock)
        self.told = []
        self.breakers = Breakers(
            BreakerSettings(failures=3),
            self.clock,
            leases=store.leases,
            records=store.records,
            node="here",
            tell=self.told.append,
        )
        self.breaker = self.breakers.of(DEPLOYMENT.id)
        self.guard = guarding(DEPLOYMENT, self.breaker)
        self.sent = 0

    async def ask(self, outcome, **options):
        async def inner(call):
            self.sent += 1
            if isinstance(outcome, BaseException):
                raise outcome
            if callable(outcome):
                await outcome()
            if isinstance(outcome, Stream):
                return Reply(deployment=DEPLOYMENT, events=outcome)
            return Reply(deployment=DEPLOYMENT, value="hi")

        return await self.guard(Call(id="1", model="m", options=Options(**options)), inner)

    async def fail(self, times=3, error=BUSY, **options):
        for _ in range(times):
            with pytest.raises(type(error)):
                await self.ask(error, **options)


async def test_after_failures_in_a_row_nothing_is_sent():
    guarded = Guarded()
    await guarded.fail(2)
    await guarded.ask("ok")
    await guarded.fail(3)
    with pytest.raises(
        CircuitOpenError, match="a/x is left alone after OverloadedError"
    ) as refused:
        await guarded.ask("ok")
    assert guarded.sent == 6
    assert refused.value.retry_after_s == 60.0
    assert (refused.value.provider, refused.value.model) == ("a", "x")


async def test_the_requests_own_faults_do_not_open_it():
    guarded = Guarded()
    await guarded.fail(20, BadRequestError("bad"))
    assert guarded.breaker.closed


async def test_a_caller_in_a_hurry_does_not_open_it_for_the_others():
    """Its time is over before the deployment's own; one that waited long enough is a witness."""
    guarded = Guarded()
    await guarded.fail(20, APITimeoutError("over", code="total"), timeout_s=0.001)
    assert guarded.breaker.closed
    await guarded.fail(3, APITimeoutError("over", code="total"), timeout_s=60.0)
    assert not guarded.breaker.closed


async def test_a_deployments_own_timeout_counts():
    guarded = Guarded()
    await guarded.fail(3, APITimeoutError("late", code="first_byte"), timeout_s=0.001)
    assert not guarded.breaker.closed


async def test_a_probe_that_goes_well_closes():
    guarded = Guarded()
    await guarded.fail()
    await guarded.clock.advance(60.0)
    await guarded.ask("ok")
    assert guarded.breaker.closed


async def test_only_one_of_many_is_the_probe():
    guarded = Guarded()
    await guarded.fail()
    await guarded.clock.advance(60.0)
    sent = guarded.sent
    go = asyncio.Event()
    asked = [asyncio.create_task(guarded.ask(go.wait)) for _ in range(20)]
    await guarded.clock.advance(0.0)
    assert guarded.sent == sent + 1
    go.set()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(one, CircuitOpenError) for one in answers) == 19


@pytest.mark.parametrize("error", [BadRequestError("bad"), APITimeoutError("over", code="total")])
async def test_a_probe_that_ends_in_its_own_fault_makes_way(error):
    guarded = Guarded()
    await guarded.fail()
    await guarded.clock.advance(60.0)
    await guarded.fail(1, error, timeout_s=0.001)
    await guarded.clock.advance(0.0)
    await guarded.ask("ok")
    assert guarded.breaker.closed


async def test_a_cancelled_probe_makes_way():
    guarded = Guarded()
    await guarded.fail()
    await guarded.clock.advance(60.0)
    for _ in range(5):
        asking = asyncio.create_task(guarded.ask(asyncio.Event().wait))
        await guarded.clock.advance(0.0)
        assert guarded.breaker.status().state == "half_open"
        asking.cancel()
        await guarded.clock.advance(0.0)
    await guarded.ask("ok")
    assert guarded.breaker.closed


async def test_a_stream_that_breaks_after_it_began_is_a_failure():
    guarded = Guarded()
    for _ in range(3):
        stream = Stream()
        await guarded.ask(stream)
        stream.settle(StreamInterruptedError("broke off"))
    assert not guarded.breaker.closed


async def test_a_stream_whose_reader_left_is_none():
    guarded = Guarded()
    for _ in range(20):
        stream = Stream()
        await guarded.ask(stream)
        stream.settle(StreamInterruptedError("the reader left", code="left"))
    assert guarded.breaker.closed


async def test_a_probe_by_a_stream_closes_when_it_begins_and_opens_when_it_breaks():
    guarded = Guarded()
    await guarded.fail()
    await guarded.clock.advance(60.0)
    stream = Stream()
    await guarded.ask(stream)
    assert guarded.breaker.closed  # a long answer does not keep the others waiting
    stream.settle(StreamInterruptedError("broke off"))
    assert not guarded.breaker.closed
    await guarded.clock.advance(60.0)
    stream = Stream()
    await guarded.ask(stream)
    stream.settle()
    await guarded.fail(2)
    assert guarded.breaker.closed


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_callers_do_the_deployment_is_asked_little_and_never_forgotten(seed):
    """A sick deployment under load: so many attempts an opening, and it is back when it is well."""
    guarded = Guarded()
    chance = random.Random(seed)
    hanging = set()
    for _ in range(600):  # ten minutes
        for _ in range(chance.randrange(4)):
            how = chance.choice(["fail", "leave", "stream", "hang"])
            guarded_ask = guarded.ask(
                {
                    "fail": BUSY,
                    "leave": asyncio.Event().wait,
                    "stream": Stream(),
                    "hang": asyncio.Event().wait,
                }[how]
                if not guarded.breaker.closed
                else BUSY
            )
            task = asyncio.create_task(guarded_ask)
            await guarded.clock.advance(0.0)
            if how == "leave":
                task.cancel()
            if task.done() and not task.cancelled() and task.exception() is None:
                task.result().events.settle(StreamInterruptedError("broke off"))
            elif not task.done():
                hanging.add(task)
            else:
                await asyncio.wait([task])
        await guarded.clock.advance(1.0)
    for task in hanging:
        task.cancel()
    await asyncio.wait(hanging) if hanging else None
    assert guarded.sent <= 3 + 3 * 600 // 10
    await guarded.clock.advance(60.0)
    await guarded.ask("ok")
    assert guarded.breaker.closed
