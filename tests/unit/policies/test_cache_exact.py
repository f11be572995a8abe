"""The exact cache: what is asked again in the same words is answered from what is kept."""

import asyncio
import json

import pytest
from msgspec.structs import replace

from modelway.call import Body, Call, Deployment, Options, Reply, Target
from modelway.catalog.load import providers
from modelway.errors import NotFoundError
from modelway.framing.fields import split
from modelway.policies.caching.exact import ExactCache
from modelway.policies.caching.kept import Replay
from modelway.policies.caching.values import CacheSettings
from modelway.policies.single_flight import SingleFlight
from modelway.types import Usage
from support.hand_clock import HandClock

WHERE = Deployment(
    id="p/m",
    provider=providers()["simulator"],
    dialect="openai-chat",
    target=Target(model="m"),
    base_url="http://127.0.0.1:1/v1",
)
USAGE = Usage(input_tokens=3, output_tokens=2)


def answer(text="hi", finish="stop"):
    """In the words of Chat Completions."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    said = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    told = {**said, "choices": [{**choice, "finish_reason": finish}], "usage": usage}
    return json.dumps(told).encode()


def chunk(finish=None, **delta):
    said = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + json.dumps({**said, "choices": choices}).encode() + b"\n\n"


STREAM = [
    chunk(role="assistant", content="h"),
    chunk(content="i") + chunk("stop"),
    b"data: [DONE]\n\n",
]


def call(text="hello", stream=False, options=None, fields=None, **more):
    said = {"model": "m", "messages": [{"role": "user", "content": text}], **(fields or {})}
    if stream:
        said["stream"] = True
    body = Body(dialect="openai-chat", fields=split(json.dumps(said).encode()))
    options = options or Options()
    return Call(id="1", model="m", stream=stream, body=body, options=options, **more)


class Provider:
    """Answers in a client's own bytes; counts how often it is asked."""

    def __init__(self, body=None, stream=STREAM):
        self.asked = 0
        self.body = body or answer()
        self.stream = stream

    async def __call__(self, call):
        self.asked += 1
        await asyncio.sleep(0)
        if call.stream:
            return Reply(deployment=WHERE, chunks=Replay(self.stream, USAGE))
        return Reply(deployment=WHERE, body=self.body, usage=USAGE)


def cache(clock=None, shared=None, known=(WHERE,), **settings):
    settings = CacheSettings(**{"enabled": True, **settings})
    find = {one.id: one for one in known}.get
    return ExactCache(settings, shared, clock or HandClock(), deployment=find)


async def read(reply):
    stream = reply.chunks or reply.events
    return [batch async for batch in stream]


@pytest.fixture
def provider():
    return Provider()


async def test_the_same_question_is_asked_once(provider):
    clock = HandClock()
    kept = cache(clock)
    hits = []
    kept.on_hit.append(lambda call, reply: hits.append((call.id, reply.age_s)))
    first = await kept(call(), provider)
    clock.now += 7
    second = await kept(replace(call(), id="2"), provider)
    assert provider.asked == 1
    assert (first.cached, second.cached, second.age_s) == ("", "exact", 7.0)
    assert (second.body, second.usage, second.deployment) == (first.body, USAGE, WHERE)
    assert hits == [("2", 7.0)]
    stats = kept.stats()
    assert (stats.hits, stats.misses, stats.stored, stats.entries) == (1, 1, 1, 1)


async def test_a_stream_is_given_again_in_its_own_batches(provider):
    kept = cache()
    first = await kept(call(stream=True), provider)
    assert kept.stats().stored == 0
    assert await read(first) == STREAM
    second = await kept(call(stream=True), provider)
    told = []
    second.chunks.on_settled.append(lambda usage, error: told.append((usage, error)))
    assert await read(second) == STREAM
    await second.chunks.aclose()
    assert (provider.asked, told, second.chunks.finished) == (1, [(USAGE, None)], True)
    await kept(call(), provider)
    assert provider.asked == 2, "a whole answer is other bytes"


async def test_nothing_is_kept_unless_it_is_asked_for(provider):
    kept = cache(enabled=False)
    await kept(call(), provider)
    await kept(call(), provider)
    assert provider.asked == 2
    await kept(call(options=Options(cache="use")), provider)
    assert (await kept(call(options=Options(cache="use")), provider)).cached == "exact"


async def test_a_caller_may_ask_anew_or_for_nothing_to_be_kept(provider):
    kept = cache()
    await kept(call(options=Options(cache="off")), provider)
    assert kept.stats().entries == 0
    await kept(call(), provider)
    provider.body = answer("news")
    await kept(call(options=Options(cache="off")), provider)
    assert (await kept(call(), provider)).body == answer()
    assert (await kept(call(options=Options(cache="refresh")), provider)).body == answer("news")
    assert (await kept(call(), provider)).body == answer("news")
    assert provider.asked == 4


async def test_only_what_is_kept_is_an_error_where_nothing_is(provider):
    kept = cache()
    only = call(options=Options(cache="only"))
    with pytest.raises(NotFoundError) as failed:
        await kept(only, provider)
    assert (failed.value.code, provider.asked) == ("only_if_cached", 0)
    await kept(call(), provider)
    assert (await kept(only, provider)).cached == "exact"


async def test_a_life_ends_and_a_caller_may_only_shorten_it(provider):
    clock = HandClock()
    kept = cache(clock, life_s=100)
    await kept(call("a", options=Options(cache_life_s=10)), provider)
    await kept(call("b", options=Options(cache_life_s=1000)), provider)
    clock.now += 10
    assert (await kept(call("a"), provider)).cached == ""
    assert (await kept(call("b"), provider)).cached == "exact"
    clock.now += 89
    assert (await kept(call("b"), provider)).cached == "exact"
    assert (await kept(call("b", options=Options(cache_max_age_s=99)), provider)).cached == ""
    assert (await kept(call("b", options=Options(cache_max_age_s=1)), provider)).cached == "exact"
    clock.now += 100
    assert (await kept(call("b"), provider)).cached == ""


async def test_an_age_of_nought_is_asked_anew(provider):
    kept = cache()
    await kept(call(), provider)
    assert (await kept(call(options=Options(cache_max_age_s=0)), provider)).cached == ""


async def test_what_is_asked_together_is_asked_and_kept_once(provider):
    kept, flight = cache(), SingleFlight(always=True)

    def inside(one):
        return flight(one, provider)

    replies = await asyncio.gather(*[kept(call(), inside) for _ in range(5)])
    assert {reply.body for reply in replies} == {provider.body}
    assert (provider.asked, kept.stats().stored) == (1, 1)
    replies = await asyncio.gather(*[kept(call(stream=True), inside) for _ in range(5)])
    heard = await asyncio.gather(*[read(reply) for reply in replies])
    assert heard == [STREAM] * 5
    assert (provider.asked, kept.stats().stored) == (2, 2)
    assert (await kept(call(stream=True), inside)).usage == USAGE
