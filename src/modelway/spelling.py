"""What is called how in each dialect's requests, as far as it decides what a call may cost.

A cap is looked for under a dialect's own names only: one that its hosts do not know caps nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


def _function(tool: Any) -> str | None:
    """A tool that the caller runs is billed by the tokens of its definition; others are the host's."""
    kind = tool.get("type", "function") if isinstance(tool, dict) else None
    if kind in _CALLERS_OWN:
        return None
    return f"the hosted tool {str(kind)[:60]!r}"


_CALLERS_OWN = frozenset(["function", "custom", "local_shell", "apply_patch"])
_ANTHROPIC_OWN = ("bash_", "text_editor_", "computer_", "memory_")
"""Anthropic's names of tools that the caller runs.

Source: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview, 2026-11-21.
"""


def _anthropic(tool: Any) -> str | None:
    kind = tool.get("type") or "custom" if isinstance(tool, dict) else None
    if kind == "custom" or str(kind).startswith(_ANTHROPIC_OWN):
        return None
    return f"the hosted tool {str(kind)[:60]!r}"


def _keyed(*own: str) -> Callable[[Any], str | None]:
    """For dialects that say a tool's kind by the name of its only field."""

    def hosted(tool: Any) -> str | None:
        others = [name for name in tool if name not in own] if isinstance(tool, dict) else ["?"]
        return f"the hosted tool {str(others[0])[:60]!r}" if others else None

    return hosted


class Spelling(NamedTuple):
    """The names of one dialect."""

    content: tuple[str, ...]
    """Fields with what is said: looked into for what is no text."""
    caps: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    nested: Mapping[str, Mapping[str, str]] = {}
    """Field → names within it → ``cap``, ``choices``, ``modalities`` or ``surcharged``."""
    surcharged: frozenset[str] = frozenset()
    """Fields that may make it cost more than its tokens, and those that choose its terms."""
    harmless: Mapping[str, tuple[Any, ...]] = {}
    """Values of those that do not."""
    hosted: Callable[[Any], str | None] = _function
    """What a tool is called that the host runs; ``None`` for one that the caller does."""


_GENERATION = {
    "maxOutputTokens": "cap",
    "max_output_tokens": "cap",
    "candidateCount": "choices",
    "candidate_count": "choices",
    "responseModalities": "modalities",
    "response_modalities": "modalities",
    "thinkingConfig": "thinks",
    "thinking_config": "thinks",
}
_GEMINI_CONTENT = ("contents", "content", "requests", "systemInstruction", "system_instruction")

SPELLINGS: dict[str, Spelling] = {
    "openai-chat": Spelling(
        content=("messages", "prompt", "input", "query", "documents"),
        caps=("max_tokens", "max_completion_tokens"),
        choices=("n", "best_of"),
        surcharged=frozenset(
            [
                *("service_tier", "modalities", "prediction", "web_search_options", "plugins"),
                *("search_parameters", "models", "fallbacks", "mcp_servers", "thinking_budget"),
            ]
        ),
    ),
    "openai-responses": Spelling(
        content=("input", "instructions"),
        caps=("max_output_tokens",),
        surcharged=frozenset(
            ["service_tier", "previous_response_id", "conversation", "prompt", "background"]
        ),
    ),
    "anthropic-messages": Spelling(
        content=("messages", "system"),
        caps=("max_tokens",),
        surcharged=frozenset(
            ["service_tier", "mcp_servers", "container", "speed", "inference_geo", "cache_control"]
        ),
        harmless={"speed": ("standard",), "inference_geo": ("global",)},
        hosted=_anthropic,
    ),
    "gemini": Spelling(
        content=_GEMINI_CONTENT,
        nested={"generationConfig": _GENERATION, "generation_config": _GENERATION},
        surcharged=frozenset(["serviceTier", "service_tier", "cachedContent", "cached_content"]),
        hosted=_keyed("functionDeclarations", "function_declarations"),
    ),
    "bedrock-converse": Spelling(
        content=("messages", "system"),
        nested={
            "inferenceConfig": {"maxTokens": "cap"},
            "additionalModelRequestFields": {
                "max_tokens": "cap",
                "thinking": "thinks",
                "reasoning_config": "thinks",
            },
            "performanceConfig": {"latency": "surcharged"},
        },
        surcharged=frozenset(["serviceTier", "guardrailConfig", "promptVariables"]),
        hosted=_keyed("toolSpec", "cachePoint"),
    ),
    "cohere": Spelling(
        content=("messages", "documents", "query", "inputs", "texts", "images"),
        caps=("max_tokens",),
        surcharged=frozenset(["connectors"]),
    ),
    "ollama": Spelling(
        content=("messages", "prompt", "system", "input", "images"),
        nested={"options": {"num_predict": "cap"}},
    ),
}

OTHER = Spelling(content=("messages", "input", "prompt"))
