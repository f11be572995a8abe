"""What befalls a PostgreSQL and those who use it: stalls, cuts, standbys, locks, clocks."""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import asynccontextmanager

import pytest

from modelway.errors import StoreDownError
from modelway.ports import Pool, Spent
from modelway.store.postgres import listening, records
from modelway.store.postgres.connections import MOST_CONNECTIONS
from support.faultproxy import FaultProxy
from support.servers_postgres import opened

SHORT_S = 0.5
"""The timeout of calls where it is waited for."""
PATIENCE_S = 20.0
MONEY = Pool("money", 100, math.inf, 60.0)


@pytest.fixture(scope="module")
def server(postgres):
    return postgres


@pytest.fixture
async def database(server):
    return await server.new_database()


async def left(store, pool=MONEY):
    return (await store.leases.take(pool, 0)).left


async def comes_back(store):
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await left(store)
            except StoreDownError:
                await asyncio.sleep(0.05)


async def is_down(store):
    """How long it takes to say so."""
    since = time.monotonic()
    with pytest.raises(StoreDownError) as caught:
        await left(store)
    assert caught.value.message.startswith("the store on PostgreSQL at 127.0.0.1:")
    return time.monotonic() - since


async def nothing(server, query, database="postgres"):
    """Waits until nothing is found any more."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if not await server.run(query, database):
                return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def hurried(server, database, port=None):
    """A store of short timeouts that works, of a pool that has 90 left."""
    async with opened(server.url(database)) as store:
        await store.leases.take(MONEY, 10)
    url = f"postgresql://postgres@127.0.0.1:{port or server.port}/{database}?sslmode=disable"
    async with opened(url, timeout_s=SHORT_S) as store:
        assert await comes_back(store) == 90
        yield store


async def told(store, words):
    """Waits until a taker is told this, or gets something if it is nothing."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            said = ""
            try:
                await store.leases.take(MONEY, 1)
            except StoreDownError as error:
                said = str(error)
            if words in said and bool(words) == bool(said):
                return
            await asyncio.sleep(0.02)


# ---------------------------------------------------------------- away and back


async def test_a_stalled_server_is_down_within_the_timeout_then_at_once_then_back(server, database):
    async with hurried(server, database) as store:
        server.freeze()
        try:
            assert SHORT_S * 0.9 <= await is_down(store) < SHORT_S + PATIENCE_S / 2
            times = await asyncio.gather(*[is_down(store) for _ in range(200)])
            assert len([took_s for took_s in times if took_s > SHORT_S / 2]) <= 2
        finally:
            server.thaw()
        assert await comes_back(store) == 90


async def test_who_waits_when_a_server_stalls_is_told_within_the_timeout(server, database):
    async with hurried(server, database) as store:
        server.freeze()
        try:
            async with asyncio.timeout(SHORT_S + PATIENCE_S / 2):
                times = await asyncio.gather(*[is_down(store) for _ in range(100)])
            assert min(times) >= SHORT_S * 0.9
        finally:
            server.thaw()
        assert await comes_back(store) == 90


async def test_a_process_that_stood_still_itself_finds_its_answer(server, database):
    async with hurried(server, database) as store:
        asked = asyncio.ensure_future(left(store))
        await asyncio.sleep(0)
        time.sleep(SHORT_S * 2)  # noqa: ASYNC251
        assert await asked == 90


async def test_a_server_that_was_not_there_at_first_is_used_when_it_comes(server, database):
    await asyncio.to_thread(server.stop)
    try:
        async with opened(server.url(database)) as store:
            await is_down(store)
            await asyncio.to_thread(server.start)
            assert await comes_back(store) == 100
    finally:
        await asyncio.to_thread(server.ensure)


async def test_a_restart_costs_no_more_than_the_calls_in_it(server, database):
    async with opened(server.url(database)) as store:
        grant = await store.leases.take(MONEY, 10)
        await asyncio.to_thread(server.stop, "fast")
        await asyncio.to_thread(server.start)
        assert await comes_back(store) == 90
        await store.leases.settle(MONEY, [Spent(grant.id, 4)])
        assert await left(store) == 96


@pytest.mark.parametrize("fault", ["black_hole", "refuse", "reset_after_bytes"])
async def test_a_network_that_fails_and_heals(server, database, fault):
    async with (
        FaultProxy("127.0.0.1", server.port) as proxy,
        hurried(server, database, proxy.listen_port) as store,
    ):
        healthy = getattr(proxy, fault)
        setattr(proxy, fault, 1 if fault == "reset_after_bytes" else True)
        await cut(server, database)
        assert await is_down(store) < SHORT_S + PATIENCE_S / 2
        setattr(proxy, fault, healthy)
        assert await comes_back(store) == 90


async def cut(server, database):
    """Every connection there is."""
    await server.run(
        f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}'"
    )


async def test_a_server_that_can_only_be_read(server, database):
    async with opened(server.url(database)) as store:
        await store.leases.take(MONEY, 10)
        await store.cache.put("key", b"value", life_s=60)
        await server.run("alter system set default_transaction_read_only = on")
        await server.run("select pg_reload_conf()")
        try:
            await told(store, "can only be read")
        finally:
            await server.run("alter system reset default_transaction_read_only")
            await server.run("select pg_reload_conf()")
        await told(store, "")
        assert await store.cache.get("key") == b"value"


async def test_a_schema_that_is_lost_is_not_made_anew_for_what_was_spent_would_be_forgotten(
    server, database
):
    async with opened(server.url(database)) as store:
        await store.leases.take(MONEY, 10)
        await server.run("alter schema modelway rename to away", database)
        await told(store, "has lost its schema")
        await server.run("alter schema away rename to modelway", database)
        assert await comes_back(store) == 90


async def test_a_lock_that_another_holds_ends_the_call_and_not_the_server(server, database):
    async with hurried(server, database) as store:
        async with server.holding("lock modelway.used", database):
            await is_down(store)
            await nothing(server, "select from pg_stat_activity where wait_event_type = 'Lock'")
        assert await comes_back(store) == 90


async def test_a_thousand_cancelled_calls_leave_no_connection_behind(server, database):
    async with opened(server.url(database)) as store:
        for delay_s in (0.0, 0.003, 0.03):
            calls = [asyncio.ensure_future(left(store)) for _ in range(1000)]
            await asyncio.sleep(delay_s)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        assert await left(store) == 100
        sessions = f"select from pg_stat_activity where datname = '{database}'"
        await nothing(server, f"{sessions} offset {MOST_CONNECTIONS}")
    await nothing(server, sessions)
    assert asyncio.all_tasks() == {asyncio.current_task()}


# ---------------------------------------------------------------- time


@pytest.mark.parametrize("steps_s", [(-3600,), (3600,), (3600, -3600), (-3600, 3600)])
async def test_a_clock_that_is_set_leaves_windows_where_they_are(server, database, steps_s):
    rate = Pool("rate", 10, 600.0, 30.0)
    async with opened(server.url(database)) as store:
        grant = await store.leases.take(rate, 10)
        await store.leases.settle(rate, [Spent(grant.id, 10)])
        before = (await store.leases.take(rate, 1)).wait_s
        for step_s in steps_s:
            await server.run(f"update modelway.clock set shift = shift + {step_s}", database)
            after = [await store.leases.take(rate, 1) for _ in range(3)]
            assert [each.amount for each in after] == [0, 0, 0]
            assert before - 200 < after[-1].wait_s < before + 3, "as if nothing had been set"


async def test_a_sweep_does_not_believe_a_clock_that_was_set_forward(server, database):
    async with opened(server.url(database)) as store:
        grant = await store.leases.take(Pool("held", 10, 0.0, 60.0), 10)
        await server.run("update modelway.clock set shift = shift + 3600", database)
        await server.run("select modelway.sweep(0, 1000)", database)
        assert await store.leases.renew(Pool("held", 10, 0.0, 60.0), [grant.id]) == [grant.id]


async def pass_time(server, database, seconds):
    await server.run(
        f"update modelway.clock set shift = shift + {seconds}, seen = seen + {seconds}", database
    )


async def test_a_grant_that_no_longer_counts_is_unknown_though_nobody_has_thrown_it_out(
    server, database
):
    rate = Pool("rate", 10, 60.0, 30.0)
    async with opened(server.url(database)) as store:
        grant = await store.leases.take(rate, 10)
        await pass_time(server, database, 91)
        await store.leases.settle(rate, [Spent(grant.id, 10)])
        assert await left(store, rate) == 10


# ---------------------------------------------------------------- what is thrown out


async def test_what_has_ended_goes_though_nobody_asks_for_it(server, database, monkeypatch):
    monkeypatch.setattr("modelway.store.postgres.sweeping._EVERY_S", 0.0)
    async with opened(server.url(database)) as store:
        for number in range(30):
            short = Pool(f"short{number}", 10, 0.0, 0.0001)
            await store.leases.take(short, 1)
            used = Pool(f"used{number}", 10, 0.1, 60.0)
            grant = await store.leases.take(used, 1)
            await store.leases.settle(used, [Spent(grant.id, 1)])
            await store.cache.put(f"key{number}", b"value", life_s=0.0001)
            await store.records.append("stream", [("key", b"data")], life_s=0.0001)
        await pass_time(server, database, 62)
        rows = [None]
        async with asyncio.timeout(PATIENCE_S):
            while rows:
                await left(store)  # which sweeps, unless one does
                rows = await server.run(
                    "select from modelway.counts union all select from modelway.cache "
                    "union all select from modelway.records",
                    database,
                )
                await asyncio.sleep(0.02)


# ---------------------------------------------------------------- watching


async def test_a_notification_wakes_a_watch(server, database, monkeypatch):
    monkeypatch.setattr(records, "_POLL_S", 3600.0)
    async with opened(server.url(database)) as store, opened(server.url(database)) as other:
        watch = store.records.watch("stream", after=0)
        first = asyncio.ensure_future(anext(watch))
        await other.records.append("stream", [("key", b"1")])
        async with asyncio.timeout(PATIENCE_S):
            assert [record.data for record in await first] == [b"1"]
        second = asyncio.ensure_future(anext(watch))
        await cut(server, database)  # what listens, too
        await comes_back(other)
        await other.records.append("stream", [("key", b"2")])
        async with asyncio.timeout(PATIENCE_S):
            assert [record.data for record in await second] == [b"2"]
        await watch.aclose()


async def test_a_watch_without_notifications_looks_by_itself(server, database, monkeypatch):
    monkeypatch.setattr(listening, "_CHANNEL", "another")
    async with opened(server.url(database)) as store:
        watch = store.records.watch("stream", after=0)
        first = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0.1)
        await store.records.append("stream", [("key", b"1")])
        async with asyncio.timeout(PATIENCE_S):
            assert [record.data for record in await first] == [b"1"]
        await watch.aclose()


async def test_closing_a_store_ends_its_watches(server, database):
    async with opened(server.url(database)) as store:
        watch = store.records.watch("stream")
        waiting = asyncio.ensure_future(anext(watch, None))
        await asyncio.sleep(0.1)
    async with asyncio.timeout(PATIENCE_S):
        assert await waiting is None
    await nothing(server, f"select from pg_stat_activity where datname = '{database}'")
