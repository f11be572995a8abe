"""Every promise of a ``LedgerStore``, kept by SQLite and by PostgreSQL; sums as a plain list has them."""

from __future__ import annotations

import asyncio
import datetime as dt
import random

import pytest

from modelway.errors import BadRequestError, ConfigError
from modelway.ledger.store import open_ledger_store
from modelway.ledger.store.columns import MOST_TOKENS
from modelway.ledger.values import DIMENSIONS, Where
from support.ledger_rows import MemoryLedger, row

DAY_S = 86_400.0
BEGAN = dt.datetime(2026, 10, 20, tzinfo=dt.UTC).timestamp()
"""Five days before clocks go back in Berlin."""


@pytest.fixture(params=["sqlite", "postgres"])
async def opened(request, tmp_path):
    """Opens the same ledger again and again."""
    if request.param == "sqlite":
        url = f"sqlite://{tmp_path / 'ledger.db'}"
    else:
        server = request.getfixturevalue("postgres")
        url = server.url(await server.new_database())
    stores = []

    async def open_one():
        stores.append(await open_ledger_store(url, default=tmp_path / "none"))
        return stores[-1]

    yield open_one
    for store in stores:
        await store.aclose()


@pytest.fixture
async def store(opened):
    return await opened()


async def listed(store, where=None, **options):
    return [one async for batch in store.rows(where or Where(), **options) for one in batch]


def some_rows(seed, number):
    chance = random.Random(seed)
    few = lambda *of: chance.choice(of)  # noqa: E731
    rows = []
    for at in range(number):
        basis = few(
            *("catalogue", "catalogue", "provider", "received", "reserved", "free", "unknown")
        )
        said = {
            "time": BEGAN + chance.random() * 20 * DAY_S,
            "tenant": few("acme", "umbrella"),
            "key": few("front", "back", ""),
            "team": few("search", ""),
            "user": few("ann", "bob", "Żółć", ""),
            "tags": few((), ("a",), ("a", "b"), ("b", "c,d", 'q"')),
            "operation": few("chat", "embed"),
            "asked": few("fast", "smart"),
            "model": few("m1", "m2"),
            "provider": few("openai", "groq"),
            "stream": few(True, False),
            "reserved_pico_usd": few(None, 5_000, 2**40 + 3),
            "open": chance.random() < 0.1,
        }
        if not said["open"]:
            said |= {
                "basis": basis,
                "cost_pico_usd": None if basis == "unknown" else chance.randrange(2**50),
                "error": few("", "", "OverloadedError"),
                "cache": few("", "", "exact"),
                "saved_pico_usd": few(None, 7),
                "took_s": chance.randrange(1000) / 8,
                "first_s": few(None, 0.25),
                "input_tokens": few(None, 0, 12),
                "cached_tokens": few(None, 3),
                "cache_write_tokens": few(None, 5),
                "reasoning_tokens": few(None, 9),
                "price_version": few("", "v2"),
            }
        rows.append(row(at, **said))
    return rows


WHERES = {
    "all": Where(),
    "since": Where(since=BEGAN + 3.3 * DAY_S),
    "until": Where(until=BEGAN + 4 * DAY_S),
    "a part of a day": Where(since=BEGAN + DAY_S + 100, until=BEGAN + DAY_S + 40_000),
    "days and their ends": Where(since=BEGAN + 1.25 * DAY_S, until=BEGAN + 9.75 * DAY_S),
    "a tenant": Where(equal={"tenant": ("acme",)}),
    "two users": Where(equal={"user": ("ann", "bob")}),
    "a tag": Where(equal={"tag": ("b",)}),
    "no tag": Where(equal={"tag": ("", "a")}),
    "a model of a user": Where(equal={"model": ("m1",), "user": ("ann",)}),
    "none": Where(equal={"key": ()}),
    "what failed": Where(equal={"error": ("OverloadedError",), "basis": ("received", "reserved")}),
}
BYS = [
    (),
    *[(name,) for name in DIMENSIONS],
    *[
        ("day", "model"),
        ("user", "tag"),
        ("month", "team", "key"),
        ("tag", "model"),
        ("hour", "user"),
    ],
]


@pytest.mark.parametrize("where", WHERES.values(), ids=WHERES.keys())
async def test_sums_are_those_of_a_plain_list(store, where):
    rows = some_rows(1, 300)
    plain = MemoryLedger(rows)
    await store.add(rows[:200])
    await store.add(rows[100:])
    for by in BYS:
        assert await store.groups(by, where) == await plain.groups(by, where), by
    found = [one.intent.id for one in await listed(store, where)]
    assert found == [one.intent.id for one in await listed(plain, where)]


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "Asia/Kolkata", "America/New_York", "Asia/Kathmandu"]
)
async def test_days_begin_in_the_zone_that_is_asked_for(store, zone):
    rows = some_rows(2, 300)
    plain = MemoryLedger(rows)
    await store.add(rows)
    for by in (("day",), ("month", "user"), ("hour",), ("day", "model")):
        for where in (Where(), WHERES["days and their ends"]):
            found = await store.groups(by, where, time_zone=zone)
            assert found == await plain.groups(by, where, time_zone=zone), by


async def test_a_row_comes_back_as_it_was(store):
    rows = [one for one in some_rows(3, 60) if one.intent.price_version == "v1"]
    await store.add(rows)
    found = {one.intent.id: one for one in await listed(store)}
    for one in rows:
        there = found[one.intent.id]
        assert there.intent.user == one.intent.user
        assert there.intent.tags == one.intent.tags
        assert there.intent.reserved_pico_usd == one.intent.reserved_pico_usd
        if one.settlement is None or not one.settlement.price_version:
            assert there.intent.price_version == "v1"
        else:
            assert there.settlement == one.settlement


async def test_a_row_is_there_once_and_its_settlement_stays(store):
    await store.add([row(1, cost_pico_usd=7)])
    await store.add([row(1, cost_pico_usd=9, model="other"), row(2, cost_pico_usd=1)])
    await store.add([row(1, open=True), row(1, cost_pico_usd=11)])
    groups = await store.groups(("model",), Where())
    assert [(one.key, one.attempts, one.cost_pico_usd) for one in groups] == [
        (("gpt-4o-mini",), 2, 8)
    ]


async def test_a_settlement_completes_an_open_row(store):
    await store.add([row(1, open=True, reserved_pico_usd=50)])
    await store.add([row(1, open=True, reserved_pico_usd=70)])
    (group,) = await store.groups((), Where())
    assert (group.open_pico_usd, group.cost_pico_usd, group.attempts) == (50, 0, 1)
    await store.add([row(1, reserved_pico_usd=50, cost_pico_usd=20)])
    for by in ((), ("user",), ("model",)):
        (group,) = await store.groups(by, Where())
        assert (group.open_pico_usd, group.cost_pico_usd, group.attempts) == (0, 20, 1)


async def test_two_in_one_group_of_the_same_id_are_one(store):
    await store.add([row(1, open=True), row(1, cost_pico_usd=5), row(1, cost_pico_usd=6)])
    (group,) = await store.groups((), Where())
    assert (group.attempts, group.cost_pico_usd) == (1, 5)


async def test_many_processes_that_bring_the_same_rows_double_none(opened):
    stores = [await opened() for _ in range(4)]
    rows = some_rows(4, 200)
    await asyncio.gather(*[one.add(rows[at * 30 :]) for at, one in enumerate(stores)])
    plain = MemoryLedger(rows)
    for by in ((), ("model", "key"), ("user",)):
        assert await stores[0].groups(by, Where()) == await plain.groups(by, Where())


async def test_sums_do_not_overflow_and_are_exact(store):
    most = 2**63 - 1
    rows = [
        row(number, cost_pico_usd=most, saved_pico_usd=most, input_tokens=2**70, took_s=1e300)
        for number in range(9)
    ]
    rows.append(row(10, open=True, reserved_pico_usd=2**80))
    await store.add(rows)
    for by in ((), ("model",), ("user",), ("hour",)):
        groups = await store.groups(by, Where())
        assert sum(one.cost_pico_usd for one in groups) == 9 * most
        assert sum(one.saved_pico_usd for one in groups) == 9 * most
        assert sum(one.open_pico_usd for one in groups) == most
        assert sum(one.input_tokens for one in groups) == 9 * MOST_TOKENS


async def test_what_cannot_be_kept_is_cut(store):
    odd = "nul \0 half \ud800 " + "long " * 1000
    await store.add(
        [
            row(1, user=odd, tags=(odd, odd), key=odd, error=odd, time=float("nan")),
            row(2, time=1e300, input_tokens=-5, took_s=float("inf"), first_s=float("nan")),
            row(3, time=-1.0, same=2**70),
            row(4, id=odd),
        ]
    )
    found = await listed(store)
    assert len(found) == 4
    assert {one.intent.user for one in found} == {
        "",
        odd[:500].replace("\0", "\ufffd").replace("\ud800", "?"),
    }
    assert len(await store.groups(("day",), Where())) == 3
    assert sum(one.attempts for one in await store.groups(("tag", "hour"), Where())) == 4


async def test_hostile_texts_are_values(store):
    evil = "x'); DROP TABLE ledger_rows; --"
    await store.add([row(1, user=evil, model=evil), row(2)])
    (group,) = await store.groups(("user",), Where(equal={"model": (evil,)}))
    assert (group.key, group.attempts) == ((evil,), 1)
    assert await store.groups((), Where(equal={"user": ("' OR 1=1 --",)})) == []


@pytest.mark.parametrize("name", ["", "id", "user; --", 'user"', "cost_pico_usd", "tags", "Day"])
async def test_only_dimensions_are_grouped_and_chosen_by(store, name):
    with pytest.raises(BadRequestError, match="dimension"):
        await store.groups((name,), Where())
    for asked in (
        store.groups((), Where(equal={name: ("x",)})),
        store.remove(Where(equal={name: ("x",)})),
    ):
        with pytest.raises(BadRequestError, match="chosen"):
            await asked
    with pytest.raises(BadRequestError, match="chosen"):
        await listed(store, Where(equal={name: ("x",)}))


async def test_no_zone_is_guessed(store):
    with pytest.raises(BadRequestError, match="time zone"):
        await store.groups(("day",), Where(), time_zone="Mars/Olympus")


async def test_the_dearest_come_first_and_no_more_than_asked_for(store):
    await store.add([row(n, user=f"u{n}", cost_pico_usd=n) for n in range(1, 8)])
    groups = await store.groups(("user",), Where(), limit=3)
    assert [one.key for one in groups] == [("u7",), ("u6",), ("u5",)]


async def test_rows_come_by_time_in_batches_whatever_is_added_meanwhile(store):
    many = [row(n, time=BEGAN + (n * 7919) % 3001) for n in range(3001)]
    await store.add(many)
    times, batches = [], 0
    async for batch in store.rows(Where()):
        batches += 1
        times += [one.intent.time for one in batch]
        if batches == 1:
            await store.add([row(9999, time=BEGAN - 1)])
    assert batches > 1
    assert times == sorted(times)
    assert len(times) == 3001
    newest = [one.intent.time for one in await listed(store, newest=True)]
    assert newest == sorted([*times, BEGAN - 1], reverse=True)


async def test_rerating_replaces_what_our_prices_made(store):
    bases = ("catalogue", "received", "reserved", "unknown", "provider", "free")
    rows = [
        row(n, basis=basis, cost_pico_usd=None if basis == "unknown" else 10, user="ann")
        for n, basis in enumerate(bases)
    ]
    rows.append(row(6, open=True, user="ann"))
    await store.add(rows)
    costs = [(f"call{n}.1", 100 + n, "v9") for n in range(8)]
    assert await store.rerate(costs) == 4
    assert await store.rerate([]) == 0
    found = {one.intent.id: one.settlement for one in await listed(store)}
    assert [found[f"call{n}.1"].cost_pico_usd for n in range(6)] == [100, 101, 102, 103, 10, 10]
    assert [found[f"call{n}.1"].basis for n in range(4)] == [*bases[:3], "catalogue"]
    assert found["call0.1"].price_version == "v9"
    assert found["call4.1"].price_version == "v1"
    plain = MemoryLedger(rows)
    await plain.rerate(costs[:7])
    for by in ((), ("user",), ("basis", "price_version")):
        assert await store.groups(by, Where()) == await plain.groups(by, Where())


async def test_removing_takes_settled_rows_and_their_sums(store):
    rows = some_rows(5, 400)
    plain = MemoryLedger(rows)
    await store.add(rows)
    for where in (
        Where(equal={"tenant": ("acme",)}),
        Where(until=BEGAN + 7.5 * DAY_S),
        Where(equal={"tag": ("a",), "model": ("m2",)}),
        Where(equal={"user": ("nobody",)}),
    ):
        assert await store.remove(where) == await plain.remove(where)
        for by in ((), ("model", "key"), ("user",), ("day",), ("hour",)):
            assert await store.groups(by, Where()) == await plain.groups(by, Where()), (where, by)
    await store.add(rows)
    await plain.add(rows)
    for by in ((), ("user", "model"), ("tenant",)):
        assert await store.groups(by, Where()) == await plain.groups(by, Where())


async def test_what_was_removed_can_come_again_from_another_process(opened):
    one, other = await opened(), await opened()
    rows = [row(n, user=f"u{n % 3}") for n in range(9)]
    await one.add(rows)
    await other.remove(Where())
    assert await one.groups((), Where()) == []
    await one.add(rows)
    for by in (("user",), ("model",), ("user", "model")):
        assert sum(group.attempts for group in await other.groups(by, Where())) == 9


async def test_nothing_is_added_and_nothing_asked_of_an_empty_one(store):
    await store.add([])
    assert await store.groups((), Where()) == []
    assert await store.groups(("day", "tag"), Where()) == []
    assert await listed(store) == []
    assert await store.remove(Where()) == 0


async def test_it_is_there_after_it_was_closed(opened):
    store = await opened()
    await store.add([row(1)])
    await store.aclose()
    (group,) = await (await opened()).groups((), Where())
    assert group.attempts == 1


@pytest.mark.parametrize(
    "url", ["", "memory:", "sqlite:", "sqlite::memory:", "mysql://user:secret@x/y", "/tmp/x.db"]
)
async def test_what_is_no_ledger_is_refused_without_its_password(url, tmp_path):
    with pytest.raises(ConfigError) as refused:
        await open_ledger_store(url, default=tmp_path / "none")
    assert "secret" not in str(refused.value)
