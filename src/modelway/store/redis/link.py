"""What calls share: a connection that is opened when needed, and what is known of a store that is down."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from hiredis import ReplyError

from modelway.errors import StoreDownError
from modelway.store.redis.address import Address
from modelway.store.redis.connection import Connection, Word, connect

QUIET_S = 0.5
"""For so long at least after a failure, and for twice as long at most, nothing is tried."""


class Link:
    """Opened by the first call, and again by the first one some time after it broke.

    No call waits for an answer longer than ``timeout_s``. While the store is down, one call at a time
    finds out whether it still is; the others fail at once. What fails may have been done.
    """

    def __init__(self, address: Address, *, timeout_s: float, chance: random.Random) -> None:
        self.address = address
        self._timeout_s = timeout_s
        self._chance = chance
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._failure = ""
        """Why the last connection broke, or could not be made; empty once one was."""
        self._quiet_until = 0.0
        self._closed = False

    async def call(self, command: tuple[Word, ...]) -> Any:
        """The server's answer. StoreDownError where there is none, ReplyError where it refuses."""
        connection = self._connection or await self._opened()
        try:
            return await connection.call(command, timeout_s=self._timeout_s)
        except OSError as error:  # of which a timeout is one
            raise StoreDownError(self.told(error)) from None

    def told(self, error: Exception) -> str:
        """What an error says, without secrets."""
        where = f"the store at {self.address.shown}"
        text = self.address.redacted(str(error))
        if isinstance(error, TimeoutError):
            return f"{where} did not answer in {self._timeout_s:g} s; is it running, and reachable?"
        if isinstance(error, ReplyError):
            return f"{where} refused: {text}"
        return f"{where} cannot be reached: {text or type(error).__name__}"

    async def aclose(self) -> None:
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        if self._connection is not None:
            await self._connection.aclose()

    async def _opened(self) -> Connection:
        if self._connecting is None:
            loop = asyncio.get_running_loop()
            if self._closed:
                raise StoreDownError(f"the store at {self.address.shown} was closed; open it anew")
            if loop.time() < self._quiet_until:
                raise StoreDownError(self._failure)
            self._connecting = loop.create_task(self._connect())
        elif self._failure:
            raise StoreDownError(self._failure)
        await asyncio.wait([self._connecting])
        if self._connection is None:
            raise StoreDownError(self._failure or f"the store at {self.address.shown} was closed")
        return self._connection

    async def _connect(self) -> None:
        try:
            self._connection = await connect(
                self.address, timeout_s=self._timeout_s, lost=self._lost
            )
            self._failure = ""
        except (ReplyError, OSError, UnicodeError) as error:  # the last of a host that is no name
            self._failed(error)
        finally:
            self._connecting = None

    def _lost(self, connection: Connection) -> None:
        if connection is self._connection:
            self._connection = None
            if connection.failure is not None:
                self._failed(connection.failure)

    def _failed(self, error: Exception) -> None:
        self._failure = self.told(error)
        self._quiet_until = asyncio.get_running_loop().time() + QUIET_S * (
            1 + self._chance.random()
        )
