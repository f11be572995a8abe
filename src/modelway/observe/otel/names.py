"""The conventions' names for what is done, who does it, and which sizes are told apart.

Source: https://github.com/open-telemetry/semantic-conventions/blob/v1.41.1/docs/gen-ai/gen-ai-spans.md,
2026-11-21.
Source: https://github.com/open-telemetry/semantic-conventions/blob/v1.41.1/docs/gen-ai/gen-ai-metrics.md,
2026-11-21.
"""

from __future__ import annotations

from modelway.call import Operation
from modelway.catalog.rows import Provider

SCHEMA = "https://opentelemetry.io/schemas/1.41.1"

OPERATIONS: dict[Operation, str] = {
    "chat": "chat",
    "complete": "text_completion",
    "embed": "embeddings",
    "rerank": "rerank",
    "count_tokens": "count_tokens",
    "models": "list_models",
    "model": "get_model",
    "pass": "pass_through",
}
"""The first three are the conventions' own; they have none for the others, and allow one's own."""

_PROVIDERS = {
    "anthropic": "anthropic",
    "azure": "azure.ai.openai",
    "azure-ai": "azure.ai.inference",
    "azure-deployments": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "bedrock-mantle": "aws.bedrock",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "gemini": "gcp.gemini",
    "groq": "groq",
    "mistral": "mistral_ai",
    "openai": "openai",
    "perplexity": "perplexity",
    "vertex": "gcp.vertex_ai",
    "vertex-anthropic": "gcp.vertex_ai",
    "xai": "x_ai",
}
"""Rows of the catalogue that have a well-known name."""

NOBODY = "modelway"
"""Who answers, or refuses, what reaches no provider."""


def provider_name(row: Provider) -> str:
    """The well-known name of a provider, or of the one that it is like; else its own."""
    return _PROVIDERS.get(row.name) or _PROVIDERS.get(row.like) or row.name


SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
SECONDS_TO_FIRST = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1),
    *(0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
SECONDS_EACH = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
TOKENS = (
    *(1, 4, 16, 64, 256, 1024, 4096, 16384, 65536),
    *(262144, 1048576, 4194304, 16777216, 67108864),
)
"""The advised boundaries of histograms."""
