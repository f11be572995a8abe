"""Means between known bounds (errors, scores), at any time, exactly: by betting against a mean.

Who bets the part k of a purse on each value being above m multiplies it by 1 + k (value - m) / reach,
and if m is the true mean the purse does not grow on average, however the values are distributed and
whenever one looks: that it ever is 1 / alpha times what it was has a chance of alpha at most. The parts
are mixed, on both sides, as if each between 0 and 1 had been as likely.

The purses are kept by four sums, for every m at once. With z = k y, y >= -1 and k < 1,
log(1 + z) >= z - z²/2 + z³/3 - c y⁴ with c = -k - k²/2 - k³/3 - log(1 - k): what the series leaves,
divided by z⁴, is the integral of s³ / (1 + z s) over s from 0 to 1, and so the greatest where y = -1.

Source: https://arxiv.org/abs/2010.09686 (Waudby-Smith and Ramdas, "Estimating means of bounded random
variables by betting"), 2026-11-21. The bound by four sums, in the way of their empirical Bernstein's
two, is worked out above.
"""

from __future__ import annotations

import math
from collections import deque

from modelway.experiments.values import Side

_PARTS: tuple[float, ...] = tuple([0.97 * 2 ** (-i / 2) for i in range(24)])
_BETS: tuple[tuple[float, float, float, float, float], ...] = tuple(
    [
        (
            k,
            k * k / 2,
            k**3 / 3,
            -k - k * k / 2 - k**3 / 3 - math.log1p(-k),
            math.log(k / math.fsum(_PARTS)),
        )
        for k in _PARTS
    ]
)
"""What each part multiplies the four sums by, and the logarithm of its share of the mixture: it stands
for those about as large, which are the fewer the smaller it is."""

_HALVINGS = 40
_MOST_WAITING = 1000
_LARGEST_GROUP = 20


class Bounded:
    """The mean of values from ``low`` to ``high``, added one by one, in constant memory."""

    __slots__ = ("_half", "_middle", "_sums", "number")

    def __init__(self, low: float = 0.0, high: float = 1.0) -> None:
        self._middle = (low + high) / 2
        self._half = (high - low) / 2
        self._sums = (0.0, 0.0, 0.0, 0.0)
        self.number = 0

    def add(self, value: float) -> None:
        x = value - self._middle
        square = x * x
        first, second, third, fourth = self._sums
        self._sums = (first + x, second + square, third + square * x, fourth + square * square)
        self.number += 1

    @property
    def mean(self) -> float:
        return self._middle + self._sums[0] / self.number

    def log_evidence(self, mean: float, side: Side = "either") -> float:
        """The logarithm of an e-value against "it is ``mean``", "is not above", or "is not below" it."""
        off = mean - self._middle
        sums = self._around(off)
        logs: list[float] = []
        if side != "below":
            logs += _logs(sums, max(self._half + off, self._half))
        if side != "above":
            logs += _logs(sums, -max(self._half - off, self._half))
        most = max(logs)
        total = math.fsum([math.exp(one - most) for one in logs])
        return most + math.log(total / (2 if side == "either" else 1))

    def interval(self, alpha: float) -> tuple[float, float]:
        """The means that are not excluded, with a chance of ``alpha`` at most that the true one ever is."""
        low, high = self._middle - self._half, self._middle + self._half
        if not self.number:
            return low, high
        bound = -math.log(alpha)
        return self._border(low, bound), self._border(high, bound)

    def _around(self, off: float) -> tuple[float, float, float, float]:
        """The sums of the first four powers of what values differ from a mean."""
        n, square = self.number, off * off
        first, second, third, fourth = self._sums
        return (
            first - n * off,
            second - 2 * off * first + n * square,
            third - 3 * off * second + 3 * square * first - n * square * off,
            fourth - 4 * off * third + 6 * square * second - 4 * square * off * first
            + n * square * square,
        )  # fmt: skip

    def _border(self, outside: float, bound: float) -> float:
        """Evidence grows from the middle outwards, so the border is found by halving."""
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
        self._means = Bounded(-factor, 1.0)

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


def _logs(sums: tuple[float, float, float, float], reach: float) -> list[float]:
    """The logarithms of the purses, with their shares; a negative ``reach`` bets on the other side."""
    square = reach * reach
    first, second = sums[0] / reach, sums[1] / square
    third, fourth = sums[2] / (square * reach), sums[3] / (square * square)
    return [
        a * first - b * second + c * third - rest * fourth + share for a, b, c, rest, share in _BETS
    ]


def _group(own: float, other: float) -> int:
    """How many of an arm come for one of the other. Shares that are wrong cost only power."""
    return min(max(round(own / other), 1), _LARGEST_GROUP) if other > 0 else 1


def _taken(waiting: deque[float], number: int) -> float:
    return math.fsum([waiting.popleft() for _ in range(number)]) / number
