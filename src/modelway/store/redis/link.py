"""A connection to the store that calls share: what waits is sent together, and answered in order."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import deque
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, NamedTuple

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from modelway.errors import StoreDownError
from modelway.store.redis.address import Address

QUIET_S = 0.5
"""For so long at least after a failure, and for twice as long at most, nothing is tried."""


class Script(NamedTuple):
    """A script of this package, and the name that a server gives it."""

    text: str
    name: str


def read_script(name: str) -> Script:
    text = files(__package__).joinpath(name).read_text("utf-8")
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


class _Waiting(NamedTuple):
    command: Sequence[str | bytes | int]
    ends: float
    """In the loop's time: a call that is not answered by then says that the store is down."""
    answer: asyncio.Future[Any]


class Link:
    """Opened by the first call, and again by the first one some time after it broke.

    No call takes longer than ``timeout_s``. While the store is down, one call at a time finds out
    whether it still is; the others fail at once. A call that is cancelled may have been sent.
    """

    def __init__(self, address: Address, *, timeout_s: float, chance: random.Random) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._chance = chance
        self._connection: AbstractConnection | None = None
        self._waiting: deque[_Waiting] = deque()
        self._exchange: asyncio.Task[None] | None = None
        """There while something waits."""
        self._failure: str | None = None
        self._quiet_until = 0.0
        self._closed = False

    async def call(self, *command: str | bytes | int) -> Any:
        """The server's answer. StoreDownError where there is none, or it refuses."""
        try:
            return await self._call(command, self._deadline())
        except ResponseError as error:
            raise self._refused(error) from None

    async def run(
        self, script: Script, keys: Sequence[str | bytes], arguments: Sequence[str | bytes | int]
    ) -> Any:
        """The same for a script, which a server that has not seen it is given."""
        ends = self._deadline()
        rest = (len(keys), *keys, *arguments)
        try:
            try:
                return await self._call(("EVALSHA", script.name, *rest), ends)
            except NoScriptError:
                return await self._call(("EVAL", script.text, *rest), ends)
        except ResponseError as error:
            raise self._refused(error) from None

    async def aclose(self) -> None:
        self._closed = True
        if self._exchange is not None:
            self._exchange.cancel()
            await asyncio.wait([self._exchange])
        await self._break()

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._timeout_s

    def _call(self, command: Sequence[str | bytes | int], ends: float) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        if self._closed:
            raise StoreDownError(f"the store at {self._address.shown} was closed; open it again")
        if self._failure is not None and (
            self._exchange is not None or loop.time() < self._quiet_until
        ):
            raise StoreDownError(self._failure)
        answer = loop.create_future()
        self._waiting.append(_Waiting(command, ends, answer))
        if self._exchange is None:
            self._exchange = loop.create_task(self._run())
        return answer

    async def _run(self) -> None:
        """Sends what waits and reads its answers, until nothing waits."""
        sent: list[_Waiting] = []
        failure = f"the store at {self._address.shown} was closed before it answered"
        try:
            while self._waiting:
                sent = [each for each in self._waiting if not each.answer.done()]
                self._waiting.clear()
                if sent:
                    async with asyncio.timeout_at(sent[0].ends):
                        await self._send(sent)
                    self._failure = None
        except (RedisError, OSError) as error:  # of which a timeout is one
            self._failure = failure = self._told(error)
            self._quiet_until = asyncio.get_running_loop().time() + QUIET_S * (
                1 + self._chance.random()
            )
            await self._break()
        finally:
            for each in (*sent, *self._waiting):
                if not each.answer.done():
                    each.answer.set_exception(StoreDownError(failure))
            self._waiting.clear()
            self._exchange = None

    async def _send(self, sent: Sequence[_Waiting]) -> None:
        connection = await self._usable()
        await connection.send_packed_command(
            connection.pack_commands([each.command for each in sent]), check_health=False
        )
        for each in sent:
            try:
                answer = await connection.read_response()
            except (BusyLoadingError, ReadOnlyError):
                raise  # not the server that it was, or not yet: another may have taken its place
            except ResponseError as error:
                if not each.answer.done():
                    each.answer.set_exception(error)
            else:
                if not each.answer.done():
                    each.answer.set_result(answer)

    async def _usable(self) -> AbstractConnection:
        """Connected, or it will be when something is sent."""
        connection = self._connection
        if connection is None:
            connection = self._connection = self._address.connection()
        elif connection.is_connected and await connection.can_read():
            await connection.disconnect(nowait=True)  # its server has hung up meanwhile
        return connection

    async def _break(self) -> None:
        if self._connection is not None:
            await self._connection.disconnect(nowait=True)

    def _told(self, error: Exception) -> str:
        where = f"the store at {self._address.shown}"
        if isinstance(error, AuthenticationError):
            return f"{where} does not accept our user or password; see those of its URL"
        if isinstance(error, TimeoutError):
            return f"{where} did not answer within {self._timeout_s:g} s; is it running, and reachable?"
        return f"{where} cannot be reached: {self._address.redacted(str(error))}"

    def _refused(self, error: ResponseError) -> StoreDownError:
        return StoreDownError(
            f"the store at {self._address.shown} refused: {self._address.redacted(str(error))}"
        )
