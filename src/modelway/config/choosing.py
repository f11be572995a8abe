"""What strategies choose by: the operator's scores of models, and a table of tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from modelway.config.nodes import Node
from modelway.config.problems import nearest, shown
from modelway.config.reading import (
    Context,
    Level,
    Table,
    flag,
    integer,
    line_of_text,
    list_of,
    number,
    one_of,
    read_table,
)
from modelway.config.settings import Route
from modelway.policies.routing.scores import Score
from modelway.policies.task.rules import KINDS, RULES, TaskRule
from modelway.policies.task.values import CATEGORIES, DIFFICULTIES, Need

_SCORE: Table = {"coding": number(0, 1), "reasoning": number(0, 1), "speed": number(0, 1)}

_TASK: Table = {
    "reason": line_of_text,
    "primary": line_of_text,
    "fallback": line_of_text,
    "categories": list_of(one_of(*CATEGORIES)),
    "difficulties": list_of(one_of(*DIFFICULTIES)),
    "sensitive": flag,
    "coding_heavy": flag,
    "long_file": flag,
    "needs": list_of(one_of(*get_args(Need))),
    "over_tokens": integer(0),
    "min_confidence": number(0, 1),
}


def scores(top: Level, context: Context) -> dict[str, Score]:
    """A model's name, or a deployment's id, → its scores from 0 to 1."""
    if "scores" not in top:
        return {}
    node: Node = top["scores"].value
    if not isinstance(node.value, dict):
        context.error(node, "must be a mapping of models to their scores")
        return {}
    found: dict[str, Score] = {}
    for name, item in node.fields.items():
        level = context.read(item, lambda one, ctx: read_table(one, _SCORE, ctx))
        if level is None:
            continue
        if {"coding", "reasoning"} <= set(level):
            found[name] = Score(**{field: setting.value for field, setting in level.items()})
        else:
            context.error(item, "a model's scores are coding and reasoning, each from 0 to 1")
    return found


def tasks(top: Level, routes: Mapping[str, Route], context: Context) -> tuple[TaskRule, ...]:
    """The rows of a table: the first that fits a task says who answers."""
    if "tasks" not in top:
        return RULES
    node: Node = top["tasks"].value
    models = {one.model for route in routes.values() for one in route.deployments}
    if not isinstance(node.value, list):
        context.error(node, "must be a list of rows, each with a primary and a reason")
        return ()
    found = []
    for item in node.items:
        level = context.read(item, lambda one, ctx: read_table(one, _TASK, ctx))
        if level is None:
            continue
        if not {"primary", "reason"} <= set(level):
            context.error(item, "a row needs a primary and a reason")
            continue
        for field in ("primary", "fallback"):
            if field in level:
                _check(level[field].value, item.fields[field], models, context)
        found.append(TaskRule(**{field: setting.value for field, setting in level.items()}))
    return tuple(found)


def _check(name: str, node: Node, models: set[str], context: Context) -> None:
    """A kind of model, or one that is there to be chosen."""
    if name in KINDS or name in models or "/" in name:
        return
    near = nearest(name, [*KINDS, *models])
    context.error(
        node,
        f"{shown(name)} is neither a kind of model ({', '.join(sorted(KINDS))}) nor one of a route",
        near[0] if near else None,
    )
