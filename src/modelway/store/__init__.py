"""State that processes share: leases, cache and records, in memory, SQLite, PostgreSQL or Valkey."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from modelway.ports import Cache, Leases, Records


class Store(NamedTuple):
    """One place for all three, and how to let go of it."""

    leases: Leases
    cache: Cache
    records: Records
    aclose: Callable[[], Awaitable[None]]
