"""The semantic cache: what is asked in other words is answered from what is kept, and nothing else is."""

import asyncio
import sys

import pytest
from msgspec.structs import replace

from modelway.call import Call, Options, Payer, Reply
from modelway.errors import APIConnectionError, ConfigError, OverloadedError, StoreDownError
from modelway.messages import user
from modelway.policies.caching.semantic import cache as module
from modelway.policies.caching.values import CacheSettings, SemanticSettings
from modelway.types import ChatRequest, ChatResponse, Choice, Message, Text
from support.hand_clock import HandClock
from support.semantic_world import (
    STREAM,
    USAGE,
    WHERE,
    Embedder,
    Provider,
    answer,
    ask,
    call,
    pairs,
    read,
    semantic,
    turns,
)

ASKED = "How do I reset my password?"
AGAIN = "Hello, how can I reset my password? Thanks!"
OTHER = "How do I reset my router?"


@pytest.fixture
def provider():
    return Provider()


async def test_other_words_for_the_same_are_answered_from_what_is_kept(provider):
    clock = HandClock()
    cache = semantic(clock=clock)
    hits = []
    cache.on_hit.append(lambda call, reply, near: hits.append((call.id, near)))
    first = await ask(cache, provider, ASKED)
    clock.now += 7
    second = await ask(cache, provider, AGAIN, id="2")
    assert provider.asked == 1
    assert (first.cached, second.cached, second.age_s) == ("", "semantic", 7.0)
    assert (second.body, second.usage, second.deployment) == (first.body, USAGE, WHERE)
    assert [one for one, _ in hits] == ["2"]
    assert hits[0][1] == pytest.approx(1)
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.stored, stats.guarded) == (1, 1, 1, 0)
    assert stats.entries == 1
    assert stats.bytes > len(answer())


async def test_a_vector_that_is_not_near_enough_is_a_miss(provider):
    near, far = [0.96, 0.28], [0.8, 0.6]
    cache = semantic(Embedder(**{ASKED: [1.0, 0.0], AGAIN: far}), threshold=0.9)
    await ask(cache, provider, ASKED)
    await ask(cache, provider, AGAIN)
    assert (provider.asked, cache.stats().guarded) == (2, 0)
    cache = semantic(Embedder(**{ASKED: [1.0, 0.0], AGAIN: near}), threshold=0.9)
    await ask(cache, provider, ASKED)
    assert (await ask(cache, provider, AGAIN)).cached == "semantic"


@pytest.mark.parametrize(
    ("asked", "other"),
    [(asked, other) for asked, other, is_same, _ in pairs("dev") if not is_same],
)
async def test_a_near_miss_is_a_miss_though_its_vector_is_the_same(asked, other, provider):
    cache = semantic()
    await ask(cache, provider, asked)
    reply = await ask(cache, provider, other)
    assert (reply.cached, provider.asked, cache.stats().guarded) == ("", 2, 1)


async def test_a_stream_is_given_again_as_a_stream(provider):
    cache = semantic()
    assert await read(await ask(cache, provider, ASKED, stream=True)) == STREAM
    await turns()
    second = await ask(cache, provider, AGAIN, stream=True)
    assert await read(second) == STREAM
    assert (second.cached, provider.asked) == ("semantic", 1)
    assert (await ask(cache, provider, AGAIN)).cached == ""


async def test_a_stream_that_nobody_reads_to_its_end_is_not_kept(provider):
    cache = semantic()
    reply = await ask(cache, provider, ASKED, stream=True)
    await anext(aiter(reply.chunks))
    await reply.chunks.aclose()
    await turns()
    assert cache.stats().stored == 0


async def test_decoded_questions_are_answered_too():
    async def inner(call):
        said = Message(role="assistant", parts=(Text(text="so"),))
        choice = Choice(message=said, finish_reason="stop")
        return Reply(deployment=WHERE, value=ChatResponse(choices=(choice,), usage=USAGE))

    def question(text, stream=False):
        request = ChatRequest(messages=(user(text),))
        return Call(id="1", model="m", request=request, stream=stream)

    cache = semantic()
    await ask(cache, inner, question(ASKED))
    assert (await ask(cache, inner, question(AGAIN))).value.text == "so"
    assert (await ask(cache, inner, question(OTHER))).cached == ""


async def test_what_comes_from_another_cache_is_not_kept_again():
    async def inner(call):
        return Reply(deployment=WHERE, body=answer(), cached="exact", age_s=9)

    cache = semantic()
    assert (await ask(cache, inner, ASKED)).cached == "exact"
    assert cache.stats().stored == 0


async def test_an_answer_found_is_not_kept_again(provider):
    clock = HandClock()
    cache = semantic(clock=clock, life_s=10)
    await ask(cache, provider, ASKED)
    clock.now += 6
    assert (await ask(cache, provider, AGAIN)).cached == "semantic"
    clock.now += 6
    assert (await ask(cache, provider, AGAIN)).cached == ""


@pytest.mark.parametrize("finish", ["length", "content_filter"])
async def test_only_whole_answers_are_kept(finish):
    provider = Provider(answer(finish=finish))
    cache = semantic()
    await ask(cache, provider, ASKED)
    await ask(cache, provider, AGAIN)
    stats = cache.stats()
    assert (provider.asked, stats.stored, stats.refused) == (2, 0, {finish: 2})


async def test_errors_are_not_kept():
    async def inner(call):
        raise OverloadedError("no")

    cache = semantic()
    with pytest.raises(OverloadedError):
        await ask(cache, inner, ASKED)
    assert cache.stats().stored == 0


# ---------------------------------------------------------------- what a caller may say


async def test_a_caller_may_ask_anew_or_keep_out_of_it(provider):
    embed = Embedder()
    cache = semantic(embed)
    await ask(cache, provider, ASKED, options=Options(cache="off"))
    assert (embed.asked, cache.stats().stored) == ([], 0)
    await ask(cache, provider, ASKED)
    provider.body = answer("news")
    assert (await ask(cache, provider, AGAIN, options=Options(cache="off"))).cached == ""
    assert (await ask(cache, provider, ASKED)).body == answer()
    assert (await ask(cache, provider, ASKED, options=Options(cache="refresh"))).cached == ""
    assert (await ask(cache, provider, ASKED)).body == answer("news")


async def test_nothing_is_kept_unless_it_is_asked_for(provider):
    cache = semantic(cache={"enabled": False})
    await ask(cache, provider, ASKED)
    assert cache.stats().misses == 0
    await ask(cache, provider, ASKED, options=Options(cache="use"))
    assert (await ask(cache, provider, AGAIN, options=Options(cache="use"))).cached == "semantic"


async def test_a_caller_may_shorten_a_life_and_not_lengthen_it(provider):
    clock = HandClock()
    cache = semantic(clock=clock, life_s=100)
    await ask(cache, provider, ASKED, options=Options(cache_life_s=10.0))
    clock.now += 10
    assert (await ask(cache, provider, AGAIN, options=Options(cache_life_s=1e9))).cached == ""
    clock.now += 60
    assert (await ask(cache, provider, ASKED)).cached == "semantic"
    young = Options(cache_max_age_s=60.0)
    assert (await ask(cache, provider, ASKED, options=young)).cached == ""
    clock.now += 100
    assert (await ask(cache, provider, AGAIN, options=Options(cache_max_age_s=1e9))).cached == ""
    await ask(cache, provider, ASKED, options=Options(cache="refresh", cache_life_s=0.0))
    assert cache.stats().refused == {"life": 1}


# ---------------------------------------------------------------- who shares with whom


async def test_tenants_never_share(provider):
    cache = semantic()
    await ask(cache, provider, ASKED, tenant="a")
    for question, tenant in ((ASKED, "b"), (AGAIN, "c"), (AGAIN, "")):
        assert (await ask(cache, provider, question, tenant=tenant)).cached == ""
    assert (await ask(cache, provider, AGAIN, tenant="a")).cached == "semantic"
    assert await cache.clear("b") == 1
    assert (await ask(cache, provider, AGAIN, tenant="a")).cached == "semantic"
    assert await cache.clear() == 3


async def test_keys_and_users_share_only_where_they_may(provider):
    cache = semantic(cache={"shared_by": "key"})
    await ask(cache, provider, ASKED, key="one")
    assert (await ask(cache, provider, AGAIN, key="two")).cached == ""
    assert (await ask(cache, provider, AGAIN, key="one")).cached == "semantic"
    cache = semantic(cache={"shared_by": "user"})
    await ask(cache, provider, ASKED, payer=Payer(user="u"))
    assert (await ask(cache, provider, AGAIN, payer=Payer(user="v"))).cached == ""
    assert (await ask(cache, provider, AGAIN, payer=Payer(user="u"))).cached == "semantic"
    before = cache.stats().stored
    await ask(cache, provider, ASKED)
    assert cache.stats().stored == before, "nobody's is everybody's"


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    "vector",
    [
        [],
        [0.0, 0.0],
        [float("nan"), 1.0],
        [float("inf"), 1.0],
        [1e308, 1e308],
        [10**400, 1],
        [5e-324, 0.0],
        [1.0] * 8193,
        ["1", "2"],
        [None],
        None,
        [[1.0]],
        [True, "x"],
    ],
    ids=lambda value: str(value)[:20],
)
async def test_a_vector_without_a_direction_is_a_miss(vector, provider, caplog):
    clock = HandClock()
    embed = Embedder()
    cache = semantic(embed, clock)
    embed.vectors = dict.fromkeys((ASKED, AGAIN), vector)
    assert (await ask(cache, provider, ASKED)).cached == ""
    clock.now += 60
    assert (await ask(cache, provider, AGAIN)).cached == ""
    assert cache.stats().stored == 0
    assert len(caplog.records) == 1


async def test_who_gives_no_vector_is_left_alone_for_a_while_and_it_is_said_once(provider, caplog):
    clock = HandClock()
    embed = Embedder()
    cache = semantic(embed, clock)
    await ask(cache, provider, ASKED)
    embed.error = APIConnectionError("nobody there")
    for _ in range(3):
        assert (await ask(cache, provider, AGAIN)).cached == ""
    assert len(embed.asked) == 2
    clock.now += 60
    assert (await ask(cache, provider, AGAIN)).cached == ""
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "nobody there" in caplog.text
    embed.error = None
    clock.now += 60
    with caplog.at_level("INFO", "modelway"):
        assert (await ask(cache, provider, AGAIN)).cached == "semantic"
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_a_text_that_gets_no_vector_keeps_nobody_else_from_one(provider, caplog):
    embed = Embedder()
    cache = semantic(embed)
    await ask(cache, provider, ASKED)
    for _ in range(3):
        embed.error = OverloadedError("too long for me")
        assert (await ask(cache, provider, OTHER)).cached == ""
        embed.error = None
        assert (await ask(cache, provider, AGAIN)).cached == "semantic"
    assert caplog.text.count("WARNING") == 1


async def test_nobody_waits_long_for_a_vector(provider, monkeypatch, caplog):
    async def never(text):
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "MOST_WAIT_S", 0.01)
    cache = semantic(never)
    assert (await ask(cache, provider, ASKED)).cached == ""
    assert "no vector within 0.01 s" in caplog.text


async def test_a_caller_who_leaves_takes_nobody_along(provider):
    started = asyncio.Event()

    async def never(text):
        started.set()
        await asyncio.Event().wait()

    cache = semantic(never)
    task = asyncio.ensure_future(cache(call(), provider))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert provider.asked == 0


class Down:
    """Vectors that cannot be reached."""

    async def nearest(self, *arguments, **more):
        raise StoreDownError("away")

    async def add(self, *arguments, **more):
        raise StoreDownError("away")

    async def drop(self, tenant=None):
        return 0

    async def aclose(self):
        pass


async def test_a_store_that_is_down_is_a_miss(provider, caplog):
    clock = HandClock()
    cache = semantic(clock=clock, vectors=Down())
    for question in (ASKED, AGAIN):
        reply = await ask(cache, provider, question)
        assert (reply.cached, reply.body) == ("", answer())
        clock.now += 60
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    await cache.aclose()


async def test_what_is_kept_and_cannot_be_read_is_a_miss(provider):
    known = {}
    cache = semantic()
    cache._deployment = known.get
    await ask(cache, provider, ASKED)
    assert (await ask(cache, provider, AGAIN)).cached == "", "its deployment is gone"
    known[WHERE.id] = WHERE
    assert (await ask(cache, provider, AGAIN)).cached == "semantic"


async def test_what_other_policies_made_is_not_found(provider):
    cache = semantic(policies=b"one")
    await ask(cache, provider, ASKED)
    cache.adopt(cache._settings, b"two")
    assert (await ask(cache, provider, AGAIN)).cached == ""
    cache.adopt(cache._settings, b"one")
    assert (await ask(cache, provider, AGAIN)).cached == "semantic"
    other = replace(cache._semantic, model="house/other")
    cache.adopt(replace(cache._settings, semantic=other), b"one")
    assert (await ask(cache, provider, AGAIN)).cached == "", "another model's vectors are others"


# ---------------------------------------------------------------- how it is set up


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.01, float("nan")])
def test_a_threshold_that_lets_all_or_nothing_through_is_refused(threshold):
    with pytest.raises(ConfigError, match="threshold"):
        semantic(threshold=threshold)


def test_it_needs_its_settings():
    with pytest.raises(ConfigError, match="needs its settings"):
        module.SemanticCache(CacheSettings(), HandClock(), embed=Embedder(), deployment={}.get)


def test_without_numpy_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    monkeypatch.delitem(sys.modules, "modelway.policies.caching.semantic.memory", raising=False)
    with pytest.raises(ConfigError, match=r"modelway\[semantic\]"):
        semantic()


def test_settings_tell_no_address():
    settings = SemanticSettings(model="m", threshold=0.9, url="postgresql://u:p@h/d")
    assert "p@h" not in repr(settings)
