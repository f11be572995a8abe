"""What units count for a metric → estimates of arms, comparisons with the first, and guardrails.

Costs and latencies have no known bound, errors and scores lie between 0 and 1: each has the method
that its kind allows, behind the same three questions (``Difference``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from modelway.experiments.asymptotic import Means, Moments, mean_interval
from modelway.experiments.betting import Bounded, Pairs
from modelway.experiments.findings import Comparison, Estimate, GuardrailState, Verdict, amount
from modelway.experiments.units import Counted
from modelway.experiments.values import Guardrail, Metric, Side

_BOUNDED: frozenset[Metric] = frozenset({"errors", "score"})
_MORE_IS_BETTER: frozenset[Metric] = frozenset({"score"})


class Difference(Protocol):
    """An arm's mean less a multiple of the first arm's, as values of both come in."""

    def add(self, value: float, *, to_first: bool) -> None: ...
    @property
    def value(self) -> float | None: ...
    def interval(self) -> tuple[float, float]: ...
    def log_evidence(self, side: Side = "either") -> float: ...


class Versus(NamedTuple):
    """An arm and the first one, with their shares of the units; ``among`` arms share ``alpha``."""

    first: str
    arm: str
    shares: dict[str, float]
    alpha: float
    among: int = 1

    def level(self) -> float:
        return self.alpha / self.among


def difference(metric: Metric, versus: Versus, factor: float = 1.0) -> Difference:
    """What tells an arm from ``factor`` times the first, with nothing in it yet."""
    if metric not in _BOUNDED:
        return Means(factor, versus.level())
    shares = versus.shares
    return Pairs(factor, versus.level(), shares[versus.first], shares[versus.arm])


def estimate(metric: Metric, arm: str, values: Sequence[Counted], alpha: float) -> Estimate:
    """An arm's own mean."""
    own = [one.value for one in values if one.arm == arm]
    if not own:
        return Estimate(units=0)
    if metric in _BOUNDED:
        bounded = Bounded()
        for value in own:
            bounded.add(value)
        low, high = bounded.interval(alpha)
    else:
        moments = Moments()
        for value in own:
            moments.add(value)
        low, high = mean_interval(moments, alpha)
    mean = math.fsum(own) / len(own)
    return Estimate(units=len(own), mean=mean, low=_known(low), high=_known(high))


def compare(metric: Metric, versus: Versus, values: Sequence[Counted]) -> Comparison:
    """An arm against the first, in one metric."""
    found = _filled(difference(metric, versus), versus, values)
    low, high = found.interval()
    p_value = _p_value(found.log_evidence(), versus.among)
    first, arm = [_mean(name, values) for name in (versus.first, versus.arm)]
    ratio_low, ratio_high = (
        found.ratio_interval()
        if isinstance(found, Means)
        else _ratio_of_bounded(metric, versus, values)
    )
    return Comparison(
        arm=versus.arm,
        metric=metric,
        difference=found.value,
        low=_known(low),
        high=_known(high),
        ratio=arm / first if first and arm is not None else None,
        ratio_low=_known(ratio_low),
        ratio_high=_known(ratio_high),
        p_value=p_value,
        verdict=_verdict(metric, found.value, p_value <= versus.alpha),
    )


def guard(guardrail: Guardrail, versus: Versus, values: Sequence[Counted]) -> GuardrailState:
    """Whether an arm is shown to be worse than the first by more than is allowed."""
    metric, worse_by = guardrail.metric, guardrail.worse_by
    better_high = metric in _MORE_IS_BETTER
    factor = 1 - worse_by if better_high else 1 + worse_by
    found = _filled(difference(metric, versus, factor), versus, values)
    p_value = _p_value(found.log_evidence("below" if better_high else "above"), versus.among)
    stop = p_value <= versus.alpha
    return GuardrailState(
        arm=versus.arm,
        metric=metric,
        worse_by=worse_by,
        stop=stop,
        p_value=p_value,
        evidence=_evidence(guardrail, versus, values, stop=stop),
    )


def _filled(found: Difference, versus: Versus, values: Sequence[Counted]) -> Difference:
    for one in values:
        if one.arm in {versus.first, versus.arm}:
            found.add(one.value, to_first=one.arm == versus.first)
    return found


def _p_value(log_evidence: float, among: int) -> float:
    return min(math.exp(-max(log_evidence, 0.0)) * among, 1.0)


def _verdict(metric: Metric, value: float | None, decided: bool) -> Verdict:
    if value is None:
        return "no data"
    if not decided:
        return "undecided"
    return "better" if (value > 0) == (metric in _MORE_IS_BETTER) else "worse"


def _mean(arm: str, values: Sequence[Counted]) -> float | None:
    own = [one.value for one in values if one.arm == arm]
    return math.fsum(own) / len(own) if own else None


def _ratio_of_bounded(
    metric: Metric, versus: Versus, values: Sequence[Counted]
) -> tuple[float, float]:
    """Where the ratio is while both means are in their intervals, each at half the level."""
    first, arm = [
        estimate(metric, name, values, versus.level() / 2) for name in (versus.first, versus.arm)
    ]
    low = arm.low / first.high if arm.low is not None and first.high else 0.0
    high = arm.high / first.low if arm.high is not None and first.low else math.inf
    return low, high


def _evidence(
    guardrail: Guardrail, versus: Versus, values: Sequence[Counted], *, stop: bool
) -> str:
    means = [_mean(name, values) for name in (versus.arm, versus.first)]
    if means[0] is None or means[1] is None:
        return "no data of both arms yet"
    metric = guardrail.metric
    told = f"{versus.arm} has {amount(metric, means[0])}, {versus.first} {amount(metric, means[1])}"
    if means[1]:
        told += f" ({means[0] / means[1] - 1:+.1%})"
    bound = f"more than {guardrail.worse_by:.0%} worse"
    return f"{told}; {bound}, beyond chance" if stop else f"{told}; not shown to be {bound}"


def _known(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None
