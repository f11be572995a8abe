"""What this process has seen of a deployment: what strategies choose by.

The figures are local, and outlive a configuration.
"""

from __future__ import annotations

import math
from collections import deque

from modelway.call import Deployment
from modelway.catalog.models import ModelInfo
from modelway.facts import Facts
from modelway.policies.breaker import Breaker
from modelway.policies.limits import Gate

_TAU_S = 10.0
"""The time in which an average forgets two thirds of what it knew."""
_SAMPLES = 128
_USUAL = (3_000, 1_000)
"""Tokens read and written by the usual call."""


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


class Track:
    """A ``Candidate``: a deployment of one configuration, and what stands before it."""

    __slots__ = ("_facts", "breaker", "deployment", "gate", "seen")

    def __init__(
        self, deployment: Deployment, seen: Seen, facts: Facts, breaker: Breaker, gate: Gate | None
    ) -> None:
        self.deployment = deployment
        self.seen = seen
        self.breaker = breaker
        self.gate = gate
        self._facts = facts

    @property
    def open_requests(self) -> int:
        return self.seen.open_requests

    @property
    def info(self) -> ModelInfo | None:
        return self._facts.known(self.deployment)

    @property
    def usual_price(self) -> int | None:
        price = self._facts.price(self.deployment, *_USUAL)
        return None if price is None else price * 1_000_000 // sum(_USUAL)

    def price(self, input_tokens: int, output_tokens: int) -> int | None:
        return self._facts.price(self.deployment, input_tokens, output_tokens)

    def latency_s(self, stream: bool) -> float | None:
        seen = self.seen
        return (seen.first_events if stream else seen.answers).seconds()

    def wait_s(self) -> float:
        return 0.0 if self.gate is None else self.gate.blocked_s(0)
