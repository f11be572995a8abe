"""Which pools an attempt spends from: of each budget that is about it, one for each of whom it is about."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from urllib.parse import quote

from modelway.policies.budget.values import EACH, SCOPES, Budget, Scope, Spender

About = tuple[tuple[Scope, str], ...]
"""Scope and value, in the order of ``SCOPES``."""
_MOST_PLAIN = 64
_OF_DEPLOYMENTS = frozenset(("provider", "model", "deployment"))
"""Not known of a call before it is known where it goes."""


def abouts(budget: Budget, spender: Spender) -> list[About]:
    """Of whom it is, for this attempt; none where it is not about it. Who has none are one together."""
    choices: list[list[tuple[Scope, str]]] = []
    for scope in SCOPES:
        whom = budget.about.get(scope)
        if whom is None:
            continue
        values = _values(scope, spender)
        if whom == EACH:
            if scope in _OF_DEPLOYMENTS and not values[0]:
                return []
            # by what is asked of the provider alone, else a model would count for each of its names
            chosen = dict.fromkeys(values or ("",)) if scope == "tag" else values[:1]
            choices.append([(scope, value) for value in chosen])
        elif whom in values:
            choices.append([(scope, whom)])
        else:
            return []
    return list(itertools.product(*choices))


def fixed(budget: Budget) -> About | None:
    """Whom it is about where it names them all."""
    if EACH in budget.about.values():
        return None
    return tuple([(scope, budget.about[scope]) for scope in SCOPES if scope in budget.about])


def pool_name(budget: Budget, about: About, period: str) -> str:
    """No two that differ in anything have the same."""
    whom = ",".join([f"{scope}={_escaped(value)}" for scope, value in about])
    return f"budget/{_escaped(budget.name)}/{whom}/{period}"


def _escaped(text: str) -> str:
    """Without ``/``, ``,`` and ``=``; a long one as its digest, which no escaped text looks like."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > _MOST_PLAIN:
        return "%%" + hashlib.sha256(data).hexdigest()
    return quote(data, safe="")


def _values(scope: Scope, spender: Spender) -> Sequence[str]:
    match scope:
        case "tag":
            return spender.tags
        case "model":
            return (spender.model, spender.asked, f"{spender.provider}/{spender.model}")
        case _:
            return (getattr(spender, scope),)
