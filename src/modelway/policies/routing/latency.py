"""The faster of two, by its measured latency times what it has to do.

Source: https://www.eecs.harvard.edu/~michaelm/postscripts/handbook2001.pdf (the power of two choices),
https://github.com/twitter/finagle (PeakEwma), 2026-11-21.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from modelway.policies.routing.tiers import Tier
from modelway.ports import Asked, Candidate

_BEING_MEASURED_S = 1e9
"""Of one that has its first request and no answer yet: behind all that are measured."""
SECOND_LOOKS = 1 / 200
"""How often the worse of two goes first: or what was slow once, and is idle since, stays unknown."""


def latency(asked: Asked, tier: Tier, chance: random.Random) -> Iterator[Candidate]:
    """Two are drawn and the better one goes first; then all others, the best of them first.

    What is not measured yet is tried before the others, by one request at a time. Weights are
    ignored: what a candidate bears is what it is measured by. Rarely, the worse one goes first.
    """
    candidates, stream = tier.candidates, asked.call.stream
    place = _better_of_two(candidates, stream, chance)
    yield candidates[place]
    rest = [*candidates[:place], *candidates[place + 1 :]]
    rest.sort(key=lambda one: burden_s(one, stream))
    yield from rest


def better(tier: Tier, stream: bool, chance: random.Random) -> Candidate:
    """One of the tier, by the power of two choices."""
    return tier.candidates[_better_of_two(tier.candidates, stream, chance)]


def burden_s(candidate: Candidate, stream: bool) -> float:
    """What a further request may have to wait: its latency for each open request and this one."""
    measured, busy = candidate.latency_s(stream), candidate.open_requests
    if measured is None:
        return _BEING_MEASURED_S + busy if busy else -1.0
    return measured * (busy + 1)


def _better_of_two(candidates: tuple[Candidate, ...], stream: bool, chance: random.Random) -> int:
    size = len(candidates)
    if size == 1:
        return 0
    one, other = int(chance.random() * size), int(chance.random() * (size - 1))
    other += other >= one
    first, second = burden_s(candidates[one], stream), burden_s(candidates[other], stream)
    return one if (first <= second) is (chance.random() >= SECOND_LOOKS) else other
