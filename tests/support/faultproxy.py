"""A TCP proxy on loopback that misbehaves: latency, rate, cut, reset, black hole, refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from support.origin_server import reset

_READ_BYTES = 4096


@dataclass
class FaultProxy:
    """Stands before ``host:port``. Faults may be changed while it runs; they hold for new bytes."""

    host: str
    port: int
    latency_s: float = 0.0
    """Before every piece, either way."""
    bytes_per_s: float | None = None
    cut_after_bytes: int | None = None
    """Of the answer; then FIN."""
    reset_after_bytes: int | None = None
    """Of the answer; then RST."""
    black_hole: bool = False
    """Accept and read, never answer."""
    refuse: bool = False
    """RST to whoever connects."""
    connections: int = 0
    answered_bytes: int = 0
    """Of all connections, as sent on to clients."""
    listen_port: int = 0
    _server: asyncio.Server | None = None
    _handlers: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.listen_port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        handlers = list(self._handlers)
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        task.add_done_callback(self._handlers.discard)
        self.connections += 1
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuse:
            reset(writer)
            return
        if self.black_hole:
            while await reader.read(_READ_BYTES):
                pass
            return
        try:
            up_reader, up_writer = await asyncio.open_connection(self.host, self.port)
        except OSError:
            reset(writer)
            return
        asked = asyncio.create_task(self._pump(reader, up_writer, self._pass))
        answered = asyncio.create_task(
            self._pump(up_reader, writer, lambda piece: self._fault(piece, writer))
        )
        try:
            await asyncio.wait((asked, answered), return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
            answered.cancel()
            await asyncio.gather(asked, answered, return_exceptions=True)
            up_writer.close()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        check: Callable[[bytes], Awaitable[bytes | None]],
    ) -> None:
        while piece := await reader.read(_READ_BYTES):
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            passed = await check(piece)
            if passed is None:
                return
            writer.write(passed)
            await writer.drain()
            if self.bytes_per_s is not None:
                await asyncio.sleep(len(passed) / self.bytes_per_s)

    async def _pass(self, piece: bytes) -> bytes:
        return piece

    async def _fault(self, piece: bytes, writer: asyncio.StreamWriter) -> bytes | None:
        limits = [n for n in (self.cut_after_bytes, self.reset_after_bytes) if n is not None]
        if limits and self.answered_bytes + len(piece) >= min(limits):
            writer.write(piece[: max(0, min(limits) - self.answered_bytes)])
            await writer.drain()
            # a RST at once would take the bytes before it along
            await asyncio.sleep(0.01)
            if self.reset_after_bytes is not None:
                reset(writer)
            return None
        self.answered_bytes += len(piece)
        return piece
