"""Means without a known bound (cost, latency), at any time: asymptotic confidence sequences.

The interval is the normal mixture's, with the variance seen so far in place of the true one. It is
wider than one for a single look, by what looking at every moment costs, and it holds at all times
together, the better the more there is: hence none before ``LEAST`` units.

Two arms: the difference of their means, in the time of its information, is a Brownian motion with
drift whatever the arms' shares; ``_size`` counts that time in units, 1 / (1 / n + 1 / n').

Source: https://arxiv.org/abs/2103.06476 (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform
central limit theory and asymptotic confidence sequences"), 2026-11-21.
"""

from __future__ import annotations

import math

from modelway.experiments.values import Side

LEAST = 30
"""Units of an arm before anything is said: the variance of fewer is not known."""

_TUNED_SIZE = 500.0
"""Where the interval is the narrowest for its level: a thousand units in each of two arms."""

_UNBOUNDED = (-math.inf, math.inf)


class Moments:
    """Number, mean and variance of what has come, in constant memory (Welford)."""

    __slots__ = ("_squares", "mean", "number")

    def __init__(self) -> None:
        self.number = 0
        self.mean = 0.0
        self._squares = 0.0

    def add(self, value: float) -> None:
        self.number += 1
        off = value - self.mean
        self.mean += off / self.number
        self._squares += off * (value - self.mean)

    @property
    def variance(self) -> float:
        return self._squares / (self.number - 1) if self.number > 1 else 0.0


class Means:
    """An arm's mean less ``factor`` times the first arm's, from values of both in any order."""

    __slots__ = ("_alpha", "_factor", "arm", "first")

    def __init__(self, factor: float, alpha: float) -> None:
        self._factor = factor
        self._alpha = alpha
        self.first = Moments()
        self.arm = Moments()

    def add(self, value: float, *, to_first: bool) -> None:
        (self.first if to_first else self.arm).add(value)

    @property
    def value(self) -> float | None:
        if not (self.first.number and self.arm.number):
            return None
        return self.arm.mean - self._factor * self.first.mean

    def interval(self) -> tuple[float, float]:
        """Where the true value is, with a chance of ``alpha`` at most that it ever is outside."""
        if self.value is None or not self._enough():
            return _UNBOUNDED
        reach = math.sqrt(sum(self._variances(self._factor))) * _width(self._size(), self._alpha)
        return self.value - reach, self.value + reach

    def log_evidence(self, side: Side = "either") -> float:
        """The logarithm of an e-value against "it is 0", "is not above 0" or "is not below 0"."""
        value = self.value
        if not value or not self._enough() or side == ("below" if value > 0 else "above"):
            return 0.0
        variance = sum(self._variances(self._factor))
        if variance == 0:
            return math.inf
        r = self._size() * _rho_squared(self._alpha)
        exponent = 0.5 * value * value / variance * r / (1 + r)
        found = exponent - 0.5 * math.log1p(r)
        # of one side: the mixture over the drifts of that side alone
        return found if side == "either" else found + math.log1p(math.erf(math.sqrt(exponent)))

    def ratio_interval(self) -> tuple[float, float]:
        """The factors at which the value is not told from 0 (Fieller).

        The width is the same for each, so the borders are the roots of a quadratic. Unbounded where
        the first arm's mean itself is not told from 0.
        """
        if not self._enough():
            return _UNBOUNDED
        width = _width(self._size(), self._alpha) ** 2
        of_first, of_arm = self._variances(1.0)
        a = self.first.mean**2 - width * of_first
        b = self.first.mean * self.arm.mean
        c = self.arm.mean**2 - width * of_arm
        if a <= 0:
            return _UNBOUNDED
        root = math.sqrt(max(b * b - a * c, 0.0))
        return (b - root) / a, (b + root) / a

    def _enough(self) -> bool:
        return min(self.first.number, self.arm.number) >= LEAST

    def _size(self) -> float:
        return 1 / (1 / self.first.number + 1 / self.arm.number)

    def _variances(self, factor: float) -> tuple[float, float]:
        """Of the two means, the first's by its factor.

        The arm with fewer units is taken to vary as much as the other at least. Most costs are small
        and a few large: before those have come, an arm seems cheaper and more regular than it is.
        """
        first, arm = self.first.variance, self.arm.variance
        if self.first.number < self.arm.number:
            first = max(first, arm)
        elif self.arm.number < self.first.number:
            arm = max(arm, first)
        return factor * factor * first / self.first.number, arm / self.arm.number


def mean_interval(moments: Moments, alpha: float) -> tuple[float, float]:
    """Where the mean is, with a chance of ``alpha`` at most that it ever is outside."""
    if moments.number < LEAST:
        return _UNBOUNDED
    error = math.sqrt(moments.variance / moments.number)
    reach = error * _width(float(moments.number), alpha)
    return moments.mean - reach, moments.mean + reach


def _width(size: float, alpha: float) -> float:
    """Standard errors from the middle to the border."""
    r = size * _rho_squared(alpha)
    return math.sqrt((1 + 1 / r) * (math.log1p(r) - 2 * math.log(alpha)))


def _rho_squared(alpha: float) -> float:
    doubled = -2 * math.log(alpha)
    return (doubled + math.log1p(doubled)) / _TUNED_SIZE
