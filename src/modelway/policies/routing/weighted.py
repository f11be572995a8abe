"""Strategy: chance in proportion to weight, inside each priority."""

from __future__ import annotations

import random
from collections.abc import Sequence

from modelway.call import Call, Deployment
from modelway.policies.routing.tiers import tiers


def weighted(
    call: Call, candidates: Sequence[Deployment], chance: random.Random
) -> Sequence[Deployment]:
    """Draw without replacement, so that what is tried second is also spread by weight."""
    del call
    ordered: list[Deployment] = []
    for tier in tiers(candidates):
        ordered += draw(tier, chance)
    return ordered


def draw(tier: list[Deployment], chance: random.Random) -> list[Deployment]:
    """One tier in a random order by weight; weight 0 comes last, as a reserve."""
    if len(tier) == 1:
        return tier
    remaining, drawn = list(tier), []
    while remaining:
        total = sum([deployment.weight for deployment in remaining])
        point = chance.random() * total
        for chosen in remaining:
            point -= chosen.weight
            if point < 0:
                break
        else:
            chosen = remaining[0]
        remaining.remove(chosen)
        drawn.append(chosen)
    return drawn
