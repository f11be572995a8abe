"""The contracts of stores, over a real PostgreSQL."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from modelway.store.postgres import open_postgres
from modelway.testing.stores import CONTRACTS, Subject, lease_ends
from modelway.testing.stores.processes import CHECKS
from support.pooler_postgres import Pooler

CACHE_BYTES = 4_000_000
POOLED = (
    "leases: many at once are given the whole once",
    "leases: taking settles first",
    "leases: cancelled calls do no harm",
    "cache: values are read whole",
    "records: nothing comes below what was seen",
    "records: a watch is prompt",
)


@pytest.fixture(scope="module")
def server(postgres):
    postgres.ask("create database shared")
    return postgres


def subject(server):
    async def opened():
        return await open_postgres(server.url("shared"), timeout_s=5.0, cache_bytes=CACHE_BYTES)

    @asynccontextmanager
    async def outage():
        await asyncio.to_thread(server.stop)
        yield
        await asyncio.to_thread(server.start)

    return Subject(opened, outage=outage, cache_bytes=CACHE_BYTES)


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
async def test_postgres(contract, server):
    await contract.check(subject(server))


@pytest.mark.exhaustive
async def test_never_over_the_rate_for_long(server):
    await lease_ends.never_over_the_rate(subject(server), for_s=15.0)


@pytest.mark.parametrize("contract", [each for each in CONTRACTS if each.name in POOLED], ids=str)
async def test_postgres_behind_a_pooler(contract, server):
    async with Pooler("127.0.0.1", server.port).serve("postgres", "shared") as port:

        async def opened():
            url = f"postgresql://postgres@127.0.0.1:{port}/shared?statement_cache_size=0"
            return await open_postgres(url, timeout_s=5.0, cache_bytes=CACHE_BYTES)

        await contract.check(Subject(opened, cache_bytes=CACHE_BYTES))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_postgres_from_several_processes(check, server):
    check(server.url("shared"))
