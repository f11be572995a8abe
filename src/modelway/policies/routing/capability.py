"""How well a model fits a task: its scores, weighed by what the task is, less what it costs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from modelway.policies.routing.latency import better
from modelway.policies.routing.scores import Scored
from modelway.policies.routing.tiers import Now, Tier, Within, split
from modelway.policies.routing.weighted import weighted
from modelway.ports import Asked, Candidate

_COST_WEIGHT = 0.3
_PICO_USD_PER_100_USD = 100 * 10**12


class _Ranked(NamedTuple):
    """Replicas by what is known of them beforehand, the best first; then those without a fit."""

    fits: list[tuple[float, Tier]]
    rest: list[Tier]


def capability(scored: Scored, now: Now) -> Within:
    """By coding·w + reasoning·w + speed·w - cost·w; among replicas, the better of two.

    What has no price comes after all that have one; what has no scores after those, by weight.
    """

    def within(asked: Asked, tier: Tier, chance: random.Random) -> Iterator[Candidate]:
        difficulty = asked.difficulty
        coding_weight = 0.4 if asked.coding_heavy else 0.2
        reasoning_weight = 0.4 if difficulty == "complex" else 0.2
        speed_weight = 0.3 if difficulty == "simple" else 0.1

        def fixed(one: Candidate) -> tuple[int, float]:
            """How much is unknown of it, and the part of its fit that is not measured."""
            score = scored(one)
            if score is None:
                return (2, 0.0)
            known = coding_weight * score.coding + reasoning_weight * score.reasoning
            price = one.usual_price
            if price is None:
                return (1, -known)
            return (0, _COST_WEIGHT * price / _PICO_USD_PER_100_USD - known)

        def ranked(whole: Tier) -> _Ranked:
            fits: list[tuple[float, Tier]] = []
            rest: list[Tier] = []
            for same in split(whole.candidates, fixed):
                unknown, less = fixed(same.candidates[0])
                if unknown:
                    rest.append(same)
                else:
                    fits.append((-less, same))
            return _Ranked(fits, rest)

        stream = asked.call.stream
        orders = tier.kept((coding_weight, reasoning_weight), now, ranked)
        chosen: list[Candidate] = []
        if orders.fits:
            first = _best(orders.fits, speed_weight, scored, stream, chance)
            yield first
            others = [
                (fit + speed_weight * speed(one, stream, scored), one)
                for fit, same in orders.fits
                for one in same.candidates
                if one is not first
            ]
            others.sort(key=lambda pair: -pair[0])
            chosen += [one for _, one in others]
        yield from chosen
        for same in orders.rest:
            yield from weighted(asked, same, chance)

    return within


def speed(candidate: Candidate, stream: bool, scored: Scored) -> float:
    """Of 1: its share in a second and its measured latency; else its score; else 1, to be measured."""
    seconds = candidate.latency_s(stream)
    if seconds is not None:
        return 1.0 / (1.0 + seconds)
    score = scored(candidate)
    return 1.0 if score is None or score.speed is None else score.speed


def _best(
    fits: list[tuple[float, Tier]],
    speed_weight: float,
    scored: Scored,
    stream: bool,
    chance: random.Random,
) -> Candidate:
    """The best fit; once none that follow can reach it, they are not looked at."""
    best_fit, best = float("-inf"), fits[0][1].candidates[0]
    for fit, same in fits:
        if fit + speed_weight <= best_fit:
            break
        one = better(same, stream, chance)
        reached = fit + speed_weight * speed(one, stream, scored)
        if reached > best_fit:
            best_fit, best = reached, one
    return best
