"""What the generations of Gemini models differ in on the wire.

Source: https://ai.google.dev/gemini-api/docs/thinking and …/docs/openai#thinking, 2026-11-21.
"""

from __future__ import annotations

import re

from modelway.types import Effort

_GENERATION = re.compile(r"gemini-(\d+)(?:\.\d+)?(?:-|$)")

LEVELS: dict[Effort, str] = {
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
BUDGETS: dict[Effort, int] = {
    "none": 0,
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
    "xhigh": 24576,
    "max": 24576,
}
"""What Google's own compatible API makes of an effort for models that take budgets."""

_BUDGET_RANGES = (
    ("gemini-2.5-pro", (128, 32768)),
    ("gemini-2.5-flash-lite", (512, 24576)),
    ("gemini-2.5-flash", (1, 24576)),
)
LEAST_BUDGET = 128
"""Of Gemini 2.5 Pro, which always thinks."""


def generation(model: str) -> int | None:
    """The major version in a model's name; None for names that do not say it."""
    match = _GENERATION.match(model.rpartition("/")[2])
    return int(match[1]) if match else None


def takes_levels(model: str) -> bool:
    """Whether thinking is set by a level; the others take a budget, and so do these, less well."""
    return (generation(model) or 0) >= 3


def is_pro(model: str) -> bool:
    return "-pro" in model.rpartition("/")[2]


def budget_range(model: str) -> tuple[int, int] | None:
    """The least and the most of a thinking budget, where they are documented; 0 and -1 are words."""
    name = model.rpartition("/")[2]
    return next((span for start, span in _BUDGET_RANGES if name.startswith(start)), None)


def signs_calls(model: str) -> bool:
    """Whether a turn's first call must have a thought signature.

    Source: https://ai.google.dev/gemini-api/docs/thought-signatures, 2026-11-21.
    """
    return takes_levels(model)
