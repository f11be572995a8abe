"""A cache on PostgreSQL: a table that a crash of the server empties, and that costs no log."""

from __future__ import annotations

import asyncio

from modelway.store.postgres.connections import Connections
from modelway.store.postgres.names import stored
from modelway.store.postgres.sweeping import Sweeper

_GET = """
select value from modelway.cache where key = $1 and until > (select modelway.now_s())
"""
_PUT = "select modelway.put($1, $2, $3)"
_DROP = "delete from modelway.cache where key = $1"
ENTRY_BYTES = 200
"""What a value takes beyond its key's and its own bytes, in the sums of the server too."""
_SLACK = 16
"""A part of the bound, the 16th, that a process may put before it looks at what there is in all."""


class PostgresCache:
    """``Cache``. What was put longest ago goes first, asked for or not: a read writes nothing.

    The bound is on what all processes keep together; each may pass it by a 16th before it is held to it.
    """

    def __init__(self, connections: Connections, sweeper: Sweeper, most_bytes: int) -> None:
        self._connections = connections
        self._sweeper = sweeper
        self._most_bytes = most_bytes
        self._put_bytes = 0

    async def get(self, key: str) -> bytes | None:
        rows = await self._connections.fetch(_GET, stored(key))
        return rows[0][0] if rows else None

    async def put(self, key: str, value: bytes, *, life_s: float) -> None:
        name = stored(key)
        size = len(name.encode()) + len(value) + ENTRY_BYTES
        if size > self._most_bytes or life_s <= 0:
            await self.drop(key)
            return
        await self._connections.fetch(_PUT, name, value, life_s)
        self._put_bytes += size
        if self._put_bytes * _SLACK > self._most_bytes:
            self._put_bytes = 0
            await asyncio.wait([self._sweeper.start()], timeout=self._connections.timeout_s)

    async def drop(self, key: str) -> None:
        await self._connections.fetch(_DROP, stored(key))

    async def aclose(self) -> None:
        """The connections are the store's, which closes them."""
