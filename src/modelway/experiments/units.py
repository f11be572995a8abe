"""Outcomes → one value a unit: what a unit does again is no new evidence.

A unit belongs to the arm of its first outcome, and is watched for the experiment's window from then.
When that has passed it counts, once, by the mean of what was seen: not before, because a value that
may still change would be looked at again and again. A score may come later; the unit's counts then,
when the first of it is there. So a later look sees the earlier ones' values, and more.

Source: https://engineering.atspotify.com/2023/07/bringing-sequential-testing-to-experiments-with-longitudinal-data-part-1-the-peeking-problem-2-0/, 2026-11-21.
"""  # noqa: E501

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from modelway.experiments.values import Experiment, Metric, Outcome, window_s


class Seen(NamedTuple):
    """An outcome as the log has it. Times are the store's, so that they have one order."""

    outcome: Outcome
    time: float
    score: float | None = None
    scored: float = 0.0
    """When the score was there; of no meaning without one."""


class Counted(NamedTuple):
    """What a unit adds to a metric, and when."""

    time: float
    arm: str
    value: float


class Unit:
    """What has been seen of one unit in its window."""

    __slots__ = ("arm", "calls", "cost", "costs", "failed", "latency_s", "scores", "until")

    def __init__(self, arm: str, until: float) -> None:
        self.arm = arm
        self.until = until
        self.calls = 0
        self.failed = 0
        self.latency_s = 0.0
        self.cost = 0
        self.costs = 0
        self.scores: list[tuple[float, float]] = []

    def add(self, seen: Seen) -> None:
        outcome = seen.outcome
        self.calls += 1
        if outcome.error:
            self.failed += 1
        else:
            self.latency_s += outcome.latency_s
        if outcome.cost_pico_usd is not None:
            self.cost += outcome.cost_pico_usd
            self.costs += 1
        if seen.score is not None:
            self.scores.append((seen.scored, seen.score))


class Units(NamedTuple):
    """The units of an experiment in the order in which they came, and what was left out of them."""

    units: tuple[Unit, ...]
    moved: int
    """Outcomes of units that had another arm before."""


def gather(experiment: Experiment, log: Iterable[Seen]) -> Units:
    """The units of a log, which is in its own order."""
    window = window_s(experiment)
    units: dict[str, Unit] = {}
    moved = 0
    for seen in log:
        outcome = seen.outcome
        unit = units.get(outcome.unit)
        if unit is None:
            unit = units[outcome.unit] = Unit(outcome.arm, seen.time + window)
        if unit.arm != outcome.arm:
            moved += 1
        elif seen.time < unit.until or not unit.calls:
            unit.add(seen)
    return Units(tuple(units.values()), moved)


def counted(units: Sequence[Unit], metric: Metric, now: float) -> list[Counted]:
    """What counts of a metric by now, in the order in which it came to count."""
    found = [one for unit in units if (one := _counted(unit, metric)) and one.time <= now]
    return sorted(found, key=lambda one: one.time)


def _counted(unit: Unit, metric: Metric) -> Counted | None:
    match metric:
        case "errors":
            return Counted(unit.until, unit.arm, unit.failed / unit.calls)
        case "latency":
            answered = unit.calls - unit.failed
            return Counted(unit.until, unit.arm, unit.latency_s / answered) if answered else None
        case "cost":
            return Counted(unit.until, unit.arm, unit.cost / unit.costs) if unit.costs else None
        case "score":
            return _scored(unit) if unit.scores else None


def _scored(unit: Unit) -> Counted:
    time = max(unit.until, min(unit.scores)[0])
    known = [score for scored, score in unit.scores if scored <= time]
    return Counted(time, unit.arm, math.fsum(known) / len(known))
