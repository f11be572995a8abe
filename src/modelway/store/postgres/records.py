"""Records on PostgreSQL: a stream is added to by one at a time, so that ids are seen in their order."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Sequence

from modelway.errors import StoreDownError
from modelway.ports import Record
from modelway.store.names import to_bytes, to_text
from modelway.store.postgres.connections import Connections
from modelway.store.postgres.listening import Listener
from modelway.store.postgres.names import stored
from modelway.store.postgres.sweeping import Sweeper

_APPEND = "select modelway.append($1, $2, $3, $4, $5)"
_LAST = "select coalesce(max(id), 0) from modelway.records where stream = $1"
_ALL = """
select id, key, time, data from modelway.records
where stream = $1 and id > $2 and until > (select modelway.now_s())
"""
_OF_KEY = f"{_ALL} and md5(key) = md5($4::bytea) and key = $4"
_OLDEST = " order by id limit $3"
_NEWEST = " order by id desc limit $3"
_POLL_S = 0.5
"""Notifications wake earlier, where a pooler does not lose them."""


class PostgresRecords:
    """``Records``."""

    def __init__(self, connections: Connections, sweeper: Sweeper) -> None:
        self._connections = connections
        self._sweeper = sweeper
        self._listener = Listener(connections)

    async def append(
        self, stream: str, entries: Sequence[tuple[str, bytes]], *, life_s: float | None = None
    ) -> int:
        keys = [to_bytes(key) for key, _ in entries]
        data = [data for _, data in entries]
        life = math.inf if life_s is None else life_s
        rows = await self._connections.step(_APPEND, stored(stream), keys, data, life)
        self._sweeper.now_and_then()
        last: int = rows[0][0]
        return last

    async def query(
        self,
        stream: str,
        *,
        key: str | None = None,
        after: int = 0,
        limit: int = 1000,
        newest: bool = False,
    ) -> list[Record]:
        order = _NEWEST if newest else _OLDEST
        arguments = (stored(stream), after, max(limit, 0))
        if key is None:
            rows = await self._connections.fetch(_ALL + order, *arguments)
        else:
            rows = await self._connections.fetch(_OF_KEY + order, *arguments, to_bytes(key))
        records = [Record(row[0], to_text(row[1]), row[2], row[3]) for row in rows]
        return records[::-1] if newest else records

    async def watch(self, stream: str, *, after: int | None = None) -> AsyncIterator[list[Record]]:
        """Ends when the store is closed."""
        seen = after
        with self._listener.waiting(stored(stream)) as added:
            while not self._connections.closed:
                added.clear()
                try:
                    if seen is None:
                        seen = await self._last(stream)
                    records = await self.query(stream, after=seen)
                except StoreDownError:
                    records = []
                if records:
                    seen = records[-1].id
                    yield records
                elif not self._connections.closed:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_POLL_S):
                            await added.wait()

    async def aclose(self) -> None:
        """Stop listening. The connections are the store's, which closes them."""
        await self._listener.aclose()

    async def _last(self, stream: str) -> int:
        rows = await self._connections.fetch(_LAST, stored(stream))
        last: int = rows[0][0]
        return last
