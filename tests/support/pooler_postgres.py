"""A pooler like pgbouncer in transaction mode: each transaction on whichever session is free."""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

_SSL, _CANCEL = 80877103, 80877102
_IDLE = b"Z\0\0\0\5I"
_SYNC = b"S\0\0\0\4"
_ROLLBACK = b"Q\0\0\0\15rollback\0"
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Pooler:
    """Sessions are never reset between clients, and given out by chance."""

    host: str
    port: int
    sessions: int = 3
    _greeting: bytes = b""
    _free: list[_Streams] = field(default_factory=list)
    _wait: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    _chance: random.Random = field(default_factory=lambda: random.Random(1))
    _handlers: set[asyncio.Task[None]] = field(default_factory=set)

    @contextlib.asynccontextmanager
    async def serve(self, user: str, database: str) -> AsyncIterator[int]:
        """The port where it listens, for as long as it does."""
        words = b"user\0" + user.encode() + b"\0database\0" + database.encode() + b"\0\0"
        startup = struct.pack("!ii", 8 + len(words), 196608) + words
        for _ in range(self.sessions):
            reader, writer = await asyncio.open_connection(self.host, self.port)
            writer.write(startup)
            self._greeting = await _until_ready(reader)
            self._give((reader, writer))
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            handlers = list(self._handlers)
            for handler in handlers:
                handler.cancel()
            await asyncio.gather(*handlers, return_exceptions=True)
            for _, writer in self._free:
                writer.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._handlers.add(task)
        task.add_done_callback(self._handlers.discard)
        try:
            await self._speak(reader, writer)
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            size, kind = struct.unpack("!ii", await reader.readexactly(8))
            await reader.readexactly(size - 8)
            if kind == _CANCEL:
                return
            if kind != _SSL:
                break
            writer.write(b"N")
        writer.write(self._greeting)
        while (message := await _message(reader))[:1] != b"X":
            await self._transact(message, reader, writer)

    async def _transact(
        self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await self._wait.acquire()
        session = self._free.pop(self._chance.randrange(len(self._free)))
        session[1].write(first)
        asking = asyncio.create_task(_forward(reader, session[1]))
        try:
            while True:
                answer = await _message(session[0])
                writer.write(answer)
                if answer == _IDLE:
                    break
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            self._give(session)

    def _give(self, session: _Streams) -> None:
        self._free.append(session)
        self._wait.release()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What a client says within its transaction; one who leaves it open takes it back."""
    try:
        while True:
            writer.write(await _message(reader))
    except (asyncio.IncompleteReadError, OSError):
        writer.write(_SYNC + _ROLLBACK)


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(5)
    return head + await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)


async def _until_ready(reader: asyncio.StreamReader) -> bytes:
    messages = []
    while not messages or messages[-1][:1] != b"Z":
        messages.append(await _message(reader))
    return b"".join(messages)
