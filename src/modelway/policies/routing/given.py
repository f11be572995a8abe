"""What strategies are made with, besides their names."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from modelway.policies.routing.scores import Score
from modelway.ports import Asked


def no_table(asked: Asked) -> Sequence[str]:
    """A table without a row for what is asked."""
    del asked
    return ()


class Given(NamedTuple):
    """Of a configuration."""

    scores: Mapping[str, Score] = {}
    """The operator's own: by a deployment's id, or by a model's name."""
    prefer: Callable[[Asked], Sequence[str]] = no_table
    """What a table of tasks has for what is asked: kinds or names of models, the first choice first."""
    now: Callable[[], float] = time.time
    """Unix time: a price may change at a whole minute."""
