"""Quick tasks to the fastest, large ones to the cheapest, the others by weight."""

from __future__ import annotations

import random
from collections.abc import Iterator

from modelway.policies.routing.cheapest import cheapest
from modelway.policies.routing.latency import latency
from modelway.policies.routing.tiers import Now, Tier, Within
from modelway.policies.routing.weighted import weighted
from modelway.ports import Asked, Candidate

QUICK_OUTPUT_TOKENS = 500
"""A call whose cap is below is quick."""
LARGE_INPUT_TOKENS = 10_000
"""A call whose input is above is large."""


def by_size(now: Now) -> Within:
    """What is both quick and large goes to the fastest."""
    by_price = cheapest(now)

    def within(asked: Asked, tier: Tier, chance: random.Random) -> Iterator[Candidate]:
        cap = asked.output_tokens
        if cap is not None and cap < QUICK_OUTPUT_TOKENS:
            return latency(asked, tier, chance)
        if asked.input_tokens > LARGE_INPUT_TOKENS:
            return by_price(asked, tier, chance)
        return weighted(asked, tier, chance)

    return within
