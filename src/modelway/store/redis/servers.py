"""The server, or those of a cluster: each command goes to the one that has its key."""

from __future__ import annotations

import asyncio
import hashlib
import random
from binascii import crc_hqx
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, NamedTuple

from hiredis import ReplyError

from modelway.errors import StoreDownError
from modelway.store.redis.address import Address
from modelway.store.redis.connection import Word
from modelway.store.redis.link import Link

_MOST_MOVES = 5


class Script(NamedTuple):
    """A script of this package, and the name that a server gives it."""

    text: str
    name: str


def read_script(*names: str) -> Script:
    """Of files of this package, one after another."""
    text = "\n".join([files(__package__).joinpath(name).read_text("utf-8") for name in names])
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


class Servers:
    """One link, until a server says that a key is elsewhere; then one to that server, too.

    Where a server of a cluster goes away, the first is asked again who has its keys.
    """

    def __init__(self, address: Address, *, timeout_s: float, chance: random.Random) -> None:
        self._timeout_s = timeout_s
        self._chance = chance
        self._first = self._link(address)
        self._links = {(address.host, address.port): self._first}
        self._by_slot: dict[int, Link] = {}

    async def call(self, *command: Word) -> Any:
        """The answer to a command whose second word is its key. StoreDownError where there is none."""
        return await self._send(command[1] if len(command) > 1 else "", command)

    async def run(self, script: Script, keys: Sequence[bytes], arguments: Sequence[Word]) -> Any:
        """The same for a script, of whose keys all are in one slot."""
        rest = (len(keys), *keys, *arguments)
        return await self._send(
            keys[0], ("EVALSHA", script.name, *rest), ("EVAL", script.text, *rest)
        )

    def address_of(self, key: Word) -> Address:
        """Of the server that has it, as far as is known."""
        return self._by_slot.get(_slot(key), self._first).address

    def learn(self, key: Word, error: Exception) -> Link | None:
        """Who has the key, where an error says so; after any other that is asked anew."""
        said, _, rest = str(error).partition(" ")
        if said != "MOVED" or not isinstance(error, ReplyError):
            self._by_slot.pop(_slot(key), None)
            return None
        host, _, port = rest.partition(" ")[2].rpartition(":")
        address = self.address_of(key)
        address = address._replace(host=host or address.host, port=int(port))
        link = self._links.get((address.host, address.port))
        if link is None:
            link = self._links[address.host, address.port] = self._link(address)
        self._by_slot[_slot(key)] = link
        return link

    async def aclose(self) -> None:
        await asyncio.gather(*[link.aclose() for link in self._links.values()])

    async def _send(
        self, key: Word, command: tuple[Word, ...], otherwise: tuple[Word, ...] = ()
    ) -> Any:
        """``otherwise`` is sent to a server that does not know the command's script."""
        link = self._by_slot.get(_slot(key), self._first) if self._by_slot else self._first
        for _ in range(_MOST_MOVES):
            try:
                return await link.call(command)
            except ReplyError as error:
                there = self.learn(key, error)
                if there is not None:
                    link = there
                elif otherwise and str(error).startswith("NOSCRIPT"):
                    command, otherwise = otherwise, ()
                else:
                    raise link.down(error) from None
            except StoreDownError as error:
                self.learn(key, error)
                raise
        raise StoreDownError(f"the servers of the store's cluster send {_slot(key)} to one another")

    def _link(self, address: Address) -> Link:
        return Link(address, timeout_s=self._timeout_s, chance=self._chance)


def _slot(key: Word) -> int:
    """Source: https://valkey.io/topics/cluster-spec/, 2026-11-21."""
    name = key if isinstance(key, bytes) else str(key).encode()
    tag, closed, _ = name.partition(b"{")[2].partition(b"}")
    return crc_hqx(tag if tag and closed else name, 0) % 16384
