"""The ledger's tables in a store's file, by version: a migration never changes once it is out."""

from __future__ import annotations

import sqlite3

from modelway.errors import ConfigError

_PAYERS = """
CREATE TABLE ledger_payers (
    payer INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL, key TEXT NOT NULL, team TEXT NOT NULL, user TEXT NOT NULL,
    tags TEXT NOT NULL, UNIQUE (user, key, tags, team, tenant)
) STRICT
"""
_SHAPES = """
CREATE TABLE ledger_shapes (
    shape INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL, key TEXT NOT NULL, team TEXT NOT NULL, operation TEXT NOT NULL,
    stream INTEGER NOT NULL, asked TEXT NOT NULL, deployment TEXT NOT NULL, provider TEXT NOT NULL,
    model TEXT NOT NULL, service TEXT NOT NULL, price_version TEXT NOT NULL, basis TEXT NOT NULL,
    error TEXT NOT NULL, cache TEXT NOT NULL,
    UNIQUE (
        key, model, deployment, asked, basis, error, tenant, team, operation, stream, provider,
        service, price_version, cache
    )
) STRICT
"""
_ROWS = """
CREATE TABLE ledger_rows (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, shape INTEGER NOT NULL,
    payer INTEGER NOT NULL, time REAL NOT NULL, reserved_pico_usd INTEGER, same INTEGER NOT NULL,
    cost_pico_usd INTEGER, expected_pico_usd INTEGER, saved_pico_usd INTEGER,
    took_us INTEGER, first_us INTEGER,
    input_tokens INTEGER, output_tokens INTEGER, cached_tokens INTEGER, cache_write_tokens INTEGER,
    cache_write_1h_tokens INTEGER, reasoning_tokens INTEGER, input_audio_tokens INTEGER,
    output_audio_tokens INTEGER, search_units INTEGER
) STRICT
"""
_SUMS = """
CREATE TABLE {table} (
    step INTEGER NOT NULL, {of} INTEGER NOT NULL,
    attempts INTEGER NOT NULL, errors INTEGER NOT NULL,
    cost_high INTEGER NOT NULL, cost_low INTEGER NOT NULL,
    open_high INTEGER NOT NULL, open_low INTEGER NOT NULL,
    estimated_high INTEGER NOT NULL, estimated_low INTEGER NOT NULL, unpriced INTEGER NOT NULL,
    saved_high INTEGER NOT NULL, saved_low INTEGER NOT NULL, hits INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, took_us INTEGER NOT NULL,
    PRIMARY KEY (step, {of})
) STRICT, WITHOUT ROWID
"""
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        _PAYERS,
        _SHAPES,
        _ROWS,
        "CREATE INDEX ledger_rows_by_time ON ledger_rows (time)",
        _SUMS.format(table="ledger_shape_days", of="shape"),
        _SUMS.format(table="ledger_payer_days", of="payer"),
        _SUMS.format(table="ledger_shape_hours", of="shape"),
        """
        CREATE TABLE ledger_state (
            one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL,
            swept INTEGER NOT NULL
        ) STRICT
        """,
        "INSERT INTO ledger_state VALUES (1, 0, 0)",
    ),
)
_HAS_BEGUN = "SELECT count(*) FROM sqlite_schema WHERE name = 'ledger_state'"


def migrate(connection: sqlite3.Connection, place: str) -> None:
    """Bring the tables up to date, inside the caller's transaction. ConfigError for newer ones."""
    version = 0
    if connection.execute(_HAS_BEGUN).fetchone()[0]:
        (version,) = connection.execute("SELECT version FROM ledger_state").fetchone()
    if version > len(MIGRATIONS):
        raise ConfigError(
            f"the ledger in {place} was written by a newer modelway (its version is {version}, the "
            f"latest known here {len(MIGRATIONS)}): upgrade modelway, or name another file"
        )
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            connection.execute(statement)
    if version < len(MIGRATIONS):
        connection.execute("UPDATE ledger_state SET version = ?", (len(MIGRATIONS),))
