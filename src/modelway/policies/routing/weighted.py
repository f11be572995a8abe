"""Chance in proportion to weight."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator

from modelway.policies.routing.tiers import Tier
from modelway.ports import Asked, Candidate


def weighted(asked: Asked, tier: Tier, chance: random.Random) -> Iterator[Candidate]:
    """Draw without replacement, so that what is tried second is also spread by weight.

    What follows the first is a race of exponential times: its order is again one by weight. A
    reserve, where all weights are 0, comes in the order written.
    """
    del asked
    candidates = tier.candidates
    if len(candidates) == 1 or not tier.total:
        yield from candidates
        return
    place = bisect_right(tier.cumulative, chance.random() * tier.total)
    place = min(place, len(candidates) - 1)
    yield candidates[place]
    rest = [*candidates[:place], *candidates[place + 1 :]]
    rest.sort(key=lambda one: chance.expovariate(one.deployment.weight))
    yield from rest
