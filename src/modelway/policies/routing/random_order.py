"""Strategy: any order, weights ignored, inside each priority."""

from __future__ import annotations

import random
from collections.abc import Sequence

from modelway.call import Call, Deployment
from modelway.policies.routing.tiers import tiers


def random_order(
    call: Call, candidates: Sequence[Deployment], chance: random.Random
) -> Sequence[Deployment]:
    """Shuffle each priority."""
    del call
    return [
        deployment for tier in tiers(candidates) for deployment in chance.sample(tier, len(tier))
    ]
