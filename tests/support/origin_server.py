"""A scripted origin on loopback: it answers with the raw bytes it is given, and remembers."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from modelway.ports import Origin

Step = bytes | float | str
"""Bytes to send, seconds to wait, or ``close`` / ``reset``."""

Script = Callable[["Conversation"], Awaitable[None]]


@dataclass
class Received:
    """A request as it came over the wire; of an absolute-form target only the path."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


@dataclass
class Conversation:
    """One request on one connection, for scripts that need more than steps."""

    request: Received
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    """The request's position on this connection, from 0."""

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()


@dataclass
class OriginServer:
    """Answers the n-th request with the n-th answer, and all later ones with the last."""

    answers: Sequence[bytes | Sequence[Step] | Script]
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    read_bodies: bool = True
    port: int = 0
    proxy_port: int = 0
    """Where the same server plays the proxy in front of itself."""
    connections: int = 0
    open_connections: int = 0
    requests: list[Received] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a client has closed a connection."""
    handlers: set[asyncio.Task[None]] = field(default_factory=set)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def origin(self) -> Origin:
        return Origin("http" if self.tls is None else "https", self.host, self.port)

    async def drop_connections(self) -> None:
        """Close what is open, as a server does with connections idle for too long."""
        for writer in self.writers:
            writer.close()
        self.writers.clear()
        await asyncio.sleep(0)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.handlers.add(task)
        task.add_done_callback(self.handlers.discard)
        self.connections += 1
        self.open_connections += 1
        self.writers.append(writer)
        try:
            number = 0
            while (request := await self.receive(reader, writer)) is not None:
                self.requests.append(request)
                await self.answer(Conversation(request, reader, writer, number))
                number += 1
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open_connections -= 1
            self.closed.set()
            writer.close()

    async def receive(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Received | None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = await reader.readline()
            if not line:
                return None
            head += line
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        method, target, _ = first.split(" ")
        if method == "CONNECT":
            assert self.tls is not None
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await writer.start_tls(self.tls)
            return await self.receive(reader, writer)
        if target.startswith("http://"):
            target = "/" + target.removeprefix("http://").partition("/")[2]
        headers = [
            (name.lower(), value.strip()) for name, _, value in (x.partition(":") for x in lines)
        ]
        length = next((int(value) for name, value in headers if name == "content-length"), 0)
        body = await reader.readexactly(length) if self.read_bodies else b""
        return Received(method, target, headers, body)

    async def answer(self, conversation: Conversation) -> None:
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if callable(answer):
            await answer(conversation)
            return
        writer = conversation.writer
        for step in (answer,) if isinstance(answer, bytes) else answer:
            match step:
                case bytes():
                    writer.write(step)
                    await writer.drain()
                case "close":
                    writer.close()
                case "reset":
                    reset(writer)
                case int() | float():
                    await wait(conversation, step)


async def wait(conversation: Conversation, seconds: float) -> None:
    """Sleep, but notice when the client has gone."""
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.005)
        if conversation.reader.at_eof():
            raise ConnectionResetError


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def serve(
    *answers: bytes | Sequence[Step] | Script,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
    read_bodies: bool = True,
) -> AsyncIterator[OriginServer]:
    """Run an origin for the length of the block."""
    origin = OriginServer(answers, tls=tls, host=host, read_bodies=read_bodies)
    main = await asyncio.start_server(origin.accept, host, 0, ssl=tls)
    origin.port = origin.proxy_port = main.sockets[0].getsockname()[1]
    servers = [main]
    if tls is not None:
        front = await asyncio.start_server(origin.accept, host, 0)
        origin.proxy_port = front.sockets[0].getsockname()[1]
        servers.append(front)
    try:
        yield origin
    finally:
        for server in servers:
            server.close()
        handlers = list(origin.handlers)
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
        for writer in origin.writers:
            writer.transport.abort()
        await asyncio.sleep(0)


def plain(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """An answer with a length."""
    lines = [b"HTTP/1.1 " + status, b"content-length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(*pieces: bytes, headers: Sequence[bytes] = ()) -> bytes:
    """An answer in chunks."""
    head = b"\r\n".join([b"HTTP/1.1 200 OK", b"transfer-encoding: chunked", *headers])
    return head + b"\r\n\r\n" + b"".join(map(chunk, pieces)) + b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
