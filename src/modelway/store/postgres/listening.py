"""Wakes who watches a stream when something was added: a hint, which their own looking makes up for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import asyncpg

from modelway.store.postgres.connections import Connections
from modelway.store.postgres.faults import FAULTS

_CHANNEL = "modelway_records"
_AGAIN_S = (0.5, 1.0, 2.0, 5.0)
"""Between tries to connect."""
_CHECK_S = 15.0
"""Between looks whether the connection is alive: one that is cut silently says nothing by itself."""


class Listener:
    """One connection that listens, as long as anybody waits; none where a pooler would lose it."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._waiting: dict[str, list[asyncio.Event]] = {}
        self._task: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def waiting(self, stream: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever something was added to the stream, or may have been."""
        added = asyncio.Event()
        self._waiting.setdefault(stream, []).append(added)
        if self._task is None and not self._connections.pooled:
            self._task = asyncio.create_task(self._listen())
        try:
            yield added
        finally:
            events = self._waiting[stream]
            events.remove(added)
            if not events:
                del self._waiting[stream]
            if not self._waiting and self._task is not None:
                self._task.cancel()
                self._task = None

    async def aclose(self) -> None:
        """Wake everybody, and stop."""
        self._wake()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _listen(self) -> None:
        failures = 0
        while not self._connections.closed:
            try:
                connection = await self._connections.connect(self._connections.timeout_s)
            except FAULTS:
                await asyncio.sleep(_AGAIN_S[min(failures, len(_AGAIN_S) - 1)])
                failures += 1
                continue
            failures = 0
            try:
                await self._hear(connection)
            except FAULTS:
                await asyncio.sleep(_AGAIN_S[0])
            finally:
                connection.terminate()

    async def _hear(self, connection: asyncpg.Connection) -> None:
        """Until the connection ends."""
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        async with asyncio.timeout(self._connections.timeout_s):
            await connection.add_listener(_CHANNEL, self._heard)
        self._wake()  # for what was added while nobody listened
        while not lost.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CHECK_S):
                    await lost.wait()
                    return
            async with asyncio.timeout(self._connections.timeout_s):
                await connection.execute("select 1")

    def _heard(self, _connection: object, _process: int, _channel: str, stream: object) -> None:
        for added in self._waiting.get(str(stream), ()):
            added.set()

    def _wake(self) -> None:
        for events in self._waiting.values():
            for added in events:
                added.set()
