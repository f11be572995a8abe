"""Prices as their providers' documentation states them, in its units: USD per million tokens.

Written by hand, before there was a generator; what the generator makes is held against it. ``day``
is a day on which the price is known to have been in force, from memory of the documentation then.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

import pytest

from modelway.catalog.load import provider as shipped_row
from modelway.catalog.models_find import find
from modelway.catalog.pricing import price_of, tariff_for
from modelway.catalog.rows import Provider

OPENAI = "https://platform.openai.com/docs/pricing"
ANTHROPIC = "https://docs.anthropic.com/en/docs/about-claude/pricing"
GEMINI = "https://ai.google.dev/gemini-api/docs/pricing"
XAI = "https://docs.x.ai/docs/models"
GROQ = "https://groq.com/pricing"
DEEPSEEK = "https://api-docs.deepseek.com/quick_start/pricing"
MISTRAL = "https://mistral.ai/pricing"
PERPLEXITY = "https://docs.perplexity.ai/getting-started/pricing"
COHERE = "https://cohere.com/pricing"
BEDROCK = "https://aws.amazon.com/bedrock/pricing/"
QWEN = "https://www.alibabacloud.com/help/en/model-studio/models"


class Expected(NamedTuple):
    provider: str
    model: str
    kind: str
    dollars: str
    """Per million tokens of that kind."""
    day: str
    docs: str
    prompt_tokens: int = 1_000
    """How long the prompt is, for prices that depend on it."""


TABLE = [
    # ---------------------------------------------------------------- input
    Expected("openai", "gpt-4o", "input", "2.50", "2025-06-01", OPENAI),
    Expected("openai", "gpt-4o-mini", "input", "0.15", "2025-06-01", OPENAI),
    Expected("openai", "gpt-4.1", "input", "2.00", "2025-06-01", OPENAI),
    Expected("openai", "gpt-4.1-nano", "input", "0.10", "2025-06-01", OPENAI),
    Expected("openai", "o3", "input", "2.00", "2025-07-01", OPENAI),
    Expected("openai", "gpt-5", "input", "1.25", "2025-09-01", OPENAI),
    Expected("openai", "text-embedding-3-small", "input", "0.02", "2025-06-01", OPENAI),
    Expected("openai", "text-embedding-3-large", "input", "0.13", "2025-06-01", OPENAI),
    Expected("anthropic", "claude-sonnet-4-5", "input", "3", "2025-10-15", ANTHROPIC),
    Expected("anthropic", "claude-3-5-haiku-20241022", "input", "0.80", "2025-06-01", ANTHROPIC),
    Expected("anthropic", "claude-opus-4-1-20250805", "input", "15", "2025-09-01", ANTHROPIC),
    Expected("gemini", "gemini-2.5-flash", "input", "0.30", "2025-09-01", GEMINI),
    Expected("gemini", "gemini-2.0-flash", "input", "0.10", "2025-06-01", GEMINI),
    Expected("deepseek", "deepseek-chat", "input", "0.28", "2025-11-01", DEEPSEEK),
    Expected("groq", "llama-3.3-70b-versatile", "input", "0.59", "2025-06-01", GROQ),
    Expected("mistral", "codestral-latest", "input", "0.30", "2025-06-01", MISTRAL),
    Expected("xai", "grok-3", "input", "3", "2025-06-01", XAI),
    Expected("perplexity", "sonar-pro", "input", "3", "2025-06-01", PERPLEXITY),
    Expected("cohere", "command-a-03-2025", "input", "2.50", "2025-06-01", COHERE),
    Expected("bedrock", "amazon.nova-pro-v1:0", "input", "0.80", "2025-06-01", BEDROCK),
    # ---------------------------------------------------------------- output
    Expected("openai", "gpt-4o", "output", "10.00", "2025-06-01", OPENAI),
    Expected("openai", "gpt-4o-mini", "output", "0.60", "2025-06-01", OPENAI),
    Expected("openai", "gpt-4.1", "output", "8.00", "2025-06-01", OPENAI),
    Expected("openai", "o4-mini", "output", "4.40", "2025-06-01", OPENAI),
    Expected("openai", "gpt-5-mini", "output", "2.00", "2025-09-01", OPENAI),
    Expected("anthropic", "claude-sonnet-4-5", "output", "15", "2025-10-15", ANTHROPIC),
    Expected("anthropic", "claude-haiku-4-5", "output", "5", "2025-11-01", ANTHROPIC),
    Expected("anthropic", "claude-3-haiku-20240307", "output", "1.25", "2025-06-01", ANTHROPIC),
    Expected("gemini", "gemini-2.5-flash", "output", "2.50", "2025-09-01", GEMINI),
    Expected("gemini", "gemini-2.5-pro", "output", "10", "2025-09-01", GEMINI),
    Expected("deepseek", "deepseek-chat", "output", "0.42", "2025-11-01", DEEPSEEK),
    Expected("groq", "llama-3.1-8b-instant", "output", "0.08", "2025-06-01", GROQ),
    Expected("xai", "grok-3", "output", "15", "2025-06-01", XAI),
    Expected("cohere", "command-r-plus-08-2024", "output", "10", "2025-06-01", COHERE),
    Expected("bedrock", "amazon.nova-lite-v1:0", "output", "0.24", "2025-06-01", BEDROCK),
    # ---------------------------------------------------------------- cached read
    Expected("openai", "gpt-4o", "cached", "1.25", "2025-06-01", OPENAI),
    Expected("openai", "gpt-4o-mini", "cached", "0.075", "2025-06-01", OPENAI),
    Expected("openai", "gpt-4.1-nano", "cached", "0.025", "2025-06-01", OPENAI),
    Expected("openai", "gpt-5", "cached", "0.125", "2025-09-01", OPENAI),
    Expected("anthropic", "claude-sonnet-4-5", "cached", "0.30", "2025-10-15", ANTHROPIC),
    Expected("anthropic", "claude-opus-4-1-20250805", "cached", "1.50", "2025-09-01", ANTHROPIC),
    Expected("deepseek", "deepseek-chat", "cached", "0.028", "2025-11-01", DEEPSEEK),
    Expected("xai", "grok-3", "cached", "0.75", "2025-06-01", XAI),
    # ---------------------------------------------------------------- cache write, 5 minutes
    Expected("anthropic", "claude-sonnet-4-5", "cache_write", "3.75", "2025-10-15", ANTHROPIC),
    Expected("anthropic", "claude-haiku-4-5", "cache_write", "1.25", "2025-11-01", ANTHROPIC),
    Expected("anthropic", "claude-opus-4-1", "cache_write", "18.75", "2025-09-01", ANTHROPIC),
    Expected("anthropic", "claude-3-5-haiku-20241022", "cache_write", "1", "2025-06-01", ANTHROPIC),
    Expected(
        "anthropic", "claude-3-haiku-20240307", "cache_write", "0.30", "2025-06-01", ANTHROPIC
    ),
    # ---------------------------------------------------------------- cache write, 1 hour
    Expected("anthropic", "claude-sonnet-4-5", "cache_write_1h", "6", "2025-10-15", ANTHROPIC),
    Expected("anthropic", "claude-haiku-4-5", "cache_write_1h", "2", "2025-11-01", ANTHROPIC),
    Expected("anthropic", "claude-opus-4-1", "cache_write_1h", "30", "2025-09-01", ANTHROPIC),
    Expected("anthropic", "claude-opus-4-5", "cache_write_1h", "10", "2025-12-01", ANTHROPIC),
    # ---------------------------------------------------------------- audio
    Expected("openai", "gpt-4o-audio-preview", "input_audio", "40", "2025-06-01", OPENAI),
    Expected("openai", "gpt-4o-mini-audio-preview", "input_audio", "10", "2025-06-01", OPENAI),
    Expected("openai", "gpt-audio", "input_audio", "32", "2025-10-01", OPENAI),
    Expected("gemini", "gemini-2.5-flash", "input_audio", "1.00", "2025-09-01", GEMINI),
    Expected("gemini", "gemini-2.0-flash", "input_audio", "0.70", "2025-06-01", GEMINI),
    Expected("openai", "gpt-4o-audio-preview", "output_audio", "80", "2025-06-01", OPENAI),
    Expected("openai", "gpt-4o-mini-audio-preview", "output_audio", "20", "2025-06-01", OPENAI),
    Expected("openai", "gpt-audio", "output_audio", "64", "2025-10-01", OPENAI),
    # ---------------------------------------------------------------- reasoning
    Expected("openai", "o3", "reasoning", "8.00", "2025-07-01", OPENAI),
    Expected("anthropic", "claude-sonnet-4-5", "reasoning", "15", "2025-10-15", ANTHROPIC),
    Expected("gemini", "gemini-2.5-pro", "reasoning", "10", "2025-09-01", GEMINI),
    Expected("perplexity", "sonar-deep-research", "reasoning", "3", "2025-06-01", PERPLEXITY),
    # ---------------------------------------------------------------- batch
    Expected("openai", "gpt-4o", "batch_input", "1.25", "2025-06-01", OPENAI),
    Expected("openai", "gpt-4o", "batch_output", "5.00", "2025-06-01", OPENAI),
    Expected("openai", "gpt-4.1", "batch_input", "1.00", "2025-06-01", OPENAI),
    Expected("openai", "gpt-4.1-mini", "batch_output", "0.80", "2025-06-01", OPENAI),
    Expected("openai", "text-embedding-3-small", "batch_input", "0.01", "2025-06-01", OPENAI),
    Expected("anthropic", "claude-sonnet-4-5", "batch_input", "1.50", "2025-10-15", ANTHROPIC),
    Expected("anthropic", "claude-sonnet-4-5", "batch_output", "7.50", "2025-10-15", ANTHROPIC),
    Expected("anthropic", "claude-haiku-4-5", "batch_output", "2.50", "2025-11-01", ANTHROPIC),
    Expected("gemini", "gemini-2.5-flash", "batch_input", "0.15", "2025-10-01", GEMINI),
    Expected("gemini", "gemini-2.5-pro", "batch_output", "5", "2025-10-01", GEMINI),
    # ---------------------------------------------------------------- long prompts
    Expected("gemini", "gemini-2.5-pro", "input", "1.25", "2025-09-01", GEMINI, 200_000),
    Expected("gemini", "gemini-2.5-pro", "input", "2.50", "2025-09-01", GEMINI, 200_001),
    Expected("gemini", "gemini-2.5-pro", "output", "15", "2025-09-01", GEMINI, 200_001),
    Expected("anthropic", "claude-sonnet-4-5", "input", "6", "2025-10-15", ANTHROPIC, 200_001),
    Expected("anthropic", "claude-sonnet-4-5", "output", "22.50", "2025-10-15", ANTHROPIC, 200_001),
    Expected("anthropic", "claude-sonnet-4-5", "cached", "0.60", "2025-10-15", ANTHROPIC, 200_001),
    Expected(
        "anthropic", "claude-sonnet-4-20250514", "output", "22.50", "2025-09-01", ANTHROPIC, 200_001
    ),
    Expected(
        "anthropic", "claude-sonnet-4-20250514", "batch_input", "1.50", "2025-09-01", ANTHROPIC
    ),
    Expected("gemini", "gemini-3-pro-preview", "output", "18", "2025-12-01", GEMINI, 200_001),
    Expected("xai", "grok-4", "input", "6", "2025-08-01", XAI, 128_001),
    Expected("qwen", "qwen3-max", "input", "1.20", "2025-10-01", QWEN, 32_000),
]


def _named(row: Expected) -> str:
    return f"{row.provider}/{row.model} {row.kind} of {row.prompt_tokens}"


@pytest.mark.parametrize("row", TABLE, ids=_named)
def test_an_expectation_says_where_it_was_read_and_when(row: Expected):
    assert row.docs.startswith("https://")
    assert date.fromisoformat(row.day) < date(2026, 11, 22)


def test_three_models_at_least_are_expected_of_every_kind():
    models: dict[str, set[str]] = {}
    for row in TABLE:
        kind = row.kind.split("_")[0] if row.kind.startswith("batch") else row.kind
        models.setdefault(kind, set()).add(f"{row.provider}/{row.model}")
        if row.prompt_tokens > 100_000:
            models.setdefault("long", set()).add(f"{row.provider}/{row.model}")
    assert set(models) == {
        *("input", "output", "cached", "cache_write", "cache_write_1h", "reasoning"),
        *("input_audio", "output_audio", "batch", "long"),
    }
    assert {kind: len(found) for kind, found in models.items() if len(found) < 3} == {}


# ---------------------------------------------------------------- held against the catalogue


def _stated(row: Expected) -> str:
    """The catalogue's price in the documentation's units, or why there is none."""
    provider = shipped_row(row.provider) or Provider(
        name=row.provider, base_url="", dialects=("openai-chat",)
    )
    info = find(provider, row.model)
    assert info is not None, "not in the catalogue"
    _, _, kind = row.kind.rpartition("batch_")
    tariff = tariff_for(
        info,
        at=datetime.fromisoformat(f"{row.day}T12:00:00+00:00"),
        service="batch" if "batch_" in row.kind else "standard",
        input_tokens=row.prompt_tokens,
    )
    assert tariff is not None, f"no tariff then, of {info.tariffs}"
    price = price_of(tariff, kind)
    return "no price" if price is None else str(Decimal(price) / 10**18)


@pytest.mark.parametrize("row", TABLE, ids=_named)
def test_the_catalogue_says_what_the_documentation_says(row: Expected):
    assert Decimal(_stated(row)) == Decimal(row.dollars)
