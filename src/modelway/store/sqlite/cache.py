"""A cache in a file: what was put first is thrown out first."""

from __future__ import annotations

import sqlite3

from modelway.store.names import to_bytes
from modelway.store.sqlite.file import SqliteFile
from modelway.store.sqlite.machine import Now

ENTRY_BYTES = 100
"""What a value takes beyond its key's and its own bytes: its row, and its places in indexes."""
_DROP_ENDED = """
DELETE FROM cache WHERE id IN (SELECT id FROM cache WHERE until <= ? ORDER BY until LIMIT 100)
"""
_PUT = "INSERT INTO cache (key, value, until, bytes) VALUES (?, ?, ?, ?)"


class SqliteCache:
    """Values up to so many bytes in all, of which every process that opens the file has its bound."""

    def __init__(self, file: SqliteFile, *, most_bytes: int) -> None:
        self._file = file
        self._most_bytes = most_bytes

    async def get(self, key: str) -> bytes | None:
        def work(connection: sqlite3.Connection, now: Now) -> bytes | None:
            row = connection.execute(
                "SELECT value FROM cache WHERE key = ? AND until > ?", (to_bytes(key), now.time_s)
            ).fetchone()
            return None if row is None else bytes(row[0])

        return await self._file.read(work)

    async def put(self, key: str, value: bytes, *, life_s: float) -> None:
        name = to_bytes(key)
        size = len(name) + len(value) + ENTRY_BYTES

        def work(connection: sqlite3.Connection, now: Now) -> None:
            _drop(connection, name)
            connection.execute(_DROP_ENDED, (now.time_s,))
            if size <= self._most_bytes and life_s > 0:
                self._make_room(connection, size)
                connection.execute(_PUT, (name, value, now.time_s + life_s, size))

        await self._file.write(work)

    async def drop(self, key: str) -> None:
        await self._file.write(lambda connection, _: _drop(connection, to_bytes(key)))

    async def aclose(self) -> None:
        await self._file.aclose()

    def _make_room(self, connection: sqlite3.Connection, size: int) -> None:
        (held,) = connection.execute("SELECT bytes FROM cache_size").fetchone()
        excess, last = held + size - self._most_bytes, None
        if excess <= 0:
            return
        for last, freed in connection.execute("SELECT id, bytes FROM cache ORDER BY id"):  # noqa: B007
            excess -= freed
            if excess <= 0:
                break
        connection.execute("DELETE FROM cache WHERE id <= ?", (last,))


def _drop(connection: sqlite3.Connection, name: bytes) -> None:
    connection.execute("DELETE FROM cache WHERE key = ?", (name,))
