"""What is called how in each dialect's requests, as far as it decides what a call may cost.

A cap is looked for under a dialect's own names only: one that its hosts do not know caps nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import msgspec

Names: TypeAlias = Mapping[str, "str | Names"]
"""A field's name → what it means, or the names within it.

``content``: what is said; ``prompts``: the same, each with an answer of its own; ``tools``; ``cap``;
``raises``: a cap that others may leave out, so that it lowers none; ``choices``; ``service``;
``modalities``; ``thinks``: how much is to be thought; ``shaped``: the form that the answer is to have;
``predicted``: text that is billed as output; ``cached``; ``surcharged``: it may cost more than the
tokens that can be counted.
"""


class Spelling(NamedTuple):
    """The words of one dialect."""

    names: Names
    own_tools: frozenset[str] = frozenset(["function", "custom", "local_shell", "apply_patch"])
    """Kinds of tools that the caller runs: they cost the tokens of their definitions."""
    own_prefixes: tuple[str, ...] = ()
    tool_kind: str | None = "type"
    """Where a tool says its kind; ``None``: by the names of its fields."""

    def hosted(self, tool: Any) -> str | None:
        """What a tool is called that the host runs, and bills; ``None`` for one of the caller's own."""
        if not isinstance(tool, dict):
            return "a tool that cannot be read"
        for kind in tool if self.tool_kind is None else [_text(tool.get(self.tool_kind))]:
            if kind not in self.own_tools and not kind.startswith(self.own_prefixes):
                return f"the hosted tool {kind[:60]!r}"
        return None


def _text(kind: Any) -> str:
    """The kind of a tool, decoded or not; a tool without one is a function."""
    if isinstance(kind, msgspec.Raw):
        kind = msgspec.json.decode(kind)
    return str(kind) if kind else "function"


_GENERATION: Names = {
    "maxOutputTokens": "cap",
    "max_output_tokens": "cap",
    "candidateCount": "choices",
    "candidate_count": "choices",
    "responseModalities": "modalities",
    "response_modalities": "modalities",
    "thinkingConfig": "thinks",
    "thinking_config": "thinks",
    "responseSchema": "shaped",
    "response_schema": "shaped",
    "responseJsonSchema": "shaped",
    "response_json_schema": "shaped",
}

SPELLINGS: dict[str, Spelling] = {
    "openai-chat": Spelling(
        {
            **dict.fromkeys(["messages", "suffix", "input"], "content"),
            "prompt": "prompts",
            **dict.fromkeys(["query", "documents"], "content"),
            **dict.fromkeys(["max_tokens", "max_completion_tokens"], "cap"),
            **dict.fromkeys(["n", "best_of"], "choices"),
            **dict.fromkeys(["thinking", "reasoning_effort", "reasoning"], "thinks"),
            **dict.fromkeys(["web_search_options", "plugins", "search_parameters"], "surcharged"),
            **dict.fromkeys(["models", "fallbacks", "mcp_servers"], "surcharged"),
            **dict.fromkeys(["data_sources", "enable_search"], "surcharged"),
            "tools": "tools",
            "service_tier": "service",
            "modalities": "modalities",
            "prediction": "predicted",
            "response_format": "shaped",
            "cache_control": "cached",
        }
    ),
    "openai-responses": Spelling(
        {
            "input": "content",
            "instructions": "content",
            "tools": "tools",
            "max_output_tokens": "cap",
            "service_tier": "service",
            "reasoning": {"mode": "surcharged", "effort": "thinks"},
            "text": {"format": "shaped"},
            **dict.fromkeys(
                ["previous_response_id", "conversation", "prompt", "background"], "surcharged"
            ),
        }
    ),
    "anthropic-messages": Spelling(
        {
            "messages": "content",
            "system": "content",
            "tools": "tools",
            "max_tokens": "cap",
            "service_tier": "service",
            "thinking": "thinks",
            "output_config": {"effort": "thinks", "format": "shaped"},
            "output_format": "shaped",
            "cache_control": "cached",
            **dict.fromkeys(["mcp_servers", "container", "speed", "inference_geo"], "surcharged"),
        },
        own_prefixes=("bash_", "text_editor_", "computer_", "memory_"),
    ),
    "gemini": Spelling(
        {
            **dict.fromkeys(["contents", "content", "requests"], "content"),
            **dict.fromkeys(["systemInstruction", "system_instruction"], "content"),
            **dict.fromkeys(["generationConfig", "generation_config"], _GENERATION),
            **dict.fromkeys(["serviceTier", "service_tier"], "service"),
            **dict.fromkeys(["cachedContent", "cached_content"], "surcharged"),
            "tools": "tools",
        },
        own_tools=frozenset(["functionDeclarations", "function_declarations"]),
        tool_kind=None,
    ),
    "bedrock-converse": Spelling(
        {
            "messages": "content",
            "system": "content",
            "inferenceConfig": {"maxTokens": "cap"},
            "additionalModelRequestFields": {
                **dict.fromkeys(["max_tokens", "maxTokens", "max_new_tokens"], "raises"),
                **dict.fromkeys(["thinking", "reasoning_config"], "thinks"),
                "output_config": "thinks",
                "tools": "tools",
            },
            "toolConfig": {"tools": "tools"},
            "outputConfig": "shaped",
            "serviceTier": {"type": "service"},
            "performanceConfig": {"latency": "surcharged"},
            **dict.fromkeys(["guardrailConfig", "promptVariables"], "surcharged"),
        },
        own_tools=frozenset(["toolSpec", "cachePoint"]),
        tool_kind=None,
    ),
    "cohere": Spelling(
        {
            **dict.fromkeys(["messages", "documents", "query", "inputs", "texts"], "content"),
            "images": "content",
            "tools": "tools",
            "max_tokens": "cap",
            "thinking": "thinks",
            "response_format": "shaped",
            "connectors": "surcharged",
        }
    ),
    "ollama": Spelling(
        {
            **dict.fromkeys(["messages", "prompt", "suffix", "system", "input"], "content"),
            "images": "content",
            "context": "content",
            "tools": "tools",
            "options": {"num_predict": "cap"},
            "think": "thinks",
            "format": "shaped",
        }
    ),
}

OTHER = Spelling({"tools": "tools"})
"""Of a dialect that is not known here: its questions are read as values."""

STANDARD = frozenset(
    ["auto", "default", "standard", "standard_only", "on_demand", "reserved", "batch", ""]
)
"""Names of the terms that are those of everybody; no answer that is waited for is made in a batch."""
HARMLESS = frozenset(["standard", "global", "optimized_off"])
"""Values of surcharged fields that say what is so anyway."""
