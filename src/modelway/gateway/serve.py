"""Runs a gateway by itself under uvicorn, until a signal says to drain and end."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from collections.abc import Callable
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from modelway.errors import ConfigError
from modelway.gateway.app import Gateway

MAX_HEAD_BYTES = 64 * 1024
"""A request's line and headers; a connection that sends more is closed."""


class Corked:
    """A transport that sends a response's head together with what follows it, in one packet.

    Every answer of the gateway has a body after its head, so the head never waits for long; in two
    packets it would wake the client twice and cost a system call more.
    """

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def write(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(_FINAL):
            self._head = data
            return
        self._transport.write(data)

    def close(self) -> None:
        if self._head:
            self.write(b"")
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


_FINAL = tuple([f"HTTP/1.1 {status}".encode() for status in (2, 3, 4, 5)])


class Protocol(HttpToolsProtocol):
    """A client's connection. Its request heads are bounded, which uvicorn leaves to others."""

    _heads = 0
    _bodies = 0
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast("asyncio.Transport", Corked(transport)))

    def data_received(self, data: bytes) -> None:
        heads, bodies = self._heads, self._bodies
        super().data_received(data)
        if heads != self._heads or bodies != self._bodies or heads != bodies:
            self._head_bytes = 0  # this data was not a piece of a head alone
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._heads += 1
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._bodies += 1
        super().on_message_complete()


class Server(uvicorn.Server):
    """The server of uvicorn, which says when it is ready and tells the gateway when it drains."""

    def __init__(self, gateway: Gateway, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._gateway = gateway
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: object) -> None:
        """The first signal drains; a second one ends at once."""
        self._gateway.draining = True
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True
        del sig, frame


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A listening socket; ConfigError where the address cannot be had.

    ``shared``: others of this user may listen there, too, and connections are dealt out among them.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another --port"
        ) from None
    listening.setblocking(False)
    return listening


async def run(
    gateway: Gateway,
    listening: socket.socket,
    ready: Callable[[], None] = lambda: None,
    *,
    drain_s: float = 30.0,
) -> None:
    """Serve until a signal; open requests are finished first, for ``drain_s`` at most."""
    config = uvicorn.Config(
        gateway,
        http=Protocol,
        proxy_headers=False,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=round(drain_s),
    )
    server = Server(gateway, config, ready)
    _settle_memory()
    try:
        await server.serve(sockets=[listening])
    except asyncio.CancelledError:
        gateway.draining = True
        await server.shutdown(sockets=[listening])
        raise


def _settle_memory() -> None:
    """What is loaded by now stays: the collector need not look at it again, nor come so often.

    A request leaves no cycles behind, so that collections find next to nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Uvloop's where it is installed, else asyncio's."""
    if sys.platform != "win32":
        try:
            import uvloop  # noqa: PLC0415 - optional

            return uvloop.new_event_loop()
        except ImportError:
            pass
    return asyncio.new_event_loop()
