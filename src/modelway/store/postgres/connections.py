"""Connections to one PostgreSQL that the ports share: a call is one step, and bounded in time."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections.abc import AsyncIterator
from typing import TypeAlias

import asyncpg

from modelway.errors import ConfigError, StoreDownError
from modelway.store.outage import TO_FIX, Outage
from modelway.store.postgres.address import read_address
from modelway.store.postgres.faults import FAULTS, is_to_fix, told
from modelway.store.postgres.migrating import is_newest, migrate, version

Row: TypeAlias = asyncpg.Record

MOST_CONNECTIONS = 4
"""For calls; one more listens where something is watched, and one sweeps now and then."""
WORK_S = 30.0
"""For what nobody waits for: making the schema, sweeping."""

_MOMENT_S = 0.02
_SETTINGS = {
    "search_path": "pg_catalog",
    # plans are kept from when tables were empty, where reading them through was the cheapest
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_sort": "off",
    "jit": "off",
}


class Connections:
    """Opened when needed, kept while they work, and thrown away for the least doubt."""

    def __init__(self, url: str, *, timeout_s: float, chance: random.Random) -> None:
        self.timeout_s = timeout_s
        self.closed = False
        self._address = read_address(url)
        self.pooled = self._address.pooled
        """Each transaction may have another session: what is to hold for one is said in it."""
        self._outage = Outage(chance)
        self._slots = asyncio.Semaphore(MOST_CONNECTIONS)
        self._idle: list[asyncpg.Connection] = []
        self._preparing: asyncio.Task[None] | None = None
        self._is_ready = False
        self._stepped = -math.inf

    async def fetch(self, query: str, *arguments: object) -> list[Row]:
        """A statement in a transaction of its own. Raises StoreDownError."""
        with self._outage.attempt():
            try:
                async with _within(self.timeout_s):
                    await self._ready()
                    async with self._slots:
                        return await self._fetch(query, arguments)
            except FAULTS as error:
                raise self._failure(error) from error

    async def step(self, query: str, *arguments: object) -> list[Row]:
        """The same for a step, whose first argument is the most that can have passed since the last.

        By our own clock, which nobody sets: so the server knows one that was set forward.
        """
        now = asyncio.get_running_loop().time()
        since_s = now - self._stepped + self.timeout_s + _MOMENT_S
        rows = await self.fetch(query, since_s, *arguments)
        self._stepped = max(self._stepped, now)
        return rows

    async def work(self, query: str, *arguments: object) -> list[Row]:
        """The same by a connection of its own, for what takes long; its failure says nothing."""
        try:
            async with asyncio.timeout(WORK_S):
                connection = await self.connect(WORK_S)
                try:
                    rows = await self._run(connection, query, arguments, WORK_S)
                    await connection.close()
                finally:
                    connection.terminate()
                return rows
        except FAULTS as error:
            raise self._failure(error) from error

    async def connect(self, timeout_s: float) -> asyncpg.Connection:
        """Another connection, that is the caller's. Raises what FAULTS has."""
        if self.closed:
            raise asyncpg.InterfaceError("closed")
        async with asyncio.timeout(timeout_s):
            connection = await self._connect()
            try:
                if not self.pooled:
                    isolation = "set default_transaction_isolation = 'read committed';"
                    await connection.execute(isolation + _settings("set", timeout_s))
            except BaseException:
                connection.terminate()
                raise
            return connection

    async def aclose(self) -> None:
        self.closed = True
        if self._preparing is not None:
            self._preparing.cancel()
            await asyncio.wait([self._preparing])
        idle, self._idle = self._idle, []
        with contextlib.suppress(*FAULTS):
            async with asyncio.timeout(self.timeout_s):
                await asyncio.gather(*[connection.close() for connection in idle])
        for connection in idle:
            connection.terminate()

    async def _connect(self) -> asyncpg.Connection:
        try:
            return await asyncpg.connect(
                self._address.url,
                timeout=WORK_S,  # the caller's is what counts
                statement_cache_size=0 if self.pooled else 100,
            )
        except ValueError as error:
            if isinstance(error, FAULTS):
                raise
            # its words may have a part of the password in them
            raise ConfigError(
                "the URL of the store on PostgreSQL has a value that asyncpg cannot use"
            ) from None

    async def _fetch(self, query: str, arguments: tuple[object, ...]) -> list[Row]:
        connection = self._kept() or await self.connect(self.timeout_s)
        try:
            rows = await self._run(connection, query, arguments, self.timeout_s)
        except BaseException:
            # given up in the middle, too: what it would answer is another call's
            connection.terminate()
            raise
        self._keep(connection)
        return rows

    async def _run(
        self,
        connection: asyncpg.Connection,
        query: str,
        arguments: tuple[object, ...],
        timeout_s: float,
    ) -> list[Row]:
        if not self.pooled:
            rows: list[Row] = await connection.fetch(query, *arguments)
            return rows
        await connection.execute(
            "begin isolation level read committed;" + _settings("set local", timeout_s)
        )
        rows = await connection.fetch(query, *arguments)
        await connection.execute("commit")
        return rows

    def _kept(self) -> asyncpg.Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            connection.terminate()
        return None

    async def _ready(self) -> None:
        """Wait for the schema, which is looked at once, by a task that outlives who waits for it.

        One that is gone later is not made anew: what was spent would be forgotten.
        """
        if self._is_ready:
            return
        if self._preparing is None or self._preparing.done():
            self._preparing = asyncio.create_task(self._prepare())
            self._preparing.add_done_callback(_retrieve)
        try:
            await asyncio.shield(self._preparing)
        except asyncio.CancelledError:
            if self._preparing.cancelled():
                raise asyncpg.InterfaceError("closed") from None
            raise

    async def _prepare(self) -> None:
        async with asyncio.timeout(self.timeout_s) as limit:
            connection = await self.connect(self.timeout_s)
            try:
                async with connection.transaction(isolation="read_committed"):
                    found = await version(connection)
                if not is_newest(found):
                    limit.reschedule(asyncio.get_running_loop().time() + WORK_S)
                    await migrate(connection)
            except BaseException:
                connection.terminate()
                raise
        self._is_ready = True
        self._keep(connection)

    def _keep(self, connection: asyncpg.Connection) -> None:
        if self.closed:
            connection.terminate()
        else:
            self._idle.append(connection)

    def _failure(self, error: Exception) -> StoreDownError:
        for connection in self._idle:
            connection.terminate()
        self._idle.clear()
        said = told(error, self._address.place, self._address.user, self.timeout_s)
        return StoreDownError(said, code=TO_FIX if is_to_fix(error) else None)


@contextlib.asynccontextmanager
async def _within(timeout_s: float) -> AsyncIterator[None]:
    """Raises TimeoutError when time is up and, seen again a moment later, nothing has come.

    Where this process stood still itself, the answer is there, to be read in that moment.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:
        due = loop.call_later(timeout_s, lambda: limit.reschedule(loop.time() + _MOMENT_S))
        try:
            yield
        finally:
            due.cancel()


def _settings(verb: str, timeout_s: float) -> str:
    limits = {
        # an open transaction is between two statements of one call
        name: str(max(round(timeout_s * 1000), 1))
        for name in ("statement_timeout", "idle_in_transaction_session_timeout")
    }
    return "".join(
        [f"{verb} {name} = '{value}';" for name, value in {**_SETTINGS, **limits}.items()]
    )


def _retrieve(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()
