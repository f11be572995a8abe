"""The connections of one event loop: kept alive per host, and watched by one coarse sweep."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from modelway.errors import APIConnectionError, APITimeoutError
from modelway.ports import Headers, Origin, WireRequest
from modelway.transport.connection import Connection
from modelway.transport.dial import Resolve, dial, unreachable
from modelway.transport.head import authority, check_origin, header_block, request_line
from modelway.transport.settings import PoolLimits

SWEEP_S = 0.05
"""How late a deadline may be noticed. One timer for all connections is what makes them cheap."""

SURPLUS_S = 1.0
"""How long idle connections past the limit are kept: under steady load they are wanted at once."""

_CACHED_LINES = 256
_CACHED_BLOCKS = 512


class Pool:
    """Hosts and busy connections of one loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: PoolLimits,
        resolve: Resolve,
        context: Callable[[], Awaitable[ssl.SSLContext]],
    ) -> None:
        self.loop = loop
        self.limits = limits
        self.resolve = resolve
        self.context = context
        self.hosts: dict[Origin, Host] = {}
        self.busy: set[Connection] = set()
        self.closed = False
        self._blocks: dict[int, tuple[Headers, bytes]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._fast = False

    def host(self, origin: Origin) -> Host:
        check_origin(origin)
        host = self.hosts[origin] = Host(self, origin)
        return host

    def block(self, headers: Headers) -> bytes:
        """The header lines, made once for each tuple object."""
        known = self._blocks.get(id(headers))
        if known is not None and known[0] is headers:
            return known[1]
        block = header_block(headers)
        if len(self._blocks) >= _CACHED_BLOCKS:
            self._blocks.clear()
        # holding the tuple keeps its id from being given to another
        self._blocks[id(headers)] = (headers, block)
        return block

    def watch(self, connection: Connection) -> None:
        self.busy.add(connection)
        if not self._fast:
            self._schedule(SWEEP_S, fast=True)

    def expire_idle(self) -> None:
        """Make sure that a sweep comes for a connection that has become idle."""
        if self._timer is None:
            self._schedule(self.limits.idle_s, fast=False)

    def close(self) -> None:
        """Close every socket; what is still being read gets an APIConnectionError."""
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for connection in list(self.busy):
            connection.fail(APIConnectionError("the transport was closed", code="closed"))
        self.busy.clear()
        for host in self.hosts.values():
            host.close_idle()

    def _schedule(self, delay_s: float, *, fast: bool) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._fast = fast
        self._timer = self.loop.call_later(delay_s, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        self._fast = False
        now = self.loop.time()
        for connection in list(self.busy):
            connection.check_deadlines(now)
        next_s = SWEEP_S if self.busy else None
        for host in self.hosts.values():
            due = host.expire(now)
            if next_s is None and due is not None:
                next_s = max(SWEEP_S, due - now)
        if next_s is not None and (self.busy or not self.closed):
            self._schedule(next_s, fast=bool(self.busy))


class Host:
    """The idle connections of one origin, newest last, and the request lines sent to it."""

    __slots__ = ("_lines", "idle", "name", "origin", "pool")

    def __init__(self, pool: Pool, origin: Origin) -> None:
        self.pool = pool
        self.origin = origin
        self.name = authority(origin)
        self.idle: list[Connection] = []
        self._lines: dict[tuple[str, str], bytes] = {}

    def head(self, request: WireRequest) -> bytes:
        line = self._lines.get((request.method, request.target))
        if line is None:
            line = request_line(request.method, self.origin, request.target)
            if len(self._lines) >= _CACHED_LINES:
                self._lines.clear()
            self._lines[request.method, request.target] = line
        block = self.pool.block(request.headers)
        if request.body or request.method not in {"GET", "HEAD"}:
            return b"%b%bcontent-length: %d\r\n\r\n" % (line, block, len(request.body))
        return b"%b%b\r\n" % (line, block)

    def take(self) -> Connection | None:
        """The connection used last, if one is idle and still open."""
        idle = self.idle
        while idle:
            connection = idle.pop()
            if not connection.transport.is_closing():
                return connection
        return None

    def put(self, connection: Connection) -> None:
        pool = self.pool
        if pool.closed:
            connection.keep_alive = False
            connection.transport.abort()
            return
        connection.idle_since = connection.touched_at
        self.idle.append(connection)
        pool.expire_idle()

    def drop(self, connection: Connection) -> None:
        if connection in self.idle:
            self.idle.remove(connection)

    def expire(self, now: float) -> float | None:
        """Close what has been idle for too long; give when the oldest of the rest will have been."""
        idle = self.idle
        limits = self.pool.limits
        while idle:
            surplus = len(idle) > limits.idle_per_host
            due = idle[0].idle_since + (SURPLUS_S if surplus else limits.idle_s)
            if due > now:
                return due
            idle.pop(0).transport.abort()
        return None

    def close_idle(self) -> None:
        while self.idle:
            self.idle.pop().transport.abort()

    async def connect(self, request: WireRequest) -> Connection:
        """A new connection, within the request's connect timeout."""
        limit_s = min(request.timeouts.connect_s, request.timeouts.total_s)
        try:
            async with asyncio.timeout(limit_s):
                return await self._open()
        except TimeoutError:
            raise APITimeoutError(
                f"no connection to {self.name} within {limit_s:g} s", code="connect"
            ) from None
        except OSError as error:
            raise unreachable(self.origin, error) from None

    async def _open(self) -> Connection:
        origin = self.origin
        context = await self.pool.context() if origin.scheme == "https" else None
        socket = await dial(origin, self.pool.resolve)
        try:
            _, connection = await self.pool.loop.create_connection(
                lambda: Connection(self),
                sock=socket,
                ssl=context,
                server_hostname=None if context is None else origin.host,
            )
        except BaseException:
            socket.close()
            raise
        return connection
