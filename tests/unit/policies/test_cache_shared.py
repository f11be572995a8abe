"""What processes keep together: a store that is slow, away or tampered with is a miss, said once."""

import asyncio
import logging

import pytest
from msgspec.structs import replace
from test_cache_exact import STREAM, WHERE, Provider, answer, call, read

from modelway.call import Options
from modelway.errors import StoreDownError
from modelway.policies.caching.exact import ExactCache
from modelway.policies.caching.values import CacheSettings
from modelway.store.memory import MemoryCache
from support.hand_clock import HandClock, turns

SECRET = b"of the installation"


def process(shared, clock, *, secret=SECRET, known=(WHERE,), **settings):
    settings = CacheSettings(**{"enabled": True, "where": "store", **settings})
    find = {one.id: one for one in known}.get
    return ExactCache(settings, shared, clock, deployment=find, secret=secret)


class Store:
    """A cache that may be away, slow, or written to by others."""

    def __init__(self, clock):
        self.inner = MemoryCache(clock)
        self.down = False
        self.hangs = False
        self.asked = 0

    async def get(self, key):
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.down:
            raise StoreDownError("the store is away")
        return await self.inner.get(key)

    async def put(self, key, value, *, life_s):
        if self.down:
            raise StoreDownError("the store is away")
        await self.inner.put(key, value, life_s=life_s)

    async def drop(self, key):
        await self.inner.drop(key)

    async def aclose(self):
        pass

    @property
    def values(self):
        """Answers by key: what else is kept is short."""
        return {key: held[0] for key, held in self.inner._values.items() if len(held[0]) > 100}

    async def write(self, key, value):
        await self.inner.put(key, value, life_s=1000)


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def store(clock):
    return Store(clock)


async def kept(store, clock, provider, asking=None, **settings):
    """Ask in one process, and let what it keeps be written."""
    first = process(store, clock, **settings)
    reply = await first(asking or call(), provider)
    if reply.chunks is not None:
        assert await read(reply) == STREAM
    await first.aclose()
    return first


async def test_what_one_process_keeps_another_finds(store, clock):
    provider = Provider()
    await kept(store, clock, provider)
    await kept(store, clock, provider, call(stream=True))
    clock.now += 5
    other = process(store, clock)
    reply = await other(call(), provider)
    assert (reply.cached, reply.age_s, reply.body) == ("exact", 5.0, answer())
    assert await read(await other(call(stream=True), provider)) == STREAM
    asked = store.asked
    clock.now += 0.5
    reply = await other(call(), provider)
    assert (reply.cached, reply.age_s, provider.asked) == ("exact", 5.5, 2)
    assert store.asked == asked, "what was found is kept here too"


async def test_a_store_is_used_where_the_configuration_says_so(store, clock):
    provider = Provider()
    cache = await kept(store, clock, provider, where="memory")
    assert (store.asked, store.values) == (0, {})
    cache.adopt(CacheSettings(enabled=True, where="store"), b"")
    await cache(call("now"), provider)
    await cache.aclose()
    assert len(store.values) == 1


async def test_a_life_goes_on_in_another_process(store, clock):
    provider = Provider()
    await kept(store, clock, provider, call(options=Options(cache_life_s=10)))
    clock.now += 9
    other = process(store, clock)
    assert (await other(call(), provider)).cached == "exact"
    clock.now += 1
    assert (await other(call(), provider)).cached == ""
    await other.aclose()


async def test_a_store_that_is_away_is_a_miss_and_said_once(store, clock, caplog):
    caplog.set_level(logging.INFO, "modelway")
    provider = Provider()
    store.down = True
    cache = process(store, clock)
    for text in "abc":
        assert (await cache(call(text), provider)).cached == ""
    assert (await cache(call("a"), provider)).cached == "exact", "this process has it"
    clock.now += 2
    await cache(call("d"), provider)
    await cache.aclose()
    assert [record.message for record in caplog.records] == [
        "the cache does without its store: the store is away"
    ]
    store.down = False
    clock.now += 2
    await cache(call("e"), provider)
    await cache.aclose()
    assert caplog.records[-1].message == "the cache has its store again"
    assert len(caplog.records) == 2


async def test_a_store_that_is_slow_is_waited_for_a_moment_and_then_left_alone(
    store, clock, caplog
):
    provider = Provider()
    store.hangs = True
    cache = process(store, clock)
    replies = await asyncio.gather(*[cache(call(str(n)), provider) for n in range(20)])
    assert {reply.cached for reply in replies} == {""}
    asked = store.asked
    assert asked <= 20
    await cache(call("more"), provider)
    assert store.asked == asked
    assert [record.message for record in caplog.records] == [
        "the cache does without its store: it did not answer within 0.05 s"
    ]


@pytest.mark.parametrize(
    "tampered",
    [
        lambda value: b"",
        lambda value: value[:31],
        lambda value: value[:-1],
        lambda value: value + b"\0",
        lambda value: bytes(32) + value[32:],
        lambda value: value[:40] + bytes([value[40] ^ 1]) + value[41:],
        lambda value: b"\x93\xc4\x00" * 1000,
        lambda value: b"\x91" * 100_000,
    ],
    ids=["empty", "short", "cut", "longer", "other seal", "one bit", "nonsense", "deep"],
)
async def test_what_others_wrote_is_ignored(store, clock, tampered):
    provider = Provider()
    await kept(store, clock, provider)
    ((key, value),) = store.values.items()
    await store.write(key, tampered(value))
    reply = await process(store, clock)(call(), provider)
    assert (reply.cached, provider.asked) == ("", 2)


async def test_one_entry_cannot_be_put_in_another_s_place(store, clock):
    provider = Provider()
    await kept(store, clock, provider, call(tenant="a"))
    await kept(store, clock, provider, call(tenant="b"))
    (one, other) = store.values
    await store.write(other, store.values[one])
    replies = [await process(store, clock)(call(tenant=who), provider) for who in "ab"]
    assert [reply.cached for reply in replies] == ["exact", ""]


async def test_another_installation_s_entries_are_not_ours(store, clock):
    provider = Provider()
    await kept(store, clock, provider)
    assert (await process(store, clock, secret=b"other")(call(), provider)).cached == ""
    assert (await process(store, clock, secret=b"")(call(), provider)).cached == ""


async def test_without_a_secret_what_is_broken_is_still_ignored(store, clock):
    provider = Provider()
    await kept(store, clock, provider, secret=b"")
    ((key, value),) = store.values.items()
    assert (await process(store, clock, secret=b"")(call(), provider)).cached == "exact"
    await store.write(key, value[:-1])
    assert (await process(store, clock, secret=b"")(call(), provider)).cached == ""


async def test_who_reads_the_store_cannot_tell_what_was_asked(store, clock):
    await kept(store, clock, Provider(), call("a rare question", tenant="acme"))
    for key in store.inner._values:
        assert key.startswith("cache:")
        assert len(key) == 70
    other = Store(clock)
    await kept(other, clock, Provider(), call("a rare question", tenant="acme"), secret=b"other")
    assert store.values.keys().isdisjoint(other.values)


async def test_what_other_policies_made_is_not_found(store, clock):
    provider = Provider()
    await kept(store, clock, provider)
    other = process(store, clock)
    other.adopt(CacheSettings(enabled=True, where="store"), b"2")
    assert (await other(call(), provider)).cached == ""


async def test_an_entry_from_the_future_is_not_there(store, clock):
    """The wall clock was set back by an hour: what was written before is not trusted."""
    provider = Provider()
    await kept(store, clock, provider)
    clock.jump_s = -3600
    assert (await process(store, clock)(call(), provider)).cached == ""
    clock.jump_s = -30
    reply = await process(store, clock)(call(), provider)
    assert (reply.cached, reply.age_s) == ("exact", 0.0)


async def test_a_deployment_that_is_gone_answers_nothing(store, clock):
    provider = Provider()
    await kept(store, clock, provider)
    assert (await process(store, clock, known=())(call(), provider)).cached == ""
    moved = replace(WHERE, weight=3.0)
    assert (await process(store, clock, known=(moved,))(call(), provider)).deployment is moved


# ---------------------------------------------------------------- clearing


async def test_what_is_cleared_is_forgotten_by_all(store, clock):
    provider = Provider()
    here, there = process(store, clock), process(store, clock)
    for who in "ab":
        await here(call(tenant=who), provider)
    await here.aclose()
    clock.now += 10
    for who in "ab":
        assert (await there(call(tenant=who), provider)).cached == "exact"
    clock.now += 10
    assert await here.clear("a") == 1
    clock.now += 2
    for one in (here, there):
        await one(call("x", tenant="a"), provider)  # which looks for what was cleared
        await turns()
    asked = provider.asked
    assert (await there(call(tenant="a"), provider)).cached == ""
    assert provider.asked == asked + 1
    assert (await there(call(tenant="b"), provider)).cached == "exact"
    assert (await process(store, clock)(call(tenant="b"), provider)).cached == "exact"
    for one in (here, there):
        await one.aclose()


async def test_what_is_asked_after_a_clearing_is_kept_again(store, clock):
    provider = Provider()
    here = await kept(store, clock, provider)
    clock.now += 10
    await here.clear()
    clock.now += 5
    assert (await process(store, clock)(call(), provider)).cached == ""
    await kept(store, clock, provider)
    clock.now += 5
    assert (await process(store, clock)(call(), provider)).cached == "exact"


async def test_a_clearing_that_others_are_not_told_of_is_an_error(store, clock):
    cache = await kept(store, clock, Provider())
    store.down = True
    with pytest.raises(StoreDownError):
        await cache.clear()
    assert cache.stats().entries == 0


async def test_a_clock_that_was_set_back_brings_nothing_back_that_was_cleared(store, clock):
    provider = Provider()
    here = await kept(store, clock, provider)
    clock.now += 1000
    await here.clear()
    clock.jump_s = -500
    clock.now += 1
    assert (await process(store, clock)(call(), provider)).cached == ""


async def test_no_more_is_written_at_once_than_is_borne(store, clock):
    held = asyncio.Event()

    async def put(key, value, *, life_s):
        await held.wait()

    store.put = put
    cache = process(store, clock)
    for number in range(100):
        await cache(call(str(number)), Provider())
    assert len(cache._shared._tasks) <= 64
    held.set()
    await cache.aclose()
