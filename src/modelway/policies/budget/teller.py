"""What the store is asked and told of one pool: every settlement is kept until it has heard it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from modelway.errors import StoreDownError
from modelway.policies.budget.values import GrantNotes
from modelway.policies.budget.vault import Vault
from modelway.ports import Grant, Pool, Spent

_MOST_UNTOLD = 1000
"""Settlements that are kept for a store that is away; it counts the others in full."""
UNNOTED_S = 10.0
"""How long a grant counts that nobody has noted: of a process that died before it could, or of an answer
that never came, nothing is known but what the store knows."""


class _Ended(NamedTuple):
    grant: int
    used: int
    at: float
    noted: bool


class Teller:
    """One step at a time, so that none is answered while another tells what would change the answer."""

    def __init__(
        self, vault: Vault, now: Callable[[], float], notes: Callable[[], GrantNotes | None]
    ) -> None:
        self._vault = vault
        self._now = now
        self._notes = notes
        self._ended: list[_Ended] = []
        """What the store has not heard."""
        self._one = asyncio.Lock()

    def __bool__(self) -> bool:
        """Whether there is something to tell."""
        return bool(self._ended)

    def end(self, grant: int, used: int, *, noted: bool = True) -> None:
        """So much was used of a grant, and that is to be told."""
        self._ended.append(_Ended(grant, used, self._now(), noted))

    async def take(
        self, pool: Pool, want: int, *, least: int, share: int = 1, noted: bool = True
    ) -> Grant:
        """Tell, and take a part; where it is noted, it is taken for a moment, and kept once it is."""
        notes = self._notes() if noted else None
        if notes is None:
            async with self._telling(pool) as spent:
                return await self._vault.take(pool, want, least=least, share=share, spent=spent)
        async with self._telling(pool) as spent:
            if spent:
                await self._vault.settle(pool, spent)
            brief = pool._replace(window_s=0.0, life_s=UNNOTED_S)
            grant = await self._vault.take(brief, want, least=least, share=share)
        if grant.amount:
            notes.granted(pool, grant.id, grant.amount)
            await self._keep(pool, grant.id)
        return grant

    async def _keep(self, pool: Pool, grant: int) -> None:
        """Let one that is noted count as long as any. StoreDownError: it is not to be spent."""
        try:
            kept = await self._vault.renew(pool, [grant])
        except BaseException:
            self.end(grant, 0)
            raise
        if not kept:
            self.end(grant, 0)
            raise StoreDownError("the store let go of what it had just given")

    async def total(self, pool: Pool) -> int:
        """Tell, and see all that counts against it, beyond its limit too."""
        async with self._telling(pool) as spent:
            return await self._vault.total(pool, spent)

    @asynccontextmanager
    async def _telling(self, pool: Pool) -> AsyncIterator[list[Spent]]:
        """What is to be told; if that fails it is kept, else those who note it are told, too."""
        async with self._one:
            said, self._ended = self._ended, []
            now = self._now()
            try:
                yield [Spent(one.grant, one.used, max(0.0, now - one.at)) for one in said]
            except BaseException:
                self._ended = [*said, *self._ended][-_MOST_UNTOLD:]
                raise
            notes = self._notes()
            if notes is not None:
                for one in said:
                    if one.noted:
                        notes.returned(pool.name, one.grant)
