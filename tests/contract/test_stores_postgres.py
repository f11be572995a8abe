"""The contracts of stores, over a real PostgreSQL."""

from __future__ import annotations

import pytest

from modelway.store.postgres import open_postgres
from modelway.testing.stores import CONTRACTS, Subject
from support.servers_postgres import postgres_server

CACHE_BYTES = 4_000_000


@pytest.fixture(scope="module")
def server():
    with postgres_server() as server:
        server.ask("create database shared")
        yield server


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
async def test_postgres(contract, server):
    async def opened():
        return open_postgres(server.url("shared"), timeout_s=5.0, cache_bytes=CACHE_BYTES)

    await contract.check(Subject(opened, cache_bytes=CACHE_BYTES))
