"""A store that may go away: after a failure it is not asked again for a moment."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from modelway.errors import StoreDownError
from modelway.ports import Grant, Leases, Pool, Spent

AGAIN_S = 0.75
HUGE = 2**62
"""A limit that nothing comes to: for what is booked in full, and to see how much that is."""
_log = logging.getLogger(__name__)


class Vault:
    """Leases that fail at once while they are away, but that one call looks every moment."""

    def __init__(self, leases: Leases, monotonic: Callable[[], float]) -> None:
        self._leases = leases
        self._monotonic = monotonic
        self._error: str | None = None
        """Why it is away."""
        self._again_at = -math.inf

    @property
    def is_away(self) -> bool:
        """Whether the store failed when it was last asked."""
        return self._error is not None

    async def take(
        self, pool: Pool, want: int, *, least: int = 1, share: int = 1, spent: Sequence[Spent] = ()
    ) -> Grant:
        with self._looking():
            return await self._leases.take(pool, want, least=least, share=share, spent=spent)

    async def total(self, pool: Pool, spent: Sequence[Spent] = ()) -> int:
        """All that counts against it, beyond its limit too."""
        grant = await self.take(pool._replace(limit=HUGE), 0, spent=spent)
        return HUGE - grant.left

    async def settle(self, pool: Pool, spent: Sequence[Spent]) -> None:
        with self._looking():
            await self._leases.settle(pool, spent)

    async def renew(self, pool: Pool, grants: Sequence[int]) -> Sequence[int]:
        with self._looking():
            return await self._leases.renew(pool, grants)

    @contextmanager
    def _looking(self) -> Iterator[None]:
        if self._error is not None:
            now = self._monotonic()
            if now < self._again_at:
                raise StoreDownError(self._error, retry_after_s=self._again_at - now)
            self._again_at = now + AGAIN_S
        try:
            yield
        except StoreDownError as error:
            if self._error is None:
                _log.warning(
                    "budgets.store_down: hard budgets let no more through than what is held here, "
                    "soft ones count later: %s",
                    error.message,
                )
            self._error = error.message
            self._again_at = self._monotonic() + AGAIN_S
            raise
        if self._error is not None:
            self._error = None
            _log.warning("budgets.store_back: budgets hold for all processes together again")
