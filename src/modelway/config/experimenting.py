"""The ``experiments`` section: each is asked for by its name, as if it were a model."""

from __future__ import annotations

import datetime as dt

from modelway.config.nodes import Node
from modelway.config.problems import shown
from modelway.config.reading import (
    Context,
    Level,
    Table,
    WrongError,
    line_of_text,
    list_of,
    number,
    one_of,
    raw,
    read_table,
    text,
)
from modelway.experiments.values import METRICS, Arm, Experiment, Guardrail, faults


def _moment(node: Node, context: Context) -> dt.datetime:
    written = text(node, context)
    try:
        return dt.datetime.fromisoformat(written)
    except ValueError:
        raise WrongError(
            node, f"must be a moment such as 2026-11-21T09:00:00Z, not {shown(written)}"
        ) from None


_ARM: Table = {"name": line_of_text, "model": line_of_text, "weight": number(0, 1e6)}

_GUARDRAIL: Table = {"metric": one_of(*METRICS), "worse_by": number(0, 1e6)}

_EXPERIMENT: Table = {
    "arms": raw,
    "unit": line_of_text,
    "metrics": list_of(one_of(*METRICS)),
    "guardrails": raw,
    "started": _moment,
    "salt": line_of_text,
    "alpha": number(0, 1),
    "window_s": number(0, 1e9),
}


def read(top: Level, models: set[str], context: Context) -> tuple[Experiment, ...]:
    """Every experiment that has no fault; the others are problems."""
    if "experiments" not in top:
        return ()
    node: Node = top["experiments"].value
    if not isinstance(node.value, dict):
        context.error(node, "must be a mapping of names to experiments")
        return ()
    found = []
    for name, item in node.fields.items():
        if name in models:
            context.error(item, f"{shown(name)} is a model already: an experiment is asked by name")
        made = _read_one(name, item, context)
        if made is not None:
            found.append(made)
    return tuple(found)


def _read_one(name: str, node: Node, context: Context) -> Experiment | None:
    level = context.read(node, lambda item, ctx: read_table(item, _EXPERIMENT, ctx))
    if level is None:
        return None
    said = {field: setting.value for field, setting in level.items()}
    said["arms"] = _arms(said.get("arms", node), context)
    said["guardrails"] = _guardrails(said["guardrails"], context) if "guardrails" in said else ()
    made = Experiment(name=name, **{**said, "metrics": tuple(said.get("metrics", METRICS))})
    found = faults(made)
    for place, message in found:
        context.error(node, f"{place}: {message}")
    return None if found else made


def _arms(node: Node, context: Context) -> tuple[Arm, ...]:
    """A list of arms, each a model's name or a mapping."""
    found = []
    for item in node.items:
        if isinstance(item.value, str):
            model = context.read(item, line_of_text)
            if model is not None:
                found.append(Arm(name=model, model=model))
            continue
        level = context.read(item, lambda one, ctx: read_table(one, _ARM, ctx)) or {}
        if "model" not in level:
            context.error(item, "an arm needs a model")
            continue
        said = {field: setting.value for field, setting in level.items()}
        found.append(Arm(**{"name": said["model"], **said}))
    return tuple(found)


def _guardrails(node: Node, context: Context) -> tuple[Guardrail, ...]:
    found = []
    for item in node.items or [node]:
        level = context.read(item, lambda one, ctx: read_table(one, _GUARDRAIL, ctx)) or {}
        if {"metric", "worse_by"} <= set(level):
            found.append(Guardrail(metric=level["metric"].value, worse_by=level["worse_by"].value))
        else:
            context.error(item, "a guardrail needs a metric and worse_by")
    return tuple(found)
