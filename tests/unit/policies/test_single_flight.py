"""Identical calls that are open at once: one is sent, all are answered, nobody waits for another."""

import asyncio
import json

import pytest
from msgspec.structs import replace

from modelway.call import Body, Call, Deployment, Options, Reply, Target
from modelway.catalog.load import providers
from modelway.errors import OverloadedError, StreamInterruptedError
from modelway.framing.fields import split
from modelway.messages import user
from modelway.policies.single_flight import SingleFlight, key
from modelway.types import ChatRequest, Usage

SHARED = Options(single_flight=True)
WHERE = Deployment(
    id="p/m",
    provider=providers()["simulator"],
    dialect="openai-chat",
    target=Target(model="m"),
    base_url="http://127.0.0.1:1/v1",
)


def call(text="hello", **fields):
    request = ChatRequest(messages=(user(text),))
    return Call(**{"id": "1", "model": "m", "request": request, "options": SHARED, **fields})


class Source:
    """A stream that gives what it is handed, and remembers how it ended."""

    def __init__(self):
        self.items = asyncio.Queue()
        self.usage = Usage(output_tokens=3)
        self.finished = False
        self.on_settled = []
        self.on_batch = []
        self.received_chars = 0
        self.closed = False

    def __aiter__(self):
        return self

    async def __anext__(self):
        item = await self.items.get()
        if item is None:
            raise StopAsyncIteration
        if isinstance(item, Exception):
            raise item
        return item

    async def aclose(self):
        self.closed = True


class Provider:
    """Answers with a stream, or what it is told to; counts how often it is asked."""

    def __init__(self, answer=None):
        self.asked = 0
        self.cancelled = 0
        self.source = Source()
        self.let = asyncio.Event()
        self._answer = answer

    async def __call__(self, call):
        self.asked += 1
        try:
            await self.let.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if isinstance(self._answer, Exception):
            raise self._answer
        if self._answer is not None:
            return Reply(deployment=WHERE, body=self._answer, usage=Usage(output_tokens=3))
        return Reply(deployment=WHERE, chunks=self.source)


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def together(flight, provider, number, **fields):
    tasks = [asyncio.ensure_future(flight(call(**fields), provider)) for _ in range(number)]
    await settle()
    provider.let.set()
    return await asyncio.gather(*tasks)


async def test_many_are_answered_by_one_call_and_one_pays():
    flight, provider = SingleFlight(), Provider(b"{}")
    replies = await together(flight, provider, 5)
    assert provider.asked == 1
    assert [reply.body for reply in replies] == [b"{}"] * 5
    assert [reply.usage is not None for reply in replies] == [True, False, False, False, False]
    assert flight.open_flights == 0


async def test_it_is_off_unless_it_is_asked_for():
    flight, provider = SingleFlight(), Provider(b"{}")
    await together(flight, provider, 3, options=Options())
    assert provider.asked == 3
    provider = Provider(b"{}")
    await together(SingleFlight(always=True), provider, 3, options=Options())
    assert provider.asked == 1
    provider = Provider(b"{}")
    await together(SingleFlight(always=True), provider, 2, options=Options(single_flight=False))
    assert provider.asked == 2


async def test_an_error_is_everybody_s_own():
    flight, provider = SingleFlight(), Provider(OverloadedError("busy", status=503))
    tasks = [asyncio.ensure_future(flight(call(), provider)) for _ in range(3)]
    await settle()
    provider.let.set()
    errors = await asyncio.gather(*tasks, return_exceptions=True)
    assert provider.asked == 1
    assert {type(error) for error in errors} == {OverloadedError}
    assert len({id(error) for error in errors}) == 3
    assert flight.open_flights == 0


async def test_who_asked_first_may_leave_without_harm_to_the_others():
    flight, provider = SingleFlight(), Provider(b"{}")
    leader = asyncio.ensure_future(flight(call(), provider))
    await settle()
    follower = asyncio.ensure_future(flight(call(), provider))
    await settle()
    leader.cancel()
    await asyncio.gather(leader, return_exceptions=True)
    provider.let.set()
    assert (await follower).body == b"{}"
    assert (provider.asked, provider.cancelled) == (1, 0)


async def test_nobody_left_ends_the_call():
    flight, provider = SingleFlight(), Provider(b"{}")
    tasks = [asyncio.ensure_future(flight(call(), provider)) for _ in range(3)]
    await settle()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await settle()
    assert (provider.asked, provider.cancelled, flight.open_flights) == (1, 1, 0)


async def test_a_stream_is_heard_whole_by_all_the_late_and_the_slow_too():
    flight, provider = SingleFlight(), Provider()
    first, second = await together(flight, provider, 2, stream=True)
    provider.source.items.put_nowait(b"a")
    assert await anext(first.chunks) == b"a"
    late = await flight(call(stream=True), provider)
    provider.source.items.put_nowait(b"b")
    provider.source.items.put_nowait(None)
    told = []
    for reply in (first, second, late):
        reply.chunks.on_settled.append(lambda usage, error: told.append((usage, error)))
    heard = [[item async for item in reply.chunks] for reply in (first, second, late)]
    assert heard == [[b"b"], [b"a", b"b"], [b"a", b"b"]]
    assert told == [(Usage(output_tokens=3), None), (None, None), (None, None)]
    assert provider.source.closed
    assert provider.asked == 1


async def test_who_leaves_a_stream_leaves_it_to_the_others():
    flight, provider = SingleFlight(), Provider()
    first, second = await together(flight, provider, 2, stream=True)
    provider.source.items.put_nowait(b"a")
    assert await anext(first.chunks) == b"a"
    await first.chunks.aclose()
    provider.source.items.put_nowait(b"b")
    provider.source.items.put_nowait(None)
    assert [item async for item in second.chunks] == [b"a", b"b"]


async def test_a_stream_that_everybody_leaves_is_closed():
    flight, provider = SingleFlight(), Provider()
    replies = await together(flight, provider, 2, stream=True)
    for reply in replies:
        await reply.chunks.aclose()
    await settle()
    assert provider.source.closed
    assert flight.open_flights == 0


async def test_a_stream_that_breaks_off_breaks_off_for_each():
    flight, provider = SingleFlight(), Provider()
    replies = await together(flight, provider, 2, stream=True)
    provider.source.items.put_nowait(b"a")
    provider.source.items.put_nowait(StreamInterruptedError("cut"))
    for reply in replies:
        assert await anext(reply.chunks) == b"a"
        with pytest.raises(StreamInterruptedError, match="cut"):
            await anext(reply.chunks)


async def test_a_slow_reader_is_cut_where_it_would_hold_too_much():
    flight, provider = SingleFlight(most_bytes=10), Provider()
    quick, slow = await together(flight, provider, 2, stream=True)
    for _ in range(5):
        provider.source.items.put_nowait(b"x" * 4)
        assert await anext(quick.chunks) == b"x" * 4
    with pytest.raises(StreamInterruptedError, match="too slowly"):
        await anext(slow.chunks)
    provider.source.items.put_nowait(None)
    assert [item async for item in quick.chunks] == []


async def test_what_would_change_the_answer_is_asked_for_itself():
    body = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}

    def said(**more):
        fields = split(json.dumps({**body, **more}).encode())
        return Call(id="1", model="m", body=Body(dialect="openai-chat", fields=fields))

    plain = said()
    assert key(plain) == key(replace(plain, id="2"))
    assert key(plain) == key(replace(plain, options=Options(priority=3)))
    others = [
        said(temperature=0.5),
        said(seed=1),
        said(tools=[{"type": "function", "function": {"name": "f"}}]),
        said(messages=[{"role": "system", "content": "x"}, *body["messages"]]),
        replace(plain, tenant="other"),
        replace(plain, stream=True),
        replace(plain, model="n"),
        replace(plain, operation="count_tokens"),
        replace(plain, body=replace(plain.body, dialect="anthropic-messages")),
        replace(plain, headers=(("openai-beta", "x"),)),
        replace(plain, query="beta=true"),
        replace(plain, only="p/m"),
        replace(plain, options=Options(strategy="cheapest")),
        replace(plain, options=Options(session="s")),
    ]
    assert len({key(one) for one in [plain, *others]}) == len(others) + 1
