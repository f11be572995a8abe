"""What the store is asked and told of one pool: every settlement is kept until it has heard it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from modelway.policies.budget.values import GrantNotes
from modelway.policies.budget.vault import Vault
from modelway.ports import Grant, Pool, Spent

_MOST_UNTOLD = 1000
"""Settlements that are kept for a store that is away; it counts the others in full."""


class _Ended(NamedTuple):
    grant: int
    used: int
    at: float
    noted: bool


class Teller:
    def __init__(
        self, vault: Vault, now: Callable[[], float], notes: Callable[[], GrantNotes | None]
    ) -> None:
        self._vault = vault
        self._now = now
        self._notes = notes
        self._ended: list[_Ended] = []
        """What the store has not heard."""

    def __bool__(self) -> bool:
        """Whether there is something to tell."""
        return bool(self._ended)

    def end(self, grant: int, used: int, *, noted: bool = True) -> None:
        """So much was used of a grant, and that is to be told."""
        self._ended.append(_Ended(grant, used, self._now(), noted))

    async def take(
        self, pool: Pool, want: int, *, least: int, share: int = 1, noted: bool = True
    ) -> Grant:
        """Tell, and take a part."""
        said = self._say()
        try:
            spent = self._spent(said)
            grant = await self._vault.take(pool, want, least=least, share=share, spent=spent)
        except BaseException:
            self._unsay(said)
            raise
        self._returned(pool, said)
        notes = self._notes()
        if grant.amount and noted and notes is not None:
            notes.granted(pool, grant.id, grant.amount)
        return grant

    async def total(self, pool: Pool) -> int:
        """Tell, and see all that counts against it, beyond its limit too."""
        said = self._say()
        try:
            total = await self._vault.total(pool, self._spent(said))
        except BaseException:
            self._unsay(said)
            raise
        self._returned(pool, said)
        return total

    async def tell(self, pool: Pool) -> None:
        said = self._say()
        try:
            await self._vault.settle(pool, self._spent(said))
        except BaseException:
            self._unsay(said)
            raise
        self._returned(pool, said)

    def _say(self) -> list[_Ended]:
        """What is handed over to who tells it."""
        said, self._ended = self._ended, []
        return said

    def _unsay(self, said: list[_Ended]) -> None:
        self._ended = [*said, *self._ended][-_MOST_UNTOLD:]

    def _spent(self, said: Iterable[_Ended]) -> list[Spent]:
        now = self._now()
        return [Spent(one.grant, one.used, max(0.0, now - one.at)) for one in said]

    def _returned(self, pool: Pool, said: Iterable[_Ended]) -> None:
        notes = self._notes()
        if notes is not None:
            for one in said:
                if one.noted:
                    notes.returned(pool.name, one.grant)
