"""From a deployment's name to its model: every way of writing it, and no price that is not its own."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.catalog import load, models_overrides
from modelway.catalog.models import ModelInfo, Tariff
from modelway.catalog.models_find import catalogue_name, find
from modelway.catalog.models_load import decode, model_file, parse, shipped
from modelway.catalog.models_overrides import Overrides, read, read_json
from modelway.catalog.priced import price
from modelway.catalog.pricing import Cost, Unpriced
from modelway.catalog.rows import Provider
from modelway.types import Usage

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
USAGE = Usage(input_tokens=1_000, output_tokens=1_000)


def row(name: str, **fields) -> Provider:
    shipped_row = load.provider(name)
    if shipped_row is not None and not fields:
        return shipped_row
    return Provider(**{"name": name, "base_url": "", "dialects": ("openai-chat",), **fields})


def dollars(provider: str | Provider, model: str, base_model: str | None = None, **more) -> str:
    """Of a thousand tokens in and out, or why that is not known."""
    provider = row(provider) if isinstance(provider, str) else provider
    found = price(USAGE, provider, model, base_model, at=NOW, **more)
    if isinstance(found, Unpriced):
        return found.reason
    return f"{Decimal(found.total_pico_usd).scaleb(-12).normalize():f}"


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("openai", "gpt-4.1", "0.01"),
        ("openai", "gpt-4.1-2025-04-14", "0.01"),
        ("openai", "gpt-4.1-2031-01-01", "0.01"),
        ("openai", "openai/gpt-4.1", "0.01"),
        ("openai", "GPT-4.1", "0.01"),
        ("openai", "gpt-4o-mini-2024-07-18", "0.00075"),
        ("anthropic", "claude-3-5-haiku-20241022", "0.0048"),
        ("anthropic", "claude-3-5-haiku-latest", "0.0048"),
        ("anthropic", "claude-sonnet-4-5-20250929", "0.018"),
        ("vertex", "claude-sonnet-4-5@20250929", "0.018"),
        ("vertex", "publishers/anthropic/models/claude-opus-4-1@20250805", "0.09"),
        ("gemini", "models/gemini-2.0-flash-001", "0.0005"),
        ("gemini", "gemini-2.0-flash", "0.0005"),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "0.0198"),
        ("bedrock", "global.anthropic.claude-sonnet-4-5-20250929-v1:0", "0.018"),
        (
            "bedrock",
            "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.amazon.nova-pro-v1:0",
            "0.00525",
        ),
        (
            "bedrock",
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
            "0.004",
        ),
        ("openrouter", "meta-llama/llama-4-scout:free", "0"),
        ("fireworks", "accounts/fireworks/models/llama-v3p3-70b-instruct", "0.0018"),
        ("fireworks", "llama-v3p3-70b-instruct", "0.0018"),
        ("huggingface", "openai/gpt-oss-120b:groq", "0.0009"),
    ],
)
def test_a_model_is_found_by_every_way_of_writing_it(provider, model, expected):
    assert dollars(provider, model) == expected


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4.1-made-up"),
        ("openai", ""),
        ("openai", "x" * 10_000),
        ("openai", "claude-sonnet-4-5"),
        ("groq", "gpt-4.1"),
        ("azure", "our-deployment"),
        ("bedrock", "arn:aws:bedrock:us-east-1:1:application-inference-profile/a1b2"),
        ("nobody", "gpt-4.1"),
        ("../../etc/passwd", "gpt-4.1"),
        ("huggingface", "openai/gpt-oss-120b"),
    ],
)
def test_what_is_not_known_is_none_and_has_no_price(provider, model):
    assert find(row(provider), model) is None
    assert dollars(provider, model) == "the model is not in the catalogue"


@given(st.text(max_size=40))
def test_any_name_is_looked_up_without_a_fault(name):
    for provider in ("openai", "bedrock", "openrouter", "fireworks"):
        find(row(provider), name)
        find(row(provider), "ft:" + name, name)


@pytest.mark.parametrize("provider", shipped())
def test_every_row_is_found_by_its_own_name_and_every_alias_stands_for_one(provider):
    file = model_file(provider)
    assert file.models
    for name in file.models:
        found = find(row(provider), name)
        assert found is not None
        assert found.name.casefold() == name.casefold()
        assert found.version == file.version
    for alias, name in file.aliases.items():
        assert find(row(provider), alias) == decode(provider, name, file)


# ---------------------------------------------------------------- base models, tuned models


@pytest.mark.parametrize(
    ("provider", "model", "base_model", "expected"),
    [
        ("azure", "our-deployment", "gpt-4o", "0.0125"),
        ("azure", "gpt-4o-mini", "gpt-4o", "0.0125"),
        ("azure", "our-deployment", "azure/gpt-4o", "0.0125"),
        ("azure", "our-deployment", "openai/gpt-4o", "0.0125"),
        ("azure-deployments", "our-deployment", "openai/gpt-4o", "0.0125"),
        ("azure-anthropic", "our-deployment", "claude-opus-4-1", "0.09"),
        ("vertex-anthropic", "claude-sonnet-4-5@20250929", None, "0.018"),
        ("bedrock-mantle", "openai.gpt-oss-120b", None, "0.00075"),
        (
            "bedrock",
            "arn:aws:bedrock:us-east-1:1:application-inference-profile/a1b2",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "0.0198",
        ),
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme::abc", None, "0.0015"),
        ("openai", "ft:gpt-4o-mini:acme::abc", None, "0.0015"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme::abc", "gpt-4o-mini", "0.0015"),
    ],
)
def test_a_name_of_ones_own_is_priced_as_what_stands_behind_it(
    provider, model, base_model, expected
):
    assert dollars(provider, model, base_model) == expected


@pytest.mark.parametrize(
    ("provider", "model", "base_model", "words"),
    [
        ("openai", "ft:gpt-5:acme::abc", None, "tuned models of gpt-5 have their own price"),
        ("openai", "ft:gpt-5:acme::abc", "gpt-5", "a tuned model has its own price"),
        (
            "bedrock",
            "arn:aws:bedrock:us-east-1:1:provisioned-model/a1b2",
            "amazon.nova-pro-v1:0",
            "billed apart",
        ),
        ("groq", "tuned", "openai/gpt-4.1", "groq has no known price of openai/gpt-4.1"),
        ("moonshot-cn", "kimi-k2.5", None, "bills in another currency"),
        ("openrouter", "openai/gpt-4.1:nitro", None, "depends on where it is sent"),
        ("bedrock", "sa.anthropic.claude-opus-5", None, "the price in sa is not known"),
    ],
)
def test_facts_are_inherited_and_prices_of_another_are_not(provider, model, base_model, words):
    found = find(row(provider), model, base_model)
    assert found is not None
    assert found.context_tokens is not None
    assert found.tariffs == ()
    assert words in dollars(provider, model, base_model)


# ---------------------------------------------------------------- hosts


def test_a_copy_of_a_row_has_the_models_of_the_row_that_it_says_it_is():
    openai = row("openai")
    renamed = msgspec.structs.replace(openai, name="work", like="openai")
    elsewhere = msgspec.structs.replace(openai, name="proxy", base_url="https://proxy.example/v1")
    assert catalogue_name(renamed) == "openai"
    assert dollars(renamed, "gpt-4.1") == "0.01"
    assert find(elsewhere, "gpt-4.1") is None


@pytest.mark.parametrize("name", ["ollama", "vllm", "llamacpp", "lmstudio", "simulator"])
def test_what_runs_here_costs_nothing_and_is_known_to(name):
    assert dollars(name, "whatever") == "0"
    found = price(Usage(input_tokens=9, output_tokens=9, cached_tokens=3), row(name), "m", at=NOW)
    assert isinstance(found, Cost)


def test_what_a_local_server_passes_on_is_not_free():
    assert dollars("ollama", "gpt-oss:120b-cloud") == "the model is not in the catalogue"


# ---------------------------------------------------------------- what is known


def test_what_a_model_can_do_is_known_with_its_source():
    found = find(row("openai"), "gpt-4.1")
    assert found is not None
    assert (found.context_tokens, found.max_output_tokens) == (1_047_576, 32_768)
    assert found.vision
    assert found.tools
    assert found.json_schema
    assert found.mode == "chat"
    assert "document" in found.inputs
    assert found.sources["tools"].startswith("litellm ")
    assert found.sources["tariffs"].startswith("genai-prices ")
    small = find(row("openai"), "text-embedding-3-small")
    assert small is not None
    assert (small.mode, small.dimensions, small.max_output_tokens) == ("embed", 1536, None)
    assert ModelInfo().vision is None


def test_a_router_s_rows_have_its_own_prices_and_its_maker_s_capabilities():
    found = find(row("openrouter"), "anthropic/claude-sonnet-4.5")
    assert found is not None
    assert found.vision
    assert found.sources["inputs"] == "anthropic/claude-sonnet-4.5"
    assert found.sources["tariffs"].startswith("genai-prices ")


# ---------------------------------------------------------------- overrides


def test_what_the_user_says_wins_over_rows_and_over_rows_that_are_not_there():
    said = {
        "openai/gpt-4.1": {"price": {"input": 1, "output": "1.5"}},
        "house/qwen3": {"context_tokens": 40_960, "tools": True, "price": {"input": 0.2}},
        "ollama/*": {"price": [{"input": 0.01, "output": 0.02}]},
        "gpt-5": {"max_output_tokens": 1_000},
    }
    overrides, problems = read(said)
    assert problems == ()
    assert dollars("openai", "gpt-4.1", overrides=overrides) == "0.0025"
    assert dollars("ollama", "any", overrides=overrides) == "0.00003"
    house = find(row("house"), "qwen3", None, overrides)
    assert house is not None
    assert (house.context_tokens, house.tools) == (40_960, True)
    assert house.version.startswith("configuration:")  # and a checksum of its prices
    assert house.tariffs == (Tariff(input=Decimal("0.2")),)
    gpt = find(row("openai"), "gpt-5", None, overrides)
    assert gpt is not None
    assert gpt.max_output_tokens == 1_000
    assert gpt.tariffs
    assert gpt.sources["max_output_tokens"] == "configuration"
    assert gpt.version.endswith(" + configuration")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ([], "must be a mapping"),
        ({"m": 3}, "m: expected facts"),
        ({"m": {"contxt_tokens": 3}}, "m: unknown: contxt_tokens"),
        ({"m": {"sources": {}}}, "m: unknown: sources"),
        ({"m": {"context_tokens": "many"}}, "m: Expected `int | null`"),
        ({"m": {"price": {"input": -1}}}, "m: the price of input is -1"),
        ({"m": {"price": {"input": "NaN"}}}, "m: the price of input is NaN"),
        ({"m": {"price": {"input": 1e-30}}}, "more than 18 decimals"),
        ({"m": {"price": {"input": 3_000_000}}}, "prices are per million tokens"),
        ({"m": {"price": {"inputs": 3}}}, "m: Object contains unknown field `inputs`"),
        ({"m": {"price": {}}}, "m: a price that names no price"),
        ({"m": {"price": {"input": 1, "hours": ["noon"]}}}, "noon is no span of hours"),
        ({"m": {"price": {"input": 1, "days": [0]}}}, "days of the week"),
        ({"m": {"price": {"input": 1, "since": "soon"}}}, "Invalid RFC3339"),
    ],
)
def test_a_fault_in_what_the_user_says_is_told_and_what_was_good_before_is_kept(said, words):
    good, _ = read({"openai/gpt-4.1": {"price": {"input": 1, "output": 1}}})
    kept, problems = read(said, good)
    assert kept is good
    assert any(words in problem for problem in problems), problems


def test_a_file_of_overrides_keeps_its_digits_and_a_broken_one_keeps_the_last():
    good, problems = read_json(b'{"m": {"price": {"input": 0.100000000000000001}}}')
    assert problems == ()
    assert good.models["m"].tariffs[0].input == Decimal("0.100000000000000001")
    kept, problems = read_json(b'{"m": ', good)
    assert kept is good
    assert "not JSON" in problems[0]
    assert models_overrides.read({}).overrides == Overrides()


# ---------------------------------------------------------------- answers


def test_an_answer_is_priced_by_its_own_name_where_the_one_asked_for_says_nothing():
    named = {"answered_by": "gpt-4.1-2025-04-14", "at": NOW}
    for model in ("gpt-4.1", "an-alias"):
        assert price(USAGE, row("openai"), model, **named).total_pico_usd == 10**10
    assert isinstance(price(USAGE, row("groq"), "gpt-4.1", **named), Unpriced)


def test_rows_that_are_malformed_are_refused():
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        parse(b'{"version":"2026-11-21","rows":{}}')
    file = parse(b'{"version":"2026-11-21","models":{"m":{"tariffs":[{"input":"much"}]}}}')
    with pytest.raises(msgspec.ValidationError, match="decimal"):
        decode("p", "m", file)
