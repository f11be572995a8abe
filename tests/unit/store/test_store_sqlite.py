"""A SQLite file that is held, full, removed, damaged, somebody else's or newer."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import stat
import threading

import pytest
from hypothesis import given, settings

from modelway.errors import ConfigError, StoreDownError
from modelway.ports import Pool, Spent
from modelway.store.memory import open_memory
from modelway.store.sqlite import open_sqlite
from modelway.store.sqlite.cache import ENTRY_BYTES
from modelway.store.sqlite.machine import Machine
from modelway.store.sqlite.schema import APPLICATION_ID, MIGRATIONS
from modelway.testing.stores import SteppedClock
from unit.store.test_store_memory import steps

MONEY = Pool("money", 100, math.inf, 3600.0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "store.sqlite"


@pytest.fixture
async def store(path):
    store = await open_sqlite(path, timeout_s=5.0)
    yield store
    await store.aclose()


def stepped(clock):
    return Machine("boot", clock.monotonic, clock.monotonic, clock.time)


async def test_only_its_owner_may_read_it(store, path):
    await store.leases.take(MONEY, 1)
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


async def test_what_counted_still_counts_after_a_restart(path):
    before = await open_sqlite(path)
    grant = await before.leases.take(MONEY, 30)
    await before.leases.take(MONEY, 20)
    await before.cache.put("key", b"value", life_s=60)
    last = await before.records.append("stream", [("k", b"1")])
    await before.aclose()
    after = await open_sqlite(path)
    await after.leases.settle(MONEY, [Spent(grant.id, 1)])
    again = await after.leases.take(MONEY, 100)
    assert (again.amount, again.id > grant.id) == (79, True)
    assert await after.cache.get("key") == b"value"
    assert await after.records.append("stream", [("k", b"2")]) > last
    assert len(await after.records.query("stream")) == 2
    await after.aclose()


@settings(max_examples=15)
@given(steps)
def test_leases_are_as_in_memory(tmp_path_factory, steps):
    """By the very same clock, to the last bit; ids apart, which two stores count in their own way."""

    async def main():
        clock = SteppedClock()
        path = tmp_path_factory.mktemp("leases") / "store.sqlite"
        machine = Machine("boot", clock.monotonic, clock.monotonic, clock.monotonic)
        stores = (open_memory(clock), await open_sqlite(path, machine=machine))
        ids = [(0, 0)]
        for what, pool, want, least, share, of, seconds in steps:
            names = [(ids[grant % len(ids)], used, ago_s) for grant, used, ago_s in of]
            got = []
            if what == "wait":
                clock.now += seconds
                continue
            for at, store in enumerate(stores):
                spent = [Spent(name[at], used, ago_s) for name, used, ago_s in names]
                if what == "settle":
                    await store.leases.settle(pool, spent)
                elif what == "renew":
                    there = await store.leases.renew(pool, [each.grant for each in spent])
                    got.append({name for name, _, _ in names if name[at] in there})
                else:
                    got.append(
                        await store.leases.take(pool, want, least=least, share=share, spent=spent)
                    )
            if what == "take":
                assert got[0].wait_s == pytest.approx(got[1].wait_s, abs=1e-5)
                assert got[0]._replace(id=0, wait_s=0) == got[1]._replace(id=0, wait_s=0)
                ids.append((got[0].id, got[1].id))
            elif what == "renew":
                assert got[0] == got[1]
        await stores[1].aclose()

    asyncio.run(main())


async def test_amounts_that_no_column_holds(store):
    pool = MONEY._replace(limit=2**70)
    grants = [await store.leases.take(pool, 2**70) for _ in range(2)]
    assert [grant.amount for grant in grants] == [2**63 - 1, 0]
    await store.leases.settle(
        pool, [Spent(grants[0].id, 2**70), Spent(2**70, 1), Spent(-(2**70), 1)]
    )
    for _ in range(2):
        grant = await store.leases.take(MONEY._replace(name="debts"), 1)
        await store.leases.settle(MONEY._replace(name="debts"), [Spent(grant.id, 2**70)])
    assert list(await store.leases.renew(pool, [2**70, -(2**70)])) == []
    for name in ("money", "debts"):
        assert (await store.leases.take(MONEY._replace(name=name), 0)).left == 0


async def test_rows_stay_few(path):
    clock = SteppedClock()
    store = await open_sqlite(path, machine=stepped(clock))
    pool = Pool("rate", 10**9, 60.0, 600.0)
    for number in range(500):
        grant = await store.leases.take(pool, 10)
        await store.leases.settle(pool, [Spent(grant.id, 7)])
        await store.leases.take(Pool(f"other {number}", 10, 3.0, 3.0), 1)
        clock.now += 0.3
    with sqlite3.connect(path) as connection:
        rows = dict(connection.execute("SELECT held, count(*) FROM counts GROUP BY held"))
    connection.close()
    assert rows[0] <= 241
    assert rows[1] <= 25
    await store.aclose()


async def test_the_cache_counts_what_it_holds(path):
    store = await open_sqlite(path, cache_bytes=5000)
    for number in range(200):
        await store.cache.put(f"é{number % 60}", bytes(number % 50), life_s=60)
        await store.cache.drop(f"é{number % 7}")
    with sqlite3.connect(path) as connection:
        (counted,) = connection.execute("SELECT bytes FROM cache_size").fetchone()
        (held,) = connection.execute(
            f"SELECT sum(length(key) + length(value) + {ENTRY_BYTES}) FROM cache"
        ).fetchone()
    connection.close()
    assert 3000 < counted == held <= 5000
    await store.aclose()


# ---------------------------------------------------------------- what can be wrong


def execute(path, *statements):
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def damage(path):
    execute(path, "CREATE TABLE a (b)", *["INSERT INTO a VALUES (randomblob(5000))"] * 20)
    content = bytearray(path.read_bytes())
    content[100:2000] = bytes(1900)
    path.write_bytes(content)


async def test_a_file_that_another_holds(path):
    store = await open_sqlite(path, timeout_s=0.1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    loop = asyncio.get_running_loop()
    since = loop.time()
    refused = await asyncio.gather(
        *[store.leases.take(MONEY, 1) for _ in range(30)], return_exceptions=True
    )
    assert {type(error) for error in refused} == {StoreDownError}
    assert "within 0.1 s" in refused[0].message
    assert loop.time() - since < 2, "those in line do not wait one after another"
    holder.execute("ROLLBACK")
    holder.close()
    assert (await store.leases.take(MONEY, 100)).amount == 100, "nothing for those who left"
    await store.aclose()


async def test_one_that_another_holds_is_found_later(path):
    await (await open_sqlite(path)).aclose()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    store = await open_sqlite(path, timeout_s=0.1)
    with pytest.raises(StoreDownError, match="another process holds it"):
        await store.leases.take(MONEY, 1)
    holder.execute("ROLLBACK")
    holder.close()
    assert (await store.leases.take(MONEY, 100)).amount == 100
    await store.aclose()


async def test_the_loop_goes_on_while_the_file_does_not(path):
    store = await open_sqlite(path, timeout_s=5)
    let_go = threading.Event()

    def hold():
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        held.set()
        let_go.wait(10)
        holder.execute("ROLLBACK")
        holder.close()

    held = threading.Event()
    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    take = asyncio.ensure_future(store.leases.take(MONEY, 1))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not take.done()
    let_go.set()
    assert (await take).amount == 1
    thread.join()
    await store.aclose()


async def test_a_full_disk(store, path):
    await store.leases.take(MONEY, 1)
    connection = await store.leases._file.read(lambda connection, _: connection)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreDownError, match="disk is full: free some space"):
        await store.cache.put("key", bytes(1_000_000), life_s=60)
    assert (await store.leases.take(MONEY, 100)).amount == 99  # it begins anew


async def test_a_read_only_file(store):
    connection = await store.leases._file.read(lambda connection, _: connection)
    connection.execute("PRAGMA query_only = 1")
    with pytest.raises(StoreDownError, match="is read-only here: give this user"):
        await store.leases.take(MONEY, 1)
    assert (await store.leases.take(MONEY, 100)).amount == 100


async def test_a_removed_file_is_not_begun_anew(store, path):
    await store.leases.take(MONEY, 60)
    path.rename(path.with_name("kept"))
    for _ in range(2):
        with pytest.raises(StoreDownError, match="was removed: put it back, or restart"):
            await store.leases.take(MONEY, 1)
    assert not path.exists()
    path.with_name("kept").rename(path)
    assert (await store.leases.take(MONEY, 100)).amount == 40


async def test_a_file_that_was_put_in_its_place(store, path):
    await store.leases.take(MONEY, 60)
    other = await open_sqlite(path.with_name("other"))
    await other.leases.take(MONEY, 10)
    await other.aclose()
    path.with_name("other").replace(path)
    for left in path.parent.glob("store.sqlite-*"):
        left.unlink()
    assert (await store.leases.take(MONEY, 100)).amount == 90


async def test_one_damaged_while_it_is_used(store, path):
    await store.leases.take(MONEY, 60)
    path.with_name("other").write_bytes(b"not a database, but long enough for one" * 1000)
    path.with_name("other").replace(path)
    for left in path.parent.glob("store.sqlite-*"):
        left.unlink()
    with pytest.raises(StoreDownError, match="is not a SQLite database: name another file"):
        await store.leases.take(MONEY, 1)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda path: path.write_bytes(b"text " * 1000), "is not a SQLite database"),
        (damage, "is damaged: put back a copy"),
        (lambda path: execute(path, "CREATE TABLE responses (id)"), "something else than modelway"),
        (lambda path: execute(path, "PRAGMA application_id = 7"), "something else than modelway"),
        (
            lambda path: execute(
                path, f"PRAGMA application_id = {APPLICATION_ID}", "PRAGMA user_version = 99"
            ),
            "by a newer modelway .its version is 99, the latest known here 1.: upgrade",
        ),
    ],
    ids=["text", "damaged", "somebody else's table", "somebody else's head", "newer"],
)
async def test_a_file_that_is_no_store_of_ours(write, says, tmp_path):
    path = tmp_path / "store.sqlite"
    write(path)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=says) as raised:
        await open_sqlite(path)
    assert str(path) in raised.value.message
    if says != "is damaged: put back a copy":
        assert path.read_bytes()[100:] == before[100:], "it is left as it was"


@pytest.mark.parametrize("where", ["", "file/store.sqlite"])
async def test_a_place_where_no_file_can_be(where, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match="cannot be opened: "):
        await open_sqlite(tmp_path / where)


async def test_an_older_file_is_brought_up_to_date(path, monkeypatch):
    store = await open_sqlite(path)
    await store.leases.take(MONEY, 60)
    await store.aclose()
    newer = (*MIGRATIONS, ("CREATE TABLE more (a)", "INSERT INTO more VALUES (1)"))
    monkeypatch.setattr("modelway.store.sqlite.schema.MIGRATIONS", newer)
    for _ in range(2):  # once
        store = await open_sqlite(path)
        rows = await store.leases._file.read(
            lambda on, _: on.execute("SELECT * FROM more").fetchall()
        )
        assert rows == [(1,)]
        assert (await store.leases.take(MONEY, 0)).left == 40
        await store.aclose()


async def test_a_migration_that_fails_changes_nothing(path, monkeypatch):
    await (await open_sqlite(path)).aclose()
    bad = (*MIGRATIONS, ("CREATE TABLE more (a)", "no SQL"))
    with monkeypatch.context() as patched:
        patched.setattr("modelway.store.sqlite.schema.MIGRATIONS", bad)
        store = await open_sqlite(path)
        with pytest.raises(StoreDownError, match=r"cannot be used \(near"):
            await store.leases.take(MONEY, 1)
        await store.aclose()
    store = await open_sqlite(path)
    assert (await store.leases.take(MONEY, 1)).amount == 1
    await store.aclose()


async def test_many_open_a_new_file_at_once(path):
    stores = await asyncio.gather(*[open_sqlite(path, timeout_s=10) for _ in range(8)])
    grants = await asyncio.gather(*[store.leases.take(MONEY, 20) for store in stores])
    assert sum([grant.amount for grant in grants]) == 100
    for store in stores:
        await store.aclose()


async def test_closed_it_says_so_and_its_watches_end(path):
    store = await open_sqlite(path)

    async def watch():
        return [batch async for batch in store.records.watch("stream")]

    watcher = asyncio.ensure_future(watch())
    await asyncio.sleep(0.05)
    for port in (store, store.leases, store.cache, store.records):
        await port.aclose()
    with pytest.raises(StoreDownError, match="was closed: open it anew"):
        await store.leases.take(MONEY, 1)
    assert await asyncio.wait_for(watcher, 10) == []


async def test_a_wrong_call_is_not_a_store_that_is_down(store):
    class Odd:
        def __len__(self):
            return 1

    with pytest.raises(sqlite3.Error):
        await store.cache.put("key", Odd(), life_s=1)
    assert await store.cache.get("key") is None
