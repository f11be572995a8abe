"""Identical calls that are open at once share one answer: the first asks and pays, the others listen.

Only where it is asked for. The answer's life does not hang on who asked first: it ends early when
nobody listens any more. Whose budget would not pay for it has refused nobody but itself.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Sized
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from modelway.call import Call, Reply, Settled, Stream
from modelway.errors import BudgetExceededError, LLMError, StreamInterruptedError
from modelway.policies import fingerprint
from modelway.ports import Handler
from modelway.types import Usage

MOST_BYTES = 8 * 1024 * 1024
"""Of a streamed answer that is kept for those who listen more slowly than it comes."""
_LEFT = "left"
_EVENT_BYTES = 64
"""What a decoded event counts, beside its text."""
_encode = msgspec.json.Encoder(order="deterministic").encode
_OPERATIONS = frozenset(("chat", "complete", "embed", "rerank", "count_tokens"))


def key(call: Call, *whose: bytes) -> bytes:
    """A name for all that is asked, in which form, and how the answer is to be made."""
    options = replace(call.options, priority=0, max_wait_s=None, unit=None, trace=False)
    form = b"stream" if call.stream else b"whole"
    return fingerprint.key(call, form, _encode(options), *whose)


class SingleFlight:
    """``__call__`` is a middleware. One event loop uses it.

    Within a tenant, or ``shared_by`` fewer: who has no user then shares with nobody.
    """

    def __init__(
        self,
        *,
        always: bool = False,
        most_bytes: int = MOST_BYTES,
        shared_by: Literal["tenant", "key", "user"] = "tenant",
    ) -> None:
        self._always = always
        self._most_bytes = most_bytes
        self._shared_by = shared_by
        self._flights: dict[bytes, _Flight] = {}

    @property
    def open_flights(self) -> int:
        return len(self._flights)

    def __call__(self, call: Call, inner: Handler) -> Awaitable[Reply]:
        asked = call.options.single_flight
        if not (self._always if asked is None else asked) or call.operation not in _OPERATIONS:
            return inner(call)
        match self._shared_by:
            case "tenant":
                return self._shared(call, inner)
            case "key":
                return self._shared(call, inner, b"key:" + call.key.encode(errors="surrogatepass"))
            case _:
                user = call.payer.user
                return (
                    self._shared(call, inner, b"user:" + user.encode(errors="surrogatepass"))
                    if user
                    else inner(call)
                )

    async def _shared(self, call: Call, inner: Handler, *whose: bytes) -> Reply:
        name = key(call, *whose)
        flight = self._flights.get(name)
        if flight is not None and flight.joinable:
            try:
                return await flight.join(call)
            except BudgetExceededError:  # of who asked first
                return await inner(call)
        asks = replace(call, options=replace(call.options, trace=True))
        flight = _Flight(asks, inner, self._most_bytes, lambda: self._landed(name, flight))
        self._flights[name] = flight
        return await flight.join(call)

    def _landed(self, name: bytes, flight: _Flight | None) -> None:
        if self._flights.get(name) is flight:
            del self._flights[name]


class _Flight:
    """One call under way, and what has come of it."""

    def __init__(
        self, call: Call, inner: Handler, most_bytes: int, landed: Callable[[], None]
    ) -> None:
        self.joinable = True
        self.items: list[Any] = []
        self.first = 0
        """The number of the oldest item that is kept."""
        self.error: LLMError | None = None
        self.over = False
        self.usage: Usage | None = None
        self.stream: Stream | None = None
        self._most_bytes = most_bytes
        self._bytes = 0
        self._landed = landed
        self._listeners: set[_Shared] = set()
        self._joined = 0
        self._used = False
        self._news = asyncio.Event()
        self._reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._reply.add_done_callback(_retrieved)
        self._task = asyncio.create_task(self._fly(call, inner))

    async def join(self, call: Call) -> Reply:
        """The answer, or a listener's own view of its stream."""
        self._joined += 1
        waiting = True
        try:
            reply = await asyncio.shield(self._reply)
            waiting = False
        except LLMError as error:
            raise copy.copy(error) from error  # each raises its own, whose trace is its own
        finally:
            if waiting:
                self._left()
        if reply.trace is not None:
            trace = replace(reply.trace, call=call.id) if call.options.trace else None
            reply = replace(reply, trace=trace)
        if self.stream is None:
            self._joined -= 1
            return replace(reply, usage=self.used(reply.usage))
        shared = _Shared(self)
        self._listeners.add(shared)
        return replace(reply, **{_name(reply): shared})

    def used(self, usage: Usage | None) -> Usage | None:
        """This usage for the first who has heard all, and none for the others: it was used once."""
        first, self._used = not self._used, True
        return usage if first else None

    def leave(self, listener: _Shared) -> None:
        """A listener has heard enough."""
        if listener in self._listeners:
            self._listeners.discard(listener)
            self._left()

    def _left(self) -> None:
        self._joined -= 1
        if self._joined == 0 and not self.over:
            self.joinable = False
            self._landed()
            self._task.cancel()

    async def news(self) -> None:
        """Wait for more, or for the end."""
        await self._news.wait()

    async def _fly(self, call: Call, inner: Handler) -> None:
        try:
            reply = await inner(call)
            self.stream = reply.chunks or reply.events
            if self.stream is None:
                self._end(None)
            self._reply.set_result(reply)
            if self.stream is not None:
                await self._follow(reply)
        except LLMError as error:
            self._end(error)
            if not self._reply.done():
                self._reply.set_exception(error)
        except BaseException as error:
            self._end(StreamInterruptedError("nobody listens any more", code=_LEFT))
            if not self._reply.done():
                if isinstance(error, asyncio.CancelledError):
                    self._reply.cancel()
                else:
                    self._reply.set_exception(error)
            if not isinstance(error, Exception):
                raise

    async def _follow(self, reply: Reply) -> None:
        """Keep what comes for who listens. What all have heard and nobody can join is let go."""
        stream = reply.chunks or reply.events
        assert stream is not None  # noqa: S101 - it is followed because it is there
        try:
            async for item in stream:
                self.items.append(item)
                self._bytes += _size(item)
                if self._bytes > self._most_bytes:
                    self.joinable = False
                    self._landed()
                    self._trim()
                self._wake()
        finally:
            self.usage = stream.usage
            await stream.aclose()
        self._end(None)

    def _trim(self) -> None:
        """Let go of what everybody has heard; a listener that is too far behind is let go itself."""
        while self._bytes > self._most_bytes and self.items:
            slow = [one for one in self._listeners if one.position <= self.first]
            for listener in slow if len(slow) < len(self._listeners) or len(self.items) > 1 else ():
                listener.cut = True
            self._bytes -= _size(self.items.pop(0))
            self.first += 1

    def _end(self, error: LLMError | None) -> None:
        self.error = error
        self.over = True
        self.joinable = False
        self._landed()
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


class _Shared:
    """One listener's view of a stream; it settles as if it were its own.

    Only that of the first who hears its end has a usage: what was used was used once.
    """

    def __init__(self, flight: _Flight) -> None:
        self.usage: Usage | None = None
        self.finished = False
        self.on_settled: list[Settled] = []
        self.on_batch: list[Callable[[Sized], None]] = []
        self.position = 0
        self.cut = False
        self._flight = flight
        self._settled = False

    @property
    def billed(self) -> bool:
        stream = self._flight.stream
        return self.usage is not None and stream is not None and stream.billed

    @property
    def received_chars(self) -> int | None:
        stream = self._flight.stream
        return None if stream is None else stream.received_chars

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        flight = self._flight
        while self.position >= flight.first + len(flight.items):
            if flight.over:
                raise self._over()
            await flight.news()
        if self.cut or self.position < flight.first:
            raise self._failed(
                StreamInterruptedError("this client read too slowly for an answer that is shared")
            )
        item = flight.items[self.position - flight.first]
        self.position += 1
        if isinstance(item, list):
            item = list(item)  # who listens may change it
        for told in self.on_batch:
            told(item)
        return item

    def _over(self) -> BaseException:
        error = self._flight.error
        if not self._settled:
            self.usage = self._flight.used(self._flight.usage)
        if error is not None:
            return self._failed(copy.copy(error))
        self.finished = True
        self._settle(None)
        return StopAsyncIteration()

    def _failed(self, error: LLMError) -> LLMError:
        self._settle(error)
        return error

    def _settle(self, error: LLMError | None) -> None:
        if self._settled:
            return
        self._settled = True
        for told in self.on_settled:
            told(self.usage, error)
        self._flight.leave(self)

    async def aclose(self) -> None:
        self._settle(StreamInterruptedError("the reader left", code=_LEFT))


def _name(reply: Reply) -> str:
    return "chunks" if reply.chunks is not None else "events"


def _size(item: Any) -> int:
    if isinstance(item, bytes):
        return len(item)
    return sum([_EVENT_BYTES + len(getattr(event, "text", "")) for event in item])


def _retrieved(future: asyncio.Future[Reply]) -> None:
    """An error that nobody waited for is no fault of the program."""
    if not future.cancelled():
        future.exception()
