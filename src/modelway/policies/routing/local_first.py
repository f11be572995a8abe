"""Local servers and APIs together: which of them go first, whatever their priority."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from modelway.policies.routing.tiers import Splitting, Tier, Tiered, by_priority
from modelway.policies.routing.weighted import weighted
from modelway.ports import Asked, Candidate, Strategy


def local_first() -> Strategy:
    """What runs on the user's own machines before what does not, each by priority and weight."""
    return Tiered(weighted, _local_before)


def hybrid() -> Strategy:
    """Local servers for what is not complex, as long as nothing has to wait there; APIs for the rest.

    Those that do not go first are what the others fall back to.
    """
    splitting = Splitting(_local_before)

    def strategy(
        asked: Asked, candidates: Sequence[Candidate], chance: random.Random
    ) -> Iterable[Candidate]:
        tiers = splitting.of(candidates)
        local = [tier for tier in tiers if tier.candidates[0].deployment.provider.local]
        remote = tiers[len(local) :]
        if local and remote:
            if asked.difficulty == "complex":
                return _each(asked, [*remote, *local], chance)
            return _spilling(_each(asked, local, chance), _each(asked, remote, chance))
        return _each(asked, tiers, chance)

    return strategy


def _local_before(candidate: Candidate) -> Any:
    return not candidate.deployment.provider.local, *by_priority(candidate)


def _each(asked: Asked, tiers: list[Tier], chance: random.Random) -> Iterator[Candidate]:
    return chain.from_iterable(weighted(asked, tier, chance) for tier in tiers)


def _spilling(local: Iterator[Candidate], remote: Iterator[Candidate]) -> Iterator[Candidate]:
    """Local ones that would answer at once, the remote ones, then the rest of the local ones."""
    held_back: list[Candidate] = []
    for one in local:
        if one.wait_s() > 0.0:
            held_back.append(one)
        else:
            yield one
    yield from remote
    yield from held_back
