"""Responses that clients asked to keep, by id: whose they are, who holds them, what was said.

A response's provider keeps it too where it speaks the Responses API; then the deployment that made it
is remembered, and goes on with it. Everywhere else, what was said is put before what is said next.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from modelway.errors import NotFoundError, OverloadedError
from modelway.types import Message

FILE = "responses.sqlite"
"""Its name in the state directory of an installation."""
LIFE_S = 30 * 86_400.0
"""As long as OpenAI keeps them. Source: https://platform.openai.com/docs/guides/your-data, 2026-11-21."""
MOST = 100_000
"""Responses that are kept; past it the oldest go."""
_LONGEST_CHAIN = 1000
_T = TypeVar("_T")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS responses (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, deployment TEXT, previous TEXT,
    input BLOB NOT NULL, messages BLOB NOT NULL, body BLOB NOT NULL, until REAL NOT NULL
) STRICT
"""


class Kept(Struct, frozen=True, kw_only=True):
    """One response."""

    id: str
    tenant: str
    deployment: str | None = None
    """Whose provider keeps it as well."""
    previous: str | None = None
    input: bytes = b"[]"
    """As the client wrote it."""
    messages: tuple[Message, ...] = ()
    """What this turn said: the client's input, without instructions, and the answer."""
    body: bytes = b"{}"
    """The whole response, as the client was given it."""


class Responses:
    """A table in one file, or in memory for ``None``. Opened at first use; safe in several processes.

    OverloadedError for a file that is damaged, full or not to be reached; the log says how.
    """

    def __init__(
        self, path: Path | None = None, *, life_s: float = LIFE_S, most: int = MOST
    ) -> None:
        self._path = path
        self._life_s = life_s
        self._most = most
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    async def keep(self, response: Kept) -> bool:
        """Keep it, or keep it anew; False where another tenant has this id, which stays as it is."""
        return await _in_thread(lambda: self._keep(response))

    async def find(self, id_: str, tenant: str) -> Kept:
        """The tenant's response of this id; NotFoundError for none, and for one of somebody else."""
        return await _in_thread(lambda: self._find(id_, tenant))

    async def said(self, id_: str, tenant: str) -> tuple[Message, ...]:
        """Everything that was said up to and with this response."""
        return await _in_thread(lambda: self._said(id_, tenant))

    async def forget(self, id_: str, tenant: str) -> Kept:
        """Delete it; what it was."""
        return await _in_thread(lambda: self._forget(id_, tenant))

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    # ------------------------------------------------------------ in a thread

    def _keep(self, response: Kept) -> bool:
        row = (
            response.id,
            response.tenant,
            response.deployment,
            response.previous,
            response.input,
            msgspec.msgpack.encode(response.messages),
            response.body,
            time.time() + self._life_s,
        )
        with self._lock, self._open() as connection:
            connection.execute("DELETE FROM responses WHERE until < ?", (time.time(),))
            kept = connection.execute(
                "INSERT INTO responses VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE "
                "SET input = excluded.input, messages = excluded.messages, body = excluded.body, "
                "until = excluded.until WHERE tenant = excluded.tenant",
                row,
            )
            connection.execute(
                "DELETE FROM responses WHERE rowid IN "
                "(SELECT rowid FROM responses ORDER BY until DESC LIMIT -1 OFFSET ?)",
                (self._most,),
            )
        return kept.rowcount > 0

    def _find(self, id_: str, tenant: str) -> Kept:
        with self._lock, self._open() as connection:
            row = connection.execute(
                "SELECT id, tenant, deployment, previous, input, messages, body FROM responses "
                "WHERE id = ? AND tenant = ? AND until >= ?",
                (id_, tenant, time.time()),
            ).fetchone()
        if row is None:
            raise NotFoundError(
                f"no response {id_[:100]!r} is kept here: ask for one with store: true first",
                param="previous_response_id",
                code="response_not_found",
            )
        *said, messages, body = row
        return Kept(
            **dict(zip(("id", "tenant", "deployment", "previous", "input"), said, strict=True)),
            messages=msgspec.msgpack.decode(messages, type=tuple[Message, ...]),
            body=body,
        )

    def _said(self, id_: str, tenant: str) -> tuple[Message, ...]:
        turns: list[Sequence[Message]] = []
        before: str | None = id_
        seen: set[str] = set()
        while before is not None and before not in seen and len(turns) < _LONGEST_CHAIN:
            seen.add(before)
            kept = self._find(before, tenant)
            turns.append(kept.messages)
            before = kept.previous
        return tuple([message for turn in reversed(turns) for message in turn])

    def _forget(self, id_: str, tenant: str) -> Kept:
        kept = self._find(id_, tenant)
        with self._lock, self._open() as connection:
            connection.execute("DELETE FROM responses WHERE id = ? AND tenant = ?", (id_, tenant))
        return kept

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            place = ":memory:" if self._path is None else str(self._path)
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._path.touch(mode=0o600)
            connection = sqlite3.connect(place, check_same_thread=False, timeout=10)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(_SCHEMA)
            self._connection = connection
        return self._connection


async def _in_thread(work: Callable[[], _T]) -> _T:
    try:
        return await asyncio.to_thread(work)
    except (sqlite3.Error, OSError, msgspec.DecodeError) as error:
        logging.getLogger("modelway").warning("%s cannot be used: %s", FILE, error)
        raise OverloadedError(
            "the responses that are kept here cannot be read or written now; the gateway's log says why"
        ) from error
