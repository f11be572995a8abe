"""Notices that a client has left while its request is being answered.

A watcher per request would cost more than most of the gateway's own work, so only requests that
are older than one tick get one: a client that leaves is noticed within about 25 ms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

_TICK_S = 0.02


class Visit:
    """One request being answered."""

    __slots__ = ("left", "receive", "task", "watcher", "young")

    def __init__(
        self, receive: Callable[[], Awaitable[dict[str, Any]]], task: asyncio.Task[Any]
    ) -> None:
        self.receive = receive
        self.task = task
        self.watcher: asyncio.Task[None] | None = None
        self.young = True
        self.left = False

    async def watch(self) -> None:
        """Cancel the request's task once its client has left."""
        while (await self.receive())["type"] != "http.disconnect":
            pass
        self.left = True
        self.task.cancel()


class Presence:
    """The requests being answered."""

    def __init__(self) -> None:
        self.visits: set[Visit] = set()
        self._ticking = False
        self._loop: asyncio.AbstractEventLoop | None = None
        """Kept, because to ask for it costs a system call on Python 3.11."""

    def enter(self, receive: Callable[[], Awaitable[dict[str, Any]]]) -> Visit:
        loop = self._loop
        task = None if loop is None else asyncio.current_task(loop)
        if loop is None or task is None:  # the first visit, or one on another loop
            loop = self._loop = asyncio.get_running_loop()
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - an ASGI server calls from a task
        visit = Visit(receive, task)
        self.visits.add(visit)
        if not self._ticking:
            self._ticking = True
            loop.call_later(_TICK_S, self._tick)
        return visit

    def leave(self, visit: Visit) -> None:
        self.visits.discard(visit)
        if visit.watcher is not None:
            visit.watcher.cancel()

    def _tick(self) -> None:
        for visit in self.visits:
            if visit.young:
                visit.young = False
            elif visit.watcher is None:
                visit.watcher = asyncio.create_task(visit.watch())
        self._ticking = bool(self.visits)
        if self._ticking and self._loop is not None:
            self._loop.call_later(_TICK_S, self._tick)
