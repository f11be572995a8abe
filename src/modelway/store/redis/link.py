"""What calls share: a connection that is opened when needed, and what is known of a store that is down."""

from __future__ import annotations

import asyncio
import random
import ssl
from typing import Any

from hiredis import ReplyError

from modelway.errors import StoreDownError
from modelway.store.outage import TO_FIX, Outage
from modelway.store.redis.address import Address
from modelway.store.redis.connection import Connection, UnwelcomeError, Word, connect


class Link:
    """Opened by the first call, and again by the first one some time after it broke.

    No call waits for an answer longer than ``timeout_s``. While the store is down, one call at a time
    finds out whether it still is; the others fail at once. What fails may have been done.
    """

    def __init__(self, address: Address, *, timeout_s: float, chance: random.Random) -> None:
        self.address = address
        self._timeout_s = timeout_s
        self._outage = Outage(chance)
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[Exception | None] | None = None
        self._closed = False

    async def call(self, command: tuple[Word, ...]) -> Any:
        """The server's answer. StoreDownError where there is none, ReplyError where it refuses."""
        connection = self._connection or await self._opened()
        try:
            return await connection.call(command, timeout_s=self._timeout_s)
        except OSError as error:  # of which a timeout is one
            raise self.down(error) from None

    def down(self, error: Exception) -> StoreDownError:
        """What an error says, without secrets; by its code, whether an operator must see to it."""
        where = f"the store at {self.address.shown}"
        text = self.address.redacted(str(error))
        if isinstance(error, TimeoutError):
            text = f"did not answer in {self._timeout_s:g} s; is it running, and reachable?"
        elif isinstance(error, ReplyError):
            text = f"refused: {text}"
        else:
            text = f"cannot be reached: {text or type(error).__name__}"
        return StoreDownError(f"{where} {text}", code=TO_FIX if _is_to_fix(error) else None)

    async def aclose(self) -> None:
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        if self._connection is not None:
            await self._connection.aclose()

    async def _opened(self) -> Connection:
        with self._outage.attempt():
            if self._connecting is None and not self._closed:
                self._connecting = asyncio.create_task(self._connect())
            connecting = self._connecting
            if connecting is not None:
                await asyncio.wait([connecting])
            if self._closed or connecting is None or connecting.cancelled():
                raise StoreDownError(f"the store at {self.address.shown} was closed; open it anew")
            if self._connection is None:
                raise self.down(connecting.result() or ConnectionResetError("it closed at once"))
            return self._connection

    async def _connect(self) -> Exception | None:
        """For all that wait, who may all have left: so it gives what it fails of."""
        try:
            self._connection = await connect(
                self.address, timeout_s=self._timeout_s, lost=self._lost
            )
        except (ReplyError, OSError, UnicodeError) as error:  # the last of a host that is no name
            return error
        finally:
            self._connecting = None
        return None

    def _lost(self, connection: Connection) -> None:
        if connection is self._connection:
            self._connection = None
            if connection.failure is not None:
                self._outage.failed(self.down(connection.failure))


def _is_to_fix(error: Exception) -> bool:
    return isinstance(error, UnwelcomeError | UnicodeError | ssl.SSLCertVerificationError) or (
        isinstance(error, ReplyError) and str(error).startswith("NOPERM")
    )
