"""What this process has seen of a deployment: how quick it is, how much it writes, what is open."""

from __future__ import annotations

import math
from collections import deque

_TAU_S = 10.0
"""The time in which an average forgets two thirds of what it knew."""
_SAMPLES = 128


class Latency:
    """A peak-sensitive average: it rises at once with a slow answer, and comes down with time.

    Source: https://github.com/twitter/finagle (PeakEwma), 2026-11-21.
    """

    __slots__ = ("_at", "_value", "samples")

    def __init__(self) -> None:
        self._value = 0.0
        self._at = -math.inf
        self.samples: deque[float] = deque(maxlen=_SAMPLES)

    def observe(self, seconds: float, now: float) -> None:
        self.samples.append(seconds)
        if seconds > self._value:
            self._value = seconds
        else:
            kept = math.exp((self._at - now) / _TAU_S)
            self._value = self._value * kept + seconds * (1.0 - kept)
        self._at = now

    def seconds(self) -> float | None:
        return self._value if self.samples else None

    def quantile(self, share: float) -> float | None:
        """Of the last answers; ``None`` where there were too few to say."""
        if len(self.samples) < _SAMPLES // 8:
            return None
        ordered = sorted(self.samples)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Seen:
    """The figures of one deployment, by its id."""

    __slots__ = ("answers", "first_events", "open_requests", "output_tokens")

    def __init__(self) -> None:
        self.open_requests = 0
        self.answers = Latency()
        self.first_events = Latency()
        self.output_tokens = 0.0
        """An average of what it writes, for estimates where no cap is said."""
