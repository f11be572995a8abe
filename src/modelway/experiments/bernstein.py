"""Means between known bounds (errors, scores), at any time: empirical-Bernstein confidence sequences.

For x in [0, 1] with mean m, and v the sum of (x - what was expected of it)², each
exp(k (sum of x - n m) - v (-log(1 - k) - k)), 0 < k < 1, is a supermartingale, and so is a mixture of
them: what exceeds 1 / alpha with a chance of at most alpha, ever. No number of units is too small,
nothing is supposed of the distribution, and three numbers are all that is kept.

Source: https://arxiv.org/abs/1810.08240 (Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform,
nonparametric, nonasymptotic confidence sequences") and https://arxiv.org/abs/2010.09686 (Waudby-Smith
and Ramdas, "Estimating means of bounded random variables by betting"), 2026-11-21.
"""

from __future__ import annotations

import math
from collections import deque

from modelway.experiments.values import Side

_TILTS = tuple([0.9 * 2 ** (-i / 2) for i in range(22)])
"""Each is the best for a number of units twice that of the one before it, to millions."""
_COSTS = tuple([-math.log1p(-tilt) - tilt for tilt in _TILTS])

_HALVINGS = 50
_MOST_WAITING = 1000
_LARGEST_GROUP = 20


class Bernstein:
    """The mean of values from ``low`` to ``high``, added one by one."""

    __slots__ = ("_high", "_low", "_spread", "_total", "number")

    def __init__(self, low: float = 0.0, high: float = 1.0) -> None:
        self._low = low
        self._high = high
        self._total = 0.0
        self._spread = 0.0
        self.number = 0

    def add(self, value: float) -> None:
        scaled = (value - self._low) / (self._high - self._low)
        expected = (0.5 + self._total) / (1 + self.number)
        self._spread += (scaled - expected) ** 2
        self._total += scaled
        self.number += 1

    @property
    def mean(self) -> float:
        return self._low + (self._high - self._low) * self._total / self.number

    def log_evidence(self, mean: float, side: Side = "either") -> float:
        """The logarithm of an e-value against "it is ``mean``", "is not above", or "is not below" it."""
        off = self._total - self.number * (mean - self._low) / (self._high - self._low)
        signs = {"either": (1, -1), "above": (1,), "below": (-1,)}[side]
        logs = [
            sign * off * tilt - self._spread * cost
            for sign in signs
            for tilt, cost in zip(_TILTS, _COSTS, strict=True)
        ]
        most = max(logs)
        return most + math.log(math.fsum([math.exp(one - most) for one in logs]) / len(logs))

    def interval(self, alpha: float) -> tuple[float, float]:
        """The means that are not excluded, with a chance of ``alpha`` at most that the true one ever is."""
        if not self.number:
            return self._low, self._high
        bound = -math.log(alpha)
        return self._border(self._low, bound), self._border(self._high, bound)

    def _border(self, outside: float, bound: float) -> float:
        """Evidence only grows from the middle outwards, so the border is found by halving."""
        if self.log_evidence(outside) < bound:
            return outside
        inside = self.mean
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            if self.log_evidence(middle) < bound:
                inside = middle
            else:
                outside = middle
        return outside


class Pairs:
    """An arm's values less ``factor`` times the first arm's, paired in the order in which they come.

    Where the arms' shares differ, several of the one are averaged against one of the other. What has
    no partner waits; past a thousand the oldest goes, which no value has a part in.
    """

    __slots__ = ("_alpha", "_arm", "_arm_group", "_factor", "_first", "_first_group", "_means")

    def __init__(
        self, factor: float, alpha: float, first_share: float = 0.5, arm_share: float = 0.5
    ) -> None:
        self._factor = factor
        self._alpha = alpha
        self._first: deque[float] = deque(maxlen=_MOST_WAITING)
        self._arm: deque[float] = deque(maxlen=_MOST_WAITING)
        self._first_group = _group(first_share, arm_share)
        self._arm_group = _group(arm_share, first_share)
        self._means = Bernstein(-factor, 1.0)

    def add(self, value: float, *, to_first: bool) -> None:
        """A value from 0 to 1 of either arm."""
        (self._first if to_first else self._arm).append(value)
        if len(self._first) >= self._first_group and len(self._arm) >= self._arm_group:
            first = _taken(self._first, self._first_group)
            self._means.add(_taken(self._arm, self._arm_group) - self._factor * first)

    @property
    def value(self) -> float | None:
        return self._means.mean if self._means.number else None

    def interval(self) -> tuple[float, float]:
        """Where the true value is, with a chance of ``alpha`` at most that it ever is outside."""
        return self._means.interval(self._alpha)

    def log_evidence(self, side: Side = "either") -> float:
        """The logarithm of an e-value against "it is 0", "is not above 0" or "is not below 0"."""
        return self._means.log_evidence(0.0, side)


def _group(own: float, other: float) -> int:
    """How many of an arm come for one of the other. Shares that are wrong cost only power."""
    return min(max(round(own / other), 1), _LARGEST_GROUP) if other > 0 else 1


def _taken(waiting: deque[float], number: int) -> float:
    return math.fsum([waiting.popleft() for _ in range(number)]) / number
