"""A table's word for the task that is asked: its models first, in the table's order."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TypeAlias

from modelway.policies.routing.latency import latency
from modelway.policies.routing.scores import Score, Scored
from modelway.policies.routing.tiers import (
    Now,
    Splitting,
    Tier,
    by_priority,
    price_or_last,
    split,
)
from modelway.policies.routing.weighted import weighted
from modelway.ports import Asked, Candidate, Strategy

Prefer: TypeAlias = Callable[[Asked], Sequence[str]]
"""Words for what is asked, the first choice first: a kind of model, or the name of one."""
_Rank: TypeAlias = Callable[[Candidate], float]
"""The least is the best; infinite: it cannot be told."""

_FASTEST = "fastest"
_STRENGTHS: Mapping[str, Callable[[Score], float]] = {
    "strongest": lambda score: score.coding + score.reasoning,
    "strongest_coding": lambda score: score.coding,
    "strongest_reasoning": lambda score: score.reasoning,
}


def task_table(prefer: Prefer, scored: Scored, now: Now) -> Strategy:
    """Whom each of the table's words means, in turn, then all others by priority and weight.

    A word is ``strongest``, ``strongest_coding`` or ``strongest_reasoning`` (by scores), ``cheapest``,
    ``fastest``, ``local``, a deployment's id, a model's name, or ``provider/model``; it may mean
    nobody. The table goes before priorities: it is the more particular word of the same operator.
    """
    together, apart = Splitting(lambda _: 0), Splitting()

    def strategy(
        asked: Asked, candidates: Sequence[Candidate], chance: random.Random
    ) -> Iterator[Candidate]:
        given: set[int] = set()
        for one in ordered(asked, candidates, chance):
            if id(one) not in given:
                given.add(id(one))
                yield one

    def ordered(
        asked: Asked, candidates: Sequence[Candidate], chance: random.Random
    ) -> Iterator[Candidate]:
        for whole in together.of(candidates):
            for word in prefer(asked):
                if word == _FASTEST:
                    yield from islice(latency(asked, whole, chance), 1)
                    continue
                meant = partial(_meant, rank=_ranks(word, scored))
                for tier in whole.kept(word, now, meant):
                    yield from weighted(asked, tier, chance)
        for tier in apart.of(candidates):
            yield from weighted(asked, tier, chance)

    return strategy


def _meant(whole: Tier, rank: _Rank) -> list[Tier]:
    """The best by this rank, all of them, by priority."""
    ranks = [rank(one) for one in whole.candidates]
    best = min(ranks)
    if math.isinf(best):
        return []
    alike: Iterable[Candidate] = (
        one for one, found in zip(whole.candidates, ranks, strict=True) if found == best
    )
    return split(alike, by_priority)


def _ranks(word: str, scored: Scored) -> _Rank:
    if word in _STRENGTHS:
        strength = _STRENGTHS[word]
        return lambda one: math.inf if (score := scored(one)) is None else -strength(score)
    if word == "cheapest":
        return lambda one: price_or_last(one.usual_price)
    if word == "local":
        return lambda one: 0.0 if one.deployment.provider.local else math.inf
    return lambda one: 0.0 if word in _names(one) else math.inf


def _names(candidate: Candidate) -> tuple[str | None, ...]:
    deployment = candidate.deployment
    full = f"{deployment.provider.name}/{deployment.model}"
    return deployment.id, deployment.model, deployment.base_model, full
