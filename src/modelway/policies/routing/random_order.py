"""Strategy: any order, weights ignored, inside each priority."""

from __future__ import annotations

import random
from collections.abc import Sequence

from modelway.policies.routing.tiers import tiers
from modelway.ports import Asked, Candidate


def random_order(
    asked: Asked, candidates: Sequence[Candidate], chance: random.Random
) -> Sequence[Candidate]:
    """Shuffle each priority."""
    del asked
    return [
        deployment for tier in tiers(candidates) for deployment in chance.sample(tier, len(tier))
    ]
