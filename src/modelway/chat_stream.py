"""A streamed answer in a program's hands: typed events as they arrive, or all of it at once."""

from __future__ import annotations

import asyncio
import os
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from types import TracebackType
from typing import Self

import msgspec

from modelway.call import EventStream, Reply
from modelway.errors import StreamInterruptedError
from modelway.fold import Fold
from modelway.types import CallWarning, ChatResponse, Start, StreamEvent, TextDelta, Usage


class ChatStream:
    """Asks when it is first waited for. Use it as ``async with``, then iterate or ``collect``.

    Without ``async with`` the loop over it is the whole of it: leaving the loop closes the socket.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[Reply]],
        price: Callable[[ChatResponse, Reply], ChatResponse] | None = None,
    ) -> None:
        self._ask = ask
        self._price = price
        self._reply: Reply | None = None
        self._events: EventStream | None = None
        self._arriving: AsyncIterator[list[StreamEvent]] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0
        self._entered = False
        self._closed = False
        self._ended = False
        self._kept: list[list[StreamEvent]] = []
        self._rest: Iterator[StreamEvent] = iter(())
        self._started = 0.0
        self._begun_s = 0.0
        self._first_token_s: float | None = None
        self._latency_s: float | None = None

    # ------------------------------------------------------------ reading

    async def __aenter__(self) -> Self:
        self._entered = True
        try:
            await self._begin()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def __aiter__(self) -> AsyncIterator[StreamEvent]:
        """The events, one by one. A loop that is left goes on in the next one, inside ``async with``."""
        try:
            while True:
                for event in self._rest:
                    yield event
                if not await self._next():
                    return
        finally:
            await self._left()

    async def text(self) -> AsyncIterator[str]:
        """Only the first choice's text, in pieces as they arrive."""
        try:
            while True:
                if text := text_of(self._rest):
                    yield text
                if not await self._next():
                    return
        finally:
            await self._left()

    async def batches(self) -> AsyncIterator[list[StreamEvent]]:
        """The events as they arrive: all that one read of the socket brought, never nothing."""
        try:
            while True:
                if batch := list(self._rest):
                    yield batch
                if not await self._next():
                    return
        finally:
            await self._left()

    async def collect(self) -> ChatResponse:
        """Wait for the end; the whole answer, with what has been read already."""
        try:
            while await self._next():
                pass
        finally:
            await self._left()
        return self._response()

    # ------------------------------------------------------------ what is known on the way

    @property
    def usage(self) -> Usage | None:
        """What has been said of it so far."""
        return self._events.usage if self._events else None

    @property
    def warnings(self) -> tuple[CallWarning, ...]:
        """What was not sent as asked; known when the stream has begun."""
        return self._reply.warnings if self._reply else ()

    @property
    def deployment(self) -> str | None:
        """Who answers; known when the stream has begun."""
        return self._reply.deployment.id if self._reply else None

    # ------------------------------------------------------------ beginning, going on, ending

    async def _begin(self) -> AsyncIterator[list[StreamEvent]]:
        if self._closed:
            raise StreamInterruptedError("the stream was closed before its end")
        if self._arriving is None:
            self._loop = asyncio.get_running_loop()
            self._pid = os.getpid()
            self._started = time.monotonic()
            self._reply = await self._ask()
            if self._reply.events is None:
                raise TypeError("a typed request was answered with bytes")
            self._events = self._reply.events
            self._arriving = aiter(self._events)
            self._begun_s = time.monotonic() - self._started
        return self._arriving

    async def _next(self) -> bool:
        """Fetch the next batch into ``_rest``; whether there was one."""
        if self._ended:
            return False
        if self._closed:
            raise self._cut()
        arriving = self._arriving or await self._begin()
        try:
            batch = await anext(arriving)
        except StopAsyncIteration:
            self._latency_s = time.monotonic() - self._started
            self._ended = self._closed = True
            return False
        except BaseException:
            self._closed = True
            raise
        if self._first_token_s is None and not isinstance(batch[-1], Start):
            # the first batch was there when the stream began, whenever it is read
            now_s = time.monotonic() - self._started
            self._first_token_s = now_s if self._kept else self._begun_s
        self._kept.append(batch)
        self._rest = iter(batch)
        return True

    async def _left(self) -> None:
        """A loop over this is over. Without an ``async with`` nobody else will close it."""
        if not self._entered:
            await self.aclose()

    async def aclose(self) -> None:
        """Stop: the upstream's socket is closed unless the answer is whole. Safe at any time."""
        self._closed = True
        if self._events is not None:
            await self._events.aclose()

    def __del__(self) -> None:
        events, loop = self._events, self._loop
        if self._closed or events is None or loop is None or loop.is_closed():
            return
        if self._pid != os.getpid():
            return  # a fork leaves its parent's sockets alone
        warnings.warn(
            f"{self!r} was left before its end: use it as `async with client.stream(…)`",
            ResourceWarning,
            source=self,
            stacklevel=2,
        )
        asyncio.run_coroutine_threadsafe(events.aclose(), loop)

    # ------------------------------------------------------------ the whole

    def _response(self) -> ChatResponse:
        folding = Fold()
        for batch in self._kept:
            for event in batch:
                folding.add(event)
        response = folding.response()
        reply = self._reply
        if reply is None:
            return response
        response = msgspec.structs.replace(
            response,
            provider=reply.deployment.provider.name,
            deployment=reply.deployment.id,
            request_id=reply.request_id,
            warnings=reply.warnings,
            trace=reply.trace,
            latency_s=self._latency_s,
            time_to_first_token_s=self._first_token_s,
        )
        return response if self._price is None else self._price(response, reply)

    def _cut(self) -> StreamInterruptedError:
        error = StreamInterruptedError("the stream was closed before its end")
        error.partial = self._response() if self._kept else None
        return error


def text_of(events: Iterable[StreamEvent]) -> str:
    """The first choice's text among the events."""
    return "".join(
        [event.text for event in events if isinstance(event, TextDelta) and event.choice == 0]
    )
