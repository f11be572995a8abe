"""A store's connections, for statements that look at many rows, with the ledger's tables beside its own."""

from __future__ import annotations

import asyncio
from importlib import resources

import asyncpg

from modelway.errors import ConfigError
from modelway.store.postgres.connections import WORK_S, Connections, Row

_LOCK = "select pg_advisory_xact_lock(hashtextextended('modelway ledger migrations', 0))"
_BEGINNING = """
create table if not exists modelway.ledger_migrations (
    version int primary key, applied_at timestamptz not null default now()
)
"""
_VERSION = "select coalesce(max(version), 0) from modelway.ledger_migrations"
_HAS_BEGUN = """
select exists (
    select from pg_catalog.pg_tables where schemaname = 'modelway' and tablename = 'ledger_migrations'
)
"""
_SETTINGS = """
set local search_path = pg_catalog; set local enable_seqscan = on; set local enable_bitmapscan = on;
set local enable_sort = on; set local statement_timeout = {ms}
"""
"""A store's calls find single rows; these do not."""


class LedgerConnections(Connections):
    """``fetch`` is one statement in a transaction of its own, over in about ``timeout_s``."""

    async def _run(
        self,
        connection: asyncpg.Connection,
        query: str,
        arguments: tuple[object, ...],
        timeout_s: float,
    ) -> list[Row]:
        async with connection.transaction(isolation="read_committed"):
            await connection.execute(_SETTINGS.format(ms=max(round(timeout_s * 1000), 1)))
            rows: list[Row] = await connection.fetch(query, *arguments)
        return rows

    async def _prepare(self) -> None:
        await super()._prepare()
        self._is_ready = False  # nobody has looked meanwhile: there was nothing to wait for
        async with asyncio.timeout(WORK_S):
            connection = await self.connect(WORK_S)
            try:
                await _migrate(connection)
                await connection.close()
            finally:
                connection.terminate()
        self._is_ready = True


async def _migrate(connection: asyncpg.Connection) -> None:
    """All or nothing; whoever else does is waited for."""
    folder = resources.files(__package__) / "migrations"
    files = sorted(
        [file for file in folder.iterdir() if file.name.endswith(".sql")],
        key=lambda file: file.name,
    )
    async with connection.transaction(isolation="read_committed"):
        if await connection.fetchval(_HAS_BEGUN):
            found = await connection.fetchval(_VERSION)
            if found == len(files):
                return
        await connection.execute(_LOCK)
        await connection.execute(_BEGINNING)
        found = await connection.fetchval(_VERSION)
        if found > len(files):
            raise ConfigError(
                f"the ledger in the PostgreSQL database has version {found}, and this modelway knows "
                f"{len(files)}: upgrade modelway here, or give it a database of its own"
            )
        for number, file in enumerate(files[found:], found + 1):
            await connection.execute(file.read_text())
            await connection.execute("insert into modelway.ledger_migrations values ($1)", number)
