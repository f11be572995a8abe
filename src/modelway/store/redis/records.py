"""Records, a stream of the server's for each stream."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence

from hiredis import ReplyError

from modelway.ports import Record
from modelway.store.names import to_bytes, to_text
from modelway.store.redis.connection import Connection, connect
from modelway.store.redis.servers import Servers, read_script

_BLOCK_S = 1.0
"""How long a server holds the question for what is new, where nothing is."""
_PAUSE_S = 0.5
"""Before a watch asks again a store that went away."""
_BATCH = 1000
_LONGEST_S = 100 * 365 * 86400.0


class RedisRecords:
    """Streams, in which a key's records are found by an index.

    What has ended is found no more at once, and taken out by who next adds or asks.
    """

    def __init__(self, servers: Servers, *, timeout_s: float) -> None:
        self._servers = servers
        self._timeout_s = timeout_s
        self._append = read_script("records_ended.lua", "records_append.lua")
        self._query = read_script("records_ended.lua", "records_query.lua")
        self._watches: set[Connection] = set()
        self._closed = False

    async def append(
        self, stream: str, entries: Sequence[tuple[str, bytes]], *, life_s: float | None = None
    ) -> int:
        stays = life_s is None or life_s > _LONGEST_S
        arguments: list[str | bytes | int] = [-1 if stays else math.ceil((life_s or 0) * 1000)]
        for key, data in entries:
            arguments += (to_bytes(key), data)
        last: int = await self._servers.run(self._append, _keys(stream), arguments)
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
        of_key = () if key is None else (to_bytes(key),)
        found = await self._servers.run(
            self._query, _keys(stream), (after, limit, int(newest), *of_key)
        )
        records = [_record(entry) for entry in found]
        return records[::-1] if newest else records

    async def watch(self, stream: str, *, after: int | None = None) -> AsyncIterator[list[Record]]:
        """On a connection of its own. It ends with the store's close."""
        connection: Connection | None = None
        seen = after
        try:
            while not self._closed:
                records: list[Record] = []
                try:
                    if connection is None:
                        connection = await self._connected(stream)
                    if seen is None:
                        seen = await _last_id(connection, stream, self._timeout_s)
                    records = await _read(connection, stream, seen, self._timeout_s)
                except (ReplyError, OSError) as error:
                    elsewhere = self._servers.learn(_keys(stream)[0], error)
                    if connection is not None:
                        await connection.aclose()
                        connection = None
                    if elsewhere is None and not self._closed:
                        await asyncio.sleep(_PAUSE_S)
                if records:
                    seen = records[-1].id
                    yield records
        finally:
            if connection is not None:
                await connection.aclose()

    async def aclose(self) -> None:
        self._closed = True
        for connection in tuple(self._watches):
            await connection.aclose()
        await self._servers.aclose()

    async def _connected(self, stream: str) -> Connection:
        connection = await connect(
            self._servers.address_of(_keys(stream)[0]),
            timeout_s=self._timeout_s,
            lost=self._watches.discard,
        )
        self._watches.add(connection)
        return connection


async def _last_id(connection: Connection, stream: str, timeout_s: float) -> int:
    return int(await connection.call(("HGET", _keys(stream)[3], "last"), timeout_s=timeout_s) or 0)


async def _read(connection: Connection, stream: str, after: int, timeout_s: float) -> list[Record]:
    """What is new, within a batch, or nothing after a while."""
    block = ("BLOCK", round(_BLOCK_S * 1000), "STREAMS", _keys(stream)[0], f"{after}-0")
    answer = await connection.call(
        ("XREAD", "COUNT", _BATCH, *block), timeout_s=timeout_s + _BLOCK_S
    )
    return [_record(entry) for entry in answer[0][1]] if answer else []


def _record(entry: tuple[bytes, Sequence[bytes]]) -> Record:
    name, (_, key, _, time_us, _, data) = entry
    return Record(
        int(name.partition(b"-")[0]),
        to_text(key),
        int(time_us) / 1_000_000,
        data,
    )


def _keys(stream: str) -> list[bytes]:
    tag = b"modelway:{records/%b}:" % to_bytes(stream)
    return [tag + b"log", tag + b"keys", tag + b"ends", tag + b"state"]
