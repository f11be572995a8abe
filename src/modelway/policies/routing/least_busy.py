"""The fewest open requests for its weight, as this process counts them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from operator import attrgetter

from modelway.policies.routing.tiers import Tier
from modelway.ports import Asked, Candidate

MOST_READ = 32
"""Candidates whose open requests are compared for the first choice."""
_TRIES = 4

_open_requests = attrgetter("open_requests")


def least_busy(asked: Asked, tier: Tier, chance: random.Random) -> Iterator[Candidate]:
    """By (open requests + 1) / weight; any of those that are alike.

    Of a large tier, a random part is compared, which spreads load as well: the more so as all of
    them are equally busy.
    """
    del asked
    size = len(tier.candidates)
    start = int(chance.random() * size) if size > MOST_READ else 0
    loads = _loads(tier, start, min(size, MOST_READ))
    first = (start + _one_of(loads, min(loads), chance)) % size
    yield tier.candidates[first]
    loads = _loads(tier, 0, size)
    rest = sorted(range(size), key=loads.__getitem__)
    rest.remove(first)
    for place in rest:
        yield tier.candidates[place]


def _loads(tier: Tier, start: int, size: int) -> Sequence[float]:
    """Of so many from there on, round the end."""
    candidates, inverses = tier.candidates, tier.inverses
    over = max(0, start + size - len(candidates))
    part = candidates[start : start + size] + candidates[:over]
    loads: list[float] = list(map(_open_requests, part))
    if inverses is None:
        return loads
    shares = inverses[start : start + size] + inverses[:over]
    return [(load + 1) * share for load, share in zip(loads, shares, strict=True)]


def _one_of(loads: Sequence[float], least: float, chance: random.Random) -> int:
    """Any place of ``least``, each as likely: found by trying where there are many."""
    for _ in range(_TRIES):
        place = int(chance.random() * len(loads))
        if loads[place] == least:
            return place
    ties = [place for place, load in enumerate(loads) if load == least]
    return ties[int(chance.random() * len(ties))]
