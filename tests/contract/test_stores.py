"""The contracts of stores, over those that need no server."""

from __future__ import annotations

import pytest

from modelway.store.memory import open_memory
from modelway.testing.stores import CONTRACTS, SteppedClock, Subject

CACHE_BYTES = 4_000_000


def memory(tmp_path):
    clock = SteppedClock()
    store = open_memory(clock, cache_bytes=CACHE_BYTES)

    async def opened():
        return store

    return Subject(opened, clock, cache_bytes=CACHE_BYTES)


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
async def test_memory(contract, tmp_path):
    await contract.check(memory(tmp_path))
