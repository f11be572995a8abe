"""A streamed answer in a thread's hands: handed over in batches, no faster than it is read."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from types import TracebackType
from typing import Self, TypeAlias

from modelway.chat_stream import ChatStream as AsyncChatStream
from modelway.chat_stream import text_of
from modelway.errors import ConfigError
from modelway.portal import Portal
from modelway.types import CallWarning, ChatResponse, StreamEvent, Usage

_MOST_WAITING = 32
"""Batches handed over and not yet taken, after which the upstream is no longer read."""

_Item: TypeAlias = list[StreamEvent] | BaseException | None


class ChatStream:
    """Asks when it is entered or first read. Use it as ``with``, then iterate or ``collect``."""

    def __init__(self, portal: Portal, stream: AsyncChatStream) -> None:
        self._portal = portal
        self._stream = stream
        self._handover: _Handover | None = None
        self._rest: Iterator[StreamEvent] = iter(())
        self._entered = False
        self._closed = False

    # ------------------------------------------------------------ reading

    def __enter__(self) -> Self:
        self._entered = True
        self._portal.run(self._stream.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[StreamEvent]:
        """The events, one by one. A loop that is left goes on in the next one, inside ``with``."""
        try:
            while True:
                yield from self._rest
                if not self._next():
                    return
        finally:
            self._left()

    def text(self) -> Iterator[str]:
        """Only the first choice's text, in pieces as they arrive."""
        try:
            while True:
                if text := text_of(self._rest):
                    yield text
                if not self._next():
                    return
        finally:
            self._left()

    def batches(self) -> Iterator[list[StreamEvent]]:
        """The events as they arrive: all that one read of the socket brought, never nothing."""
        try:
            while True:
                if batch := list(self._rest):
                    yield batch
                if not self._next():
                    return
        finally:
            self._left()

    def collect(self) -> ChatResponse:
        """Wait for the end; the whole answer, with what has been read already."""
        try:
            while self._handover is not None and self._next():
                pass
            return self._portal.run(self._stream.collect())
        finally:
            self._left()

    # ------------------------------------------------------------ what is known on the way

    @property
    def usage(self) -> Usage | None:
        """What has been said of it so far."""
        return self._stream.usage

    @property
    def warnings(self) -> tuple[CallWarning, ...]:
        """What was not sent as asked; known when the stream has begun."""
        return self._stream.warnings

    @property
    def deployment(self) -> str | None:
        """Who answers; known when the stream has begun."""
        return self._stream.deployment

    # ------------------------------------------------------------ going on, ending

    def _next(self) -> bool:
        handover = self._handover
        if handover is None:
            handover = self._handover = _Handover(self._portal, self._stream)
        try:
            batch = handover.take()
        except BaseException:  # Ctrl-C too
            self.close()
            raise
        if batch is None:
            self._closed = True
            return False
        self._rest = iter(batch)
        return True

    def _left(self) -> None:
        if not self._entered:
            self.close()

    def close(self) -> None:
        """Stop: the upstream's socket is closed unless the answer is whole. Safe at any time."""
        if self._closed or not self._portal.here:
            return
        self._closed = True
        if self._handover is not None:
            self._handover.stop()
        try:
            self._portal.run(self._stream.aclose())
        except ConfigError:
            return  # the client was closed before, and the socket with it

    def __del__(self) -> None:
        if self._closed or self._handover is None or not self._portal.here:
            return
        warnings.warn(
            f"{self!r} was left before its end: use it as `with client.stream(…)`",
            ResourceWarning,
            source=self,
            stacklevel=2,
        )
        self._handover.stop()


class _Handover:
    """A task that reads ahead on the portal's loop, and the queue it fills."""

    def __init__(self, portal: Portal, stream: AsyncChatStream) -> None:
        self._portal = portal
        self._stream = stream
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        self._room = asyncio.Event()
        self._paused = False
        self._over = False
        self._task: Future[None] = portal.submit(self._read())

    def take(self) -> list[StreamEvent] | None:
        """The next batch, ``None`` at the end; raises what the stream raised."""
        if self._over:
            return None
        if not self._portal.here:
            raise ConfigError("this stream belongs to the process that began it")
        item = self._queue.get()
        if self._paused and self._queue.qsize() <= _MOST_WAITING // 2:
            self._portal.loop.call_soon_threadsafe(self._room.set)
        if isinstance(item, list):
            return item
        self._over = True
        if item is not None:
            raise item
        return None

    def stop(self) -> None:
        """Cancel the reading, which closes the upstream's socket. Does not wait."""
        self._task.cancel()

    async def _read(self) -> None:
        end: BaseException | None = None
        try:
            async for batch in self._stream.batches():
                self._queue.put(batch)
                if self._queue.qsize() >= _MOST_WAITING:
                    await self._wait_for_room()
        except asyncio.CancelledError:
            end = ConfigError("the stream was closed while it was being read")
            raise
        except BaseException as error:  # noqa: BLE001  # raised again in the thread that reads
            end = error
        finally:
            try:
                await self._stream.aclose()
            finally:
                self._queue.put(end)

    async def _wait_for_room(self) -> None:
        self._room.clear()
        self._paused = True
        # the reader may have emptied the queue before it could see the pause
        if self._queue.qsize() > _MOST_WAITING // 2:
            await self._room.wait()
        self._paused = False
