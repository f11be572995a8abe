"""A response of the own client: the reader's side of a busy connection."""

from __future__ import annotations

from collections.abc import AsyncIterator

from modelway.errors import APIConnectionError
from modelway.ports import Headers
from modelway.transport.connection import Connection
from modelway.transport.inflate import Inflate, coding_of, inflated, too_large


class Http1Response:
    """A ``WireResponse``. What has arrived is handed over without waiting, joined into one piece.

    Cancelling a reader closes the socket: there is no telling what of the answer it had seen.
    """

    __slots__ = ("_connection", "_cut", "_inflate", "headers", "status")

    def __init__(self, connection: Connection) -> None:
        self._connection: Connection | None = connection
        self._cut = False
        self.status = connection.status
        self.headers: Headers = tuple(connection.headers)
        coding = coding_of(self.headers)
        self._inflate = None if coding is None else Inflate(coding)

    async def read(self) -> bytes:
        connection = self._connection
        if connection is None:
            if self._cut:
                raise _let_go()
            return b""
        if not connection.complete:
            connection.whole = True
            try:
                while not connection.complete and connection.failure is None:
                    await connection.wait()
            except BaseException:
                self._release(connection, cut=True)
                raise
        body = b"".join(connection.chunks)
        failure = connection.failure
        limit = connection.host.pool.limits.max_body_bytes
        self._release(connection, cut=failure is not None)
        if failure is not None:
            raise failure
        if len(body) > limit:
            raise too_large(limit)
        if self._inflate is not None:
            return self._inflate.rest(body, limit)
        return body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self if self._inflate is None else inflated(self._inflate, self)

    async def __anext__(self) -> bytes:
        connection = self._connection
        if connection is None:
            if self._cut:
                raise _let_go()
            raise StopAsyncIteration
        chunks = connection.chunks
        while not chunks:
            failure = connection.failure
            if failure is not None:
                self._release(connection, cut=True)
                raise failure
            if connection.complete:
                self._release(connection)
                raise StopAsyncIteration
            try:
                await connection.wait()
            except BaseException:
                self._release(connection, cut=True)
                raise
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        connection.buffered_bytes = 0
        if connection.complete:
            # the last piece: whoever stops at it must not cost a connection
            self._release(connection)
        return data

    async def aclose(self) -> None:
        connection = self._connection
        if connection is not None:
            self._release(connection, cut=True)

    def _release(self, connection: Connection, *, cut: bool = False) -> None:
        self._connection = None
        self._cut = cut
        connection.release()


def _let_go() -> APIConnectionError:
    return APIConnectionError("the answer was let go before it had been read", code="closed")
