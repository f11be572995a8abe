"""What the generator of the catalogue knows from documentation, against or beyond its sources."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, NamedTuple

FREE = (
    r"^openrouter/.*:free$",  # Source: https://openrouter.ai/docs/faq, 2026-11-21.
    r"^gemini/gemma-3",  # Source: https://ai.google.dev/gemini-api/docs/pricing, 2026-11-21.
)
"""Models whose price is known to be 0."""

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


def _tariff(
    input_: str, cached: str | None, output: str, calls: str | None = None, **conditions: Any
) -> dict[str, Any]:
    prices = {"input": input_, "cached": cached, "output": output, "calls": calls}
    return conditions | {k: Decimal(price) for k, price in prices.items() if price is not None}


def _claude(input_: str, output: str, **conditions: Any) -> dict[str, Any]:
    """Written at 1.25 and 2 times the price of input, read at a tenth of it."""
    price = Decimal(input_)
    return conditions | {
        "input": price,
        "output": Decimal(output),
        "cached": price / 10,
        "cache_write": price * Decimal("1.25"),
        "cache_write_1h": price * 2,
    }


PERPLEXITY = "https://docs.perplexity.ai/getting-started/pricing"
CEREBRAS = "https://inference-docs.cerebras.ai/models/overview"
FOUNDRY = "https://docs.claude.com/en/docs/build-with-claude/claude-in-microsoft-foundry"
VERTEX = "https://cloud.google.com/vertex-ai/generative-ai/pricing"
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
    # A call costs by how much is searched; the sources have the most, but the least is the default.
    *[
        Correction(
            provider="perplexity",
            models=(model,),
            docs=PERPLEXITY,
            says={"tariffs": [_tariff(input_, None, output, calls)]},
        )
        for model, input_, output, calls in (
            ("sonar", "1", "1", "5"),
            ("sonar-pro", "3", "15", "6"),
            ("sonar-reasoning", "1", "5", "5"),
            ("sonar-reasoning-pro", "2", "8", "6"),
        )
    ],
    # No longer in the sources, which keep what is served.
    *[
        Correction(
            provider="cerebras",
            models=(model,),
            docs=CEREBRAS,
            says={"tariffs": [_tariff(input_, None, output)]},
        )
        for model, input_, output in (
            ("qwen-3-235b-a22b-instruct-2507", "0.60", "1.20"),
            ("qwen-3-235b-a22b-thinking-2507", "0.60", "2.90"),
            ("qwen-3-coder-480b", "2.00", "2.00"),
        )
    ],
    # Neither source has the price of long prompts.
    Correction(
        provider="anthropic",
        models=("claude-sonnet-4-0",),
        docs="https://docs.anthropic.com/en/docs/about-claude/pricing",
        says={
            "tariffs": [
                _claude("3", "15"),
                _claude("6", "22.50", over_tokens=200_000),
                _claude("1.50", "7.50", service="batch"),
                _claude("3", "11.25", service="batch", over_tokens=200_000),
            ]
        },
    ),
    # The source takes a price per thousand tokens for one per token.
    Correction(
        provider="azure",
        models=("jais-30b-chat",),
        docs="https://azure.microsoft.com/en-us/pricing/details/ai-foundry-models/",
        says={"tariffs": [_tariff("3.2", None, "9.71")]},
    ),
    # Both sell it at the prices of its maker.
    *[
        Correction(
            provider=provider,
            models=("claude-opus-4-1",),
            docs=docs,
            says={
                "context_tokens": 200_000,
                "max_output_tokens": 32_000,
                "tariffs": [_claude("15", "75")],
            },
        )
        for provider, docs in (("vertex", VERTEX), ("azure", FOUNDRY))
    ],
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
