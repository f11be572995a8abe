"""The exact cache: what is asked again in the same words is answered from what is kept."""

import asyncio
import gc
import json

import pytest
from msgspec.structs import replace

from modelway.call import Body, Call, Deployment, Options, Payer, Reply, Target
from modelway.catalog.load import providers
from modelway.errors import NotFoundError, OverloadedError
from modelway.framing.fields import split
from modelway.messages import user
from modelway.policies.caching.exact import ExactCache, only_kept
from modelway.policies.caching.kept import Replay
from modelway.policies.caching.memory import ENTRY_BYTES
from modelway.policies.caching.values import CacheSettings, SemanticSettings
from modelway.policies.single_flight import SingleFlight
from modelway.types import ChatRequest, Usage
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


async def test_only_what_is_kept_is_asked_of_the_semantic_cache_too(provider):
    kept = cache(semantic=SemanticSettings(model="e", threshold=0.9))
    only = call(options=Options(cache="only"))

    async def semantic(asked):
        if asked.model == "near":
            return Reply(deployment=WHERE, body=answer(), cached="semantic")
        return await only_kept(asked, provider)

    with pytest.raises(NotFoundError):
        await kept(only, semantic)
    for _ in range(2):
        assert (await kept(replace(only, model="near"), semantic)).cached == "semantic"
    assert (provider.asked, kept.stats().entries) == (0, 0)
    await only_kept(call(), provider)
    assert provider.asked == 1


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


# ---------------------------------------------------------------- who finds what


async def finds(kept, asked, others, provider):
    """Which of these find what the first one's answer is."""
    await kept(asked, provider)
    return [bool((await kept(one, provider)).cached) for one in others]


async def test_tenants_never_share(provider):
    for shared_by in ("tenant", "key", "user"):
        kept = cache(shared_by=shared_by)
        who = {"key": "k", "payer": Payer(user="u", team="t")}
        others = [call(tenant=tenant, **who) for tenant in ("b", "", "a ", "A", "a")]
        found = await finds(kept, call(tenant="a", **who), others, provider)
        assert found == [False, False, False, False, True]


async def test_within_whom_it_is_shared_is_the_operator_s_to_say(provider):
    asked = call(key="k", payer=Payer(user="u"))
    others = [
        call(key="other", payer=Payer(user="u")),
        call(key="k", payer=Payer(user="other")),
        call(key="k", payer=Payer(user="u", team="other", tags=("x",))),
    ]
    for shared_by, expected in (
        ("tenant", [True, True, True]),
        ("key", [False, True, True]),
        ("user", [True, False, True]),
    ):
        assert await finds(cache(shared_by=shared_by), asked, others, provider) == expected


async def test_who_has_no_user_shares_with_nobody(provider):
    kept = cache(shared_by="user")
    assert await finds(kept, call(), [call()], provider) == [False]
    assert kept.stats().refused == {"no_user": 2}


OTHER_OPTIONS = {
    "fallbacks": (),
    "strict": True,
    "models": ("n",),
    "strategy": "cheapest",
}
SAME_OPTIONS = {
    "timeout_s": 3.0,
    "retries": 7,
    "priority": 3,
    "max_wait_s": 3.0,
    "session": "s",
    "unit": "u",
    "single_flight": True,
    "hedge": True,
    "trace": True,
    "cache": "use",
    "cache_life_s": 30.0,
    "cache_max_age_s": 30.0,
}


async def test_every_option_changes_the_answer_or_does_not(provider):
    assert set(Options.__struct_fields__) == {*OTHER_OPTIONS, *SAME_OPTIONS}
    others = [call(options=Options(**{name: value})) for name, value in OTHER_OPTIONS.items()]
    others.append(call(options=Options(fallbacks=("n",))))
    others.append(call(options=Options(strategy="cheapest", strict=True)))
    assert True not in await finds(cache(), call(), others, provider)
    same = [call(options=Options(**{name: value})) for name, value in SAME_OPTIONS.items()]
    assert False not in await finds(cache(), call(), same, provider)


async def test_a_caller_s_fields_choose_no_namespace(provider):
    for name in ("namespace", "cache_key", "cache", "tenant", "user", "metadata", "ttl"):
        value = {"tenant": "a"} if name == "metadata" else "a"
        mine, theirs = (
            call(tenant="b", fields={name: value}),
            call(tenant="a", fields={name: value}),
        )
        assert await finds(cache(), theirs, [mine], provider) == [False]


async def test_other_policies_are_asked_anew(provider):
    kept = cache()
    settings = CacheSettings(enabled=True)
    await kept(call(), provider)
    kept.adopt(settings, b"")
    assert (await kept(call(), provider)).cached == "exact"
    kept.adopt(settings, b"2")
    assert (kept.stats().entries, (await kept(call(), provider)).cached) == (0, "")
    kept.adopt(settings, b"")
    assert (await kept(call(), provider)).cached == ""


async def test_a_shorter_life_holds_at_once(provider):
    clock = HandClock()
    kept = cache(clock, life_s=100)
    await kept(call(), provider)
    clock.now += 20
    kept.adopt(CacheSettings(enabled=True, life_s=20), b"")
    assert (await kept(call(), provider)).cached == ""


async def test_a_deployment_that_is_configured_no_more_answers_nothing(provider):
    kept = cache(known=())
    assert await finds(kept, call(), [call()], provider) == [False]


async def test_the_same_bytes_in_another_dialect_are_another_question(provider):
    other = replace(call(), body=replace(call().body, dialect="ollama"))
    assert await finds(cache(), call(), [other], provider) == [False]


# ---------------------------------------------------------------- how much


async def test_it_holds_no_more_bytes_than_it_may(provider):
    kept = cache(most_bytes=20_000)
    for number in range(100):
        await kept(call(str(number)), provider)
        assert kept.stats().bytes <= 20_000
    entries = kept.stats().entries
    assert entries == 20_000 // (kept.stats().bytes // entries)
    assert kept.stats().bytes > entries * ENTRY_BYTES
    assert (await kept(call("99"), provider)).cached == "exact"
    assert (await kept(call("0"), provider)).cached == ""


async def test_one_that_is_larger_than_all_may_be_drives_out_no_other():
    small, large = Provider(), Provider(body=answer("x" * 30_000))
    kept = cache(most_bytes=20_000)
    await kept(call("small"), small)
    await kept(call("large"), large)
    assert (await kept(call("small"), small)).cached == "exact"
    assert (await kept(call("large"), large)).cached == ""


async def test_what_was_not_asked_for_longest_goes_first(provider):
    one = cache()
    await one(call("size"), provider)
    kept = cache(most_bytes=3 * one.stats().bytes)
    for text in ("a", "b", "c", "a", "d"):
        await kept(call(text), provider)
    asked = provider.asked
    for text in ("c", "d", "a"):
        assert (await kept(call(text), provider)).cached == "exact"
    assert provider.asked == asked
    assert (await kept(call("b"), provider)).cached == ""


async def test_a_bound_that_shrinks_holds_at_once(provider):
    kept = cache()
    for number in range(10):
        await kept(call(str(number)), provider)
    kept.adopt(CacheSettings(enabled=True, most_bytes=5000), b"")
    assert 0 < kept.stats().bytes <= 5000
    kept.adopt(CacheSettings(enabled=True, most_bytes=0), b"")
    assert (kept.stats().bytes, kept.stats().entries) == (0, 0)
    await kept(call(), provider)
    assert kept.stats().entries == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_is_too_large_is_not_kept(stream):
    provider = Provider(body=answer("x" * 5000), stream=[chunk(content="x" * 50)] * 100 + STREAM)
    kept = cache(most_entry_bytes=4000)
    for _ in range(2):
        reply = await kept(call(stream=stream), provider)
        if stream:
            assert len(await read(reply)) == 103
    assert (provider.asked, kept.stats().refused, kept.stats().bytes) == (2, {"size": 2}, 0)


async def test_what_is_cleared_is_forgotten(provider):
    kept = cache()
    for tenant in ("a", "a", "b"):
        for text in ("x", "y"):
            await kept(call(text, tenant=tenant), provider)
    assert await kept.clear("a") == 2
    assert kept.stats().entries == 2
    assert (await kept(call("x", tenant="b"), provider)).cached == "exact"
    assert (await kept(call("x", tenant="a"), provider)).cached == ""
    assert await kept.clear() == 3
    assert kept.stats().bytes == 0


# ---------------------------------------------------------------- what is not kept


async def test_an_error_is_not_kept():
    kept = cache()
    errors = iter([OverloadedError("busy", status=503), None])

    async def provider(_):
        error = next(errors)
        if error is not None:
            raise error
        return Reply(deployment=WHERE, body=answer())

    with pytest.raises(OverloadedError):
        await kept(call(), provider)
    assert (await kept(call(), provider)).cached == ""
    assert (await kept(call(), provider)).cached == "exact"


@pytest.mark.parametrize("finish", ["length", "content_filter", "something_new", None])
async def test_what_did_not_end_of_itself_is_not_kept(finish):
    kept = cache()
    stream = [chunk(content="h"), chunk(finish) if finish else b"", b"data: [DONE]\n\n"]
    provider = Provider(body=answer(finish=finish), stream=[one for one in stream if one])
    for asked in (call(), call(), call(stream=True), call(stream=True)):
        reply = await kept(asked, provider)
        if asked.stream:
            await read(reply)
        assert reply.cached == ""
    assert kept.stats().entries == 0


async def test_bytes_that_are_no_answer_are_not_kept():
    kept = cache()
    for body in (b"{}", b"[]", b"x", b'{"error":{"message":"busy"}}', b'{"choices":[]}'):
        provider = Provider(body=body)
        await kept(call(body.decode()), provider)
        assert (await kept(call(body.decode()), provider)).cached == "", body


async def test_what_acts_elsewhere_is_asked_each_time(provider):
    kept = cache()
    hosted = {"tools": [{"type": "web_search"}]}
    for stream in (False, False, True, True):
        reply = await kept(call(stream=stream, fields=hosted), provider)
        if stream:
            await read(reply)
        assert reply.cached == ""
    assert (kept.stats().stored, kept.stats().refused) == (0, {"call": 4})


async def test_a_life_of_nought_is_none(provider):
    kept = cache()
    await kept(call(options=Options(cache_life_s=0)), provider)
    assert (kept.stats().stored, kept.stats().refused) == (0, {"life": 1})


async def test_a_stream_that_is_left_is_not_kept(provider):
    kept = cache()
    reply = await kept(call(stream=True), provider)
    assert await anext(aiter(reply.chunks)) == STREAM[0]
    await reply.chunks.aclose()
    assert (await kept(call(stream=True), provider)).cached == ""
    assert kept.stats().refused == {"partial": 1}


async def test_a_stream_that_nobody_reads_to_its_end_keeps_no_other_from_being_kept(provider):
    kept = cache()
    await kept(call(stream=True), provider)
    gc.collect()
    await read(await kept(call(stream=True), provider))
    assert (await kept(call(stream=True), provider)).cached == "exact"


async def test_a_question_that_cannot_be_named_is_asked(provider):
    kept = cache()
    odd = Call(id="1", model="m", request=ChatRequest(messages=(user("\ud800"),)))
    await kept(odd, provider)
    await kept(odd, provider)
    assert (provider.asked, kept.stats().refused) == (2, {"form": 2})


async def test_other_operations_go_straight_on(provider):
    kept = cache()
    for operation in ("models", "model", "count_tokens", "pass"):
        for _ in range(2):
            await kept(call(operation=operation), provider)
    assert (provider.asked, kept.stats().misses) == (8, 0)
    with pytest.raises(NotFoundError):
        await kept(call(operation="models", options=Options(cache="only")), provider)


async def test_a_hit_says_how_it_came_about_where_that_is_asked(provider):
    kept = cache()
    await kept(call(), provider)
    reply = await kept(replace(call(options=Options(trace=True)), id="9"), provider)
    assert (reply.trace.call, reply.trace.strategy, reply.trace.deployment) == ("9", "cache", "p/m")
    assert (await kept(call(), provider)).trace is None


async def test_a_provider_s_headers_are_not_given_again():
    kept = cache()

    async def provider(_):
        return Reply(
            deployment=WHERE,
            body=answer(),
            headers=((b"x-ratelimit-remaining-requests", b"3"), (b"set-cookie", b"a=b")),
            request_id="r1",
        )

    await kept(call(), provider)
    reply = await kept(call(), provider)
    assert (reply.cached, reply.headers, reply.failed, reply.request_id) == ("exact", (), (), "r1")
