"""The lowest price first; those that cost the same share by weight."""

from __future__ import annotations

import random
from collections.abc import Iterator

from modelway.policies.routing.tiers import Now, Tier, Within, price_or_last, split
from modelway.policies.routing.weighted import weighted
from modelway.ports import Asked, Candidate

USUAL_OUTPUT_TOKENS = 1_000
"""Counted for a call that sets no cap."""
_DIGITS = 4


def cheapest(now: Now) -> Within:
    """By the usual price: three tokens read for one written. What has none comes last."""

    def within(asked: Asked, tier: Tier, chance: random.Random) -> Iterator[Candidate]:
        for same in tier.kept("usual price", now, _by_usual_price):
            yield from weighted(asked, same, chance)

    return within


def cost_optimised(now: Now) -> Within:
    """By the price of this call: of its input, and of the output that it may have at most."""

    def within(asked: Asked, tier: Tier, chance: random.Random) -> Iterator[Candidate]:
        sizes = (_rounded(asked.input_tokens), _rounded(asked.output_tokens))

        def by_price(whole: Tier) -> list[Tier]:
            return split(whole.candidates, lambda one: price_or_last(one.price(*sizes)))

        for same in tier.kept(sizes, now, by_price):
            yield from weighted(asked, same, chance)

    return within


def _by_usual_price(tier: Tier) -> list[Tier]:
    return split(tier.candidates, lambda one: price_or_last(one.usual_price))


def _rounded(tokens: int | None) -> int:
    """Up to four binary digits, an eighth more at most, so that few orders are worked out."""
    if tokens is None:
        return USUAL_OUTPUT_TOKENS
    spare = max(0, tokens.bit_length() - _DIGITS)
    return -(-tokens >> spare) << spare if spare else tokens
