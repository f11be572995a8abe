"""The transport of the hot path: a pooled HTTP/1.1 client on the loop's callbacks and llhttp."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable
from threading import get_ident

from modelway.errors import APIConnectionError
from modelway.ports import WireRequest
from modelway.transport.dial import Resolve, system_resolve
from modelway.transport.pool import Pool
from modelway.transport.response import Http1Response
from modelway.transport.settings import TLS, PoolLimits, Trust

_NO_TLS = TLS()
_NO_LIMITS = PoolLimits()


class Http1Transport:
    """A ``Transport`` with keep-alive pools, one for each event loop that it is used from.

    ``resolve`` says which addresses a host has; the outbound guard's pins connections to checked
    ones.
    """

    def __init__(
        self,
        *,
        tls: TLS = _NO_TLS,
        limits: PoolLimits = _NO_LIMITS,
        resolve: Resolve = system_resolve,
    ) -> None:
        self._trust = Trust(tls)
        self._limits = limits
        self._resolve = resolve
        self._pools: dict[asyncio.AbstractEventLoop, Pool] = {}
        self._lock = threading.Lock()
        self._pool: Pool | None = None
        self._thread = 0
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_forgetting(weakref.ref(self)))

    async def send(self, request: WireRequest) -> Http1Response:
        pool = self._pool
        if pool is None or get_ident() != self._thread or not pool.loop.is_running():
            pool = self._bind()
        host = pool.hosts.get(request.origin) or pool.host(request.origin)
        head = host.head(request)
        connection = host.take()
        reused = connection is not None
        while True:
            try:
                if connection is None:
                    since = pool.loop.time()
                    connection = await host.connect(request)
                    answer = connection.begin(request, head)
                    # connecting counts too
                    connection.started_at = since
                else:
                    answer = connection.begin(request, head)
                await answer
                if connection.failure is None:
                    return Http1Response(connection)
            except BaseException:
                if connection is not None:
                    connection.release()
                raise
            failure = connection.failure
            connection.release()
            stale = (
                reused
                and connection.received_bytes == 0
                and isinstance(failure, APIConnectionError)
                and not pool.closed
            )
            if not stale:
                raise failure
            # closed by the server while it was idle: nothing of an answer was seen, so once more
            reused = False
            connection = None

    async def aclose(self) -> None:
        """Close the sockets of every loop; the transport may be used again."""
        current = asyncio.get_running_loop()
        with self._lock:
            pools = list(self._pools.values())
            self._pools.clear()
            self._pool = None
        for pool in pools:
            if pool.loop is current:
                pool.close()
            elif not pool.loop.is_closed():
                pool.loop.call_soon_threadsafe(pool.close)
        # sockets close in callbacks
        await asyncio.sleep(0)

    def forget(self) -> None:
        """In a forked child, the parent's connections are not ours to use."""
        self._pool = None
        self._pools = {}
        self._lock = threading.Lock()

    def _bind(self) -> Pool:
        """The pool of the running loop. A thread runs one loop at a time, so that ``send`` knows its

        own without asking asyncio, which on Python 3.11 costs a system call each time.
        """
        loop = asyncio.get_running_loop()
        with self._lock:
            pool = self._pools.get(loop)
            if pool is None:
                for ended in [known for known in self._pools if known.is_closed()]:
                    del self._pools[ended]
                pool = Pool(loop, self._limits, self._resolve, self._trust.context)
                self._pools[loop] = pool
            self._pool = pool
            self._thread = get_ident()
            return pool


def _forgetting(known: weakref.ref[Http1Transport]) -> Callable[[], None]:
    def forget() -> None:
        transport = known()
        if transport is not None:
            transport.forget()

    return forget
