"""The transport that answers from a cassette. It opens no connection."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from modelway.clock import SystemClock
from modelway.errors import APIConnectionError
from modelway.ports import Clock, Headers, WireRequest
from modelway.transport.cassette.asking import asked
from modelway.transport.cassette.format import (
    Answered,
    Asked,
    Cassette,
    CassetteMissError,
    Exchange,
    bytes_of,
    error_of,
    read_cassette,
)
from modelway.transport.cassette.matching import Matching, key, nearest, normal
from modelway.transport.cassette.redaction import Redaction


class Player:
    """A ``Transport`` of recorded answers. Raises CassetteMissError for what was not recorded.

    The same request again gets the next recording of it, and after the last one the last one.
    ``speed`` 1.0 takes the time that it took, 2.0 half of it, and 0 none. A recording whose reader
    left plays what there is, and ends.
    """

    def __init__(
        self,
        cassette: Cassette | Path | str,
        *,
        matching: Matching = "strict",
        speed: float = 1.0,
        secrets: Iterable[str] = (),
        clock: Clock | None = None,
    ) -> None:
        if not isinstance(cassette, Cassette):
            cassette = read_cassette(cassette)
            for notice in cassette.notices:
                warnings.warn(notice, stacklevel=2)
        self.cassette = cassette
        self._matching = matching
        self._speed = speed
        self._redaction = Redaction(secrets)
        self._clock = clock or SystemClock()
        self._recorded: dict[bytes, list[Exchange]] = {}
        for _, exchange in cassette.recordings:
            known = key(normal(exchange.request, matching))
            self._recorded.setdefault(known, []).append(exchange)
        self._played: dict[bytes, int] = {}

    def holds(self, request: WireRequest) -> bool:
        """Whether there is an answer to it."""
        return key(normal(self._asked(request), self._matching)) in self._recorded

    async def send(self, request: WireRequest) -> PlayedResponse:
        wait = _Wait(self._clock, self._speed)
        exchange = self._next(self._asked(request))
        response = exchange.response
        if response is None:
            await wait.until(exchange.end_ms)
            raise _fault(exchange)
        await wait.until(response.head_ms)
        return PlayedResponse(exchange, response, wait)

    async def aclose(self) -> None:
        """Nothing is open."""

    def _asked(self, request: WireRequest) -> Asked:
        return asked(request, self._redaction.and_of(request))

    def _next(self, request: Asked) -> Exchange:
        wanted = key(normal(request, self._matching))
        exchanges = self._recorded.get(wanted)
        if exchanges is None:
            raise self._miss(request)
        position = self._played.get(wanted, 0)
        self._played[wanted] = position + 1
        return exchanges[min(position, len(exchanges) - 1)]

    def _miss(self, request: Asked) -> CassetteMissError:
        cassette = self.cassette
        near = nearest(request, cassette.recordings, self._matching)
        hint = "the nearest recordings:" if near else "it holds no exchange at all"
        return CassetteMissError(
            f"{request.method} {request.origin}{request.target} is not in the cassette "
            f"{cassette.path}; {hint}",
            nearest=near,
        )


class PlayedResponse:
    """A ``WireResponse`` out of a recording, as timed as it is wanted."""

    def __init__(self, exchange: Exchange, response: Answered, wait: _Wait) -> None:
        self.status = response.status
        self.headers: Headers = tuple(
            [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        )
        self._exchange = exchange
        self._chunks = iter(response.chunks)
        self._wait = wait
        self._over = False
        self._cut = False

    async def read(self) -> bytes:
        return b"".join([piece async for piece in self])

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._cut:
            raise APIConnectionError("the answer was let go before it had been read", code="closed")
        if self._over:
            raise StopAsyncIteration
        try:
            for chunk in self._chunks:
                await self._wait.until(chunk[0])
                if data := bytes_of(chunk):
                    return data
            await self._wait.until(self._exchange.end_ms)
        except BaseException:
            self._cut = True
            raise
        if self._exchange.failure is not None:
            self._cut = True
            raise _fault(self._exchange)
        self._over = True
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self._cut = self._cut or not self._over


class _Wait:
    """Waits until so much of the recorded time has passed."""

    def __init__(self, clock: Clock, speed: float) -> None:
        self._clock = clock
        self._speed = speed
        self._started = clock.monotonic()

    async def until(self, offset_ms: int) -> None:
        if self._speed <= 0:
            return
        due = self._started + offset_ms / 1000 / self._speed
        if (left_s := due - self._clock.monotonic()) > 0:
            await self._clock.sleep(left_s)


def _fault(exchange: Exchange) -> Exception:
    if exchange.failure is None:
        return APIConnectionError("the recording ends before an answer", code="closed")
    return error_of(exchange.failure)
