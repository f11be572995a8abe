"""Which rows of the sources are which provider's."""

from __future__ import annotations

from typing import NamedTuple


class Host(NamedTuple):
    """Where the rows of one of our providers come from."""

    genai: tuple[str, ...] = ()
    litellm: tuple[str, ...] = ()
    """Values of ``litellm_provider``."""
    prefixes: tuple[str, ...] = ()
    """Taken off the names that litellm uses."""
    drop: str = "^$"
    """Names that are no models, or that a caller cannot say."""


HOSTS = {
    "openai": Host(("openai",), ("openai", "text-completion-openai"), ("openai/",)),
    "anthropic": Host(("anthropic",), ("anthropic",), ("anthropic/",)),
    "gemini": Host(("google",), ("gemini",), ("gemini/",), drop="^claude|^text-|@"),
    "vertex": Host(
        ("google",),
        tuple(
            f"vertex_ai{kind}"
            for kind in (
                *("", "-language-models", "-embedding-models", "-anthropic_models"),
                *("-mistral_models", "-llama_models", "-deepseek_models", "-qwen_models"),
                *("-zai_models", "-openai_models", "-ai21_models", "-minimax_models"),
            )
        ),
        ("vertex_ai/",),
    ),
    "azure": Host(("azure",), ("azure", "azure_ai", "azure_text"), ("azure/", "azure_ai/")),
    "bedrock": Host(
        ("aws",),
        ("bedrock", "bedrock_converse"),
        ("bedrock/converse/",),
        drop=r"/|^[a-z-]+-[0-9]$|^regional\.",
    ),
    "bedrock-mantle": Host((), ("bedrock_mantle",), ("bedrock_mantle/",)),
    "openrouter": Host(("openrouter",)),
    "groq": Host(("groq",), ("groq",), ("groq/",)),
    "together": Host(("together",), ("together_ai",), ("together_ai/",), drop="^together-ai-"),
    "moonshot": Host(("moonshotai",), ("moonshot",), ("moonshot/",)),
    "deepseek": Host(("deepseek",), ("deepseek",), ("deepseek/",)),
    "mistral": Host(("mistral",), ("mistral",), ("mistral/",)),
    "qwen": Host((), ("dashscope",), ("dashscope/",)),
    "xai": Host(("x-ai",), ("xai",), ("xai/",)),
    "fireworks": Host(
        ("fireworks",),
        ("fireworks_ai", "fireworks_ai-embedding-models"),
        ("fireworks_ai/",),
        drop="^fireworks-ai-",
    ),
    "cerebras": Host(("cerebras",), ("cerebras",), ("cerebras/",)),
    "perplexity": Host(("perplexity",), ("perplexity",), ("perplexity/",)),
    "huggingface": Host(),
    "cohere": Host(("cohere",), ("cohere", "cohere_chat"), ("cohere/",)),
    "replicate": Host((), ("replicate",), ("replicate/",)),
}
"""Sources by provider. A host that resells is priced by its own rows alone, never by a maker's."""
