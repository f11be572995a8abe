"""Outcomes → what may be said of an experiment now.

Whoever looks may look again: each interval and p-value holds at all times together. Where several
arms are compared with the first, they share ``alpha`` evenly (Bonferroni); metrics do not share it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from modelway.experiments import split
from modelway.experiments.comparing import Versus, compare, estimate, guard
from modelway.experiments.findings import ArmReport, Estimate, Report
from modelway.experiments.units import Counted, Seen, Units, counted, gather
from modelway.experiments.values import METRICS, Arm, Experiment, Metric, check, window_s

_ODD_SPLIT = 0.01


def report(
    experiment: Experiment, log: Iterable[Seen], *, now: float, unreadable: int = 0
) -> Report:
    """What the log says by ``now``, or by its own last entry where the store's clock is ahead.

    ConfigError for an experiment that cannot be run.
    """
    check(experiment)
    seen = list(log)
    now = max([now, *[one.time for one in seen]])
    names = {arm.name for arm in experiment.arms}
    started = 0.0 if experiment.started is None else experiment.started.timestamp()
    timely = [one for one in seen if one.outcome.time >= started]
    known = [one for one in timely if one.outcome.arm in names]
    gathered = gather(experiment, known)
    wanted = {*experiment.metrics, *[guardrail.metric for guardrail in experiment.guardrails]}
    values = {one: counted(gathered.units, one, now) for one in METRICS if one in wanted}
    came = Counter([unit.arm for unit in gathered.units])
    shares = split.shares(experiment)
    split_p_value = math.exp(-max(split.log_evidence(came, shares), 0.0))
    first, *others = experiment.arms
    versus = [Versus(first.name, arm.name, shares, experiment.alpha, len(others)) for arm in others]
    guardrails = tuple(
        [guard(one, pair, values[one.metric]) for pair in versus for one in experiment.guardrails]
    )
    arms = tuple([_arm(experiment, arm, known, came, values) for arm in experiment.arms])
    waiting = sum([unit.until > now for unit in gathered.units])
    return Report(
        experiment=experiment.name,
        unit=experiment.unit,
        window_s=window_s(experiment),
        alpha=experiment.alpha,
        time=now,
        outcomes=len(known),
        units=len(gathered.units),
        waiting=waiting,
        split_p_value=split_p_value,
        arms=arms,
        comparisons=tuple(
            [
                compare(metric, pair, values[metric])
                for pair in versus
                for metric in experiment.metrics
            ]
        ),
        guardrails=guardrails,
        stop=tuple(dict.fromkeys([one.arm for one in guardrails if one.stop])),
        notes=(
            *_left_out(len(seen) - len(timely), len(timely) - len(known), gathered, unreadable),
            *_cautions(arms, gathered, waiting, split_p_value),
        ),
    )


def _arm(
    experiment: Experiment,
    arm: Arm,
    known: Sequence[Seen],
    came: Counter[str],
    values: dict[Metric, list[Counted]],
) -> ArmReport:
    own = [one.outcome for one in known if one.outcome.arm == arm.name]
    latencies = sorted([outcome.latency_s for outcome in own if not outcome.error])
    metrics: dict[Metric, Estimate] = {
        metric: estimate(metric, arm.name, found, experiment.alpha)
        for metric, found in values.items()
    }
    return ArmReport(
        name=arm.name,
        model=arm.model,
        weight=arm.weight,
        units=came[arm.name],
        outcomes=len(own),
        failed=sum([outcome.error for outcome in own]),
        latency_p50_s=_quantile(latencies, 0.5),
        latency_p95_s=_quantile(latencies, 0.95),
        metrics=metrics,
    )


def _quantile(ordered: Sequence[float], part: float) -> float | None:
    """The least value that this part of them does not pass."""
    return ordered[math.ceil(part * len(ordered)) - 1] if ordered else None


def _left_out(early: int, foreign: int, gathered: Units, unreadable: int) -> list[str]:
    told = [
        (early, "from before the experiment's start"),
        (foreign, "of arms that the experiment does not have"),
        (gathered.moved, "of units that had another arm before: were the weights changed?"),
        (unreadable, "that cannot be read"),
    ]
    return [
        f"left out: {number} outcome{'' if number == 1 else 's'} {which}"
        for number, which in told
        if number
    ]


def _cautions(
    arms: Sequence[ArmReport], gathered: Units, waiting: int, split_p_value: float
) -> list[str]:
    told = []
    if not gathered.units:
        told.append("no outcomes yet")
    else:
        told += [f"arm {arm.name} has no outcomes yet" for arm in arms if not arm.units]
    if waiting:
        told.append(f"{waiting} units are still being watched and count later")
    if split_p_value <= _ODD_SPLIT:
        told.append(
            "units did not come to the arms as their weights say: outcomes are lost, or the weights "
            "were changed; do not trust the comparison, and start anew with another salt"
        )
    return told
