"""Readers that leave, by the thousand, from answers of their own and from shared ones."""

from __future__ import annotations

import asyncio
import random
import resource

import pytest

import modelway
from modelway.call import Call
from modelway.errors import LimitExceededError, StreamInterruptedError
from modelway.messages import user
from modelway.types import ChatRequest, TextDelta
from support.chaos_world import ask, follow, open_files, refuses, world
from support.sdk import until

READERS = 1000
SHARED = {"single_flight": True}


@pytest.fixture
def readers():
    """How many there may be at once: each has both ends of a connection here."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        yield min(READERS, (most - open_files()) // 3)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))
    else:
        yield READERS


async def test_a_thousand_readers_that_leave_at_once_leave_nothing(readers):
    chance = random.Random(4)
    limits = {
        "providers": {"a": {"limits": {"concurrent": 2 * READERS, "tokens_per_minute": 10**9}}}
    }
    async with world("a", **limits) as made:
        a = made.upstreams["a"]
        a.behave = a.paced(tokens_per_s=40)
        begun = 0

        async def read(number: int) -> None:
            nonlocal begun
            async with made.client.stream(f"q{number}", model="m") as stream:
                begun += 1
                wanted = chance.randrange(12)
                heard = 0
                async for event in stream:
                    heard += isinstance(event, TextDelta)
                    if number % 4 == 0 and heard > wanted:
                        return  # leaves by itself

        tasks = [asyncio.create_task(read(number)) for number in range(readers)]
        await until(lambda: begun > readers // 2, most_s=20)
        for task in chance.sample(tasks, readers):
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError | None) for one in ended)
        await until(lambda: made.engine.stats().open_requests == 0)
        stats = made.engine.stats()
        assert stats.total_requests == readers
        assert stats.failed_requests == 0
        assert stats.cancelled_requests > readers // 2
        assert (await ask(made, "after")).text == a.answer("after")


async def test_those_who_leave_a_queue_take_no_turn_and_hold_nobody_up():
    limits = {"providers": {"a": {"limits": {"concurrent": 1}}}}
    async with world("a", queue={"max_wait_s": 20}, **limits) as made:
        a = made.upstreams["a"]
        a.behave = a.slowly(0.2)
        first = asyncio.create_task(ask(made, "first"))
        await until(lambda: a.arrived)
        leaving = [asyncio.create_task(ask(made, f"leaves{number}")) for number in range(50)]
        await asyncio.sleep(0.05)
        last = asyncio.create_task(ask(made, "last"))
        await asyncio.sleep(0.02)
        for task in leaving:
            task.cancel()
        assert (await first).error is None
        assert (await last).error is None
        await asyncio.gather(*leaving, return_exceptions=True)
        assert a.questions == ["first", "last"]


async def test_a_turn_that_comes_as_its_caller_leaves_is_passed_on():
    limits = {"providers": {"a": {"limits": {"concurrent": 1}}}}
    async with world("a", queue={"max_wait_s": 5}, **limits) as made:
        a = made.upstreams["a"]
        request = ChatRequest(messages=(user("first"),))
        call = Call(id=made.engine.new_id(), model="m", request=request, stream=True)
        reply = await made.engine.handle(call)
        waiting = asyncio.create_task(ask(made, "leaves"))
        await asyncio.sleep(0.02)
        reply.events.on_settled.append(
            lambda *_: waiting.cancel()
        )  # after its turn was given to it
        async for _ in reply.events:
            pass
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await ask(made, "next")).error is None
        assert a.questions == ["first", "next"]


# ------------------------------------------------------------ answers that are shared


async def tokens_of(made, question):
    """What the answer to a question as long as this one is counted for."""
    await ask(made, question)
    return made.engine.stats().output_tokens


@pytest.mark.parametrize("leaves_after", [0, 1, 5])
async def test_others_get_all_of_it_though_the_first_leaves(leaves_after):
    async with world("a", **SHARED) as made:
        a = made.upstreams["a"]
        alone = await tokens_of(made, "p")
        a.behave = a.paced(tokens_per_s=60)

        async def leader() -> None:
            heard = 0
            async with made.client.stream("q", model="m") as stream:
                async for event in stream:
                    heard += isinstance(event, TextDelta)
                    if heard >= leaves_after:
                        await until(lambda: made.engine.stats().total_requests == 22)
                        return

        leading = asyncio.create_task(leader())
        await until(lambda: len(a.arrived) == 2)
        others = [asyncio.create_task(follow(made, "q")) for _ in range(20)]
        await leading
        assert {one.text for one in await asyncio.gather(*others)} == {a.answer("q")}
        assert a.questions == ["p", "q"]
        assert made.engine.stats().output_tokens == 2 * alone, "it is counted, and once"


async def test_a_whole_answer_is_given_though_who_asked_first_has_left():
    async with world("a", **SHARED) as made:
        a = made.upstreams["a"]
        alone = await tokens_of(made, "p")
        a.behave = a.slowly(0.1)
        first = asyncio.create_task(ask(made, "q"))
        await until(lambda: len(a.arrived) == 2)
        others = [asyncio.create_task(ask(made, "q")) for _ in range(20)]
        await asyncio.sleep(0.02)
        first.cancel()
        assert {one.text for one in await asyncio.gather(*others)} == {a.answer("q")}
        assert a.questions == ["p", "q"]
        assert made.engine.stats().output_tokens == 2 * alone


async def test_a_slow_listener_holds_nobody_up():
    async with world("a", **SHARED) as made:
        a = made.upstreams["a"]
        go_on = asyncio.Event()

        async def slow() -> str:
            heard = []
            async with made.client.stream("q", model="m") as stream:
                async for event in stream:
                    if isinstance(event, TextDelta):
                        heard.append(event.text)
                    await go_on.wait()
            return "".join(heard)

        a.behave = a.paced(tokens_per_s=100)
        sleeping = asyncio.create_task(slow())
        await until(lambda: a.arrived)
        quick = await asyncio.gather(*[follow(made, "q") for _ in range(10)])
        assert {one.text for one in quick} == {a.answer("q")}
        assert not sleeping.done()
        go_on.set()
        assert await sleeping == a.answer("q")
        assert len(a.arrived) == 1


async def test_when_all_have_left_the_upstream_is_let_go():
    async with world("a", **SHARED) as made:
        a = made.upstreams["a"]
        a.behave = a.paced(tokens_per_s=5)
        heard = 0

        async def read() -> None:
            nonlocal heard
            async with made.client.stream("q", model="m") as stream:
                async for _ in stream:
                    heard += 1

        tasks = [asyncio.create_task(read()) for _ in range(50)]
        await until(lambda: heard >= 50, most_s=10)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await until(lambda: a.disconnects == 1, most_s=10)
        assert len(a.arrived) == 1
        a.behave = a.well
        assert (await follow(made, "q")).text == a.answer("q"), "a new one is asked for"


async def test_all_who_listen_are_told_of_a_fault_and_each_has_its_own_error():
    async with world("a", defaults={"retries": 0}, **SHARED) as made:
        a = made.upstreams["a"]
        a.behave = a.faulty(cut_after_chunks=6)
        outcomes = await asyncio.gather(*[follow(made, "q") for _ in range(20)])
        assert len({one.text for one in outcomes}) == 1
        assert all(isinstance(one.error, StreamInterruptedError) for one in outcomes)
        assert len({id(one.error) for one in outcomes}) == 20
        a.behave = refuses(400)
        outcomes = await asyncio.gather(*[ask(made, "q") for _ in range(20)])
        assert len({id(one.error) for one in outcomes}) == 20
        assert len(a.arrived) == 2


async def test_a_mixed_crowd_of_shared_readers_leaves_nothing():
    chance = random.Random(7)
    async with world(
        "a", "b", **SHARED, queue={"max_wait_s": 5}, providers={"a": {"limits": {"concurrent": 4}}}
    ) as made:
        for upstream in made.upstreams.values():
            upstream.behave = upstream.paced(tokens_per_s=150)

        async def one(number: int):
            await asyncio.sleep(chance.uniform(0, 0.3))
            how = follow if number % 3 else ask
            return await how(made, f"q{number % 8}")

        tasks = [asyncio.create_task(one(number)) for number in range(200)]
        for task in chance.sample(tasks, 80):
            asyncio.get_running_loop().call_later(chance.uniform(0, 0.5), task.cancel)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in ended:
            if isinstance(outcome, asyncio.CancelledError):
                continue
            assert not isinstance(outcome, BaseException), outcome
            assert outcome.error is None or isinstance(outcome.error, LimitExceededError)
            if outcome.error is None:
                right = {upstream.answer(outcome.question) for upstream in made.upstreams.values()}
                assert outcome.text in right
        asked = sum(len(upstream.arrived) for upstream in made.upstreams.values())
        assert asked < 120, "most of them shared"


async def test_options_that_change_nothing_of_the_answer_do_not_keep_calls_apart():
    async with world("a", **SHARED) as made:
        a = made.upstreams["a"]
        a.behave = a.slowly(0.1)
        options = [modelway.Options(priority=number) for number in range(5)]
        await asyncio.gather(*[made.client.chat("q", model="m", options=one) for one in options])
        assert len(a.arrived) == 1
