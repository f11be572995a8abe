"""A thread with an event loop of its own, on which other threads run coroutines and wait for them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from modelway.errors import ConfigError

Result = TypeVar("Result")

_LONGEST_END_S = 5.0


class Portal:
    """Started when it is made. It is of use in the process that made it, and in no fork of that."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = _new_loop()
        # its own, because asyncio ends its default one by a thread, which at exit cannot be started
        self._executor = ThreadPoolExecutor(thread_name_prefix="modelway-names")
        self.loop.set_default_executor(self._executor)
        self._ended = False
        self._waited_for: set[concurrent.futures.Future[Any]] = set()
        self._thread = threading.Thread(target=self._run, name="modelway", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Wait for it. What interrupts the wait (Ctrl-C) cancels the coroutine."""
        future = self.submit(coroutine)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise ConfigError("the client was closed while it was being used") from None
        finally:
            future.cancel()

    @property
    def here(self) -> bool:
        """Whether this is the process that made it; a fork has the object, and not the thread."""
        return self.pid == os.getpid()

    def submit(self, coroutine: Coroutine[Any, Any, Result]) -> concurrent.futures.Future[Result]:
        """Start it, in the caller's context."""
        if not self.here:
            coroutine.close()
            raise ConfigError("this belongs to the process that began it: begin it anew in a fork")
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise ConfigError(
                "a sync client was called from its own thread, as from an observer: "
                "that would wait for itself"
            )
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        except RuntimeError:
            coroutine.close()
            raise ConfigError("the client is closed") from None
        self._waited_for.add(future)
        future.add_done_callback(self._waited_for.discard)
        if self._ended:
            future.cancel()
        return future

    def close(self) -> None:
        """Cancel what runs and end the thread. Safe to repeat."""
        if self.loop.is_closed():
            return
        try:
            self.loop.call_soon_threadsafe(self.loop.stop)
        except RuntimeError:
            return
        if threading.current_thread() is not self._thread:
            self._thread.join(_LONGEST_END_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            tasks = asyncio.all_tasks(self.loop)
            for task in tasks:
                task.cancel()
            ended = asyncio.gather(*tasks, return_exceptions=True)
            self.loop.run_until_complete(ended)
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self._executor.shutdown(wait=False, cancel_futures=True)
            asyncio.set_event_loop(None)
            self.loop.close()
            self._ended = True
            for future in list(self._waited_for):
                future.cancel()  # came too late to be run


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415  # an extra, and not on Windows
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
