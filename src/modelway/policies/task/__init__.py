"""What a request asks for, found out before it is sent: its task, and which model a table has for it.

``analyse`` reads words and shapes by fixed rules, in microseconds; ``ask`` and ``answered`` are for
whoever would rather have a small model say it.
"""

from modelway.policies.task.analyse import analyse, analyse_text
from modelway.policies.task.asked import answered, ask
from modelway.policies.task.rules import KINDS, RULES, Kind, TaskRule, choose
from modelway.policies.task.values import (
    CATEGORIES,
    DIFFICULTIES,
    LONG_FILE_TOKENS,
    Category,
    Difficulty,
    Need,
    Task,
)

__all__ = [
    "CATEGORIES",
    "DIFFICULTIES",
    "KINDS",
    "LONG_FILE_TOKENS",
    "RULES",
    "Category",
    "Difficulty",
    "Kind",
    "Need",
    "Task",
    "TaskRule",
    "analyse",
    "analyse_text",
    "answered",
    "ask",
    "choose",
]
