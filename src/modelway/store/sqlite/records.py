"""Records in a file. One writer at a time, so that ids are seen in the order in which they are given."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence

from modelway.errors import StoreDownError
from modelway.ports import Record
from modelway.store.names import to_bytes, to_text
from modelway.store.sqlite.file import SqliteFile
from modelway.store.sqlite.machine import Now

POLL_S = 0.2
_DROP_ENDED = """
DELETE FROM records WHERE id IN (SELECT id FROM records WHERE until <= ? ORDER BY until LIMIT 500)
"""
_ADD = "INSERT INTO records (stream, key, time, data, until) VALUES (?, ?, ?, ?, ?)"
_LAST = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'records'"


class SqliteRecords:
    """Streams of all processes that open the file. A watch asks every 0.2 s until it is closed."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    async def append(
        self, stream: str, entries: Sequence[tuple[str, bytes]], *, life_s: float | None = None
    ) -> int:
        name = to_bytes(stream)
        added = [(to_bytes(key), data) for key, data in entries]

        def work(connection: sqlite3.Connection, now: Now) -> int:
            connection.execute(_DROP_ENDED, (now.time_s,))
            until = None if life_s is None else now.time_s + life_s
            connection.executemany(
                _ADD, [(name, key, now.time_s, data, until) for key, data in added]
            )
            return int(connection.execute(_LAST).fetchone()[0])

        return await self._file.write(work)

    async def query(
        self,
        stream: str,
        *,
        key: str | None = None,
        after: int = 0,
        limit: int = 1000,
        newest: bool = False,
    ) -> list[Record]:
        name = to_bytes(stream)
        only, keys = ("", ()) if key is None else ("AND key = ?", (to_bytes(key),))
        question = (
            f"SELECT id, key, time, data FROM records WHERE stream = ? {only} AND id > ? "  # noqa: S608
            f"AND (until IS NULL OR until > ?) ORDER BY id {'DESC' if newest else 'ASC'} LIMIT ?"
        )

        def work(connection: sqlite3.Connection, now: Now) -> list[Record]:
            rows = connection.execute(question, (name, *keys, after, now.time_s, max(limit, 0)))
            found = [Record(id_, to_text(of), time_s, data) for id_, of, time_s, data in rows]
            return found[::-1] if newest else found

        return await self._file.read(work)

    async def watch(self, stream: str, *, after: int | None = None) -> AsyncIterator[list[Record]]:
        seen = after
        while not self._file.closed:
            records: list[Record] = []
            try:
                if seen is None:
                    seen = await self._file.read(lambda on, _: int(on.execute(_LAST).fetchone()[0]))
                else:
                    records = await self.query(stream, after=seen)
            except StoreDownError:  # it is waited for
                records = []
            if records:
                seen = records[-1].id
                yield records
            else:
                await asyncio.sleep(POLL_S)

    async def aclose(self) -> None:
        await self._file.aclose()
