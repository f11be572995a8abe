"""A ledger in one file, for all processes of one machine; it may be a store's file too."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from modelway.ledger.gently import gently
from modelway.ledger.store.columns import check, columns
from modelway.ledger.store.sqlite import asking, removing, writing
from modelway.ledger.store.sqlite.schema import migrate
from modelway.ledger.values import Group, LedgerRow, Where
from modelway.store.sqlite.file import SqliteFile
from modelway.store.sqlite.machine import this_machine

_READ_S = 120.0
"""For a report: it holds up nobody but who asked for it."""
_PAGE_ROWS = 1000


class _File(SqliteFile):
    """A store's file with the ledger's tables in it."""

    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        try:
            connection.execute("BEGIN IMMEDIATE")
            migrate(connection, str(self._path))
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection


class _Read(SqliteFile):
    """The same for who only reads, and so waits for nobody who writes."""

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=self._timeout_s, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA query_only = ON")
        return connection


async def open_sqlite_ledger(path: Path, *, timeout_s: float = 10.0) -> SqliteLedger:
    """The ledger in this file, which is made where there is none, for its owner's eyes only.

    ConfigError for a file that is damaged, newer or something else's, and a place where none can be.
    """
    machine = this_machine()
    written = _File(path, timeout_s=timeout_s, machine=machine)
    await written.open()
    return SqliteLedger(written, _Read(path, timeout_s=max(timeout_s, _READ_S), machine=machine))


class SqliteLedger:
    """``LedgerStore``. What is written waits for no report: each has a connection of its own."""

    def __init__(self, written: SqliteFile, read: SqliteFile) -> None:
        self._written = written
        self._read = read
        self._writer = writing.Writer()

    async def add(self, rows: Sequence[LedgerRow]) -> None:
        def work(connection: sqlite3.Connection, _: object) -> None:
            self._writer.add(connection, [columns(row) for row in gently(rows)])

        if rows:
            await self._written.write(work)

    async def groups(
        self, by: Sequence[str], where: Where, *, time_zone: str = "UTC", limit: int = 10_000
    ) -> list[Group]:
        check(by, where, time_zone)
        return await self._read.read(
            lambda on, _: asking.groups(on, by, where, time_zone, max(limit, 0))
        )

    async def rows(self, where: Where, *, newest: bool = False) -> AsyncIterator[list[LedgerRow]]:
        check((), where)
        at: tuple[float, int] | None = None
        while page := await self._page(where, newest, at):
            yield [row for _, row in page]
            at = page[-1][0]

    async def rerate(self, costs: Sequence[tuple[str, int, str]]) -> int:
        done = 0
        for start in range(0, len(costs), removing.GROUP_ROWS):
            some = costs[start : start + removing.GROUP_ROWS]
            done += await self._written.write(
                lambda on, _, some=some: removing.rerate(on, self._writer, some)  # type: ignore[misc]
            )
        return done

    async def remove(self, where: Where) -> int:
        check((), where)
        removed, after = 0, 0
        while True:
            last = after
            gone, next_ = await self._written.write(
                lambda on, _, last=last: removing.remove(on, self._writer, where, last)  # type: ignore[misc]
            )
            removed += gone
            if next_ is None:
                break
            after = next_
        if removed:
            await self._written.write(lambda on, _: removing.sweep(on))
        return removed

    async def aclose(self) -> None:
        await self._written.aclose()
        await self._read.aclose()

    async def _page(
        self, where: Where, newest: bool, at: tuple[float, int] | None
    ) -> list[tuple[tuple[float, int], LedgerRow]]:
        return await self._read.read(lambda on, _: asking.page(on, where, newest, at, _PAGE_ROWS))
