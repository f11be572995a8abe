"""When a second deployment may be asked because the first is slow: seldom, and for little money."""

from __future__ import annotations

from collections.abc import Callable

_MOST_SAVED = 20.0
"""Hedges that quiet times may save up for a busy one."""


class HedgeBudget:
    """Bounds hedges to a share of all calls, and of what they cost as far as that is known.

    Two calls a process may be hedged before anything was earned.
    """

    def __init__(self, share: Callable[[], float]) -> None:
        self._share = share
        self._calls = 2.0
        self._cost = 0.0

    def earn(self, cost: int | None) -> None:
        """A call is made, which costs so many pico-dollars by estimate."""
        share = self._share()
        self._calls = min(_MOST_SAVED, self._calls + share)
        self._cost += share * (cost or 0)

    def spend(self, cost: int | None) -> bool:
        """True when one more call may be asked twice, and then it is counted.

        A price that is not known is not taken for none: such a deployment is not asked a second time
        while the others' prices are.
        """
        if self._calls < 1.0 or (cost is None and self._cost > 0.0):
            return False
        if cost is not None and cost > self._cost and not self._untried:
            return False
        self._calls -= 1.0
        self._cost -= cost or 0
        return True

    @property
    def _untried(self) -> bool:
        """Whether no money was earned yet, so that nothing can be said of shares."""
        return self._cost == 0.0
