"""What a client knows of a model without asking anybody: capabilities, and the most a call costs."""

from __future__ import annotations

import pytest

from modelway import Client
from modelway.catalog.load import provider as row_of
from modelway.catalog.models_find import find
from modelway.cli.models import _of_model
from modelway.errors import ConfigError
from modelway.sync import Client as SyncClient
from modelway.types import Audio, Inline, Message, ModelListing, Text

CONFIG = {
    "providers": {
        "openai": {"api_key": "k"},
        "anthropic": {"api_key": "k"},
        "deepseek": {"api_key": "k"},
        "house": {"base_url": "https://house.example/v1", "api_key": "k"},
        "simulator": {},
    },
    "models": {
        "capped": {
            "deployments": [{"provider": "openai", "model": "gpt-4.1", "max_output_tokens": 50}]
        },
        "tuned": {
            "deployments": [{"provider": "openai", "model": "our-name", "base_model": "gpt-4.1"}]
        },
    },
}


@pytest.fixture
async def client():
    async with Client(CONFIG) as opened:
        yield opened


async def test_capabilities_are_the_catalogue_s(client):
    known = await client.capabilities("openai/gpt-4.1")
    assert (known.mode, known.context_tokens, known.max_output_tokens) == (
        "chat",
        1_047_576,
        32_768,
    )
    assert known.inputs == ("text", "image", "document")
    assert (known.vision, known.tools, known.json_schema, known.priced) == (True, True, True, True)
    vectors = await client.capabilities("openai/text-embedding-3-large")
    assert (vectors.mode, vectors.dimensions) == ("embed", 3072)


async def test_what_is_configured_wins_and_what_the_host_refuses_is_not_there(client):
    assert (await client.capabilities("capped")).max_output_tokens == 50
    assert (await client.capabilities("deepseek/deepseek-chat")).json_schema is False


async def test_what_is_not_known_is_none(client):
    known = await client.capabilities("house/qwen")
    assert (known.mode, known.context_tokens, known.vision, known.tools, known.inputs) == (
        *(None, None, None, None),
        None,
    )
    assert not known.priced


async def test_a_base_model_lends_what_it_can(client):
    known = await client.capabilities("tuned")
    assert (known.vision, known.context_tokens) == (True, 1_047_576)


async def test_an_estimate_is_of_the_input_and_of_the_cap_asked_for(client):
    told = await client.estimate_cost("a word. " * 50, model="openai/gpt-4.1", max_tokens=1000, n=2)
    assert 400 // 4 < told.input_tokens <= 400
    assert told.output_tokens == 2 * 1000
    assert told.parts == {
        "input": told.input_tokens * 2_000_000,
        "output": 2 * 1000 * 8_000_000,
    }
    assert told.cost_pico_usd == sum(told.parts.values())
    assert (told.version, told.reason) == ("2026-11-21", "")


async def test_without_a_cap_of_the_caller_s_it_is_the_configured_one_or_the_model_s(client):
    assert (await client.estimate_cost("hi", model="capped")).output_tokens == 50
    assert (await client.estimate_cost("hi", model="openai/gpt-4.1")).output_tokens == 32_768


async def test_a_prompt_that_is_to_be_cached_may_cost_more(client):
    async def costs(cache) -> int:
        asked = [Message(role="user", parts=(Text(text="x" * 400, cache=cache),))]
        told = await client.estimate_cost(asked, model="anthropic/claude-sonnet-4-5", max_tokens=1)
        return told.parts["input"] // told.input_tokens

    assert [await costs(cache) for cache in (None, "5m", "1h")] == [3_750_000, 3_750_000, 6_000_000]


async def test_what_cannot_be_estimated_says_why(client):
    told = await client.estimate_cost("hi", model="house/qwen", max_tokens=5)
    assert told.cost_pico_usd is None
    assert told.reason.startswith("the model is not in the catalogue; to add a price: ")
    assert '{"house/qwen": {price: {input: USD, output: USD}}}' in told.reason
    sound = Audio(source=Inline(media_type="audio/wav", data="AAAA"))
    told = await client.estimate_cost(
        [Message(role="user", parts=(sound,))], model="openai/gpt-4.1", max_tokens=5
    )
    assert told.cost_pico_usd is None
    assert "input_audio" in told.reason


async def test_what_is_free_costs_nothing(client):
    told = await client.estimate_cost("hi", model="simulator/any", max_tokens=5)
    assert told.cost_pico_usd == 0


def test_the_sync_client_says_the_same():
    with SyncClient(CONFIG) as client:
        told = client.estimate_cost("hi", model="openai/gpt-4.1", max_tokens=1)
        assert told.cost_pico_usd == told.input_tokens * 2_000_000 + 8_000_000
        with pytest.raises(ConfigError):
            client.estimate_cost("hi", model="nobody/x")


def test_the_list_of_models_has_what_the_provider_leaves_out_and_the_prices():
    info = find(row_of("openai"), "gpt-4.1")
    shown = _of_model(ModelListing(id="gpt-4.1", provider="openai", context_tokens=7), info)
    assert shown == {
        "name": "openai/gpt-4.1",
        "provider": "openai",
        "id": "gpt-4.1",
        "context_tokens": 7,
        "max_output_tokens": 32_768,
        "input_usd_per_million": "2",
        "output_usd_per_million": "8",
    }
    assert "input_usd_per_million" not in _of_model(ModelListing(id="x", provider="house"), None)
