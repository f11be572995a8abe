"""The contracts of stores over a real Valkey server, and what is particular to it."""

from __future__ import annotations

import asyncio
import contextlib
import random
from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelway.errors import StoreDownError
from modelway.ports import Spent
from modelway.store.memory import open_memory
from modelway.store.redis import open_redis
from modelway.testing.stores import CONTRACTS, SteppedClock, Subject, lease_ends
from modelway.testing.stores.leases import LONG_S, held, money
from modelway.testing.stores.processes import CHECKS
from modelway.testing.stores.subject import comes_back, fresh
from support.servers_valkey import ValkeyServer, ask, misbehaving, stored, valkey_cluster

CACHE_BYTES = 4_000_000
CLUSTERED = (
    "leases: pools are apart by any name",
    "leases: many at once are given the whole once",
    "leases: a renewed grant lives on",
    "cache: values are kept",
    "cache: bytes are bounded",
    "records: questions",
    "records: streams are apart by any name",
    "records: a watch brings all",
    "records: a watch is from now on",
)


@pytest.fixture(scope="module")
def server():
    with ValkeyServer() as server:
        yield server


async def keys_of(store, name):
    return sorted(await ask(store, "KEYS", f"*{name}*"))


# ---------------------------------------------------------------- the contracts


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
async def test_valkey(contract, server):
    async def opened():
        timeout_s = 0.5 if "gone" in contract.name else 5.0
        return await open_redis(server.url, timeout_s=timeout_s, cache_bytes=CACHE_BYTES)

    @contextlib.asynccontextmanager
    async def outage():
        server.stall()
        try:
            yield
        finally:
            server.go_on()

    await contract.check(Subject(opened, outage=outage, cache_bytes=CACHE_BYTES))


@pytest.mark.exhaustive
async def test_never_over_the_rate_for_long(server):
    async def opened():
        return await open_redis(server.url, timeout_s=5.0)

    await lease_ends.never_over_the_rate(Subject(opened), for_s=15.0)


@pytest.mark.parametrize("contract", [c for c in CONTRACTS if "gone" in c.name], ids=str)
async def test_valkey_behind_what_refuses(contract, server):
    async with misbehaving(server) as (proxy, url):

        async def opened():
            return await open_redis(url)

        @contextlib.asynccontextmanager
        async def outage():
            proxy.refuse = True
            proxy.reset_after_bytes = 0
            try:
                yield
            finally:
                proxy.refuse = False
                proxy.reset_after_bytes = None

        await contract.check(Subject(opened, outage=outage))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_valkey_from_several_processes(check, server):
    check(server.url)


# ---------------------------------------------------------------- the arithmetic

AMOUNTS = st.one_of(
    st.integers(0, 20),
    st.integers(2**31 - 3, 2**31 + 3),
    st.integers(2**53 - 3, 2**53 + 3),
    st.integers(0, 2**62),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), AMOUNTS, AMOUNTS, st.integers(1, 2**22)),
        st.tuples(st.just("take most"), AMOUNTS, st.integers(-1, 1), st.integers(1, 3)),
        st.tuples(st.just("settle"), st.integers(0, 9), AMOUNTS, AMOUNTS),
    ),
    max_size=12,
)


@given(limit=AMOUNTS, steps=STEPS)
@example(limit=2**60, steps=[("take most", 9, 1, 1), ("take most", 2**60, 0, 1)])
@example(limit=2**60 + 1, steps=[("take", 2**60, 1, 1), ("take", 5, 1, 1), ("take", 5, 1, 1)])
async def test_it_counts_as_memory_does(server, limit, steps):
    """To the last one, where doubles would have rounded long since."""
    pool, reference = money(limit), open_memory(SteppedClock()).leases
    async with stored(server.url) as store:
        grants, left = [], limit
        for step, *numbers in steps:
            if step.startswith("take"):
                want, least, share = numbers
                least = max(0, least + left) if step == "take most" else least
                got, wanted = [
                    await leases.take(pool, want, least=least, share=share)
                    for leases in (store.leases, reference)
                ]
                grants.append((got.id, wanted.id))
            else:
                which, used, limited = numbers
                ours, theirs = grants[which] if which < len(grants) else (0, 0)
                pool = pool._replace(limit=limited)
                got = await store.leases.take(pool, 0, spent=[Spent(ours, used)])
                wanted = await reference.take(pool, 0, spent=[Spent(theirs, used)])
            assert got._replace(id=0) == wanted._replace(id=0)
            left = got.left


async def test_a_limit_that_is_none(server):
    """Some say it by a number that no pool will see the end of."""
    pool = money(10**40)
    async with stored(server.url) as store:
        grant = await store.leases.take(pool, 2**62, share=8)
        assert grant.amount == 2**62
        assert grant.left > 2**79


# ---------------------------------------------------------------- lives of keys


async def test_keys_end_when_nothing_counts(server):
    async with stored(server.url) as store:
        pool = held(10, life_s=100.0)
        grant = await store.leases.take(pool, 5)
        keys = await keys_of(store, pool.name)
        assert len(keys) == 2
        for key in keys:
            assert 100_000 < await ask(store, "PTTL", key) <= 160_001
        await store.leases.renew(pool._replace(life_s=1000.0), [grant.id])
        for key in keys:
            assert 1_000_000 < await ask(store, "PTTL", key) <= 1_060_001
        await store.leases.settle(pool, [Spent(grant.id, 5)])
        await store.leases.take(pool, 5)  # its sorted set was empty for a moment
        for key in keys:
            assert await ask(store, "PTTL", key) >= 100_000


async def test_money_never_ends_while_some_was_spent(server):
    async with stored(server.url) as store:
        pool = money()
        grant = await store.leases.take(pool, 10)
        keys = await keys_of(store, pool.name)
        assert [await ask(store, "PTTL", key) for key in keys] == [-1, -1]
        await store.leases.settle(pool, [Spent(grant.id, 4)])
        assert [await ask(store, "PTTL", key) for key in keys] == [-1, -1]
        unspent = money()
        grant = await store.leases.take(unspent, 10)
        await store.leases.settle(unspent, [Spent(grant.id, 0)])
        (key,) = await keys_of(store, unspent.name)
        assert 0 < await ask(store, "PTTL", key) <= 60_001
        grant = await store.leases.take(unspent, 10)
        keys = await keys_of(store, unspent.name)
        assert [await ask(store, "PTTL", key) for key in keys] == [-1, -1]


async def test_asking_writes_nothing(server):
    async with stored(server.url) as store:
        pool = money()
        assert (await store.leases.take(pool, 0)).left == 100
        assert await store.leases.renew(pool, [1, 2]) == []
        await store.leases.settle(pool, [Spent(1, 2)])
        assert await keys_of(store, pool.name) == []


async def test_records_are_taken_out(server):
    async with stored(server.url) as store:
        stream = fresh("stream")
        await store.records.append(stream, [("k", b"1")] * 1500, life_s=0.01)
        await store.records.append(stream, [("k", b"2"), ("l", b"3")], life_s=LONG_S)
        await asyncio.sleep(0.02)
        for _ in range(2):
            assert [each.data for each in await store.records.query(stream)] == [b"2", b"3"]
            found = await store.records.query(stream, key="k", newest=True)
            assert [each.data for each in found] == [b"2"]
        ends, keys, log, state = await keys_of(store, stream)
        counts = [("ZCARD", ends), ("ZCARD", keys), ("XLEN", log), ("HLEN", state)]
        assert [await ask(store, *count) for count in counts] == [2, 2, 2, 2]
        for key in (ends, keys, log, state):
            assert 3_500_000 < await ask(store, "PTTL", key) <= 3_601_001


async def test_the_cache_knows_its_bytes(server):
    chance = random.Random(4)
    async with stored(server.url, cache_bytes=20_000) as store:
        await ask(store, "FLUSHDB")
        for _ in range(300):
            key = f"k{chance.randint(0, 30)}"
            if chance.random() < 0.2:
                await store.cache.drop(key)
            else:
                await store.cache.put(key, bytes(chance.randint(0, 2000)), life_s=LONG_S)
        order, sizes, *values = await keys_of(store, "cache}")
        fields = await ask(store, "HGETALL", sizes)
        by_key = {key: int(size) for key, size in zip(fields[::2], fields[1::2], strict=True)}
        total = by_key.pop(b"")
        assert sum(by_key.values()) == total <= 20_000
        assert sorted(by_key) == values == sorted(await ask(store, "ZRANGE", order, 0, -1))
        assert len(values) > 5


# ---------------------------------------------------------------- clocks


async def test_a_clock_that_was_set_back(server):
    """As if it had stood an hour later when the pool was last used."""
    async with stored(server.url) as store:
        pool = held(10, life_s=0.4)
        first = await store.leases.take(pool, 4)
        counts, ends = await keys_of(store, pool.name)
        hour = 3_600_000_000
        await ask(store, "HINCRBY", counts, "seen", hour)
        await ask(store, "ZINCRBY", ends, hour, first.id)
        refused = await store.leases.take(pool, 10, least=10)
        assert 0 < refused.wait_s < 0.41
        second = await store.leases.take(pool, 1)
        assert second.id >= first.id + hour
        await asyncio.sleep(0.45)
        assert (await store.leases.take(pool, 10)).amount == 10


# ---------------------------------------------------------------- a cluster


@pytest.fixture(scope="module")
def cluster():
    with valkey_cluster() as servers:
        yield servers


@pytest.mark.parametrize("contract", [c for c in CONTRACTS if c.name in CLUSTERED], ids=str)
async def test_a_cluster(contract, cluster):
    async def opened():
        return await open_redis(cluster[0].url, timeout_s=5.0, cache_bytes=CACHE_BYTES)

    await contract.check(Subject(opened, cache_bytes=CACHE_BYTES))


async def test_half_of_a_cluster(cluster):
    """What is on a server that is gone is down, what is on the other is not."""
    first, second = cluster
    pools = [money() for _ in range(30)]
    before = [int(server.ask("DBSIZE")[1:]) for server in cluster]
    async with stored(first.url, timeout_s=1.0) as store:
        for pool in pools:
            assert (await store.leases.take(pool, 1)).left == 99
        after = [int(server.ask("DBSIZE")[1:]) for server in cluster]
        on_first, on_second = [(b - a) // 2 for a, b in zip(before, after, strict=True)]
        assert on_first + on_second == 30
        assert on_first > 0 < on_second
        second.stall()
        try:
            got = await asyncio.gather(
                *[store.leases.take(pool, 1) for pool in pools], return_exceptions=True
            )
        finally:
            second.go_on()
        down = [each for each in got if isinstance(each, StoreDownError)]
        assert (len(got) - len(down), len(down)) == (on_first, on_second)
        for pool in pools:
            await comes_back(partial(store.leases.take, pool, 1))
