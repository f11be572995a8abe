"""The schema ``modelway``: what a database lacks of it is made by who comes first."""

from __future__ import annotations

from importlib import resources

import asyncpg

from modelway.errors import ConfigError

_LOCK = """
set local statement_timeout = '30s';
set local lock_timeout = '30s';
select pg_advisory_xact_lock(hashtextextended('modelway migrations', 0));
"""
# asked of tables, not of to_regclass: that may not know yet what another made while we waited
_HAS_BEGUN = """
select exists (
    select from pg_catalog.pg_tables where schemaname = 'modelway' and tablename = 'migrations'
)
"""
_RIGHTS = """
select exists (select from pg_catalog.pg_namespace where nspname = 'modelway'),
    has_database_privilege(current_database(), 'CREATE'), current_database(), current_user
"""
_BEGINNING = """
create table modelway.migrations (
    version int primary key, applied_at timestamptz not null default now()
);
"""


def migrations() -> list[str]:
    """Each takes the schema from the version that is its index to the next."""
    folder = resources.files(__package__) / "migrations"
    files = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    return [file.read_text() for file in sorted(files, key=lambda file: file.name)]


async def version(connection: asyncpg.Connection) -> int:
    """0 where there is nothing yet."""
    if not await connection.fetchval(_HAS_BEGUN):
        return 0
    found: int | None = await connection.fetchval("select max(version) from modelway.migrations")
    return found or 0


def is_newest(found: int) -> bool:
    """Whether nothing need be done. Raises ConfigError for a schema newer than this modelway."""
    known = len(migrations())
    if found > known:
        raise ConfigError(
            f"the schema modelway of the PostgreSQL database has version {found}, and this "
            f"modelway knows {known}: upgrade modelway here, or give it a database of its own"
        )
    return found == known


async def migrate(connection: asyncpg.Connection) -> None:
    """Bring the schema up to date, all or nothing; whoever else does is waited for."""
    async with connection.transaction(isolation="read_committed"):
        await connection.execute(_LOCK)
        found = await version(connection)
        if is_newest(found):
            return
        if not found:
            await _make_schema(connection)
            await connection.execute(_BEGINNING)
        for number, statements in enumerate(migrations()[found:], found + 1):
            await connection.execute(statements)
            await connection.execute("insert into modelway.migrations values ($1)", number)


async def _make_schema(connection: asyncpg.Connection) -> None:
    """One that an owner has made for us is as good: asked for it, we would need the right all the same."""
    there, may, database, role = await connection.fetchrow(_RIGHTS)
    if not there and not may:
        raise ConfigError(
            f"the role {role} may not make the schema modelway in the database {database} of the store "
            f'on PostgreSQL; as an owner run: GRANT CREATE ON DATABASE "{database}" TO "{role}"'
        )
    if not there:
        await connection.execute("create schema modelway")
