"""Opening a connection: names resolved off the loop, address families raced, failures translated."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from modelway.errors import APIConnectionError
from modelway.ports import Origin

SocketAddress: TypeAlias = tuple[socket.AddressFamily, tuple[Any, ...]]
"""An address family and what ``connect`` takes for it."""

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[SocketAddress]]]
"""Host and port → addresses to try, best first."""

RACE_DELAY_S = 0.25
"""Head start of one address over the next. Source: https://www.rfc-editor.org/rfc/rfc8305#section-5."""


async def system_resolve(host: str, port: int) -> Sequence[SocketAddress]:
    """Ask the system, in a thread; the address families alternate."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        # a label that is empty or too long
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from None
    families: dict[socket.AddressFamily, list[SocketAddress]] = {}
    for family, _, _, _, address in found:
        if family in {socket.AF_INET, socket.AF_INET6}:
            families.setdefault(family, []).append((family, address))
    queues = list(families.values())
    longest = max(map(len, queues), default=0)
    return [queue[i] for i in range(longest) for queue in queues if i < len(queue)]


async def dial(origin: Origin, resolve: Resolve) -> socket.socket:
    """A connected socket. OSError where no address answers."""
    addresses = await resolve(origin.host, origin.port)
    if not addresses:
        raise OSError(f"{origin.host} has no address")
    if len(addresses) == 1:
        return await _connect(*addresses[0])
    return await _race(addresses)


async def _connect(family: socket.AddressFamily, address: tuple[Any, ...]) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, address)
    except BaseException:
        connection.close()
        raise
    return connection


async def _race(addresses: Sequence[SocketAddress]) -> socket.socket:
    waiting = list(reversed(addresses))
    running: set[asyncio.Task[socket.socket]] = set()
    failures: list[BaseException] = []
    winner: socket.socket | None = None
    try:
        while running or waiting:
            if waiting:
                running.add(asyncio.create_task(_connect(*waiting.pop())))
            done, _ = await asyncio.wait(
                running,
                timeout=RACE_DELAY_S if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                failure = task.exception()
                if failure is not None:
                    failures.append(failure)
                    running.discard(task)
                elif winner is None:
                    winner = task.result()
                    running.discard(task)
            if winner is not None:
                return winner
        raise failures[0]
    finally:
        for task in running:
            if not task.cancel() and not task.cancelled() and task.exception() is None:
                task.result().close()


def unreachable(origin: Origin, error: OSError) -> APIConnectionError:
    """Why no connection came about, in words that say what to do."""
    where = f"{origin.host}:{origin.port}"
    match error:
        case ssl.SSLCertVerificationError():
            code = "tls"
            reason = (
                f"the certificate of {where} is not trusted ({error.verify_message}); "
                "check the address, or set the CA that signed it"
            )
        case ssl.SSLError():
            code = "tls"
            reason = (
                f"no TLS connection to {where} ({error.reason or error}); "
                "check that the port speaks TLS, and the client certificate"
            )
        case socket.gaierror():
            code = "dns"
            reason = f"the name {origin.host} cannot be resolved; check it and DNS"
        case ConnectionRefusedError():
            code = "refused"
            reason = f"{where} refuses connections; is the server running?"
        case _:
            code = "connect"
            reason = f"no connection to {where}: {error.strerror or error}"
    return APIConnectionError(reason, code=code)
