"""Which deployment is asked: filters say which may be, a ranking says in which order.

A lower priority number always comes first, except under ``local_first``, ``hybrid`` and ``task_table``;
inside one priority a weight of 0 is a reserve.
"""

from modelway.policies.routing.given import Given
from modelway.policies.routing.names import ALIASES, FILTERS, STRATEGIES
from modelway.policies.routing.scores import Score, Scores, scored_by
from modelway.policies.routing.spec import Chooser, canonical, chooser, spellings

__all__ = [
    "ALIASES",
    "FILTERS",
    "STRATEGIES",
    "Chooser",
    "Given",
    "Score",
    "Scores",
    "canonical",
    "chooser",
    "scored_by",
    "spellings",
]
