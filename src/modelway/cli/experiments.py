"""``modelway experiments``: which there are, and what may be said of one now."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import cyclopts

from modelway.cli import output
from modelway.cli.options import Config, Json
from modelway.config.load import load
from modelway.config.problems import nearest
from modelway.errors import ConfigError
from modelway.experiments import split
from modelway.experiments.findings import Comparison, Estimate, Report, amount
from modelway.experiments.recorder import STREAM, read
from modelway.experiments.report import report as report_on
from modelway.experiments.values import Experiment, Metric, window_s
from modelway.ports import Records
from modelway.store.opening import open_store

_OK, _STOP = 0, 1

T = TypeVar("T")

experiments = cyclopts.App(
    name="experiments",
    help="""\
See which experiments there are, and what may be said of one now.

For example:
    modelway experiments list
    modelway experiments report small-or-large
    modelway experiments report small-or-large --json | jq '.comparisons'
""",
)


@experiments.command(name="list")
def list_(*, config: Config = None, json: Json = False) -> int:
    """List the experiments of the configuration, and when each last had an outcome.

    For example:
        modelway experiments list
        modelway experiments list --json | jq -r '.[].name'
    """
    rows = asyncio.run(_with_records(config, listed))
    if json:
        output.show_json(rows)
    elif rows:
        _show_list(rows)
    else:
        output.note("the configuration has no experiments: they are written under experiments:")
    return _OK


@experiments.command(name="report")
def report(name: str, *, config: Config = None, json: Json = False) -> int:
    """Say what may be said of an experiment now: arms, differences, guardrails.

    Look as often as you like: the intervals and p-values hold at all times
    together. The exit code is 1 when an arm has crossed a guardrail.

    For example:
        modelway experiments report small-or-large
        modelway experiments report small-or-large --json | jq '.stop'

    Parameters
    ----------
    name
        The experiment's.
    """

    async def ask(found: Sequence[Experiment], records: Records) -> Report:
        return await reported(named(found, name), records, time.time())

    said = asyncio.run(_with_records(config, ask, memory=False))
    if json:
        output.show_json(said)
    else:
        show(said)
    return _STOP if said.stop else _OK


def named(experiments: Sequence[Experiment], name: str) -> Experiment:
    """The experiment of this name. ConfigError, with the nearest names, where there is none."""
    for one in experiments:
        if one.name == name:
            return one
    known = [one.name for one in experiments]
    if not known:
        raise ConfigError(f"there is no experiment {name!r}; the configuration has none")
    near = nearest(name, known)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
    raise ConfigError(f"there is no experiment {name!r}; {hint}")


async def listed(experiments: Sequence[Experiment], records: Records) -> list[dict[str, Any]]:
    """What ``list`` says of each."""
    return [
        {
            "name": one.name,
            "unit": one.unit,
            "window_s": window_s(one),
            "arms": [
                {"name": arm.name, "model": arm.model, "share": split.shares(one)[arm.name]}
                for arm in one.arms
            ],
            "metrics": one.metrics,
            "guardrails": one.guardrails,
            "started": one.started,
            "last_outcome": await _last(records, one.name),
        }
        for one in experiments
    ]


async def reported(experiment: Experiment, records: Records, now: float) -> Report:
    """What its records say by now, in Unix seconds."""
    log, unreadable = await read(records, experiment.name)
    return report_on(experiment, log, now=now, unreadable=unreadable)


def show(said: Report) -> None:
    """A report for people: the arms, what is known of each metric, guardrails, and what else to know."""
    output.table(
        ("ARM", "MODEL", "UNITS", "CALLS", "FAILED", "P50", "P95"),
        [
            (
                arm.name,
                arm.model,
                output.count(arm.units),
                output.count(arm.outcomes),
                output.count(arm.failed),
                output.duration(arm.latency_p50_s),
                output.duration(arm.latency_p95_s),
            )
            for arm in said.arms
        ],
    )
    print()
    output.table(
        ("METRIC", "ARM", "MEAN", f"AGAINST {said.arms[0].name}", "RATIO", "P", "VERDICT"),
        _metrics(said),
    )
    if said.guardrails:
        print()
        output.table(
            ("GUARDRAIL", "ARM", "STATE", "P", ""),
            [
                (
                    one.metric,
                    one.arm,
                    "STOP" if one.stop else "holds",
                    _p(one.p_value),
                    one.evidence,
                )
                for one in said.guardrails
            ],
        )
    for note in said.notes:
        output.note(note)
    output.aside(
        f"means of {said.unit}s, with where the truth is: at all times together, but for a chance of "
        f"{said.alpha:g}"
    )


def _metrics(said: Report) -> list[tuple[str, ...]]:
    """Of each metric, the first arm's mean, and below it the others', compared with it."""
    first, *others = said.arms
    rows: list[tuple[str, ...]] = []
    for metric in dict.fromkeys([one.metric for one in said.comparisons]):
        rows.append((metric, first.name, _mean(metric, first.metrics[metric]), "", "", "", ""))
        found = {one.arm: one for one in said.comparisons if one.metric == metric}
        rows += [
            (metric, arm.name, _mean(metric, arm.metrics[metric]), *_compared(found[arm.name]))
            for arm in others
        ]
    return rows


async def _with_records(
    config: Path | None,
    ask: Callable[[Sequence[Experiment], Records], Awaitable[T]],
    *,
    memory: bool = True,
) -> T:
    settings = load(config)
    if not memory and settings.experiments and settings.store.url.partition(":")[0] == "memory":
        raise ConfigError(
            "the outcomes are in the memory of the process that serves, and end with it: to keep "
            "them, and to see them from here, set store.url, such as sqlite:modelway.db"
        )
    store = await open_store(settings.store.url, timeout_s=settings.store.timeout_s)
    try:
        return await ask(settings.experiments, store.records)
    finally:
        await store.aclose()


async def _last(records: Records, name: str) -> dt.datetime | None:
    found = await records.query(STREAM, key=name, limit=1, newest=True)
    return dt.datetime.fromtimestamp(found[-1].time, dt.UTC) if found else None


def _show_list(rows: Sequence[dict[str, Any]]) -> None:
    output.table(
        ("EXPERIMENT", "UNIT", "ARMS", "LAST OUTCOME"),
        [
            (
                row["name"],
                row["unit"],
                ", ".join([f"{arm['name']} {arm['share']:.0%}" for arm in row["arms"]]),
                f"{row['last_outcome']:%Y-%m-%d %H:%M} UTC" if row["last_outcome"] else "-",
            )
            for row in rows
        ],
    )


def _mean(metric: Metric, found: Estimate) -> str:
    if found.mean is None:
        return "-"
    return f"{amount(metric, found.mean)} {_between(metric, found.low, found.high)}".rstrip()


def _between(metric: Metric, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return ""
    return f"[{amount(metric, low)} … {amount(metric, high)}]"


def _compared(one: Comparison) -> tuple[str, ...]:
    difference = "-"
    if one.difference is not None:
        between = _between(one.metric, one.low, one.high)
        difference = f"{amount(one.metric, one.difference)} {between}".rstrip()
    return difference, _ratio(one), _p(one.p_value), one.verdict


def _ratio(one: Comparison) -> str:
    if one.ratio is None:
        return "-"
    if one.ratio_low is None:
        return f"{one.ratio:.2f}"
    high = "" if one.ratio_high is None else f"{one.ratio_high:.2f}"
    return f"{one.ratio:.2f} [{one.ratio_low:.2f} … {high}]".replace("… ]", "…]")


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"
