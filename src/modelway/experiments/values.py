"""What an experiment is, and what is written down of it: frozen values."""

from __future__ import annotations

import datetime as dt
import math
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from modelway.errors import ConfigError

Metric: TypeAlias = Literal["cost", "latency", "errors", "score"]
"""Pico-dollars and seconds of an answer, the share of failures, and what a caller or a judge says."""

METRICS: tuple[Metric, ...] = ("cost", "latency", "errors", "score")

Side: TypeAlias = Literal["either", "above", "below"]
"""Where the truth is to be shown to be."""

Part: TypeAlias = Annotated[float, Meta(ge=0, le=1)]

_WINDOWS_S = {"request": 0.0, "session": 1800.0}
_DAY_S = 86_400.0


class Arm(Struct, frozen=True, kw_only=True):
    """One of the alternatives. ``weight`` is its part of the units; 0: it gets no new ones."""

    name: str
    model: str
    weight: float = 1.0


class Guardrail(Struct, frozen=True, kw_only=True):
    """An arm is to stop when it is worse than the first by more than this part of the first's mean."""

    metric: Metric
    worse_by: float


class Experiment(Struct, frozen=True, kw_only=True):
    """Arms to choose between; the first is what the others are compared with."""

    name: str
    arms: tuple[Arm, ...]
    unit: str = "user"
    """Who keeps an arm: ``user``, ``session``, ``request``, or a name of the operator's own."""
    metrics: tuple[Metric, ...] = METRICS
    guardrails: tuple[Guardrail, ...] = ()
    started: dt.datetime | None = None
    """Outcomes before it do not count."""
    salt: str = ""
    """Another salt deals the units anew."""
    alpha: float = 0.05
    """The chance, at most, that a difference is seen where there is none."""
    window_s: float | None = None
    """How long a unit is watched from its first outcome; ``None``: as its kind suggests."""


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="outcome"):
    """What became of one call, under the arm that its unit was given, whoever answered."""

    experiment: str
    arm: str
    unit: str
    call: str
    """The call's id, by which it may be scored later."""
    time: float
    """Unix seconds."""
    latency_s: Annotated[float, Meta(ge=0)]
    cost_pico_usd: Annotated[int, Meta(ge=0)] | None = None
    """``None``: not known, and not counted as nothing."""
    error: bool = False
    score: Part | None = None
    """From 0, useless, to 1, perfect."""


class Score(Struct, frozen=True, kw_only=True, tag="score"):
    """What a caller or a judge says of a call, after it."""

    experiment: str
    call: str
    score: Part
    time: float


def window_s(experiment: Experiment) -> float:
    """How long a unit is watched: a request not at all, a session half an hour, others a day."""
    if experiment.window_s is not None:
        return experiment.window_s
    return _WINDOWS_S.get(experiment.unit, _DAY_S)


def faults(experiment: Experiment) -> tuple[tuple[str, str], ...]:
    """All that keeps an experiment from being run, each with its place in it."""
    return tuple(
        [(f"arms[{i}].{place}", message) for i, place, message in _arm_faults(experiment.arms)]
        + _own_faults(experiment)
        + [
            (f"guardrails[{i}].worse_by", message)
            for i, guardrail in enumerate(experiment.guardrails)
            if (message := _bound_fault(guardrail))
        ]
    )


def check(experiment: Experiment) -> None:
    """Raise ConfigError, with all its faults, for an experiment that cannot be run."""
    found = faults(experiment)
    if found:
        told = "; ".join([f"{place}: {message}" for place, message in found])
        raise ConfigError(f"experiment {experiment.name!r} cannot be run: {told}")


def _arm_faults(arms: tuple[Arm, ...]) -> list[tuple[int, str, str]]:
    seen: set[str] = set()
    found = []
    for i, arm in enumerate(arms):
        if not arm.name:
            found.append((i, "name", "must not be empty"))
        elif arm.name in seen:
            found.append((i, "name", f"another arm is called {arm.name!r} too"))
        if not (math.isfinite(arm.weight) and arm.weight >= 0):
            found.append((i, "weight", "must be a number from 0"))
        seen.add(arm.name)
    return found


def _own_faults(experiment: Experiment) -> list[tuple[str, str]]:
    arms, window = experiment.arms, experiment.window_s
    told = [
        (not experiment.name, "name", "must not be empty"),
        (len(arms) < 2, "arms", "must be two at least"),
        (len(arms) >= 2 and not any(arm.weight for arm in arms), "arms", "all have weight 0"),
        (not experiment.metrics, "metrics", "must name one at least"),
        (not 0 < experiment.alpha < 0.5, "alpha", "must be above 0 and below 0.5"),
        (
            window is not None and not (math.isfinite(window) and window >= 0),
            "window_s",
            "must be a number of seconds from 0",
        ),
        (
            experiment.started is not None and experiment.started.tzinfo is None,
            "started",
            "must have a time zone, as in 2026-11-21T09:00:00Z",
        ),
    ]
    return [(place, message) for wrong, place, message in told if wrong]


def _bound_fault(guardrail: Guardrail) -> str | None:
    if not (math.isfinite(guardrail.worse_by) and guardrail.worse_by >= 0):
        return "must be a number from 0, such as 0.1 for ten per cent"
    if guardrail.metric == "score" and guardrail.worse_by >= 1:
        return "must be below 1: a score cannot fall by all of itself"
    return None
