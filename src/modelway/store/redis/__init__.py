"""Leases, cache and records on Valkey or Redis, one server or a cluster.

Names are below ``modelway:``; what belongs together has one hash tag. Each step is one script, of commands
that Redis 6 has, and its times are the server's. A call that fails may have been done: then too much is
counted, never too little. What else is promised, and what not: docs/stores.md.
"""

from __future__ import annotations

import random

from modelway.ports import Pool
from modelway.store import CACHE_BYTES, Store
from modelway.store.outage import opening
from modelway.store.redis.address import read_address
from modelway.store.redis.cache import RedisCache
from modelway.store.redis.leases import RedisLeases
from modelway.store.redis.records import RedisRecords
from modelway.store.redis.servers import Servers


async def open_redis(
    url: str,
    *,
    timeout_s: float = 1.0,
    cache_bytes: int = CACHE_BYTES,
    chance: random.Random | None = None,
) -> Store:
    """The store at ``redis://`` or ``valkey://``; with an s, ``rediss://``, by TLS, and verified.

    Each of the three has a connection of its own, so that a large value does not hold up a lease.
    ConfigError for a URL that is none, and where the server does not let us in or do what we must. One
    that is only down raises nothing here: its calls do, until it is there.
    """
    address = read_address(url)
    spread = chance or random.Random()  # noqa: S311  # of attempts to connect
    first, second, third = [
        Servers(address, timeout_s=timeout_s, chance=spread) for _ in ("leases", "cache", "records")
    ]
    leases = RedisLeases(first)
    cache = RedisCache(second, most_bytes=cache_bytes)
    records = RedisRecords(third, timeout_s=timeout_s)

    async def aclose() -> None:
        for each in (leases, cache, records):
            await each.aclose()

    try:
        with opening():
            await leases.take(Pool("", 0, 0.0, 0.0), 0)  # which writes nothing
    except BaseException:
        await aclose()
        raise
    return Store(leases, cache, records, aclose)
