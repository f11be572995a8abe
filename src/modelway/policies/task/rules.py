"""A table of tasks: which kind of model answers, which takes over, and why. The first row that fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

from msgspec import Struct

from modelway.policies.task.values import Category, Difficulty, Need, Task

Kind: TypeAlias = Literal[
    "strongest", "strongest_coding", "strongest_reasoning", "cheapest", "fastest", "local"
]
"""Which of the configured models, where a rule names none: a strategy finds it, by their facts."""

KINDS: frozenset[str] = frozenset(get_args(Kind))


class TaskRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who answers tasks of some sort. A condition that is left out is not asked for.

    ``primary`` and ``fallback`` are a ``Kind`` or the name of a configured model.
    """

    reason: str
    primary: str
    fallback: str | None = None
    categories: tuple[Category, ...] = ()
    difficulties: tuple[Difficulty, ...] = ()
    sensitive: bool | None = None
    coding_heavy: bool | None = None
    long_file: bool | None = None
    needs: tuple[Need, ...] = ()
    """All of them."""
    over_tokens: int | None = None
    """Of estimated input."""
    min_confidence: float = 0.0


RULES: tuple[TaskRule, ...] = (
    TaskRule(
        sensitive=True,
        primary="local",
        reason="what is personal or confidential stays on the operator's own machines",
    ),
    TaskRule(
        long_file=True,
        primary="cheapest",
        fallback="strongest",
        reason="of a long input the price counts most, among the models whose window it fits",
    ),
    TaskRule(
        categories=("security",),
        primary="strongest",
        fallback="strongest_coding",
        reason="a hole that is missed costs more than any answer",
    ),
    TaskRule(
        categories=("debugging",),
        difficulties=("complex",),
        primary="strongest_reasoning",
        fallback="strongest_coding",
        reason="a cause is found by reasoning over several places at once",
    ),
    TaskRule(
        categories=("generation", "testing"),
        difficulties=("complex",),
        primary="strongest_coding",
        fallback="strongest",
        reason="much new code that has to fit together",
    ),
    TaskRule(
        categories=("refactoring",),
        difficulties=("moderate", "complex"),
        primary="strongest_coding",
        fallback="strongest",
        reason="code changes its form and must not change what it does",
    ),
    TaskRule(
        categories=("simple",),
        min_confidence=0.5,
        primary="cheapest",
        fallback="fastest",
        reason="any model knows it",
    ),
    TaskRule(
        difficulties=("simple",),
        min_confidence=0.5,
        primary="cheapest",
        fallback="strongest",
        reason="little is asked, so little need be paid",
    ),
    TaskRule(
        difficulties=("complex",),
        primary="strongest",
        fallback="strongest_reasoning",
        reason="a long or a difficult answer",
    ),
)
"""What holds where a configuration has no table of its own. What fits no row is left to the route."""


def choose(task: Task, rules: Sequence[TaskRule] = RULES) -> TaskRule | None:
    """The first rule whose conditions a task meets."""
    return next((rule for rule in rules if fits(rule, task)), None)


def fits(rule: TaskRule, task: Task) -> bool:
    """Whether a task meets all of a rule's conditions."""
    return (
        (not rule.categories or task.category in rule.categories)
        and (not rule.difficulties or task.difficulty in rule.difficulties)
        and rule.sensitive in {None, task.sensitive}
        and rule.coding_heavy in {None, task.coding_heavy}
        and rule.long_file in {None, task.long_file}
        and task.needs.issuperset(rule.needs)
        and (rule.over_tokens is None or task.input_tokens > rule.over_tokens)
        and task.confidence >= rule.min_confidence
    )
