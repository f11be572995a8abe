"""Leases, a cache and records on PostgreSQL, in the schema ``modelway`` of the URL's database."""

from __future__ import annotations

from modelway.errors import ConfigError
from modelway.store import Store

CACHE_BYTES = 256 * 1024 * 1024


def open_postgres(url: str, *, timeout_s: float = 1.0, cache_bytes: int = CACHE_BYTES) -> Store:
    """A store that all processes share that were given a URL of this database.

    Nothing is connected before the first call, which makes what the database lacks. Each call is one
    round trip, over in about ``timeout_s`` whatever the server does, and StoreDownError for a moment
    after one that failed. ``?statement_cache_size=0`` at the URL's end is for poolers that give each
    transaction another connection (pgbouncer): a call is four round trips then.
    """
    try:
        from modelway.store.postgres.connections import Connections  # noqa: PLC0415  # asyncpg
    except ModuleNotFoundError as error:
        raise ConfigError(
            "a store on PostgreSQL is configured, which needs asyncpg; "
            "run: pip install 'modelway[postgres]'"
        ) from error
    from modelway.store.postgres.cache import PostgresCache  # noqa: PLC0415
    from modelway.store.postgres.leases import PostgresLeases  # noqa: PLC0415
    from modelway.store.postgres.records import PostgresRecords  # noqa: PLC0415
    from modelway.store.postgres.sweeping import Sweeper  # noqa: PLC0415

    connections = Connections(url, timeout_s=timeout_s)
    sweeper = Sweeper(connections, cache_bytes)
    records = PostgresRecords(connections, sweeper)

    async def aclose() -> None:
        await connections.aclose()
        await records.aclose()
        await sweeper.aclose()

    return Store(
        PostgresLeases(connections, sweeper),
        PostgresCache(connections, sweeper, cache_bytes),
        records,
        aclose,
    )
