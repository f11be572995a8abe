"""State that processes share: leases, cache and records, in memory, SQLite, PostgreSQL or Valkey."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from modelway.ports import Cache, Leases, Records

CACHE_BYTES = 256 * 1024 * 1024
"""The bound of a cache that processes share, where none is said."""


class Store(NamedTuple):
    """One place for all three, and how to let go of it."""

    leases: Leases
    cache: Cache
    records: Records
    aclose: Callable[[], Awaitable[None]]
