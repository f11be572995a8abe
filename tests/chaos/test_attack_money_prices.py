"""Price files that are wrong, webhooks without a secret, and clocks that jump: what money does then."""

import json

import pytest

import modelway
from modelway.config.load import load
from modelway.config.problems import InvalidConfigError
from support.attack_provider import COST, QUESTIONS, configured, provider
from support.attacking import ask, rows
from support.serving import served

GOOD = {"input": 1.0, "output": 10.0}
BAD = {
    "a class without its whole": {"cached": 0.1},
    "output without input": [{"output": 10.0, "cached": 0.1}],
    "the same twice": [GOOD, GOOD],
    "two at one time": [{**GOOD, "since": "2026-01-01"}, {**GOOD, "since": "2026-01-01"}],
    "by the token": {"input": 0.0000000001, "output": 0.0000000001},
    "far too much": {"input": 1e12, "output": 1e12},
    "less than nothing": {"input": -1.0, "output": 10.0},
    "no number": {"input": "cheap", "output": 10.0},
    "a class that is none": {**GOOD, "outputs": 1.0},
    "a number that is none": {"input": float("nan"), "output": 10.0},
    "without end": {"input": float("inf"), "output": 10.0},
    "a day that is none": [{**GOOD, "since": "2026-02-30"}],
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A gateway whose prices are in a file of their own."""
    folder = tmp_path_factory.mktemp("prices")
    prices, file = folder / "prices.json", folder / "modelway.yaml"
    with provider() as up:
        made = configured(up, folder)
        facts = made["catalogue"]
        made["catalogue"] = {"file": str(prices)}
        prices.write_text(json.dumps(facts))
        file.write_text(json.dumps(made))
        with served(file, folder) as running:
            yield running.url, prices, facts


@pytest.mark.parametrize("name", BAD)
def test_a_price_file_that_is_wrong_changes_nothing_and_says_where(world, name):
    url, prices, facts = world
    wrong = {**facts, "p-openai-chat/*": {**facts["p-openai-chat/*"], "price": BAD[name]}}
    prices.write_text(json.dumps(wrong))
    try:
        said = ask(url, "/v1/config/reload", {})
        assert said.status == 400, said
        assert b"p-openai-chat/*" in said.body
        assert ask(url, *QUESTIONS["openai-chat"].asked("m-openai-chat")).status == 200
        assert rows(url)[-1]["cost_pico_usd"] == COST
    finally:
        prices.write_text(json.dumps(facts))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"p-openai-chat/*": 1}', "\x00"])
def test_a_price_file_that_is_none_changes_nothing(world, text):
    url, prices, facts = world
    prices.write_text(text)
    try:
        said = ask(url, "/v1/config/reload", {})
        if said.status == 200:  # it says nothing: nothing has a price, and nothing is free
            ask(url, *QUESTIONS["openai-chat"].asked("m-openai-chat"))
            assert rows(url)[-1]["cost_pico_usd"] is None
        else:
            assert said.status == 400, said
            ask(url, *QUESTIONS["openai-chat"].asked("m-openai-chat"))
            assert rows(url)[-1]["cost_pico_usd"] == COST
    finally:
        prices.write_text(json.dumps(facts))
        assert ask(url, "/v1/config/reload", {}).status == 200


BUDGET = {"name": "all", "limit_usd": 1, "per": "day"}


@pytest.mark.parametrize(
    "budget",
    [
        {**BUDGET, "webhook": {"url": "https://hooks.example/x", "secret": ""}},
        {**BUDGET, "webhook": {"url": "https://hooks.example/x"}},
        {**BUDGET, "webhook": {"url": "file:///etc/passwd", "secret": "s"}},
        {**BUDGET, "limit_usd": float("nan")},
        {**BUDGET, "limit_usd": -1},
        {**BUDGET, "limit_usd": 1e400},
        {**BUDGET, "limit_usd": "1e9"},
        {**BUDGET, "limit_usd": 1e-13},
        {**BUDGET, "time_zone": "../../etc/localtime"},
        {**BUDGET, "per": "rolling"},
        {**BUDGET, "rolling_s": 3600},
        {**BUDGET, "per": "rolling", "rolling_s": float("inf")},
        {**BUDGET, "alerts": [float("nan")]},
        {**BUDGET, "hard": "no, never"},
        {**BUDGET, "name": ""},
        {**BUDGET, "user": ""},
        {**BUDGET, "usr": "ann"},
    ],
    ids=lambda budget: json.dumps(budget)[40:100],
)
def test_a_budget_that_makes_no_sense_starts_nothing(budget):
    with pytest.raises((InvalidConfigError, modelway.ConfigError)):
        load({"providers": {"simulator": {}}, "budgets": [budget]}, environment={})
