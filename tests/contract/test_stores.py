"""The contracts of stores, over those that need no server."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest

from modelway.clock import SystemClock
from modelway.store.memory import open_memory
from modelway.store.sqlite import open_sqlite
from modelway.store.sqlite.machine import Machine
from modelway.testing.stores import CONTRACTS, SteppedClock, Subject, lease_ends

CACHE_BYTES = 4_000_000
TIMED = (*[each.name for each in lease_ends.CONTRACTS], "values end", "records end")


def memory(clock):
    store = open_memory(clock, cache_bytes=CACHE_BYTES)

    async def opened():
        return store

    return Subject(opened, clock, cache_bytes=CACHE_BYTES)


def sqlite(path, name="", **options):
    async def opened():
        return await open_sqlite(path, timeout_s=5.0, cache_bytes=CACHE_BYTES, **options)

    @asynccontextmanager
    async def removed():
        path.rename(path.with_name("away"))
        yield
        path.with_name("away").rename(path)

    @asynccontextmanager
    async def unusable():
        log = path.with_name(f"{path.name}-wal")
        log.mkdir()
        yield
        log.rmdir()

    # one that is only not there is made when it is opened
    outage = unusable if name.startswith("store:") else removed
    return Subject(opened, outage=outage, cache_bytes=CACHE_BYTES)


def those(*words):
    """The contracts of which a name has one of these words; the others take time to say the same."""
    slow = pytest.mark.exhaustive
    return [
        pytest.param(each, id=str(each), marks=() if any(w in each.name for w in words) else slow)
        for each in CONTRACTS
    ]


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
async def test_memory_by_a_stepped_clock(contract):
    await contract.check(memory(SteppedClock()))


@pytest.mark.parametrize("contract", those("never over"))
async def test_memory(contract):
    await contract.check(memory(SystemClock()))


@pytest.mark.parametrize("contract", those(*TIMED))
async def test_sqlite_by_a_stepped_clock(contract, tmp_path):
    clock = SteppedClock()
    machine = Machine("boot", clock.monotonic, clock.monotonic, clock.time)
    subject = sqlite(tmp_path / "store.sqlite", contract.name, machine=machine)
    await contract.check(subject._replace(clock=clock))


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
async def test_sqlite(contract, tmp_path):
    await contract.check(sqlite(tmp_path / "store.sqlite", contract.name))


@pytest.mark.parametrize("contract", those(*TIMED))
async def test_sqlite_where_the_machine_tells_no_boot(contract, tmp_path):
    clock = SteppedClock()
    machine = Machine(None, clock.monotonic, clock.monotonic, clock.time)
    subject = sqlite(tmp_path / "store.sqlite", contract.name, machine=machine)
    await contract.check(subject._replace(clock=clock))


@pytest.mark.exhaustive
async def test_never_over_the_rate_for_long(tmp_path):
    for subject in (memory(SystemClock()), sqlite(tmp_path / "store.sqlite")):
        await lease_ends.never_over_the_rate(subject, for_s=15.0)
