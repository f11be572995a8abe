"""What some hosts count of a call beside what was asked of them, where it was seen or is documented.

Each row was needed by recorded traffic, whose usage its bound did not cover without it.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Counting(NamedTuple):
    """How a model's tokens are counted at its host."""

    told_tokens: int = 0
    """What the host tells the model before the question."""
    thinks_beside: bool = False
    """Whether what it thinks is billed as output and not held by a cap on output."""
    slack_tokens: int = 0
    """How many more than the cap it writes."""
    image_tokens: int = 0
    """Of one image, where it is more than elsewhere."""


_GROK = re.compile(r"\bgrok-(?:3-mini|code|build|latest|[4-9])")
_SILENT = "non-reasoning"
_GROK_TOLD = 800
"""680 tokens for a greeting to Grok 4, in recorded traffic of 2025-11-02."""
_MINI = re.compile(r"\bgpt-4o-mini\b(?!-(?:audio|realtime|transcribe|tts|search))")
_MINI_IMAGE = 2_833 + 8 * 5_667
"""A base and eight tiles, the most.

Source: https://platform.openai.com/docs/guides/images-vision#calculating-costs, 2026-11-21.
"""
_SLACK = {"openrouter": 16, "gemini": 1, "vertex": 1}
"""OpenRouter asks OpenAI for 16 tokens at least; Gemini wrote 101 of 100, in recorded traffic."""


def counting(host: str, model: str) -> Counting:
    """By the host's name in the catalogue and the model's there."""
    name = model.lower()
    grok = "grok" in name
    return Counting(
        told_tokens=_GROK_TOLD if grok else 0,
        thinks_beside=grok and _SILENT not in name and _GROK.search(name) is not None,
        slack_tokens=_SLACK.get(host, 0),
        image_tokens=_MINI_IMAGE if _MINI.search(name) else 0,
    )
