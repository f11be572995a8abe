"""What a report says, as values. Costs are in pico-dollars, latencies in seconds.

A ``low`` or ``high`` of ``None`` is no bound; a mean or difference of ``None`` is not known yet.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, TypeAlias

from msgspec import Struct

from modelway.experiments.values import Metric

Verdict: TypeAlias = Literal["better", "worse", "undecided", "no data"]


class Estimate(Struct, frozen=True, kw_only=True):
    """The mean over an arm's units, and where the true one is."""

    units: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None


class Comparison(Struct, frozen=True, kw_only=True):
    """An arm against the first: its mean less the first's, and divided by it."""

    arm: str
    metric: Metric
    difference: float | None
    low: float | None
    high: float | None
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    p_value: float
    verdict: Verdict


class GuardrailState(Struct, frozen=True, kw_only=True):
    """Whether an arm is to stop. ``p_value`` is against "it is not worse than allowed"."""

    arm: str
    metric: Metric
    worse_by: float
    stop: bool
    p_value: float
    evidence: str
    """In words, with the figures."""


class ArmReport(Struct, frozen=True, kw_only=True):
    """What became of an arm. Outcomes, failures and percentiles are of calls, ``metrics`` of units."""

    name: str
    model: str
    weight: float
    units: int
    """All of them; those whose window has not ended are in no metric yet."""
    outcomes: int
    failed: int
    latency_p50_s: float | None
    latency_p95_s: float | None
    metrics: dict[Metric, Estimate]


class Report(Struct, frozen=True, kw_only=True):
    """What may be said of an experiment at ``time``, in Unix seconds."""

    experiment: str
    unit: str
    window_s: float
    alpha: float
    time: float
    outcomes: int
    units: int
    waiting: int
    """Units whose window has not ended."""
    split_p_value: float
    """Against "units came to the arms as their weights say"."""
    arms: tuple[ArmReport, ...]
    comparisons: tuple[Comparison, ...]
    guardrails: tuple[GuardrailState, ...]
    stop: tuple[str, ...]
    """Arms that have crossed a guardrail."""
    notes: tuple[str, ...]
    """What a reader of the figures must know, in words."""


def amount(metric: Metric, value: float) -> str:
    """A metric's value, for people."""
    match metric:
        case "cost":
            return f"{'-' if value < 0 else ''}${Decimal(f'{abs(value) / 1e12:.3g}'):f}"
        case "latency":
            return f"{value:.3g} s"
        case "errors":
            return f"{value:.2%}"
        case "score":
            return f"{value:.3f}"
