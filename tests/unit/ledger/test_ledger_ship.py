"""What is written down comes to the store once: whatever the disk, the store and the processes do."""

from __future__ import annotations

import asyncio
import resource
from contextlib import contextmanager

import pytest

from modelway.errors import ConfigError, StoreDownError
from modelway.ledger import ledger as ledger_module
from modelway.ledger import shipping
from modelway.ledger.opening import open_ledger
from modelway.ledger.replay import KILLED
from modelway.ledger.values import LedgerSettings, Settlement, Where
from modelway.policies.budget.values import Draw
from support.hand_clock import HandClock
from support.ledger_rows import MemoryLedger, row
from support.ledger_world import POOL, FailingLedger, Given, die, made, running, spending


def spend(ledger, rows, settled=True):
    for one in rows:
        ledger.intend(one.intent)
        if settled:
            ledger.settle(one.settlement)


def kept(store):
    return {id_: one.settlement for id_, one in store.kept.items()}


@contextmanager
def full_after(number_of_bytes):
    """No file may grow past this: what a full disk does to a write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (number_of_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# ------------------------------------------------------------ written, settled, shipped


async def test_what_is_settled_is_shipped_and_what_is_open_waits(tmp_path):
    store = FailingLedger()
    ledger = made(tmp_path / "journal", store)
    rows = [row(at) for at in range(5)]
    spend(ledger, rows)
    spend(ledger, [row(9)], settled=False)
    assert store.kept == {}
    await ledger.flush()
    assert store.kept == {one.intent.id: one for one in rows}
    ledger.settle(row(9).settlement)
    await ledger.aclose()
    assert len(store.kept) == 6
    assert store.closed
    assert list((tmp_path / "journal").iterdir()) == []


async def test_an_attempt_is_settled_once(tmp_path):
    store = FailingLedger()
    ledger = made(tmp_path / "journal", store)
    spend(ledger, [row(1, cost_pico_usd=5)])
    ledger.settle(row(1, cost_pico_usd=7).settlement)
    ledger.settle(Settlement(id="nobody.1", cost_pico_usd=1, basis="catalogue"))
    await ledger.aclose()
    assert [one.cost_pico_usd for one in kept(store).values()] == [5]


async def test_it_is_shipped_every_half_second_and_synced_every_second(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(ledger_module.os, "fsync", synced.append)
    clock, store = HandClock(), FailingLedger()
    async with running(tmp_path / "journal", store, clock=clock) as ledger:
        spend(ledger, [row(1)])
        await clock.advance(0.6)
        assert len(store.kept) == 1
        while not synced:
            await clock.advance(0.5)
            await asyncio.sleep(0.001)


async def test_texts_that_cannot_be_written_are_cut(tmp_path):
    store = FailingLedger()
    ledger = made(tmp_path / "journal", store)
    odd = row(1, user="half \ud800", tags=("x" * 10**6,), error="\udfff", reserved_pico_usd=2**80)
    spend(ledger, [odd])
    assert ledger.unwritten == 1
    ledger.write()
    assert ledger.unwritten == 0
    await ledger.flush()
    (there,) = store.kept.values()
    assert there.intent.user == "half ?"
    assert there.settlement.error == "?"
    assert there.intent.reserved_pico_usd == 2**63 - 1
    await ledger.aclose()


# ------------------------------------------------------------ the store is away


async def test_a_store_that_is_away_is_waited_for_said_once_and_given_all(tmp_path, caplog):
    clock, store = HandClock(), FailingLedger()
    async with running(tmp_path / "journal", store, clock=clock) as ledger:
        store.down = True
        spend(ledger, [row(at) for at in range(50)])
        await clock.advance(30.0)
        spend(ledger, [row(at) for at in range(50, 60)])
        assert store.kept == {}
        assert store.asked < 12
        said = [one for one in caplog.records if "waits in its journal" in one.message]
        assert len(said) == 1
        store.down = False
        await clock.advance(11.0)
        assert len(store.kept) == 60
        assert [one for one in caplog.records if "the store takes rows" in one.message]


async def test_memory_is_bounded_while_the_store_is_away(tmp_path, monkeypatch):
    monkeypatch.setattr(shipping, "MOST_ROWS", 100)
    store = FailingLedger()
    ledger = made(tmp_path / "journal", store)
    store.down = True
    for start in range(0, 1000, 50):
        spend(ledger, [row(at) for at in range(start, start + 50)])
        ledger.write()
        with pytest.raises(StoreDownError):
            await ledger.flush()
        assert len(ledger._backlog) <= 150
    assert len(list((tmp_path / "journal").iterdir())) > 5
    store.down = False
    spend(ledger, [row(5000)])
    await ledger.flush()
    assert len(store.kept) == 1001
    ledger.write()
    assert len(list((tmp_path / "journal").iterdir())) == 1
    await ledger.aclose()


async def test_rows_that_come_while_others_are_shipped_are_not_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(shipping, "MOST_ROWS", 10)

    class Slow(FailingLedger):
        async def add(self, rows):
            for _ in range(3):
                await asyncio.sleep(0)
                spend(ledger, [row(next(numbers))] if len(self.kept) < 300 else [])
                ledger.write()
            await super().add(rows)

    numbers = iter(range(1000))
    store = Slow()
    ledger = made(tmp_path / "journal", store, segment_bytes=2000)
    spend(ledger, [row(next(numbers)) for _ in range(30)])
    while len(store.kept) < 300:
        await ledger.flush()
    await ledger.flush()
    await ledger.aclose()
    assert sorted(store.kept) == sorted(f"call{at}.1" for at in range(next(numbers)))


async def test_a_ledger_that_is_closed_while_the_store_is_away_leaves_all_to_another(
    tmp_path, caplog
):
    store, other = FailingLedger(), FailingLedger()
    ledger = made(tmp_path / "journal", store)
    spend(ledger, [row(at) for at in range(5)])
    store.down = True
    await ledger.aclose()
    await ledger.aclose()
    assert "waits in" in caplog.text
    assert await made(tmp_path / "journal", other).adopt() == 1
    assert len(other.kept) == 5


# ------------------------------------------------------------ the disk is full


async def test_a_full_disk_refuses_intents_and_keeps_settlements(tmp_path, caplog):
    store, given = FailingLedger(), Given()
    ledger = made(tmp_path / "journal", store, given=given)
    ledger.granted(POOL, 1, 10_000)
    spend(ledger, [spending(at) for at in range(4)], settled=False)
    size = ledger._journal.path.stat().st_size
    with full_after(size + 30):
        for _ in range(3):
            with pytest.raises(StoreDownError) as refused:
                ledger.intend(spending(9).intent)
        assert refused.value.code == "journal"
        assert "free some space" in refused.value.message
        for at in range(4):
            ledger.settle(spending(at, cost_pico_usd=70).settlement)
        assert ledger.unwritten == 4
        ledger.write()
        ledger.write()
        assert ledger.unwritten == 4
        assert ledger._journal.path.stat().st_size == size
        assert len([one for one in caplog.records if "cannot be written" in one.message]) == 1
    ledger.write()
    assert ledger.unwritten == 0
    spend(ledger, [spending(5, cost_pico_usd=1)])
    die(ledger)
    assert await made(tmp_path / "journal", store, given=given).adopt() == 1
    assert sorted(one.cost_pico_usd for one in kept(store).values()) == [1, 70, 70, 70, 70]
    assert given == {(POOL.name, 1): 281}


async def test_what_waits_for_a_full_disk_is_bounded_and_what_is_lost_is_counted(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(ledger_module, "MOST_PENDING", 3)
    store = FailingLedger()
    ledger = made(tmp_path / "journal", store)
    spend(ledger, [row(at) for at in range(5)], settled=False)
    with full_after(ledger._journal.path.stat().st_size):
        for at in range(5):
            ledger.settle(row(at).settlement)
        assert ledger.unwritten == 5
        await ledger.flush()
    assert len(store.kept) == 5
    ledger.write()
    assert ledger.unwritten == 2
    await ledger.aclose()


async def test_a_segment_that_can_have_no_successor_goes_on_and_then_stops(tmp_path, monkeypatch):
    from modelway.ledger import journal as journal_module

    monkeypatch.setattr(journal_module, "MOST_BYTES", 20_000)
    store = FailingLedger()
    ledger = made(tmp_path / "journal", store, segment_bytes=1000)
    monkeypatch.setattr(journal_module, "_NEW", 0)  # no file is made
    for at in range(1000):
        ledger.write()
        try:
            ledger.intend(row(at).intent)
        except StoreDownError:
            break
    assert 20_000 < ledger._journal.path.stat().st_size < 21_000
    monkeypatch.undo()
    ledger.write()
    ledger.intend(row(2000).intent)
    assert len(list((tmp_path / "journal").iterdir())) == 2
    for number in [*range(at), 2000]:
        ledger.settle(row(number).settlement)
    await ledger.aclose()
    assert len(store.kept) == at + 1
    assert list((tmp_path / "journal").iterdir()) == []


# ------------------------------------------------------------ segments follow each other


async def test_segments_go_when_they_are_shipped_and_carry_over_what_is_open(tmp_path):
    store, given = FailingLedger(), Given()
    ledger = made(tmp_path / "journal", store, given=given, segment_bytes=3000)
    ledger.granted(POOL, 1, 10_000)
    ledger.granted(POOL._replace(name="other"), 1, 500)
    ledger.returned("other", 1)
    spend(ledger, [spending(500)], settled=False)
    for at in range(200):
        spend(ledger, [spending(at, cost_pico_usd=3)])
        ledger.write()
        if at % 50 == 49:
            await ledger.flush()
            assert len(list((tmp_path / "journal").iterdir())) <= 2
    die(ledger)
    assert await made(tmp_path / "journal", store, given=given).adopt() == 1
    assert len(store.kept) == 201
    assert kept(store)["call500.1"].cost_pico_usd == 100
    assert given == {(POOL.name, 1): 700}


async def test_a_journal_that_is_removed_begins_anew_with_what_is_open(tmp_path):
    store = FailingLedger()
    ledger = made(tmp_path / "journal", store)
    spend(ledger, [row(1)], settled=False)
    ledger._journal.path.unlink()
    ledger.write()
    spend(ledger, [row(2)])
    die(ledger)
    assert await made(tmp_path / "journal", store).adopt() == 1
    assert {id_: one.error for id_, one in kept(store).items()} == {
        "call1.1": KILLED,
        "call2.1": "",
    }


# ------------------------------------------------------------ a process died


async def test_what_a_dead_process_left_open_is_settled_at_its_reservation(tmp_path):
    store, given = FailingLedger(), Given()
    ledger = made(tmp_path / "journal", store, given=given)
    ledger.granted(POOL, 1, 10_000)
    ledger.granted(POOL, 2, 10_000)
    ledger.granted(POOL, 3, 10_000)
    spend(ledger, [spending(1, cost_pico_usd=40), spending(2, cost_pico_usd=250)])
    spend(ledger, [spending(3, cost_pico_usd=None), spending(4, basis="free", cost_pico_usd=0)])
    spend(ledger, [spending(5), row(6)], settled=False)
    spend(ledger, [spending(7, grant=2, cost_pico_usd=5), spending(8, grant=3)])
    ledger.returned(POOL.name, 3)
    await ledger.flush()
    die(ledger)
    other = made(tmp_path / "journal", store, given=given)
    assert await other.adopt() == 1
    assert len(store.kept) == 8
    open_ = kept(store)["call5.1"]
    assert (open_.cost_pico_usd, open_.basis, open_.error) == (100, "reserved", KILLED)
    unknown = kept(store)["call6.1"]
    assert (unknown.cost_pico_usd, unknown.basis, unknown.error) == (None, "unknown", KILLED)
    assert given == {(POOL.name, 1): 40 + 250 + 100 + 0 + 100, (POOL.name, 2): 5}
    assert await other.adopt() == 0
    await other.aclose()


async def test_every_pool_of_an_attempt_is_charged_its_whole_cost(tmp_path):
    given = Given()
    ledger = made(tmp_path / "journal", FailingLedger(), given=given)
    ledger.granted(POOL, 1, 10_000)
    ledger.granted(POOL._replace(name="team"), 1, 10_000)
    draws = (Draw(POOL.name, 1, 100), Draw("team", 1, 100), Draw("gone", 4, 100))
    spend(ledger, [row(1, draws=draws, cost_pico_usd=30)])
    spend(ledger, [row(2, draws=draws, reserved_pico_usd=100)], settled=False)
    die(ledger)
    assert await made(tmp_path / "journal", FailingLedger(), given=given).adopt() == 1
    assert given == {(POOL.name, 1): 130, ("team", 1): 130}


async def test_a_replay_that_fails_anywhere_is_done_again_and_doubles_nothing(tmp_path):
    store, given = FailingLedger(), Given()
    ledger = made(tmp_path / "journal", store, given=given, segment_bytes=2000)
    ledger.granted(POOL, 1, 10_000)
    for at in range(40):
        spend(ledger, [spending(at, cost_pico_usd=2)])
        ledger.write()
    spend(ledger, [spending(99)], settled=False)
    die(ledger)
    assert len(list((tmp_path / "journal").iterdir())) > 4
    other = made(tmp_path / "journal", store, given=given)

    class Sometimes(FailingLedger):
        async def add(self, rows):
            self.asked += 1
            if self.asked % 3 == 2:
                raise StoreDownError("now and then")
            await MemoryLedger.add(self, rows)

    other._orphans._store = store = Sometimes()
    given.down = True
    for _ in range(60):
        with pytest.raises(StoreDownError):
            await other.adopt()
        given.down = len(store.kept) < 41
        if not given.down:
            break
    while not await _adopted(other):
        pass
    assert len(store.kept) == 41
    assert given == {(POOL.name, 1): 180}
    await other.aclose()


async def _adopted(ledger):
    try:
        return await ledger.adopt()
    except StoreDownError:
        return 0


async def test_two_that_find_the_same_orphan_replay_it_once(tmp_path):
    given = Given()
    calls = []

    async def give_back(pool, spent):
        calls.append(spent)
        await asyncio.sleep(0.01)
        await given(pool, spent)

    store = FailingLedger()
    ledger = made(tmp_path / "journal", store)
    ledger.granted(POOL, 1, 1000)
    spend(ledger, [spending(at) for at in range(20)])
    die(ledger)
    finders = [made(tmp_path / "journal", store, given=give_back) for _ in range(4)]
    assert sum(await asyncio.gather(*[one.adopt() for one in finders])) == 1
    assert len(calls) == 1
    assert sum([await one.adopt() for one in finders]) == 0
    for one in finders:
        await one.aclose()


async def test_the_living_are_left_alone(tmp_path):
    store = FailingLedger()
    one = made(tmp_path / "journal", store, segment_bytes=1000)
    other = made(tmp_path / "journal", store)
    for at in range(20):
        spend(one, [row(at)], settled=False)
        one.write()
        assert await other.adopt() == 0
    await one.aclose()
    assert await other.adopt() == 1
    await other.aclose()


# ------------------------------------------------------------ a journal was changed


async def test_a_changed_journal_is_refused_aloud_and_gives_nothing_back(tmp_path, caplog):
    store, given = FailingLedger(), Given()
    ledger = made(tmp_path / "journal", store, given=given)
    ledger.granted(POOL, 1, 10_000)
    spend(ledger, [spending(1)])
    path = ledger._journal.path
    die(ledger)
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)
    other = made(tmp_path / "journal", store, given=given)
    assert await other.adopt() == 1
    assert other.refused == 1
    assert store.kept == {}
    assert given == {}
    assert "set aside" in caplog.text
    assert path.with_name(path.name + ".refused").read_bytes() == data
    assert await other.adopt() == 0


@pytest.mark.parametrize("bad", [0, 1, 2])
async def test_one_changed_segment_of_several_spoils_no_other(tmp_path, bad):
    """What the newest carries over is whole without those before it."""
    store, given = FailingLedger(), Given()
    ledger = made(tmp_path / "journal", store, given=given, segment_bytes=1)
    ledger.granted(POOL, 1, 10_000)
    for at in range(2):
        spend(ledger, [spending(at, cost_pico_usd=10)])
        ledger.write()
    spend(ledger, [spending(2, cost_pico_usd=10)])
    paths = sorted((tmp_path / "journal").iterdir())[-3:]
    die(ledger)
    data = bytearray(paths[bad].read_bytes())
    data[-1] ^= 1
    paths[bad].write_bytes(data)
    other = made(tmp_path / "journal", store, given=given)
    store.down = True
    with pytest.raises(StoreDownError):  # what was refused is remembered until it is done
        await other.adopt()
    store.down = False
    assert await other.adopt() == 1
    assert len(store.kept) == 2
    assert given == ({} if bad == 2 else {(POOL.name, 1): 30})


async def test_a_segment_that_lost_its_end_is_told_from_one_that_was_killed(tmp_path, caplog):
    store = FailingLedger()
    ledger = made(tmp_path / "journal", store, segment_bytes=1)
    spend(ledger, [row(at) for at in range(4)])
    path = ledger._journal.path
    ledger.write()
    die(ledger)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert await made(tmp_path / "journal", store).adopt() == 1
    assert "its end was cut off" in caplog.text
    assert path.with_name(path.name + ".refused").exists()
    assert 0 < len(store.kept) < 4


async def test_an_own_segment_that_was_changed_is_refused_when_it_is_read_again(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(shipping, "MOST_ROWS", 1)
    store = FailingLedger()
    ledger = made(tmp_path / "journal", store)
    spend(ledger, [row(at) for at in range(4)])
    path = ledger._journal.path
    ledger.write()
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    spend(ledger, [row(9)])
    await ledger.flush()
    assert list(store.kept) == ["call9.1"]
    assert ledger.refused == 1
    await ledger.aclose()


# ------------------------------------------------------------ what is old


async def test_what_is_old_is_deleted_and_by_no_clock_that_was_just_set(tmp_path):
    clock, store = HandClock(), FailingLedger()
    now = clock.time()
    old, young = row(1, time=now - 3 * 86_400), row(2, time=now - 86_400)
    store.kept = {one.intent.id: one for one in (old, young)}
    ledger = made(tmp_path / "journal", store, clock=clock)
    retaining = asyncio.create_task(ledger._retain_loop(2 * 86_400.0))
    await clock.advance(100.0)
    clock.jump_s = 400 * 86_400.0
    await clock.advance(3600.0)
    assert len(store.kept) == 2
    clock.jump_s = 0.0
    await clock.advance(3600.0)
    assert len(store.kept) == 2
    await clock.advance(3600.0)
    assert list(store.kept) == ["call2.1"]
    retaining.cancel()
    await ledger.aclose()


async def test_days_to_keep_are_those_of_the_settings(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger_module, "_RETAIN_S", 5.0)
    clock, store = HandClock(), FailingLedger()
    await store.add([row(1, time=clock.time() - 5000), row(2, time=clock.time())])
    ledger = made(tmp_path / "journal", store, settings=LedgerSettings(keep_days=0.05), clock=clock)
    await ledger.start()
    await clock.advance(6.0)
    assert list(store.kept) == ["call2.1"]
    await ledger.aclose()


# ------------------------------------------------------------ opening it


async def opened(tmp_path, **settings):
    return await open_ledger(
        LedgerSettings(**settings), state=tmp_path / "state", clock=HandClock(), node="node"
    )


async def test_it_opens_what_its_settings_say(tmp_path):
    ledger = await opened(tmp_path)
    spend(ledger, [row(1)])
    await ledger.flush()
    (group,) = await ledger.store.groups((), Where())
    assert group.attempts == 1
    await ledger.aclose()
    files = {one.name: one.stat().st_mode & 0o777 for one in (tmp_path / "state").iterdir()}
    assert files["journal"] == 0o700
    assert files["secret.key"] == 0o600
    assert files["ledger.db"] == 0o600


async def test_it_keeps_its_secret(tmp_path):
    ledger = await opened(tmp_path)
    spend(ledger, [row(1)], settled=False)
    die(ledger)
    await ledger.store.aclose()
    again = await opened(tmp_path, journal=str(tmp_path / "state" / "journal"))
    assert await again.adopt() == 1
    assert again.refused == 0
    await again.aclose()
    (tmp_path / "state" / "secret.key").write_bytes(b"short")
    with pytest.raises(ConfigError, match="has 5 bytes"):
        await opened(tmp_path)


async def test_a_place_that_cannot_be_written_is_said_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        await opened(tmp_path, journal=str(tmp_path / "file"))
    with pytest.raises(ConfigError, match="URL"):
        await opened(tmp_path, url="mysql://x")


async def test_a_full_disk_opens_it_and_refuses_until_there_is_room(tmp_path, monkeypatch):
    from modelway.ledger import opening

    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(opening.tempfile, "mkstemp", full)
    monkeypatch.setattr("modelway.ledger.journal._NEW", 0)
    ledger = await opened(tmp_path)
    with pytest.raises(StoreDownError) as refused:
        ledger.intend(row(1).intent)
    assert refused.value.code == "journal"
    monkeypatch.undo()
    ledger.write()
    spend(ledger, [row(1)])
    await ledger.aclose()
