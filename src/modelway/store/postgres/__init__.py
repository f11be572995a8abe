"""Leases, a cache and records on PostgreSQL (13 on), in the schema ``modelway`` of a database.

Times are the server's, less the steps of a clock that is set. A call that fails may have been done:
then too much is counted, never too little. What else is promised, and what not: docs/stores.md.
"""

from __future__ import annotations

import random

from modelway.store import CACHE_BYTES, Store
from modelway.store.outage import opening
from modelway.store.postgres.cache import PostgresCache
from modelway.store.postgres.connections import Connections
from modelway.store.postgres.leases import PostgresLeases
from modelway.store.postgres.records import PostgresRecords
from modelway.store.postgres.sweeping import Sweeper


async def open_postgres(
    url: str,
    *,
    timeout_s: float = 1.0,
    cache_bytes: int = CACHE_BYTES,
    chance: random.Random | None = None,
) -> Store:
    """A store that is shared with all who open this database; what it lacks of the schema is made.

    Raises ConfigError for what an operator must change: the URL, the role's rights, a newer schema. A
    server that is only down raises nothing here: its calls do, until it is there. Each call is one
    round trip, and over in about ``timeout_s`` whatever the server does.

    ``?statement_cache_size=0`` in the URL is for poolers that give each transaction another
    connection (pgbouncer): nothing is prepared ahead, and a call is four round trips.
    """
    spread = chance or random.Random()  # noqa: S311  # of what processes do of themselves
    connections = Connections(url, timeout_s=timeout_s, chance=spread)
    sweeper = Sweeper(connections, cache_bytes, chance=spread)
    records = PostgresRecords(connections, sweeper)

    async def aclose() -> None:
        await connections.aclose()
        await records.aclose()
        await sweeper.aclose()

    try:
        with opening():
            await connections.fetch("select")
    except BaseException:
        await aclose()
        raise
    return Store(
        PostgresLeases(connections, sweeper),
        PostgresCache(connections, sweeper, cache_bytes),
        records,
        aclose,
    )
