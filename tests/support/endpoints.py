"""Credential endpoints on loopback, and a world in which signers find them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from modelway.auth import Surroundings
from modelway.ports import Origin, WireRequest
from modelway.transport import Http1Transport
from support.origin_server import Conversation, Received, plain, serve

API = WireRequest(
    "POST",
    Origin("https", "bedrock-runtime.us-east-1.amazonaws.com", 443),
    "/model/anthropic.claude%3A0/converse",
    ((b"content-type", b"application/json"),),
    b"{}",
)


class WallClock:
    """Time that a test sets. ``sleep`` is not asked for."""

    def __init__(self, now_s: float = 1_795_000_000.0) -> None:
        self.now_s = now_s

    def monotonic(self) -> float:
        return self.now_s

    def time(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@dataclass
class Asked:
    """One request that an endpoint got, and the host that it was meant for."""

    url: str
    received: Received

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.received.body.decode()).items()}


Answers = Callable[[Asked], bytes]


@dataclass
class World:
    """Every host is this one server; ``asked`` says which were meant."""

    around: Surroundings
    clock: WallClock
    asked: list[Asked] = field(default_factory=list)
    down: bool = False
    gate: asyncio.Event | None = None
    """Answers wait for it, where there is one."""

    @property
    def urls(self) -> list[str]:
        return [asked.url for asked in self.asked]


class Rerouted:
    """A transport whose every host is one server on loopback. The host meant goes in a header."""

    def __init__(self, inner: Http1Transport, origin: Origin, closed: Origin) -> None:
        self._inner, self._origin, self._closed = inner, origin, closed
        self.world: World | None = None

    async def send(self, request: WireRequest):
        scheme, host, port = request.origin
        meant = (b"x-meant", f"{request.method} {scheme}://{host}:{port}".encode())
        return await self._inner.send(
            request._replace(
                origin=self._closed if self.world.down else self._origin,
                headers=(*request.headers, meant),
            )
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


@asynccontextmanager
async def world(answers: Answers, **environment: str) -> AsyncIterator[World]:
    made: World | None = None

    async def script(conversation: Conversation) -> None:
        request = conversation.request
        asked = Asked(f"{request.header('x-meant')}{request.target}", request)
        made.asked.append(asked)
        if made.gate is not None:
            await made.gate.wait()
        await conversation.send(answers(asked))

    inner = Http1Transport()
    listener = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    closed = Origin("http", "127.0.0.1", listener.sockets[0].getsockname()[1])
    listener.close()
    async with serve(script) as server:
        transport = Rerouted(inner, server.origin, closed)
        clock = WallClock()
        around = Surroundings(transport, clock, {"HOME": "/nonexistent", **environment})
        made = transport.world = World(around, clock)
        try:
            yield made
        finally:
            await inner.aclose()


def told(value: object, status: bytes = b"200 OK") -> bytes:
    return plain(json.dumps(value).encode(), b"content-type: application/json", status=status)


def header(request: WireRequest, name: bytes) -> str:
    (value,) = [value.decode() for known, value in request.headers if known == name]
    return value
