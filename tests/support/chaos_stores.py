"""Stores that go away and come back: locked, stalled with their connections open, or restarted."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from support.servers_postgres import PostgresServer
from support.servers_valkey import ValkeyServer

KINDS = (
    "sqlite locked",
    "valkey stalled",
    "valkey restarted",
    "postgres stalled",
    "postgres restarted",
)

_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
connection.execute("begin exclusive")
print("locked", flush=True)
sys.stdin.read()
"""


class Outage(NamedTuple):
    """A store's URL, and what takes it away and brings it back; both block."""

    url: str
    away: Callable[[], None]
    back: Callable[[], None]

    async def begin(self) -> None:
        await asyncio.to_thread(self.away)

    async def end(self) -> None:
        await asyncio.to_thread(self.back)


class SqliteLock:
    """Another process that holds a database for itself."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._process: subprocess.Popen[str] | None = None

    def take(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LOCK, self._file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "locked\n"

    def release(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.communicate(timeout=20)


@contextlib.contextmanager
def outage(
    kind: str, folder: Path, postgres: PostgresServer, valkey: ValkeyServer
) -> Iterator[Outage]:
    """What is still away when the block ends comes back."""
    match kind.split():
        case ["sqlite", "locked"]:
            lock = SqliteLock(folder / "shared.sqlite")
            found = Outage(f"sqlite://{folder / 'shared.sqlite'}", lock.take, lock.release)
        case ["valkey", "stalled"]:
            found = Outage(valkey.url, valkey.stall, valkey.go_on)
        case ["valkey", "restarted"]:
            found = Outage(valkey.url, valkey.stop, lambda: _ensure(valkey))
        case ["postgres", "stalled"]:
            url = postgres.url(asyncio.run(postgres.new_database()))
            found = Outage(url, postgres.freeze, postgres.thaw)
        case _:
            url = postgres.url(asyncio.run(postgres.new_database()))
            found = Outage(url, postgres.stop, postgres.ensure)
    try:
        yield found
    finally:
        found.back()


def _ensure(valkey: ValkeyServer) -> None:
    if valkey._process is None:
        valkey.start()
