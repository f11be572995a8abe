"""What this process has used of a window, roughly: for estimates of waits, and for status."""

from __future__ import annotations

import math

_STEPS = 60


class History:
    """Amounts by when they stop to count."""

    __slots__ = ("_amounts", "_step_s", "_window_s")

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._step_s = window_s / _STEPS
        self._amounts: dict[int, int] = {}

    def add(self, at: float, amount: int) -> None:
        if not amount or math.isinf(at):
            return
        step = math.ceil((at + self._window_s) / self._step_s)
        self._amounts[step] = self._amounts.get(step, 0) + amount
        if len(self._amounts) > 2 * _STEPS:
            self._drop(at)

    def total(self, now: float) -> int:
        self._drop(now)
        return sum(self._amounts.values())

    def free_in_s(self, amount: int, now: float, limit: int) -> float:
        """Until so much of it no longer counts; what it does not have comes back evenly elsewhere."""
        self._drop(now)
        wait_s = 0.0
        for step in sorted(self._amounts):
            wait_s = step * self._step_s - now
            amount -= self._amounts[step]
            if amount <= 0:
                return wait_s
        return max(wait_s, amount / max(limit, 1) * self._window_s)

    def reset_s(self, now: float) -> float:
        self._drop(now)
        return max(self._amounts) * self._step_s - now if self._amounts else 0.0

    def _drop(self, now: float) -> None:
        current = now / self._step_s
        for step in [step for step in self._amounts if step <= current]:
            del self._amounts[step]
