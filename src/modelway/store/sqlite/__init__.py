"""A store in one file, for all processes of one machine."""

from __future__ import annotations

from pathlib import Path

from modelway.store import CACHE_BYTES, Store
from modelway.store.sqlite.cache import SqliteCache
from modelway.store.sqlite.file import SqliteFile
from modelway.store.sqlite.leases import SqliteLeases
from modelway.store.sqlite.machine import Machine, this_machine
from modelway.store.sqlite.records import SqliteRecords

__all__ = ["SqliteCache", "SqliteFile", "SqliteLeases", "SqliteRecords", "open_sqlite"]


async def open_sqlite(
    path: Path,
    *,
    timeout_s: float = 1.0,
    cache_bytes: int = CACHE_BYTES,
    machine: Machine | None = None,
) -> Store:
    """The store in this file, which is made where there is none, for its owner's eyes only.

    ConfigError for a file that is damaged, newer or something else's, and a place where none can be. One
    that others hold, or whose disk is full, raises nothing here: its calls do, until it is there.
    """
    file = SqliteFile(path, timeout_s=timeout_s, machine=machine or this_machine())
    await file.open()
    return Store(
        SqliteLeases(file),
        SqliteCache(file, most_bytes=cache_bytes),
        SqliteRecords(file),
        file.aclose,
    )
