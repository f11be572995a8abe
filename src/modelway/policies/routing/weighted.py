"""Strategy: chance in proportion to weight, inside each priority."""

from __future__ import annotations

import random
from collections.abc import Sequence

from modelway.policies.routing.tiers import tiers
from modelway.ports import Asked, Candidate


def weighted(
    asked: Asked, candidates: Sequence[Candidate], chance: random.Random
) -> Sequence[Candidate]:
    """Draw without replacement, so that what is tried second is also spread by weight."""
    del asked
    ordered: list[Candidate] = []
    for tier in tiers(candidates):
        ordered += draw(tier, chance)
    return ordered


def draw(tier: list[Candidate], chance: random.Random) -> list[Candidate]:
    """One tier in a random order by weight; weight 0 comes last, as a reserve."""
    if len(tier) == 1:
        return tier
    remaining, drawn = list(tier), []
    while remaining:
        total = sum([one.deployment.weight for one in remaining])
        point = chance.random() * total
        for chosen in remaining:
            point -= chosen.deployment.weight
            if point < 0:
                break
        else:
            chosen = remaining[0]
        remaining.remove(chosen)
        drawn.append(chosen)
    return drawn
