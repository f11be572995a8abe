"""What a store on Valkey does when its server, or the way to it, does not do what it should."""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest

from modelway.clock import SystemClock
from modelway.errors import ConfigError, StoreDownError
from modelway.ports import Grant, Pool, Spent
from modelway.store.redis import open_redis
from modelway.testing.stores.leases import LONG_S, held, money
from modelway.testing.stores.rates import spend_together, within_the_rate
from modelway.testing.stores.subject import comes_back, fresh
from support.servers_valkey import ValkeyServer, ask, misbehaving, stored, tls_before


@pytest.fixture(scope="module")
def server():
    with ValkeyServer() as server:
        yield server


async def test_a_server_that_restarts_without_its_data():
    with ValkeyServer() as server:
        async with stored(server.url) as store:
            pool, stream = money(), fresh("stream")
            before = await store.leases.take(pool, 60)
            last = await store.records.append(stream, [("k", b"0")])
            watch = store.records.watch(stream, after=last)
            following = asyncio.ensure_future(anext(watch))
            await store.cache.put("a", b"1", life_s=LONG_S)
            await asyncio.to_thread(server.restart)
            await comes_back(lambda: store.leases.take(pool, 0))
            after = await store.leases.take(pool, 100)
            assert after.amount == 100, "it knows of nothing: as its documentation says"
            assert after.id > before.id
            await store.leases.settle(pool, [Spent(before.id, 0)])
            assert (await store.leases.take(pool, 0)).left == 0, "an id is never given twice"
            await comes_back(lambda: store.cache.get("a"))
            await comes_back(lambda: store.records.append(stream, [("k", b"1")]))
            (record,) = await following
            assert (record.data, record.id > last) == (b"1", True)
            await watch.aclose()


async def test_a_server_that_keeps_its_data():
    with ValkeyServer("--appendonly", "yes", "--appendfsync", "always") as server:
        async with stored(server.url) as store:
            pool = money()
            grant = await store.leases.take(pool, 60)
            last = await store.records.append("kept", [("k", b"0")])
            await asyncio.to_thread(server.restart)
            await comes_back(lambda: store.leases.take(pool, 0))
            await store.leases.settle(pool, [Spent(grant.id, 50)])
            assert (await store.leases.take(pool, 0)).left == 50
            await comes_back(lambda: store.records.query("kept"))
            assert [each.id for each in await store.records.query("kept")] == [last]


async def test_a_stall_is_told_in_time_and_only_once(server):
    """No call takes longer than its time, and one at a time tries; the rest fail at once."""
    loop = asyncio.get_running_loop()
    async with misbehaving(server) as (proxy, url), stored(url, timeout_s=0.7) as store:
        pool, took = held(10**6), []

        async def call():
            since = loop.time()
            with pytest.raises(StoreDownError):
                await store.leases.take(pool, 1)
            took.append(loop.time() - since)

        await store.leases.take(pool, 1)
        server.stall()
        try:
            await asyncio.gather(*[call() for _ in range(200)])
            assert max(took) < 2.0
            took.clear()
            connections, until = proxy.connections, loop.time() + 1.5
            while loop.time() < until:
                await asyncio.gather(*[call() for _ in range(50)])
                await asyncio.sleep(0.02)
            assert 1 <= proxy.connections - connections <= 3
            assert max(took) < 2.0
            assert sorted(took)[len(took) // 2] < 0.05
        finally:
            server.go_on()
        await comes_back(lambda: store.leases.take(pool, 1))
        connections = proxy.connections
        await asyncio.gather(*[store.leases.take(pool, 1) for _ in range(100)])
        assert proxy.connections == connections


class Forgiving:
    """Leases that give nothing where the store is down, as a sender would have it."""

    def __init__(self, leases):
        self.leases, self.failures = leases, 0

    async def take(self, pool, want, **options):
        try:
            return await self.leases.take(pool, want, **options)
        except StoreDownError:
            self.failures += 1
            return Grant(0, 0, 0, 0.02)

    async def settle(self, pool, spent):
        with contextlib.suppress(StoreDownError):
            await self.leases.settle(pool, spent)


async def test_never_over_the_rate_while_connections_break(server):
    """Answers are lost after they were counted: too much is counted then, never too little."""
    chance, pool = random.Random(6), Pool(fresh("rate"), 50, 0.3, 0.1)
    async with misbehaving(server) as (proxy, url), stored(url) as one, stored(url) as two:

        async def breaking():
            while True:
                await asyncio.sleep(0.1)
                proxy.reset_after_bytes = proxy.answered_bytes + chance.randint(1, 200)
                await asyncio.sleep(0.05)
                proxy.reset_after_bytes = None

        handles = [Forgiving(each.leases) for each in (one, two)]
        breaker = asyncio.ensure_future(breaking())
        spends = await spend_together(handles, pool, SystemClock(), senders=4, for_s=1.5, seed=6)
        breaker.cancel()
        within_the_rate(spends, pool)
        assert sum(each.amount for each in spends) >= pool.limit
        assert all(each.failures for each in handles)


async def test_many_first_calls_share_a_connection(server):
    async with misbehaving(server) as (proxy, url), stored(url) as store:
        before = proxy.connections
        await asyncio.gather(*[store.cache.get(str(n)) for n in range(100)])
        assert proxy.connections == before + 1


async def test_a_connection_that_was_idle_and_closed(server):
    """A server or a firewall may do that: the next call opens another, and does not fail."""
    async with stored(server.url) as store, stored(server.url) as other:
        pool = held(100)
        await store.leases.take(pool, 1)
        for client in (await ask(other, "CLIENT", "LIST")).decode().splitlines():
            fields = dict(field.split("=", 1) for field in client.split() if "=" in field)
            if fields["cmd"] == "evalsha":
                await ask(other, "CLIENT", "KILL", "ID", fields["id"])
        await asyncio.sleep(0.05)
        assert (await store.leases.take(pool, 1)).left == 98


async def test_cancelled_calls_leave_the_connection(server):
    async with misbehaving(server) as (proxy, url), stored(url) as store:
        pool, tasks = held(10**6), []
        await store.leases.take(pool, 1)
        for number in range(1000):
            tasks.append(asyncio.ensure_future(store.leases.take(pool, 1)))
            if number % 10 == 0:
                await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(grant.amount == 1 for grant in done[1::2])
        assert proxy.connections == 1


async def test_a_replica_that_may_not_be_written_to(server):
    """What was asked of it fails, and as soon as it may, it works: by a new connection."""
    async with stored(server.url) as store, stored(server.url) as other:
        pool = held(100)
        await store.leases.take(pool, 1)
        await ask(other, "REPLICAOF", "127.0.0.1", "1")
        try:
            with pytest.raises(StoreDownError, match=r"READONLY|MASTERDOWN"):
                await store.leases.take(pool, 1)
        finally:
            await ask(other, "REPLICAOF", "NO", "ONE")
        await comes_back(lambda: store.leases.take(pool, 1))


async def test_a_server_without_memory(server):
    async with stored(server.url) as store:
        pool = held(100)
        grant = await store.leases.take(pool, 1)
        await ask(store, "CONFIG", "SET", "maxmemory", "1")
        try:
            for work in (
                lambda: store.leases.take(pool, 1),
                lambda: store.cache.put("a", b"1", life_s=LONG_S),
                lambda: store.records.append("a", [("k", b"1")]),
            ):
                with pytest.raises(StoreDownError, match="OOM"):
                    await work()
            assert await store.cache.get("a") is None
        finally:
            await ask(store, "CONFIG", "SET", "maxmemory", "0")
        assert await store.leases.renew(pool, [grant.id]) == [grant.id]


async def test_a_server_that_has_no_room_is_only_down():
    """Though it says so in answer to the password: what it refuses is not who asks."""
    with ValkeyServer("--maxclients", "1", "--requirepass", "word") as server:
        url = f"redis://:word@127.0.0.1:{server.port}"
        async with stored(url) as first:
            await comes_back(lambda: first.leases.take(money(), 1))  # the one that there may be
            async with stored(url) as store:
                with pytest.raises(StoreDownError) as refused:
                    await store.leases.take(money(), 1)
                assert refused.value.code is None
                await first.aclose()
                await comes_back(lambda: store.leases.take(money(), 1))


# ---------------------------------------------------------------- secrets


async def test_who_asks_is_checked_and_not_told():
    with ValkeyServer("--requirepass", "correct horse") as server:
        host = f"127.0.0.1:{server.port}"
        for userinfo in (":correct%20horse@", "default:correct%20horse@"):
            async with stored(f"redis://{userinfo}{host}/3") as store:
                await store.cache.put("a", b"1", life_s=LONG_S)
                assert "correct" not in f"{store!r} {vars(store.leases._servers._first)}"
        for userinfo in ("", ":battery@", "stranger:battery@"):
            with pytest.raises(ConfigError) as refused:
                await open_redis(f"redis://{userinfo}{host}")
            assert "battery" not in f"{refused.value!r}"
            assert refused.value.__cause__ is None
            assert str(server.port) in refused.value.message
        with pytest.raises(ConfigError, match="DB index"):
            await open_redis(f"redis://:correct%20horse@{host}/99")


async def test_a_user_who_may_do_just_enough(server):
    """Those rights that the package's documentation names."""
    async with stored(server.url) as store:
        rights = ["~modelway:*", "+@read", "+@write", "+@scripting", "+@connection", "+time"]
        await ask(store, "ACL", "SETUSER", "few", "on", ">a word", *rights)
    async with stored(f"redis://few:a%20word@127.0.0.1:{server.port}") as store:
        pool, stream = money(), fresh("stream")
        grant = await store.leases.take(pool, 5)
        await store.leases.settle(pool, [Spent(grant.id, 5)])
        await store.cache.put("a", b"1", life_s=LONG_S)
        assert await store.cache.get("a") == b"1"
        first = await store.records.append(stream, [("k", b"0")])
        watch = store.records.watch(stream, after=first)
        await store.records.append(stream, [("k", b"1")], life_s=LONG_S)
        assert [each.data for each in await anext(watch)] == [b"1"]
        assert len(await store.records.query(stream)) == 2
        await watch.aclose()
        with pytest.raises(StoreDownError, match="NOPERM"):
            await ask(store, "GET", "another's")
    for lacking in ("-@scripting", "-time", "resetkeys"):
        async with stored(server.url) as store:
            await ask(store, "ACL", "SETUSER", "few", lacking)
        with pytest.raises(ConfigError, match="permission"):
            await open_redis(f"redis://few:a%20word@127.0.0.1:{server.port}")


async def test_tls_is_verified(server, tmp_path):
    async with tls_before(server.port, tmp_path) as (port, file):
        for scheme in ("rediss", "valkeys"):
            async with stored(f"{scheme}://127.0.0.1:{port}?ssl_ca_certs={file}") as store:
                large = bytes(300_000)
                await store.cache.put("tls", large, life_s=LONG_S)
                assert await store.cache.get("tls") == large
        with pytest.raises(ConfigError, match="certificate verify failed"):
            await open_redis(f"rediss://127.0.0.1:{port}")
        with pytest.raises(ConfigError, match="certificate is not valid for 'localhost'"):
            await open_redis(f"rediss://localhost:{port}?ssl_ca_certs={file}")
