"""Chance in proportion to weight."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator

from modelway.policies.routing.tiers import Tier
from modelway.ports import Asked, Candidate


def weighted(asked: Asked, tier: Tier, chance: random.Random) -> Iterator[Candidate]:
    """Draw without replacement, so that what is tried second is also spread by weight.

    A reserve, where all weights are 0, comes in the order written.
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
    while rest:
        point = chance.random() * sum([one.deployment.weight for one in rest])
        for place, one in enumerate(rest):  # noqa: B007 - read after the loop
            point -= one.deployment.weight
            if point < 0:
                break
        yield rest.pop(place)
