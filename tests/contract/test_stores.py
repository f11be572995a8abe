"""The contracts of stores, over those that need no server."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest

from modelway.clock import SystemClock
from modelway.store.memory import open_memory
from modelway.store.sqlite import open_sqlite
from modelway.store.sqlite.machine import Machine
from modelway.testing.stores import CONTRACTS, LEASES, SteppedClock, Subject

CACHE_BYTES = 4_000_000


def memory(clock):
    store = open_memory(clock, cache_bytes=CACHE_BYTES)

    async def opened():
        return store

    return Subject(opened, clock, cache_bytes=CACHE_BYTES)


def sqlite(path, contract, **options):
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
    outage = unusable if contract.name.startswith("store:") else removed
    return Subject(opened, outage=outage, cache_bytes=CACHE_BYTES)


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
async def test_memory_by_a_stepped_clock(contract):
    await contract.check(memory(SteppedClock()))


@pytest.mark.parametrize("contract", LEASES, ids=str)
async def test_memory(contract):
    await contract.check(memory(SystemClock()))


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
async def test_sqlite_by_a_stepped_clock(contract, tmp_path):
    clock = SteppedClock()
    machine = Machine("boot", clock.monotonic, clock.monotonic, clock.time)
    subject = sqlite(tmp_path / "store.sqlite", contract, machine=machine)
    await contract.check(subject._replace(clock=clock))


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
async def test_sqlite(contract, tmp_path):
    await contract.check(sqlite(tmp_path / "store.sqlite", contract))


@pytest.mark.parametrize("contract", LEASES, ids=str)
async def test_sqlite_where_the_machine_tells_no_boot(contract, tmp_path):
    clock = SteppedClock()
    machine = Machine(None, clock.monotonic, clock.monotonic, clock.time)
    subject = sqlite(tmp_path / "store.sqlite", contract, machine=machine)
    await contract.check(subject._replace(clock=clock))
