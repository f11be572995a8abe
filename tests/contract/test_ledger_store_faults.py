"""What a ledger's store does when it is held, full, away, damaged or somebody else's."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3

import asyncpg
import pytest

from modelway.errors import ConfigError, StoreDownError
from modelway.ledger.store import open_ledger_store
from modelway.ledger.store.postgres import open_postgres_ledger
from modelway.ledger.store.sqlite import open_sqlite_ledger
from modelway.ledger.values import Where
from modelway.ports import Pool
from modelway.store.opening import open_store
from support.ledger_rows import row
from support.pooler_postgres import Pooler


async def attempts(store, *by):
    return {one.key: one.attempts for one in await store.groups(by, Where())}


async def once_it_is_back(work):
    async with asyncio.timeout(20):
        while True:
            try:
                return await work()
            except StoreDownError:
                await asyncio.sleep(0.05)


@pytest.fixture
async def file(tmp_path):
    store = await open_sqlite_ledger(tmp_path / "ledger.db", timeout_s=30.0)
    yield store
    await store.aclose()


async def test_a_file_that_others_hold_is_down_for_writers_and_not_for_readers(file, tmp_path):
    await file.add([row(1)])
    hasty = await open_sqlite_ledger(tmp_path / "ledger.db", timeout_s=0.3)
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        for work in (
            hasty.add([row(2)]),
            hasty.remove(Where()),
            hasty.rerate([("call1.1", 1, "v")]),
        ):
            with pytest.raises(StoreDownError, match="did not answer"):
                await work
        assert await attempts(hasty) == {(): 1}
    await hasty.aclose()
    await file.add([row(2)])
    assert await attempts(file) == {(): 2}


def narrow(store, pages):
    """What the file may grow by: as if its disk were full."""

    def work(connection, _):
        (there,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {there + pages}")

    return store._written.read(work)


async def test_a_full_disk_adds_all_or_nothing_and_mixes_up_no_names(file, tmp_path):
    await file.add([row(1)])
    await narrow(file, 3)
    many = [row(at, model=f"model-{at % 7}", user=f"user-{at % 5}") for at in range(2, 900)]
    with pytest.raises(StoreDownError, match="full"):
        await file.add(many)
    other = await open_sqlite_ledger(tmp_path / "ledger.db", timeout_s=5.0)
    assert await attempts(other) == {(): 1}
    await other.add([row(5000 + at, model="another", user="another") for at in range(9)])
    await file.add(many)  # it begins anew after a fault, and may grow again
    assert await attempts(other) == {(): 1 + 9 + 898}
    assert (await attempts(file, "model"))["another",] == 9
    assert (await attempts(file, "user"))["user-0",] == len(
        [one for one in many if one.intent.user == "user-0"]
    )
    await other.aclose()


@pytest.mark.parametrize("content", [b"no database" * 500, b"SQLite format 3\0" + b"x" * 5000])
async def test_a_file_of_something_else_is_left_alone(content, tmp_path):
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    with pytest.raises(ConfigError):
        await open_ledger_store(None, default=path)
    assert path.read_bytes() == content


async def test_a_database_of_something_else_is_left_alone(tmp_path):
    path = tmp_path / "ledger.db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (x)")
    with pytest.raises(ConfigError, match="something else"):
        await open_ledger_store(None, default=path)


async def test_a_newer_file_is_refused(file, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db")) as other:
        other.execute("UPDATE ledger_state SET version = 99")
        other.commit()
    with pytest.raises(ConfigError, match="newer modelway"):
        await open_ledger_store(f"sqlite://{tmp_path}/ledger.db", default=tmp_path / "none")


async def test_a_ledger_and_a_store_may_share_a_file(tmp_path):
    url = f"sqlite://{tmp_path / 'all.db'}"
    ledger = await open_ledger_store(url, default=tmp_path / "none")
    store = await open_store(url, timeout_s=5.0)
    await ledger.add([row(1)])
    grant = await store.leases.take(Pool("p", 10, 60.0, 60.0), 4)
    assert grant.amount == 4
    assert await attempts(ledger) == {(): 1}
    await store.aclose()
    await ledger.aclose()


async def test_several_that_begin_one_file_at_once_all_do(tmp_path):
    opened = await asyncio.gather(
        *[open_sqlite_ledger(tmp_path / "new.db", timeout_s=10.0) for _ in range(6)]
    )
    await asyncio.gather(*[one.add([row(at)]) for at, one in enumerate(opened)])
    assert await attempts(opened[0]) == {(): 6}
    for one in opened:
        await one.aclose()


async def test_a_report_that_is_being_read_holds_up_no_writer(file):
    await file.add([row(at) for at in range(2500)])
    reading = file.rows(Where())
    assert len(await anext(reading)) < 2500
    await file.add([row(9000)])
    await reading.aclose()
    assert await attempts(file) == {(): 2501}


async def test_a_server_that_is_away_is_down_and_has_everything_when_it_is_back(postgres):
    store = await open_postgres_ledger(postgres.url(await postgres.new_database()), timeout_s=5.0)
    await store.add([row(1)])
    await asyncio.to_thread(postgres.stop)
    try:
        with pytest.raises(StoreDownError):
            await store.add([row(2)])
        with pytest.raises(StoreDownError):
            await store.groups((), Where())
    finally:
        await asyncio.to_thread(postgres.start)
    await once_it_is_back(lambda: store.add([row(1), row(2)]))
    assert await once_it_is_back(lambda: attempts(store)) == {(): 2}
    await store.aclose()


async def test_a_server_that_is_away_at_first_is_waited_for(postgres):
    url = postgres.url(await postgres.new_database())
    await asyncio.to_thread(postgres.stop)
    try:
        store = await open_postgres_ledger(url, timeout_s=1.0)
    finally:
        await asyncio.to_thread(postgres.start)
    await once_it_is_back(lambda: store.add([row(1)]))
    assert await once_it_is_back(lambda: attempts(store)) == {(): 1}
    await store.aclose()


async def test_several_that_begin_one_schema_at_once_all_do(postgres):
    url = postgres.url(await postgres.new_database())
    opened = await asyncio.gather(*[open_postgres_ledger(url, timeout_s=20.0) for _ in range(5)])
    await asyncio.gather(*[one.add([row(at)]) for at, one in enumerate(opened)])
    assert await attempts(opened[0]) == {(): 5}
    for one in opened:
        await one.aclose()


async def test_a_newer_schema_is_refused(postgres):
    url = postgres.url(await postgres.new_database())
    await (await open_postgres_ledger(url)).aclose()
    connection = await asyncpg.connect(url, ssl=False)
    await connection.execute("insert into modelway.ledger_migrations values (99)")
    await connection.close()
    with pytest.raises(ConfigError, match="upgrade modelway"):
        await open_postgres_ledger(url)


async def test_behind_a_pooler(postgres):
    name = await postgres.new_database()
    async with Pooler("127.0.0.1", postgres.port).serve("postgres", name) as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/{name}?statement_cache_size=0"
        store = await open_postgres_ledger(url, timeout_s=10.0)
        await store.add([row(at) for at in range(100)])
        await asyncio.gather(*[store.groups(("model", "day"), Where()) for _ in range(8)])
        assert await attempts(store) == {(): 100}
        assert await store.remove(Where()) == 100
        await store.aclose()
