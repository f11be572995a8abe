"""The models in memory: loaded when first asked, once each, the least recently used let go."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from modelway.errors import APIConnectionError

if TYPE_CHECKING:
    from modelway.local.engine import Engine


class Key(NamedTuple):
    """What is loaded: a model is loaded apart for embeddings."""

    path: Path
    embeddings: bool = False


class Lease:
    """A loaded model in use; it stays in memory until ``release``."""

    def __init__(self, entry: _Entry, engine: Engine, pool: Pool) -> None:
        self.engine = engine
        self._entry: _Entry | None = entry
        self._pool = pool

    def release(self) -> None:
        """Safe to repeat."""
        entry, self._entry = self._entry, None
        if entry is not None:
            self._pool.done(entry)


class _Entry:
    def __init__(self, loading: asyncio.Task[Engine]) -> None:
        self.loading = loading
        self.users = 0


class Pool:
    """At most ``limit`` models; who needs one more waits until one is idle."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._freeing = 0
        self._changed = asyncio.Event()
        self._closed = False

    async def lease(self, key: Key, load: Callable[[], Awaitable[Engine]]) -> Lease:
        """The model, loaded by ``load`` unless it is there. A caller who leaves does not undo it."""
        entry = await self._entry(key, load)
        entry.users += 1
        try:
            engine = await asyncio.shield(entry.loading)
        except BaseException:
            self.done(entry)
            raise
        return Lease(entry, engine, self)

    async def _entry(self, key: Key, load: Callable[[], Awaitable[Engine]]) -> _Entry:
        while not self._closed:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
                return entry
            if len(self._entries) + self._freeing < self._limit:
                return self._begin(key, load)
            idle = next((one for one, entry in self._entries.items() if not entry.users), None)
            if idle is not None:
                await self._drop(idle)
            else:
                self._changed.clear()
                await self._changed.wait()
        raise APIConnectionError("the engine was closed", code="closed")

    def _begin(self, key: Key, load: Callable[[], Awaitable[Engine]]) -> _Entry:
        entry = self._entries[key] = _Entry(asyncio.ensure_future(load()))

        def loaded(task: asyncio.Task[Engine]) -> None:
            if (task.cancelled() or task.exception()) and self._entries.get(key) is entry:
                del self._entries[key]
            self._changed.set()

        entry.loading.add_done_callback(loaded)
        return entry

    def done(self, entry: _Entry) -> None:
        """One user less."""
        entry.users -= 1
        self._changed.set()

    async def _drop(self, key: Key) -> None:
        entry = self._entries.pop(key)
        self._freeing += 1
        try:
            await asyncio.shield(_freed(entry))
        finally:
            self._freeing -= 1
            self._changed.set()

    async def aclose(self) -> None:
        """Free all, also those that are in use. Safe to repeat."""
        self._closed = True
        self._changed.set()
        for key in list(self._entries):
            await self._drop(key)


async def _freed(entry: _Entry) -> None:
    with contextlib.suppress(Exception):
        engine = await entry.loading
        await asyncio.to_thread(engine.free)
