"""Providers whose word on what was used makes no sense: what was spent is never less than nothing, nor lost."""

import pytest

from support.attack_provider import COST, HELLO, MADE, READ, configured, provider
from support.attacking import ask, budget, rows, spent
from support.serving import served

USAGE = {"prompt_tokens": READ, "completion_tokens": MADE, "total_tokens": READ + MADE}
MOST_PICO = 2**63 - 1
ODD = {
    "none": None,
    "empty": {},
    "no object": "7",
    "negative input": {**USAGE, "prompt_tokens": -1000},
    "negative output": {**USAGE, "completion_tokens": -1000},
    "both negative": {"prompt_tokens": -5, "completion_tokens": -5, "total_tokens": -10},
    "no input": {"completion_tokens": MADE},
    "no output": {"prompt_tokens": READ},
    "null": {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None},
    "a fraction": {**USAGE, "completion_tokens": 7.5},
    "text": {**USAGE, "completion_tokens": "7"},
    "more cached than read": {**USAGE, "prompt_tokens_details": {"cached_tokens": 10**6}},
    "less cached than none": {**USAGE, "prompt_tokens_details": {"cached_tokens": -(10**6)}},
    "more thought than made": {
        **USAGE,
        "completion_tokens_details": {"reasoning_tokens": 10**6},
    },
    "a refund": {**USAGE, "cost": -1.0},
    "a cost that is none": {**USAGE, "cost": "free"},
    "a list": {**USAGE, "prompt_tokens_details": []},
}
HUGE = {
    "huge": {**USAGE, "completion_tokens": 10**15},
    "past all": {**USAGE, "completion_tokens": 10**30},
    "a cost past all": {**USAGE, "cost": 1e300},
}


@pytest.fixture(scope="module")
def up():
    with provider() as running:
        yield running


def chat(url, name, **more):
    body = {"model": "m-openai-chat", "messages": [{"role": "user", "content": name}], **more}
    return ask(url, "/v1/chat/completions", body)


@pytest.fixture(scope="module")
def gateway(up, tmp_path_factory):
    folder = tmp_path_factory.mktemp("usage")
    budgets = [{"name": "all", "limit_usd": 100, "per": "total"}]
    with served(configured(up, folder, budgets=budgets), folder) as running:
        yield running.url


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", ODD)
def test_nonsense_is_charged_as_what_is_plausible_or_all_that_was_reserved(
    gateway, up, name, stream
):
    up.usage = ODD[name]
    before, count = budget(gateway, "all")["spent_pico_usd"], len(rows(gateway))
    said = chat(gateway, name, stream=stream, max_tokens=50)
    (row,) = rows(gateway)[count:]
    assert row["basis"], said
    assert row["cost_pico_usd"] is not None
    assert READ * 10**6 <= row["cost_pico_usd"] <= row["reserved_pico_usd"], row
    assert budget(gateway, "all")["spent_pico_usd"] == before + row["cost_pico_usd"]
    assert spent(gateway) == before + row["cost_pico_usd"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", HUGE)
def test_what_is_far_beyond_a_reservation_is_booked_and_closes_the_budget(
    up, tmp_path, name, stream
):
    budgets = [{"name": "all", "limit_usd": 100, "per": "total"}]
    with served(configured(up, tmp_path, budgets=budgets), tmp_path) as running:
        up.usage = HUGE[name]
        chat(running.url, name, stream=stream, max_tokens=50)
        (row,) = rows(running.url)
        assert row["cost_pico_usd"] is not None
        up.usage = dict(USAGE)
        if row["cost_pico_usd"] > row["reserved_pico_usd"]:
            assert row["cost_pico_usd"] <= MOST_PICO
            assert chat(running.url, "again", messages=HELLO).status == 429
            assert budget(running.url, "all")["closed"]
        else:
            assert row["cost_pico_usd"] == row["reserved_pico_usd"]
        assert ask(running.url, "/v1/costs").status == 200


def test_sense_is_charged_as_it_is(gateway, up):
    up.usage = dict(USAGE)
    assert chat(gateway, "sense").status == 200
    assert rows(gateway)[-1]["cost_pico_usd"] == COST
