"""The time of a SQLite file: clocks that are set, machines that sleep and start anew."""

from __future__ import annotations

import pytest

from modelway.ports import Pool
from modelway.store.sqlite import open_sqlite
from modelway.store.sqlite.machine import Machine, this_machine

RATE = Pool("rate", 10, 60.0, 5.0)
START = 1_795_000_000.0


class Computer:
    """A machine whose clocks a test moves."""

    def __init__(self, boot="first"):
        self.boot = boot
        self.awake, self.since_boot, self.wall = 1000.0, 5000.0, START

    def machine(self):
        return Machine(self.boot, lambda: self.awake, lambda: self.since_boot, lambda: self.wall)

    def passes(self, seconds):
        self.awake += seconds
        self.since_boot += seconds
        self.wall += seconds

    def sleeps(self, seconds):
        self.since_boot += seconds
        self.wall += seconds

    def starts_anew(self, seconds):
        self.boot += " again"
        self.awake, self.since_boot = 3.0, 3.0
        self.wall += seconds


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.sqlite"


async def test_a_clock_that_is_set_frees_no_window(path):
    computer = Computer()
    store = await open_sqlite(path, machine=computer.machine())
    await store.leases.take(RATE, 10)
    for jump_s in (3600.0, -7200.0, 1e9):
        computer.wall += jump_s
        other = await open_sqlite(path, machine=computer.machine())
        for each in (store, other):
            refused = await each.leases.take(RATE, 1)
            assert (refused.amount, round(refused.wait_s)) == (0, 65)
        await other.aclose()
    computer.passes(65.1)
    assert (await store.leases.take(RATE, 10)).amount == 10
    await store.aclose()


async def test_a_sleep_of_the_machine_frees_no_window_as_its_spenders_slept_too(path):
    computer = Computer()
    store = await open_sqlite(path, machine=computer.machine())
    await store.leases.take(RATE, 10)
    await store.cache.put("key", b"x", life_s=60)
    await store.records.append("stream", [("k", b"before")])
    computer.sleeps(3600)
    assert (await store.leases.take(RATE, 1)).amount == 0
    assert await store.cache.get("key") is None
    await store.records.append("stream", [("k", b"after")])
    assert [record.time for record in await store.records.query("stream")] == [START, START + 3600]
    await store.aclose()


@pytest.mark.parametrize(
    ("away_s", "amount"), [(30.0, 0), (66.0, 10), (-86_400.0, 0)], ids=["soon", "late", "set back"]
)
async def test_a_machine_that_starts_anew(path, away_s, amount):
    """The file's time goes on by the clock, or from what it was where the clock was set back."""
    computer = Computer()
    store = await open_sqlite(path, machine=computer.machine())
    await store.leases.take(RATE, 10)
    await store.aclose()
    computer.starts_anew(away_s)
    store = await open_sqlite(path, machine=computer.machine())
    assert (await store.leases.take(RATE, 10)).amount == amount
    computer.passes(66)
    assert (await store.leases.take(RATE, 10)).amount == 10
    await store.aclose()


async def test_times_of_records_never_go_back(path):
    computer = Computer()
    times = []
    for change in (lambda: computer.passes(5), lambda: computer.starts_anew(-500), lambda: None):
        store = await open_sqlite(path, machine=computer.machine())
        await store.records.append("stream", [("k", b"1")])
        computer.passes(10)
        await store.records.append("stream", [("k", b"2")])
        times = [record.time for record in await store.records.query("stream")]
        change()
        await store.aclose()
    assert times == sorted(times)
    assert times[0] == START


async def test_where_the_boot_is_not_told_a_clock_set_back_stands_still(path):
    computer = Computer(boot=None)
    store = await open_sqlite(path, machine=computer.machine())
    await store.leases.take(RATE, 10)
    computer.passes(30)
    assert round((await store.leases.take(RATE, 1)).wait_s) == 35
    computer.wall -= 3600
    other = await open_sqlite(path, machine=computer.machine())
    for each in (store, other):
        assert round((await each.leases.take(RATE, 1)).wait_s) == 35
    computer.wall += 3600 + 36
    assert (await other.leases.take(RATE, 10)).amount == 10
    await store.aclose()
    await other.aclose()


def test_this_machine_tells_the_time():
    machine = this_machine()
    first = (machine.awake(), machine.since_boot())
    assert machine.awake() >= first[0]
    assert machine.since_boot() >= first[1]
    assert machine.wall() > START - 1e8
    assert this_machine().boot == machine.boot


def test_a_machine_without_a_boot_id(monkeypatch, tmp_path):
    monkeypatch.setattr("modelway.store.sqlite.machine._BOOT_ID", tmp_path / "none")
    assert this_machine().boot is None
