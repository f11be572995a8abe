"""A connection to Valkey or Redis: commands go out at once, and answers come back in their order."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias, cast

from hiredis import ProtocolError, Reader, ReplyError, pack_command

from modelway.store.redis.address import Address

Word: TypeAlias = str | bytes | int

_NOT_SERVING = ("LOADING", "MASTERDOWN", "READONLY")
"""What a server says that is not yet what it was, or no longer: another may have taken its place."""

_MOMENT_S = 0.01


class UnwelcomeError(ReplyError):
    """A server that serves others refuses who we are, or the database: an operator must see to it."""


class _Sent(NamedTuple):
    ends: float
    """By then, in the loop's time, there is an answer, or the connection is broken."""
    answer: asyncio.Future[Any]


class Connection(asyncio.Protocol):
    """One that is open. ``lost`` is called once, when it no longer is.

    A call whose answer nobody waits for any more has been sent all the same.
    """

    def __init__(self, lost: Callable[[Connection], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = Reader()
        self._sent: deque[_Sent] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._lost = lost
        self.failure: Exception | None = None
        """What it broke of; ``None`` where it only ended while nothing was asked."""
        self.closed = self._loop.create_future()

    @property
    def usable(self) -> bool:
        return self._transport is not None

    def call(self, command: tuple[Word, ...], *, timeout_s: float) -> asyncio.Future[Any]:
        """The answer to come: a ReplyError where the server refuses, an OSError where none comes."""
        answer = self._loop.create_future()
        if self._transport is None:
            answer.set_exception(ConnectionResetError("it was closed"))
            return answer
        ends = self._loop.time() + timeout_s
        self._transport.write(pack_command(cast("tuple[Any]", command)))
        self._sent.append(_Sent(ends, answer))
        if self._timer is None:
            self._timer = self._loop.call_at(ends, self._look)
        return answer

    async def aclose(self) -> None:
        self._break(None)
        await asyncio.shield(self.closed)

    # ------------------------------------------------------------ the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        with contextlib.suppress(OSError, AttributeError):  # a Unix socket has no such thing
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (answer := self._reader.gets()) is not False:
                self._answered(self._sent.popleft().answer, answer)
        except (ProtocolError, IndexError):
            self._break(ConnectionError("it does not speak the protocol of Redis"), unasked=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self._break(exc or ConnectionResetError("it closed the connection"))
        self.closed.set_result(None)

    def _answered(self, to: asyncio.Future[Any], answer: object) -> None:
        if isinstance(answer, ReplyError):
            if not to.done():
                to.set_exception(answer)
            if str(answer).startswith(_NOT_SERVING):
                self._break(answer, unasked=True)
        elif not to.done():
            to.set_result(answer)

    def _look(self, again: bool = False) -> None:
        """Whether the call that has waited longest has waited too long.

        If so, once more a moment later: where this process stood still itself, the answer is there.
        """
        self._timer = None
        if self._sent:
            ends = self._sent[0].ends
            if ends > self._loop.time():
                self._timer = self._loop.call_at(ends, self._look)
            elif again:
                self._break(TimeoutError())
            else:
                self._timer = self._loop.call_later(_MOMENT_S, self._look, True)

    def _break(self, reason: Exception | None, *, unasked: bool = False) -> None:
        """The end of it: a failure where something waits, and of some reasons where nothing does."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        transport.abort()
        if self._timer is not None:
            self._timer.cancel()
        failure = reason or ConnectionAbortedError("it was closed")
        if self._sent or unasked:
            self.failure = failure
        for each in self._sent:
            if not each.answer.done():
                each.answer.set_exception(failure)
        self._sent.clear()
        self._lost(self)


async def connect(
    address: Address, *, timeout_s: float, lost: Callable[[Connection], None]
) -> Connection:
    """One that has answered, so that its server is there. ReplyError or OSError where it is not.

    UnwelcomeError where the server is there, and not for us.
    """
    loop = asyncio.get_running_loop()

    def made() -> Connection:
        return Connection(lost)

    async with asyncio.timeout(timeout_s):
        _, connection = await loop.create_connection(
            made, address.host, address.port, ssl=address.tls
        )
        try:
            await _introduce(connection, address, timeout_s)
        except BaseException:
            await connection.aclose()
            raise
    if not connection.usable:
        raise connection.failure or ConnectionResetError("it closed the connection at once")
    return connection


async def _introduce(connection: Connection, address: Address, timeout_s: float) -> None:
    commands: list[tuple[Word, ...]] = [("PING",), ("CLIENT", "SETNAME", "modelway")]
    if address.database:
        commands.insert(0, ("SELECT", address.database))
    if address.password:
        user = (address.user,) if address.user else ()
        commands.insert(0, ("AUTH", *user, address.password))
    answers = [connection.call(command, timeout_s=timeout_s) for command in commands]
    *needed, named = await asyncio.gather(*answers, return_exceptions=True)
    for answer in (*needed, *([] if isinstance(named, ReplyError) else [named])):
        if isinstance(answer, ReplyError) and connection.usable:
            raise UnwelcomeError(str(answer))
        if isinstance(answer, BaseException):
            raise answer
