"""The transport that writes down what passes through another."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from modelway.clock import SystemClock
from modelway.errors import LLMError
from modelway.ports import Clock, Headers, Transport, WireRequest, WireResponse
from modelway.transport.cassette import file
from modelway.transport.cassette.asking import asked
from modelway.transport.cassette.format import (
    Answered,
    CassetteWriteError,
    Exchange,
    Failure,
    Source,
    chunk_of,
    failure_of,
    line_of,
)
from modelway.transport.cassette.redaction import Redaction


class Recorder:
    """A ``Transport`` that appends every exchange to a cassette when it is over.

    ``secrets`` are removed wherever they stand, beside whatever looks like a key; ``source`` says
    which provider a request goes to. What cannot be written breaks no call: it is logged at once,
    and ``aclose`` raises CassetteWriteError. A request that was cancelled before its answer had
    begun is not recorded.
    """

    def __init__(
        self,
        transport: Transport,
        path: Path | str,
        *,
        secrets: Iterable[str] = (),
        source: Callable[[WireRequest], Source | None] = lambda _: None,
        clock: Clock | None = None,
    ) -> None:
        self.path = Path(path)
        self.recorded = 0
        self._transport = transport
        self._redaction = Redaction(secrets)
        self._source = source
        self._clock = clock or SystemClock()
        self._lost = 0
        self._fault = ""
        file.check_writable(self.path)

    async def send(self, request: WireRequest) -> WireResponse:
        taping = _Taping(request, self._clock, self._write)
        try:
            response = await self._transport.send(request)
        except LLMError as error:
            taping.failed(error)
            raise
        return RecordedResponse(response, taping)

    async def aclose(self) -> None:
        await self._transport.aclose()
        lost, self._lost = self._lost, 0
        if lost:
            count = "1 exchange is" if lost == 1 else f"{lost} exchanges are"
            raise CassetteWriteError(f"{count} not in the cassette {self.path}: {self._fault}")

    def _write(self, taping: _Taping) -> None:
        request = taping.request
        redaction = self._redaction.and_of(request)
        response, failure = taping.response, taping.failure
        pieces = redaction.pieces([data for _, data in taping.chunks])
        exchange = Exchange(
            request=asked(request, redaction),
            response=None
            if response is None
            else Answered(
                status=response.status,
                head_ms=taping.head_ms,
                headers=redaction.response_headers(response.headers),
                chunks=tuple(
                    [
                        chunk_of(at_ms, piece)
                        for (at_ms, _), piece in zip(taping.chunks, pieces, strict=True)
                    ]
                ),
            ),
            end=taping.end,
            end_ms=taping.now_ms(),
            failure=None
            if failure is None
            else Failure(
                error=failure.error,
                message=redaction.cleaned(failure.message.encode()).decode(),
                code=failure.code,
            ),
            provider=self._source(request),
            recorded_at=datetime.fromtimestamp(self._clock.time(), UTC).isoformat("T", "seconds"),
        )
        self._append(line_of(exchange))

    def _append(self, line: bytes) -> None:
        try:
            file.append(self.path, line)
        except OSError as error:
            self._lost += 1
            self._fault = error.strerror or type(error).__name__
        else:
            self.recorded += 1
            return
        said = "an exchange cannot be written to the cassette %s: %s"
        logging.getLogger("modelway").error(said, self.path, self._fault)


class _Taping:
    """One exchange on its way, written when it is over."""

    def __init__(
        self, request: WireRequest, clock: Clock, write: Callable[[_Taping], None]
    ) -> None:
        self.request = request
        self.response: WireResponse | None = None
        self.head_ms = 0
        self.chunks: list[tuple[int, bytes]] = []
        self.end: Literal["complete", "left", "failed"] = "complete"
        self.failure: Failure | None = None
        self._clock = clock
        self._started = clock.monotonic()
        self._write: Callable[[_Taping], None] | None = write

    def now_ms(self) -> int:
        return round((self._clock.monotonic() - self._started) * 1000)

    def head(self, response: WireResponse) -> None:
        self.response = response
        self.head_ms = self.now_ms()

    def chunk(self, data: bytes) -> None:
        self.chunks.append((self.now_ms(), data))

    def failed(self, error: LLMError) -> None:
        """An error that is no outcome, such as a header that cannot be sent, is nothing to play."""
        self.failure = failure_of(error)
        if self.failure is None:
            self._write = None
        self.over("failed")

    def over(self, end: Literal["complete", "left", "failed"]) -> None:
        write, self._write = self._write, None
        if write is not None:
            self.end = end
            write(self)


class RecordedResponse:
    """A ``WireResponse`` that is written down as it is read."""

    def __init__(self, response: WireResponse, taping: _Taping) -> None:
        self.status = response.status
        self.headers: Headers = response.headers
        self._response = response
        self._pieces: AsyncIterator[bytes] | None = None
        self._taping = taping
        taping.head(response)

    async def read(self) -> bytes:
        try:
            body = await self._response.read()
        except LLMError as error:
            self._taping.failed(error)
            raise
        except BaseException:
            self._taping.over("left")
            raise
        if body:
            self._taping.chunk(body)
        self._taping.over("complete")
        return body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._pieces is None:
            self._pieces = aiter(self._response)
        try:
            piece = await anext(self._pieces)
        except StopAsyncIteration:
            self._taping.over("complete")
            raise
        except LLMError as error:
            self._taping.failed(error)
            raise
        except BaseException:
            self._taping.over("left")
            raise
        self._taping.chunk(piece)
        return piece

    async def aclose(self) -> None:
        self._taping.over("left")
        await self._response.aclose()
