"""A store that may go away: asked seldom while it is, and what is leased from instead."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from modelway.errors import StoreDownError
from modelway.ports import Grant, Leases, Pool, Spent

AGAIN_S = 0.75
"""Between two looks at a store that is away."""
_log = logging.getLogger(__name__)


class Guarded:
    """Leases of a store; while it is away, of ``alone``, whose grants have ids below zero.

    Without ``alone`` StoreDownError is raised at once, the first time apart.
    """

    def __init__(
        self,
        leases: Leases,
        alone: Leases | None,
        monotonic: Callable[[], float],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._leases = leases
        self._alone = alone
        self._monotonic = monotonic
        self._spawn = spawn
        self._looks_at = 0.0
        self.error: StoreDownError | None = None
        """Why it is away."""

    async def take(
        self, pool: Pool, want: int, *, least: int, share: int, spent: Sequence[Spent]
    ) -> Grant:
        if self.error is None:
            theirs = [one for one in spent if one.grant > 0]
            try:
                return await self._leases.take(pool, want, least=least, share=share, spent=theirs)
            except StoreDownError as error:
                self._lost(error)
        else:
            self._look(pool)
        if self._alone is None:
            raise self.error or StoreDownError("the store was away a moment ago")
        ours = [one._replace(grant=-one.grant) for one in spent if one.grant < 0]
        grant = await self._alone.take(pool, want, least=least, share=share, spent=ours)
        return grant._replace(id=-grant.id)

    async def settle(self, pool: Pool, spent: Sequence[Spent]) -> None:
        """StoreDownError where what is the store's has not been told."""
        ours = [one._replace(grant=-one.grant) for one in spent if one.grant < 0]
        if ours and self._alone is not None:
            await self._alone.settle(pool, ours)
        theirs = [one for one in spent if one.grant > 0]
        if not theirs:
            return
        if self.error is not None:
            self._look(pool)
            raise self.error
        try:
            await self._leases.settle(pool, theirs)
        except StoreDownError as error:
            self._lost(error)
            raise

    async def renew(self, pool: Pool, grants: Sequence[int]) -> Sequence[int]:
        """Those that still hold; StoreDownError where that cannot be known."""
        ours = [-grant for grant in grants if grant < 0]
        there: list[int] = []
        if self.error is not None and self._alone is not None and ours:
            there = [-grant for grant in await self._alone.renew(pool, ours)]
        theirs = [grant for grant in grants if grant > 0]
        if not theirs:
            return there
        if self.error is not None:
            self._look(pool)
            raise self.error
        try:
            return [*there, *await self._leases.renew(pool, theirs)]
        except StoreDownError as error:
            self._lost(error)
            raise

    def _lost(self, error: StoreDownError) -> None:
        self._looks_at = self._monotonic() + AGAIN_S
        if self.error is None:
            instead = "refuse what they meter" if self._alone is None else "hold in each process"
            _log.warning(
                "limits.store_down: limits %s until it is back: %s", instead, error.message
            )
        self.error = error

    def _look(self, pool: Pool) -> None:
        """See whether it is back, without anybody's waiting for that."""
        now = self._monotonic()
        if now >= self._looks_at:
            self._looks_at = now + AGAIN_S
            self._spawn(self._ask(pool))

    async def _ask(self, pool: Pool) -> None:
        try:
            await self._leases.take(pool, 0)
        except StoreDownError as error:
            self._lost(error)
            return
        self.error = None
        _log.warning("limits.store_back: limits hold for all processes together again")
