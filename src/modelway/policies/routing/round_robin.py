"""Each in turn; the positions are this process's own."""

from __future__ import annotations

import random
from collections.abc import Iterator

from modelway.policies.routing.tiers import Tier
from modelway.ports import Asked, Candidate

_MOST_TURNS = 10_000
"""Tiers whose turns are remembered; past it the memory starts anew."""


class RoundRobin:
    """Remembers whose turn it is, by the tier's first deployment and its size."""

    def __init__(self) -> None:
        self._turns: dict[tuple[str, int], int] = {}

    def __call__(self, asked: Asked, tier: Tier, chance: random.Random) -> Iterator[Candidate]:
        del asked, chance
        candidates = tier.candidates
        key = (candidates[0].deployment.id, len(candidates))
        turn = self._turns.get(key, 0)
        if len(self._turns) >= _MOST_TURNS and key not in self._turns:
            self._turns.clear()
        self._turns[key] = (turn + 1) % len(candidates)
        for place in range(turn, turn + len(candidates)):
            yield candidates[place % len(candidates)]
