"""The tables of a file, by version: each migration is plain SQL, and never changes once it is out."""

from __future__ import annotations

import sqlite3

from modelway.errors import ConfigError

APPLICATION_ID = 0x6D776179
"""Says in a file's head that it is ours: ``mway``."""
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE clock (
            one INTEGER PRIMARY KEY CHECK (one = 1), boot TEXT, awake_s REAL NOT NULL,
            since_boot_s REAL NOT NULL, seen_s REAL NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE counts (
            id INTEGER PRIMARY KEY AUTOINCREMENT, pool BLOB NOT NULL, until REAL NOT NULL,
            amount INTEGER NOT NULL, held INTEGER NOT NULL
        ) STRICT
        """,
        "CREATE INDEX counts_by_pool ON counts (pool, until, amount)",
        "CREATE INDEX counts_by_end ON counts (until)",
        """
        CREATE TABLE cache (
            id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, value BLOB NOT NULL,
            until REAL NOT NULL, bytes INTEGER NOT NULL
        ) STRICT
        """,
        "CREATE INDEX cache_by_end ON cache (until)",
        """
        CREATE TABLE cache_size (
            one INTEGER PRIMARY KEY CHECK (one = 1), bytes INTEGER NOT NULL
        ) STRICT
        """,
        "INSERT INTO cache_size VALUES (1, 0)",
        """
        CREATE TRIGGER cache_added AFTER INSERT ON cache BEGIN
            UPDATE cache_size SET bytes = bytes + new.bytes;
        END
        """,
        """
        CREATE TRIGGER cache_removed AFTER DELETE ON cache BEGIN
            UPDATE cache_size SET bytes = bytes - old.bytes;
        END
        """,
        """
        CREATE TABLE records (
            id INTEGER PRIMARY KEY AUTOINCREMENT, stream BLOB NOT NULL, key BLOB NOT NULL,
            time REAL NOT NULL, data BLOB NOT NULL, until REAL
        ) STRICT
        """,
        "CREATE INDEX records_by_stream ON records (stream)",
        "CREATE INDEX records_by_key ON records (stream, key)",
        "CREATE INDEX records_by_end ON records (until) WHERE until IS NOT NULL",
    ),
)


def migrate(connection: sqlite3.Connection, place: str) -> None:
    """Bring the tables up to date, inside the caller's transaction.

    ConfigError for a file that a newer modelway wrote, and for one that is not a store.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and (application or version or tables):
        raise ConfigError(
            f"{place} is a database of something else than modelway: name another file"
        )
    if version > len(MIGRATIONS):
        raise ConfigError(
            f"{place} was written by a newer modelway (its version is {version}, the latest known "
            f"here {len(MIGRATIONS)}): upgrade modelway, or name another file"
        )
    if version == len(MIGRATIONS):
        return
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
