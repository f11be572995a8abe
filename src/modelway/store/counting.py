"""The arithmetic of pools that stores have in common; the rest is where each keeps its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable

BUCKETS = 240
"""Of a window: what was used is counted by the end of its bucket, so that there are few numbers."""
_ROUNDING_S = 1e-6
"""More than sums of two clock readings can be off, so that who waits does not ask a moment early."""


def part(left: int, want: int, least: int, share: int) -> int:
    """How much of what is left is given."""
    return max(0, min(want, max(least, left // max(share, 1)))) if left >= least else 0


def counted_until(now: float, ago_s: float, window_s: float) -> float:
    """When what was used last ``ago_s`` before now no longer counts, rounded up to its bucket's end."""
    until = now - max(ago_s, 0.0) + window_s
    if window_s <= 0 or math.isinf(until):
        return until
    step = window_s / BUCKETS
    return max(until, math.ceil(until / step) * step)


def wait_s(now: float, missing: int, ending: Iterable[tuple[float, int]]) -> float:
    """How long until so much has ended of (until, amount), which come in the order of their ends."""
    for until, amount in ending:
        missing -= amount
        if missing <= 0:
            return max(until - now, 0.0) + _ROUNDING_S
    return math.inf
