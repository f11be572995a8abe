"""One SQLite file, used from one thread: transactions, its time, and what can be wrong with it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeVar

from modelway.errors import ConfigError, StoreDownError
from modelway.store.outage import TO_FIX, opening
from modelway.store.sqlite.machine import Machine, Now, Offsets, now, offsets
from modelway.store.sqlite.schema import migrate

_T = TypeVar("_T")
Work: TypeAlias = Callable[[sqlite3.Connection, Now], _T]

_SEEN_EVERY_S = 1.0
"""How exactly the file knows what time it was last: for the next boot."""
_WAL_BYTES = 16 * 1024 * 1024
_DAMAGED = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))
_FAULTS = {
    sqlite3.SQLITE_FULL: "cannot grow, its disk is full: free some space",
    sqlite3.SQLITE_READONLY: "is read-only here: give this user the right to write it and its directory",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: see that its directory is there and can be written",
    sqlite3.SQLITE_IOERR: "cannot be read or written: see to its disk",
    sqlite3.SQLITE_CORRUPT: "is damaged: put back a copy, or remove it to begin with an empty one",
    sqlite3.SQLITE_NOTADB: "is not a SQLite database: name another file",
    sqlite3.SQLITE_PERM: "may not be opened: give this user the right to",
    sqlite3.SQLITE_AUTH: "may not be opened: give this user the right to",
}


class SqliteFile:
    """Runs work in transactions, one at a time in a thread of its own.

    StoreDownError after ``timeout_s``, however long others hold the file or calls stand in line.
    """

    def __init__(self, path: Path, *, timeout_s: float, machine: Machine) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._machine = machine
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="modelway-sqlite")
        self._connection: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None
        """Of the file that was opened: one of the same name may be another."""
        self._offsets = Offsets(None, 0.0, 0.0)
        self._seen_s = 0.0
        self.closed = False

    async def open(self) -> None:
        """Make or find the file; one that is only down now is found by the first call that can.

        ConfigError for one that is not a store we know, or cannot be where it is to be.
        """
        try:
            with opening():
                await self._in_thread(lambda _: self._connected())
        except BaseException:
            await self.aclose()
            raise

    async def write(self, work: Work[_T]) -> _T:
        """Do this alone among all processes, wholly or not at all."""
        return await self._in_thread(partial(self._transaction, work, True))

    async def read(self, work: Work[_T]) -> _T:
        """Do this, which only reads, beside whoever writes."""
        return await self._in_thread(partial(self._transaction, work, False))

    async def aclose(self) -> None:
        """Let go of the file, for all that use it through this; again: nothing."""
        if not self.closed:
            self.closed = True
            ended = asyncio.wrap_future(self._thread.submit(self._disconnect))
            self._thread.shutdown(wait=False)
            await asyncio.wait([ended], timeout=self._timeout_s)

    async def _in_thread(self, work: Callable[[threading.Event], _T]) -> _T:
        """``work`` is told when nobody waits for it any more."""
        if self.closed:
            raise StoreDownError(f"the store in {self._path} was closed: open it anew")
        left = threading.Event()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.wrap_future(self._thread.submit(work, left))
        except TimeoutError as error:
            raise self._busy() from error
        finally:
            left.set()

    # ------------------------------------------------------------ in the thread

    def _transaction(self, work: Work[_T], writes: bool, left: threading.Event) -> _T:
        try:
            connection = self._connected()
        except ConfigError as error:  # what must change is not what was called
            raise StoreDownError(error.message, code=TO_FIX) from error
        try:
            connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            try:
                self._go_on(left)
                moment = self._now(connection)
                if writes:
                    self._see(connection, moment)
                result = work(connection, moment)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.ProgrammingError:
            raise  # whoever called it did so wrongly
        except sqlite3.Error as error:
            raise self._down(error) from error
        return result

    def _go_on(self, left: threading.Event) -> None:
        """Begin nothing for one who has left while the file was held."""
        if left.is_set():
            raise self._busy()

    def _now(self, connection: sqlite3.Connection) -> Now:
        if self._machine.boot is None:
            (seen_s,) = connection.execute("SELECT seen_s FROM clock").fetchone()
            self._seen_s = max(self._seen_s, seen_s)
        return now(self._machine, self._offsets, self._seen_s)

    def _see(self, connection: sqlite3.Connection, moment: Now) -> None:
        if moment.time_s >= self._seen_s + _SEEN_EVERY_S:
            connection.execute("UPDATE clock SET seen_s = max(seen_s, ?)", (moment.time_s,))
            self._seen_s = moment.time_s

    def _connected(self) -> sqlite3.Connection:
        """The connection to the file of this name, made where there is none or the file another."""
        try:
            if self._inode is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            status = self._path.stat()
        except FileNotFoundError as error:
            raise StoreDownError(
                f"the store in {self._path} was removed: put it back, or restart to begin with an "
                "empty one"
            ) from error
        except OSError as error:
            said = f"the store in {self._path} cannot be opened: {error.strerror}"
            raise ConfigError(said) from error
        inode = (status.st_dev, status.st_ino)
        if self._connection is None or inode != self._inode:
            self._disconnect()
            try:
                self._connection = self._connect()
            except sqlite3.Error as error:
                if _code(error) in _DAMAGED:
                    raise ConfigError(self._fault(error)) from error
                raise self._down(error) from error
            self._inode = inode
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=self._timeout_s, isolation_level=None, check_same_thread=False
        )
        try:
            self._log_ahead(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
            connection.execute("BEGIN IMMEDIATE")
            migrate(connection, str(self._path))
            self._start_time(connection)
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection

    def _log_ahead(self, connection: sqlite3.Connection) -> None:
        """Several processes may do so at once, for which SQLite itself does not wait."""
        end = time.monotonic() + self._timeout_s
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
                time.sleep(0.005)
            else:
                return

    def _start_time(self, connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT boot, awake_s, since_boot_s, seen_s FROM clock").fetchone()
        self._seen_s = 0.0 if row is None else row[3]
        if row is not None and row[0] == self._machine.boot:
            self._offsets = Offsets(*row[:3])
            return
        self._offsets = offsets(self._machine, self._seen_s)
        self._seen_s = now(self._machine, self._offsets, self._seen_s).time_s
        connection.execute(
            "INSERT OR REPLACE INTO clock VALUES (1, ?, ?, ?, ?)", (*self._offsets, self._seen_s)
        )

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _down(self, error: sqlite3.Error) -> StoreDownError:
        if _code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return self._busy()
        self._disconnect()  # the next call begins anew
        return StoreDownError(self._fault(error))

    def _fault(self, error: sqlite3.Error) -> str:
        said = _FAULTS.get(_code(error), "cannot be used")
        return f"the store in {self._path} {said} ({error})"

    def _busy(self) -> StoreDownError:
        return StoreDownError(
            f"the store in {self._path} did not answer within {self._timeout_s:g} s: another process "
            "holds it, or its disk is slow"
        )


def _code(error: sqlite3.Error) -> int:
    """The kind of error, without its finer half; 0 for one of the module's own."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
