"""A user's own rows and models: what is said of them in a configuration holds in what is sent and charged."""

from __future__ import annotations

import json

import pytest

import modelway
from support.clouds import Clouds, service_account
from support.endpoints import world

PICO = 10**6
"""Of a dollar for a million tokens."""
BEDROCK = {"region": "us-east-1", "api_key": "k"}
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
PROVISIONED = "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc"

OWN = {
    # provider, its settings, deployment → the window, and what 5 tokens in and 2 out cost
    "an Azure deployment": (
        "azure",
        {"resource": "r-1", "api_key": "k"},
        {"model": "gpt-mine", "base_model": "openai/gpt-4o-mini"},
        (128_000, (5 * 0.15 + 2 * 0.6)),
    ),
    "an Azure deployment by its URL": (
        "azure-deployments",
        {"resource": "r-1", "api_key": "k"},
        {"model": "gpt-mine", "base_model": "openai/gpt-4o-mini"},
        (128_000, (5 * 0.15 + 2 * 0.6)),
    ),
    "an Azure deployment that is not said": (
        "azure",
        {"resource": "r-1", "api_key": "k"},
        {"model": "gpt-mine"},
        (None, (5 * 0.15 + 2 * 0.6)),  # its answer names the model
    ),
    "an inference profile": (
        "bedrock",
        BEDROCK,
        {"model": PROFILE, "base_model": "amazon.nova-lite-v1:0"},
        (300_000, (5 * 0.06 + 2 * 0.24)),
    ),
    "provisioned throughput": (
        "bedrock",
        BEDROCK,
        {"model": PROVISIONED, "base_model": "amazon.nova-lite-v1:0"},
        (300_000, None),
    ),
    "a foundation model's ARN": (
        "bedrock",
        BEDROCK,
        {"model": "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"},
        (300_000, (5 * 0.06 + 2 * 0.24)),
    ),
    "a tuned endpoint": (
        "vertex",
        {"project": "p-1"},
        {"model": "endpoints/77", "base_model": "gemini/gemini-2.5-flash"},
        (1_048_576, (5 * 0.3 + 2 * 2.5)),
    ),
    "a fine-tune": (
        "openai",
        {"api_key": "k"},
        {"model": "ft:gpt-4o-mini-2024-07-18:org::id"},
        (128_000, (5 * 0.3 + 2 * 1.2)),
    ),
    "a fine-tune of a base without tuned prices": (
        "openai",
        {"api_key": "k"},
        {"model": "ft:gpt-5.9-none:org::id", "base_model": "openai/gpt-4o-mini"},
        (128_000, None),
    ),
}
"""Source: the providers' pages of prices, 2026-11-21; USD for a million tokens."""


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    return service_account(tmp_path_factory.mktemp("account"))


def asking(w, account, config):
    environment = {"GOOGLE_APPLICATION_CREDENTIALS": account}
    return modelway.Client(config, environment=environment, transport=w.around.transport)


@pytest.mark.parametrize("name", OWN)
async def test_a_model_of_ones_own_has_its_base_models_facts_and_price(name, account):
    provider, said, deployment, (window, usd) = OWN[name]
    config = {
        "providers": {provider: {**said, "retries": 0}},
        "models": {"mine": {"provider": provider, **deployment}},
    }
    async with world(Clouds()) as w, asking(w, account, config) as client:
        answer = await client.chat("Hi", model="mine")
        wanted = None if usd is None else round(usd * PICO)
        assert (answer.text, answer.cost_pico_usd) == ("Hello", wanted)
        async with client.stream("Hi", model="mine") as stream:
            assert (await stream.collect()).cost_pico_usd == wanted
        assert (await client.capabilities("mine")).context_tokens == window


@pytest.mark.parametrize("name", OWN)
async def test_an_own_price_is_the_price(name, account):
    provider, said, deployment, _ = OWN[name]
    full = f"{provider}/{deployment['model']}"
    config = {
        "providers": {provider: {**said, "retries": 0}},
        "models": {"mine": {"provider": provider, **deployment}},
        "catalogue": {full: {"context_tokens": 777, "price": {"input": 3, "output": 7}}},
    }
    async with world(Clouds()) as w, asking(w, account, config) as client:
        for model in ("mine", full):
            answer = await client.chat("Hi", model=model)
            assert answer.cost_pico_usd == (5 * 3 + 2 * 7) * PICO
            assert (await client.capabilities(model)).context_tokens == 777


async def test_a_row_of_ones_own(account):
    """``like`` with what differs; a full row with quirks; what it offers; its own price."""
    config = {
        "providers": {
            "house": {
                "like": "mistral",
                "base_url": "https://mistral.house.example/v1",
                "api_key": "k-1",
                "headers": {"x-cost-centre": "4711"},
                "extra": {"safe_prompt": True},
            },
            "plain": {
                "base_url": "https://plain.house.example/llm",
                "api_key": "k-2",
                "auth": "api-key",
                "models": ["plain-*"],
                "default_model": "plain-1",
                "operations": ["chat"],
                "quirks": {
                    "rename": {"max_tokens": "limit"},
                    "drop": ["user"],
                    "stream_usage": False,
                    "max_stop": 1,
                },
            },
        },
        "catalogue": {"plain/*": {"price": {"input": 1, "output": 1}}},
        "defaults": {"retries": 0},
    }
    async with world(Clouds()) as w, asking(w, account, config) as client:
        await client.chat("Hi", model="house/small")
        answer = await client.chat("Hi", model="plain-7", max_tokens=9, user="u", stop=["a", "b"])
        async with client.stream("Hi", model="plain") as stream:
            await stream.collect()
        with pytest.raises(modelway.UnsupportedError, match="embed"):
            await client.embed(["x"], model="plain/plain-1")
        house, plain, streamed = w.asked
    assert house.url == "POST https://mistral.house.example:443/v1/chat/completions"
    assert house.received.header("x-cost-centre") == "4711"
    assert json.loads(house.received.body)["safe_prompt"] is True
    assert plain.url == "POST https://plain.house.example:443/llm/chat/completions"
    assert plain.received.header("api-key") == "k-2"
    assert json.loads(plain.received.body) == {
        "model": "plain-7",
        "messages": [{"role": "user", "content": "Hi"}],
        "limit": 9,
        "stop": ["a"],
    }
    assert {warning.setting for warning in answer.warnings} == {"user", "stop"}
    assert answer.cost_pico_usd == 7 * PICO
    assert json.loads(streamed.received.body) == {
        "model": "plain-1",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
    }
