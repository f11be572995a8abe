"""How much to think, in each dialect's own words, by family of models; out of range is an error.

Sources: https://platform.openai.com/docs/guides/reasoning,
https://openrouter.ai/docs/use-cases/reasoning-tokens,
https://platform.claude.com/docs/en/build-with-claude/extended-thinking and …/effort,
https://ai.google.dev/gemini-api/docs/thinking,
https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html,
https://docs.cohere.com/v2/docs/reasoning and https://docs.ollama.com/capabilities/thinking, 2026-11-21.
"""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from modelway.call import Target
from modelway.catalog.load import providers
from modelway.dialects import dialect
from modelway.errors import BadRequestError
from modelway.testing.scenarios import asked, said
from modelway.types import Thinking

OFF, ON, ADAPTIVE = Thinking(mode="disabled"), Thinking(mode="enabled"), Thinking(mode="adaptive")
LOW, HIGH, MAX = Thinking(effort="low"), Thinking(effort="high"), Thinking(effort="max")
BUDGET = Thinking(mode="enabled", budget_tokens=2000)
CLAUDE, NOVA = "anthropic.claude-sonnet-4-5-v1:0", "amazon.nova-2-lite-v1:0"

ROWS = [
    # OpenAI: an effort, and nothing else.
    ("openai", "openai-chat", "gpt-5.1", LOW, {"reasoning_effort": "low"}, ()),
    ("openai", "openai-chat", "gpt-5.1", OFF, {"reasoning_effort": "none"}, ()),
    ("openai", "openai-chat", "gpt-5.1", MAX, {"reasoning_effort": "xhigh"}, ("effort",)),
    ("openai", "openai-chat", "gpt-5.1", BUDGET, {}, ("budget_tokens", "mode")),
    ("openai", "openai-responses", "gpt-5.1", HIGH, {"reasoning": {"effort": "high"}}, ()),
    ("openai", "openai-responses", "gpt-5.1", BUDGET, {}, ("budget_tokens", "mode")),
    # OpenRouter: an object with either.
    ("openrouter", "openai-chat", "x/y", HIGH, {"reasoning": {"effort": "high"}}, ()),
    ("openrouter", "openai-chat", "x/y", BUDGET, {"reasoning": {"enabled": True, "max_tokens": 2000}}, ()),
    ("openrouter", "openai-chat", "x/y", OFF, {"reasoning": {"enabled": False}}, ()),
    # Anthropic: a mode, with a budget or without, and an effort beside it.
    ("anthropic", "anthropic-messages", "claude-sonnet-4-5", BUDGET, {"thinking": {"type": "enabled", "budget_tokens": 2000}}, ()),
    ("anthropic", "anthropic-messages", "claude-sonnet-5", ADAPTIVE, {"thinking": {"type": "adaptive"}}, ()),
    ("anthropic", "anthropic-messages", "claude-sonnet-5", MAX, {"output_config": {"effort": "max"}}, ()),
    ("anthropic", "anthropic-messages", "claude-sonnet-4-5", OFF, {"thinking": {"type": "disabled"}}, ()),
    # Gemini: levels from the third generation, budgets before.
    ("gemini", "gemini", "gemini-3-pro-preview", LOW, {"thinkingLevel": "low"}, ()),
    ("gemini", "gemini", "gemini-3-pro-preview", MAX, {"thinkingLevel": "high"}, ("effort",)),
    ("gemini", "gemini", "gemini-3-pro-preview", OFF, {"thinkingLevel": "low"}, ("",)),
    ("gemini", "gemini", "gemini-2.5-flash", BUDGET, {"includeThoughts": True, "thinkingBudget": 2000}, ()),
    ("gemini", "gemini", "gemini-2.5-flash", OFF, {"thinkingBudget": 0}, ()),
    ("gemini", "gemini", "gemini-2.5-flash", HIGH, {"thinkingBudget": 24576}, ("effort",)),
    ("gemini", "gemini", "gemini-2.5-pro", OFF, {"thinkingBudget": 128}, ("",)),
    # Bedrock: as each vendor has it.
    ("bedrock", "bedrock-converse", CLAUDE, BUDGET, {"thinking": {"type": "enabled", "budget_tokens": 2000}}, ()),
    ("bedrock", "bedrock-converse", NOVA, HIGH, {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}, ()),
    ("bedrock", "bedrock-converse", NOVA, OFF, {"reasoningConfig": {"type": "disabled"}}, ()),
    ("bedrock", "bedrock-converse", "openai.gpt-oss-120b-1:0", LOW, {"reasoning_effort": "low"}, ()),
    ("bedrock", "bedrock-converse", "meta.llama3-1-70b-v1:0", LOW, {}, ("",)),
    # Cohere: a switch, with a budget or without.
    ("cohere", "cohere", "command-a-reasoning-08-2025", BUDGET, {"thinking": {"type": "enabled", "token_budget": 2000}}, ()),
    ("cohere", "cohere", "command-a-reasoning-08-2025", OFF, {"thinking": {"type": "disabled"}}, ()),
    ("cohere", "cohere", "command-a-reasoning-08-2025", HIGH, {}, ("effort",)),
    # Ollama: a switch or a level.
    ("ollama", "ollama", "gpt-oss", HIGH, {"think": "high"}, ()),
    ("ollama", "ollama", "qwen3", OFF, {"think": False}, ()),
    ("ollama", "ollama", "qwen3", BUDGET, {"think": True}, ("budget_tokens",)),
    # Hosts of Chat Completions with a switch of their own.
    ("deepseek", "openai-chat", "deepseek-chat", ON, {"thinking": {"type": "enabled"}}, ()),
    ("deepseek", "openai-chat", "deepseek-chat", OFF, {"thinking": {"type": "disabled"}}, ()),
]  # fmt: skip
"""Provider, dialect, model, what is asked, what of the body says so, and what is warned of."""


def encoded(provider, spoken, model, thinking, max_tokens=9000):
    target = Target(model=model, quirks=providers()[provider].quirks)
    request = replace(asked(said("user", "?"), thinking=thinking), max_tokens=max_tokens)
    return dialect(spoken).upstream["chat"].encode(request, target, False)


def about_thinking(body):
    """The fields that say how much to think, out of wherever this dialect has them."""
    body = body | body.pop("additionalModelRequestFields", {})
    body |= body.pop("generationConfig", {}).get("thinkingConfig", {})
    names = (
        *("reasoning_effort", "reasoning", "thinking", "output_config", "thinkingLevel"),
        *("thinkingBudget", "includeThoughts", "reasoningConfig", "think", "enable_thinking"),
    )
    return {name: body[name] for name in names if name in body}


@pytest.mark.parametrize(("provider", "spoken", "model", "thinking", "sent", "told"), ROWS)
def test_how_much_to_think(provider, spoken, model, thinking, sent, told):
    found = encoded(provider, spoken, model, thinking)
    assert about_thinking(json.loads(found.body)) == sent
    wanted = [f"thinking.{name}".rstrip(".") for name in told]
    assert sorted([warning.setting for warning in found.warnings]) == sorted(wanted)


@pytest.mark.parametrize(
    ("provider", "spoken", "model", "budgets"),
    [
        ("anthropic", "anthropic-messages", "claude-sonnet-4-5", (-1, 0, 1023, 9000, 10**6)),
        ("bedrock", "bedrock-converse", CLAUDE, (-1, 1023)),
        ("gemini", "gemini", "gemini-2.5-pro", (-5, 127, 32769)),
        ("gemini", "gemini", "gemini-2.5-flash", (-5, 24577)),
        ("gemini", "gemini", "models/gemini-2.5-flash-lite", (511, 24577)),
        ("cohere", "cohere", "command-a-reasoning-08-2025", (-1, 0)),
    ],
)
def test_a_budget_out_of_range_is_an_error_before_sending(provider, spoken, model, budgets):
    for budget in budgets:
        with pytest.raises(BadRequestError) as caught:
            encoded(provider, spoken, model, Thinking(mode="enabled", budget_tokens=budget))
        assert caught.value.param == "thinking.budget_tokens"
        assert str(budget) in caught.value.message
