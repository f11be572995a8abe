"""In which of a host's dialects a client's call goes to it."""

import pytest

from modelway.config.load import load
from modelway.config.resolve import resolve
from modelway.exchange import offers, speaking

KEYS = ("OPENAI", "OPENROUTER", "DEEPSEEK", "GEMINI")
ENVIRONMENT = {
    **{f"{name}_API_KEY": "k" for name in KEYS},
    "AWS_BEARER_TOKEN_BEDROCK": "k",
    "AWS_REGION": "eu-central-1",
}


def spoken(model, operation="chat", client=None, **provider):
    name = model.partition("/")[0]
    settings = load({"providers": {name: provider}}, environment=ENVIRONMENT)
    (deployment,) = resolve(settings, model).deployments
    found = speaking(deployment, operation, client)
    return found.dialect, found.base_url


@pytest.mark.parametrize(
    ("model", "operation", "client", "dialect"),
    [
        ("openai/gpt-4o", "chat", None, "openai-chat"),
        ("openai/gpt-4o", "chat", "openai-responses", "openai-responses"),
        ("openai/gpt-4o", "chat", "anthropic-messages", "openai-chat"),
        ("openai/gpt-4o", "count_tokens", "openai-chat", "openai-responses"),
        ("openai/text-embedding-3-small", "embed", "gemini", "openai-chat"),
        ("openrouter/openai/gpt-4o", "chat", "anthropic-messages", "anthropic-messages"),
        ("gemini/gemini-2.5-flash", "chat", "gemini", "gemini"),
        ("bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "chat", None, "bedrock-converse"),
        (
            "bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "chat",
            "anthropic-messages",
            "anthropic-messages",
        ),
        ("bedrock/amazon.nova-pro-v1:0", "chat", "anthropic-messages", "bedrock-converse"),
        ("ollama/llama3.2", "chat", "anthropic-messages", "ollama"),
    ],
)
def test_a_client_s_own_dialect_where_the_host_has_it(model, operation, client, dialect):
    assert spoken(model, operation, client)[0] == dialect


def test_each_dialect_at_its_own_place():
    assert spoken("deepseek/deepseek-chat", client="anthropic-messages") == (
        "anthropic-messages",
        "https://api.deepseek.com/anthropic/v1",
    )


def test_what_the_operator_says_holds():
    assert spoken("openai/gpt-4o", client="openai-responses", dialect="openai-chat")[0] == (
        "openai-chat"
    )
    elsewhere = {"base_url": "https://proxy.example/v1"}
    assert spoken("deepseek/deepseek-chat", client="anthropic-messages", **elsewhere) == (
        "openai-chat",
        "https://proxy.example/v1",
    )


def test_what_no_dialect_of_the_host_has_is_not_offered():
    settings = load({"providers": {"anthropic": {"api_key": "k"}}}, environment={})
    (deployment,) = resolve(settings, "anthropic/claude-sonnet-4-5").deployments
    assert not offers(speaking(deployment, "embed", "openai-chat"), "embed")
