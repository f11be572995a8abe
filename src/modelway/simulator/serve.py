"""The simulator over real HTTP on loopback: a small server of its own, so no extra is needed.

HTTP/1.1 with keep-alive, one request of a connection at a time. It is a test double, not the
gateway's server.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from collections import deque
from collections.abc import AsyncIterator
from http import HTTPStatus
from types import TracebackType
from typing import Self

import httptools

from modelway.simulator.app import MAX_BODY_BYTES, Simulator
from modelway.simulator.playing import Cut, SimulatedResponse
from modelway.simulator.script import Script

_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}


@contextlib.asynccontextmanager
async def serve(
    simulator: Simulator | Script | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[str]:
    """Serve on the running loop for as long as the block lasts; gives ``http://host:port``.

    OpenAI's clients want ``/v1`` after it, Anthropic's do not. OSError when the port is taken.
    """
    simulator = simulator if isinstance(simulator, Simulator) else Simulator(simulator)
    connections: set[_Connection] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(simulator, connections), host, port)
    bound = server.sockets[0].getsockname()[1]
    try:
        yield f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}"
    finally:
        server.close()
        tasks = [each.task for each in connections if each.task is not None]
        for connection in list(connections):
            connection.abort()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # lets the aborted connections close
        await server.wait_closed()


class SimulatorThread:
    """The same on a thread with its own loop, for programs that have none; a context manager."""

    base_url: str

    def __init__(
        self,
        simulator: Simulator | Script | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.simulator = simulator if isinstance(simulator, Simulator) else Simulator(simulator)
        self._host = host
        self._port = port
        self._failure: BaseException | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="modelway-simulator", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: asyncio.Event | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._loop is not None and self._done is not None:
            self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:  # noqa: BLE001  raised again in the thread that waits
            self._failure = failure
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        async with serve(self.simulator, self._host, self._port) as self.base_url:
            self._ready.set()
            await self._done.wait()


class _Connection(asyncio.Protocol):
    """One client's connection: parses requests, plays responses out in order."""

    def __init__(self, simulator: Simulator, connections: set[_Connection]) -> None:
        self._simulator = simulator
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[str, str, tuple[tuple[bytes, bytes], ...], bytes, bool]] = (
            deque()
        )
        self._writable = asyncio.Event()
        self._writable.set()
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._aborted = False
        self.task: asyncio.Task[None] | None = None

    # ------------------------------------------------------------ asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's is no subclass
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.abort()
        except httptools.HttpParserError:
            self._write(
                b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            self._close()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        self._connections.discard(self)
        self._transport = None
        self._writable.set()
        if self.task is not None and not self.task.done():
            self._simulator.disconnects += 0 if self._aborted else 1
            self.task.cancel()

    # ------------------------------------------------------------ httptools

    def on_message_begin(self) -> None:
        self._target, self._headers, self._body, self._body_bytes = b"", [], [], 0

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if (b"expect", b"100-continue") in self._headers:
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes <= MAX_BODY_BYTES + len(body):  # what is too large is only counted
            self._body.append(body)

    def on_message_complete(self) -> None:
        self._waiting.append(
            (
                self._parser.get_method().decode(),
                self._target.decode("latin-1"),
                tuple(self._headers),
                b"".join(self._body),
                self._parser.should_keep_alive(),
            )
        )
        if self.task is None:
            self.task = asyncio.get_running_loop().create_task(self._answer())

    # ------------------------------------------------------------ answering

    async def _answer(self) -> None:
        try:
            while self._waiting:
                method, target, headers, body, keep = self._waiting.popleft()
                response = self._simulator.handle(method, target, headers, body)
                if not await self._play(response, head_only=method == "HEAD", keep_alive=keep):
                    self._close()
                    return
            self.task = None
        except BaseException:
            self._close()
            raise

    async def _play(
        self, response: SimulatedResponse, *, head_only: bool, keep_alive: bool
    ) -> bool:
        """Send a response; false when the connection must not be used again."""
        if response.dropped:
            return False
        await _wait(response.delay_s)
        self._write(_head(response, keep_alive=keep_alive))
        chunked = response.length is None
        for step in () if head_only else response.steps:
            await self._writable.wait()
            match step:
                case bytes():
                    self._write(_chunk(step) if chunked else step)
                case Cut():
                    # A chunk of twice its length: what is missing can be told from what is there.
                    size = b"%x\r\n" % max(1, 2 * len(step.torn)) if chunked else b""
                    self._write(size + step.torn)
                    return False
                case _:
                    await _wait(step)
        if chunked and not head_only:
            self._write(b"0\r\n\r\n")
        await self._writable.wait()
        return keep_alive

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Break the connection now."""
        self._aborted = True
        if self._transport is not None:
            self._transport.abort()
        if self.task is not None:
            self.task.cancel()


def _head(response: SimulatedResponse, *, keep_alive: bool) -> bytes:
    reason = _REASONS.get(response.status, b"Unknown")
    lines = [b"HTTP/1.1 %d %b" % (response.status, reason)]
    lines += [name + b": " + value for name, value in response.headers]
    if response.length is None:
        lines.append(b"transfer-encoding: chunked")
    else:
        lines.append(b"content-length: %d" % response.length)
    if not keep_alive:
        lines.append(b"connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def _wait(seconds: float) -> None:
    if seconds == math.inf:
        await asyncio.get_running_loop().create_future()  # until the connection is lost
    elif seconds:
        await asyncio.sleep(seconds)
