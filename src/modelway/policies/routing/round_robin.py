"""Strategy: each deployment in turn, inside each priority; the positions are this process's own."""

from __future__ import annotations

import random
from collections.abc import Sequence

from modelway.policies.routing.tiers import tiers
from modelway.ports import Asked, Candidate

_KNOWN_GROUPS = 10_000
"""Groups whose turns are remembered; past it the memory starts anew."""


class RoundRobin:
    """Remembers whose turn it is by the group's first deployment."""

    def __init__(self) -> None:
        self._turns: dict[tuple[str, int], int] = {}

    def __call__(
        self, asked: Asked, candidates: Sequence[Candidate], chance: random.Random
    ) -> Sequence[Candidate]:
        del asked, chance
        ordered: list[Candidate] = []
        for tier in tiers(candidates):
            ordered += self._rotated(tier)
        return ordered

    def _rotated(self, tier: list[Candidate]) -> list[Candidate]:
        if len(tier) == 1:
            return tier
        key = (tier[0].deployment.id, len(tier))
        turn = self._turns.get(key, 0)
        if len(self._turns) >= _KNOWN_GROUPS and key not in self._turns:
            self._turns.clear()
        self._turns[key] = (turn + 1) % len(tier)
        return tier[turn:] + tier[:turn]
