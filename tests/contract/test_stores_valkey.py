"""The contracts of stores over a real Valkey server, and what is particular to it."""

from __future__ import annotations

import contextlib

import pytest

from modelway.store.redis import open_redis
from modelway.testing.stores import CONTRACTS, Subject
from support.servers_valkey import ValkeyServer

CACHE_BYTES = 4_000_000


@pytest.fixture(scope="module")
def server():
    with ValkeyServer() as server:
        yield server


@pytest.fixture
def subject(server):
    async def opened():
        return await open_redis(server.url, cache_bytes=CACHE_BYTES)

    @contextlib.asynccontextmanager
    async def outage():
        server.stall()
        try:
            yield
        finally:
            server.go_on()

    return Subject(opened, outage=outage, cache_bytes=CACHE_BYTES)


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
async def test_valkey(contract, subject):
    await contract.check(subject)
