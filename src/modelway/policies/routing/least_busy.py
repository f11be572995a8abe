"""The fewest open requests for its weight, as this process counts them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from operator import attrgetter

from modelway.policies.routing.tiers import Tier
from modelway.ports import Asked, Candidate

_open_requests = attrgetter("open_requests")
_TRIES = 4


def least_busy(asked: Asked, tier: Tier, chance: random.Random) -> Iterator[Candidate]:
    """By (open requests + 1) ÷ weight; any of those that are alike."""
    del asked
    candidates = tier.candidates
    loads: list[float] = list(map(_open_requests, candidates))
    if tier.inverses is not None:
        loads = [(load + 1) * inverse for load, inverse in zip(loads, tier.inverses, strict=True)]
    place = _one_of(loads, min(loads), chance)
    yield candidates[place]
    order = sorted(range(len(candidates)), key=loads.__getitem__)
    order.remove(place)
    for other in order:
        yield candidates[other]


def _one_of(loads: Sequence[float], least: float, chance: random.Random) -> int:
    """Any place of ``least``, each as likely: found by trying where there are many."""
    for _ in range(_TRIES):
        place = int(chance.random() * len(loads))
        if loads[place] == least:
            return place
    ties = [place for place, load in enumerate(loads) if load == least]
    return ties[int(chance.random() * len(ties))]
