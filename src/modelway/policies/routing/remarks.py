"""What explains a candidate's place, where something that decides it is not known."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from modelway.policies.routing.scores import Scored
from modelway.ports import Candidate

Remark: TypeAlias = Callable[[Candidate], str | None]


def nothing(candidate: Candidate) -> str | None:
    """Where all that decides is known."""
    del candidate
    return None


def unpriced(candidate: Candidate) -> str | None:
    """For rankings by price."""
    if candidate.usual_price is None:
        return "its price is not known, so it comes after those whose price is"
    return None


def unscored(scored: Scored) -> Remark:
    """For a ranking by scores and price."""

    def remark(candidate: Candidate) -> str | None:
        if scored(candidate) is None:
            return "no score of its model has a source, so it comes after those that have one"
        return unpriced(candidate)

    return remark
