"""How good a model is said to be, by whom: published figures, or the operator's own. Never a guess."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec
from msgspec import Struct

from modelway.ports import Candidate

_FILE = Path(__file__).with_name("scores.toml")
_DATED = re.compile(r"[-@]\d{4}-?\d{2}-?\d{2}$")


class Score(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Each from 0 to 1."""

    coding: float
    reasoning: float
    speed: float | None = None
    """Until its latency is measured here."""
    source: str = ""
    """Whose figures they are, and when they were read; empty: the operator's own."""


Scores: TypeAlias = Mapping[str, Score]
"""By a deployment's id, or by a model's name without its provider."""
Scored: TypeAlias = Callable[[Candidate], Score | None]


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    models: dict[str, Score] = {}


@functools.cache
def shipped() -> Scores:
    """The scores that come with modelway."""
    return msgspec.toml.decode(_FILE.read_bytes(), type=_File).models


def scored_by(own: Scores) -> Scored:
    """Looks up a candidate's scores: the operator's own before those that come with modelway.

    A model's dated version has the scores of its name without the date, unless it has its own.
    """

    def scored(candidate: Candidate) -> Score | None:
        known = shipped()
        for name in _names(candidate):
            found = own.get(name) or known.get(name.casefold())
            if found is not None:
                return found
        return None

    return scored


def _names(candidate: Candidate) -> list[str]:
    """What it may be called, the most particular first; a maker's name before a slash is left out."""
    deployment, info = candidate.deployment, candidate.info
    names = [deployment.id]
    for name in (deployment.base_model, deployment.model, info.name if info else None):
        if name:
            plain = name.rpartition("/")[2]
            names += [name, plain, _DATED.sub("", plain)]
    return names
