"""A table's word for the task that is asked: its models first, in the table's order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, TypeAlias

from modelway.policies.routing.tiers import Key, Splitting, by_priority
from modelway.policies.routing.weighted import weighted
from modelway.ports import Asked, Candidate, Strategy

Prefer: TypeAlias = Callable[[Asked], Sequence[str]]
"""Names for what is asked: the table's primary, then its fallbacks."""

_MOST_ROWS = 256
"""Rows whose orders are remembered; past it the memory starts anew."""


def task_table(prefer: Prefer) -> Strategy:
    """Candidates that the table names for the task, then all others; each by priority and weight.

    A name is a deployment's id, its model's, or ``provider/model``. The table goes before priorities:
    it is the more particular word of the same operator.
    """
    rows: dict[tuple[str, ...], Splitting] = {}

    def strategy(
        asked: Asked, candidates: Sequence[Candidate], chance: random.Random
    ) -> Iterable[Candidate]:
        names = tuple(prefer(asked))
        row = rows.get(names)
        if row is None:
            if len(rows) >= _MOST_ROWS:
                rows.clear()
            places = {name: place for place, name in reversed(list(enumerate(names)))}
            row = rows[names] = Splitting(_by_place(places))
        return chain.from_iterable(weighted(asked, tier, chance) for tier in row.of(candidates))

    return strategy


def _by_place(places: Mapping[str, int]) -> Key:
    """The place of the best of a candidate's names, then its priority."""
    last = len(places)

    def key(candidate: Candidate) -> Any:
        deployment = candidate.deployment
        full = f"{deployment.provider.name}/{deployment.model}"
        names = (deployment.id, deployment.model, full, deployment.base_model or full)
        return min([places.get(name, last) for name in names]), *by_priority(candidate)

    return key
