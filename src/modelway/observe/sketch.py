"""How values are spread, in buckets that are each 2.2 % wider than the one before.

A bucket's number is the power of 2^(1/32) that it ends with, as in Prometheus' native histograms of
schema 5 and OpenTelemetry's exponential ones of scale 5. So every power of two is a border, sketches of
several processes add up without loss, and a quantile is within 1.1 % of the true one.
Source: https://prometheus.io/docs/specs/native_histograms/#schema, 2026-11-21;
https://arxiv.org/abs/1908.10693 (DDSketch), 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, log2, tanh
from math import log as natural_log

OCTAVE = 32
"""Buckets between a power of two and the next."""
LEAST, MOST = 2.0**-20, 2.0**20
"""A microsecond, and twelve days: what is beyond counts as these."""
FIRST, LAST = -20 * OCTAVE, 20 * OCTAVE
RELATIVE_ERROR = tanh(natural_log(2) / (2 * OCTAVE))
"""Of a quantile, at most: 0.0108."""
_SHOWN = 1.0 - RELATIVE_ERROR
"""What of a bucket's end is as far, in proportion, from both of its ends."""


def bucket(value: float) -> int:
    """The number of the bucket that a value falls into."""
    if LEAST < value < MOST:
        return ceil(log2(value) * OCTAVE)
    return LAST if value >= MOST else FIRST


def merge(into: dict[int, int], other: Mapping[int, int]) -> None:
    """Add what another counted."""
    if not into:
        into.update(other)
        return
    for number, count in other.items():
        into[number] = into.get(number, 0) + count


def quantile(buckets: Mapping[int, int], share: float) -> float | None:
    """The value that this share of all is not above; ``None`` where there is none."""
    rank = ceil(share * sum(buckets.values()))
    for number in sorted(buckets):
        rank -= buckets[number]
        if rank <= 0:
            return float(2.0 ** (number / OCTAVE) * _SHOWN)
    return None


class Sketch:
    """Values of late, by bucket, and of those before only as many as lie below each power of two."""

    __slots__ = ("before", "octaves", "recent", "sum")

    def __init__(self) -> None:
        self.recent: dict[int, int] = {}
        self.before: dict[int, int] = {}
        self.octaves: dict[int, int] = {}
        self.sum = 0.0
        """Of everything that was ever added."""

    def add(self, value: float) -> None:
        if LEAST < value < MOST:
            number = ceil(log2(value) * OCTAVE)
        else:
            number = LAST if value >= MOST else FIRST
            value = min(max(value, 0.0), MOST) if value == value else 0.0  # noqa: PLR0124  # no NaN
        recent = self.recent
        if number in recent:
            recent[number] += 1
        else:
            recent[number] = 1
        self.sum += value

    def turn(self) -> None:
        """Let what was before the last turn be no longer of late."""
        octaves(self.octaves, self.before)
        self.before, self.recent = self.recent, {}


def octaves(into: dict[int, int], buckets: Mapping[int, int]) -> None:
    """Add these buckets, by the power of two that each is not above."""
    for number, count in buckets.items():
        power = -(-number // OCTAVE)
        into[power] = into.get(power, 0) + count
