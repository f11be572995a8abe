"""Both transports, made to reach a port on loopback, for the suites that hold them to one contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from modelway.call import Timeouts
from modelway.ports import Headers, Origin, Transport, WireRequest
from modelway.transport.http1 import Http1Transport
from modelway.transport.proxied import ProxiedTransport
from modelway.transport.proxies import Proxy
from modelway.transport.settings import TLS, PoolLimits

KINDS = ("http1", "proxied")
PATIENCE = Timeouts(connect_s=2, first_byte_s=2, idle_s=2, total_s=5)


@asynccontextmanager
async def transport(
    kind: str, port: int, *, tls: TLS | None = None, limits: PoolLimits | None = None
) -> AsyncIterator[Transport]:
    """``port`` is the origin's, which plays its own proxy where one is meant to be on the way."""
    tls, limits = tls or TLS(), limits or PoolLimits()
    made: Transport
    if kind == "http1":
        made = Http1Transport(tls=tls, limits=limits)
    else:
        proxy = Proxy(origin=Origin("http", "127.0.0.1", port))
        made = ProxiedTransport(proxy, tls=tls, limits=limits)
    try:
        yield made
    finally:
        await made.aclose()


def wire(
    origin: Origin | int,
    *,
    method: str = "POST",
    target: str = "/v1/x",
    headers: Headers = ((b"authorization", b"Bearer k"),),
    body: bytes = b"{}",
    timeouts: Timeouts = PATIENCE,
) -> WireRequest:
    if isinstance(origin, int):
        origin = Origin("http", "127.0.0.1", origin)
    return WireRequest(method, origin, target, headers, body, timeouts)
