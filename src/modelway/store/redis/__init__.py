"""Leases, cache and records on Valkey or Redis, one server or a cluster.

Names are below ``modelway:``. What belongs together has one hash tag. Each step is one script, of commands
that Redis 6 has; it is tested with Valkey 9.1. A user of its own needs the rights
``~modelway:* +@read +@write +@scripting +@connection +time``.

What is promised, and what is not:

- A grant is counted before its taker hears of it. A call that fails may have been done: a part that
  nobody knows of counts until its end, so too much is counted, never too little.
- Times are the server's. Where its clock is set back, a pool's own goes on from where it was; where it
  is set forward by so much, what counts ends so much earlier, and a limit may be passed once.
- A server that restarts without its data has forgotten what was used: up to a whole limit more may be
  taken in the window in which that happens, and a pool without a window (money) begins anew. Grants from
  before are no longer known: settling them changes nothing, for no id is given twice. Whoever counts money
  here sets ``appendonly yes``, which loses a second at most (``appendfsync always``: nothing), or
  counts it in a SQL store.
- Replicas are written to later: a failover forgets the last moments in the same way.
- A server that throws keys out to make room would forget too: leave ``maxmemory-policy`` at
  ``noeviction``. The cache keeps to a bound of its own for that reason.
- Records that stay are never taken out: their memory is the server's.
- In a cluster a pool, a stream and the cache are each on one server. While a slot moves from one server to
  another, what is in it counts as down; so does all that is not yet known to be elsewhere while the server
  of the URL is down.
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
