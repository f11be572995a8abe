"""Any order, weights ignored, except that 0 is a reserve."""

from __future__ import annotations

import random
from collections.abc import Iterator

from modelway.policies.routing.tiers import Tier
from modelway.ports import Asked, Candidate


def random_order(asked: Asked, tier: Tier, chance: random.Random) -> Iterator[Candidate]:
    """Each draw as likely as any other."""
    del asked
    candidates = tier.candidates
    place = int(chance.random() * len(candidates))
    yield candidates[place]
    rest = [*candidates[:place], *candidates[place + 1 :]]
    chance.shuffle(rest)
    yield from rest
