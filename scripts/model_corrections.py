"""What the generator of the catalogue knows from documentation, against or beyond its sources."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, NamedTuple

FREE = (r"^openrouter/.*:free$",)
"""Models whose price is known to be 0. Source: https://openrouter.ai/docs/faq, 2026-11-21."""

MAKERS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "gemini",
    "x-ai": "xai",
    "mistralai": "mistral",
    "deepseek": "deepseek",
    "moonshotai": "moonshot",
    "qwen": "qwen",
    "cohere": "cohere",
    "perplexity": "perplexity",
}
"""A vendor's prefix at OpenRouter → our name of its maker."""


class Correction(NamedTuple):
    provider: str
    models: tuple[str, ...]
    docs: str
    says: dict[str, Any]


def _tariff(input_: str, cached: str, output: str, **conditions: Any) -> dict[str, Any]:
    prices = {"input": Decimal(input_), "cached": Decimal(cached), "output": Decimal(output)}
    return conditions | prices


DEEPSEEK = "https://api-docs.deepseek.com/quick_start/pricing"
_V3_1 = dt.date(2025, 9, 6)
"""From 2025-09-05 16:00 UTC; days begin at midnight here."""
_V3_2 = dt.date(2025, 9, 29)
_DAY = ["00:30-16:30"]

CORRECTIONS = (
    # genai-prices stops at V3's prices, litellm has the last ones only.
    Correction(
        provider="deepseek",
        models=("deepseek-chat",),
        docs=DEEPSEEK,
        says={
            "tariffs": [
                _tariff("0.135", "0.035", "0.55"),
                _tariff("0.27", "0.07", "1.10", hours=_DAY),
                _tariff("0.56", "0.07", "1.68", since=_V3_1),
                _tariff("0.28", "0.028", "0.42", since=_V3_2),
            ]
        },
    ),
    Correction(
        provider="deepseek",
        models=("deepseek-reasoner",),
        docs=DEEPSEEK,
        says={
            "tariffs": [
                _tariff("0.135", "0.035", "0.55"),
                _tariff("0.55", "0.14", "2.19", hours=_DAY),
                _tariff("0.56", "0.07", "1.68", since=_V3_1),
                _tariff("0.28", "0.028", "0.42", since=_V3_2),
            ]
        },
    ),
    # Neither source has the price of long prompts.
    Correction(
        provider="xai",
        models=("grok-4-0709",),
        docs="https://docs.x.ai/docs/models/grok-4-0709",
        says={
            "tariffs": [
                _tariff("3", "0.75", "15"),
                _tariff("6", "1.50", "30", over_tokens=128_000),
            ]
        },
    ),
)

TRUST_LISTED = frozenset(
    [
        # Since December 2025 the newest is Large 3, which is not priced as Large 2 was.
        # Source: https://docs.mistral.ai/getting-started/models/models_overview/, 2026-11-21.
        "mistral/mistral-large-latest",
        "mistral/magistral-medium-latest",
        "mistral/magistral-small-latest",
    ]
)
"""Where the sources disagree and litellm is right."""
