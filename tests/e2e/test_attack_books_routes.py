"""Every way to make a call that costs money: charged once, at its rate, to who asked, and visible; or free."""

import concurrent.futures
import json

import pytest

from support.attack_provider import (
    COST,
    DIALECTS,
    HELLO,
    INPUT_USD,
    MADE,
    OTHERS,
    OUTPUT_USD,
    OWN_CAP,
    QUESTIONS,
    READ,
    configured,
    provider,
)
from support.attacking import ask, budget, rows, spent
from support.serving import served

PAYER = "mw-payer-key-0123456789abcdef"
KEYS = {"keys": [{"key": PAYER, "name": "payer", "tenant": "t", "team": "red"}]}
FACT = {
    "max_output_tokens": OWN_CAP,
    "context_tokens": 100_000,
    "price": {"input": INPUT_USD, "output": OUTPUT_USD},
}
BOUNDS = [
    {"name": "all", "limit_usd": 1, "per": "total"},
    {"name": "keys", "key": "*", "limit_usd": 1, "per": "day"},
]


@pytest.fixture
def up():
    with provider() as running:
        yield running


@pytest.fixture
def gateway(up, tmp_path):
    with served(config(up, tmp_path), tmp_path) as running:
        yield running.url


def config(up, folder, **more):
    made = configured(up, folder, gateway=KEYS, budgets=BOUNDS)
    made["catalogue"] |= {
        f"p-{name}/vectors": {"mode": "embed", "price": {"input": INPUT_USD}} for name in DIALECTS
    }
    made["models"] |= {f"v-{name}": f"p-{name}/vectors" for name in DIALECTS}
    for name in DIALECTS:
        made["providers"][f"p-{name}"]["backoff"] = {"base_s": 0.01, "cap_s": 0.01}
    return {**made, **more}


def owed(url, up, cost, *, count=1):
    """The rows of what was asked, all of whose costs every book agrees on."""
    found = rows(url)
    assert sum(row["cost_pico_usd"] for row in found) == cost, found
    assert spent(url) == cost
    assert len(found) == count, found
    status = budget(url, "all")
    assert (status["spent_pico_usd"], status["closed"]) == (cost, False)
    for row in found:
        assert (row["key"], row["tenant"], row["team"]) == ("payer", "t", "red")
    only = ask(url, "/v1/costs?by=key", key=PAYER).json["groups"]
    assert [(one["key"], one["cost_pico_usd"]) for one in only] == [(["payer"], cost)]
    return found


def chat(url, text="hi there", *, model="m-openai-chat", headers=None, **more):
    body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    return ask(url, "/v1/chat/completions", body, key=PAYER, headers=headers)


@pytest.mark.parametrize("client", DIALECTS)
def test_a_chat_is_charged_once_whoever_answers_it(gateway, up, client):
    for target in DIALECTS:
        said = ask(gateway, *QUESTIONS[client].asked(f"m-{target}"), key=PAYER)
        assert said.status == 200, said
    found = owed(gateway, up, COST * len(DIALECTS), count=len(DIALECTS))
    for row, target in zip(found, DIALECTS, strict=True):
        assert (row["asked"], row["provider"]) == (f"m-{target}", f"p-{target}")
        assert (row["input_tokens"], row["output_tokens"]) == (READ, MADE)
        assert row["basis"] == "catalogue"


@pytest.mark.parametrize("operation", OTHERS)
def test_every_other_operation_is_charged_once(gateway, up, operation):
    dialect, question, cost = OTHERS[operation]
    model = f"m-{dialect}" if cost == COST else f"v-{dialect}"
    said = ask(gateway, *question.asked(model), key=PAYER)
    assert said.status == 200, said
    if dialect == "gemini":  # which says no usage of vectors: all that was reserved is charged
        (row,) = rows(gateway)
        assert row["basis"] == "reserved"
        assert row["reserved_pico_usd"] >= cost
        cost = row["reserved_pico_usd"]
    owed(gateway, up, cost)


def test_counting_tokens_and_lists_cost_nothing(gateway, up):
    path, fields = QUESTIONS["anthropic-messages"].asked("m-anthropic-messages")
    ask(gateway, f"{path}/count_tokens", fields, key=PAYER)
    ask(gateway, "/v1/models", key=PAYER)
    assert rows(gateway) == []


def test_what_is_refused_by_a_provider_costs_nothing_and_a_retry_its_own(up, tmp_path):
    made = config(up, tmp_path)
    made["providers"]["p-openai-chat"]["retries"] = 2
    with served(made, tmp_path) as running:
        up.failing = 2
        assert chat(running.url).status == 200
        found = owed(running.url, up, COST, count=3)
        assert [row["basis"] for row in found] == ["free", "free", "catalogue"]
        assert up.billed == 1


def test_a_connection_that_dies_may_have_cost_all_of_it(gateway, up):
    up.hang_up = True
    assert chat(gateway, max_tokens=100).status >= 500
    (row,) = rows(gateway)
    assert row["basis"] == "reserved"
    owed(gateway, up, row["reserved_pico_usd"])
    assert row["reserved_pico_usd"] >= 100 * 10**7


def test_a_fallback_is_charged_at_its_own_rate(up, tmp_path):
    made = config(up, tmp_path)
    made["models"]["pair"] = {
        "deployments": ["p-openai-chat/upstream"],
        "fallbacks": ["p-cohere/dear"],
    }
    made["catalogue"]["p-cohere/dear"] = {
        **FACT,
        "price": {"input": 3 * INPUT_USD, "output": 3 * OUTPUT_USD},
    }
    with served(made, tmp_path) as running:
        up.failing = 1
        assert chat(running.url, model="pair").status == 200
        found = owed(running.url, up, 3 * COST, count=2)
        assert [row["model"] for row in found] == ["upstream", "dear"]


def test_a_hit_costs_nothing_and_says_what_it_saved(up, tmp_path):
    with served(config(up, tmp_path, cache={"enabled": True}), tmp_path) as running:
        for _ in range(3):
            assert chat(running.url).status == 200
        found = owed(running.url, up, COST, count=3)
        assert [row["cache"] for row in found] == ["", "exact", "exact"]
        assert [row["saved_pico_usd"] or 0 for row in found] == [0, COST, COST]
        assert len(up.sent) == 1


def test_one_pays_for_all_who_share_a_flight(gateway, up):
    up.slow_s = 0.5
    headers = {"x-modelway-single-flight": "true"}
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(chat, gateway, headers=headers) for _ in range(5)]
        assert [one.result().status for one in asked] == [200] * 5
    assert up.billed == len(rows(gateway))
    assert up.billed < 5
    owed(gateway, up, COST * up.billed, count=up.billed)


def test_who_loses_a_race_is_charged_what_it_may_have_cost(up, tmp_path):
    with provider() as quick:
        made = config(up, tmp_path)
        made["providers"]["p-quick"] = {
            **made["providers"]["p-openai-chat"],
            "base_url": f"{quick.url}/v1",
        }
        made["catalogue"]["p-quick/*"] = FACT
        made["models"]["race"] = {
            "deployments": ["p-openai-chat/upstream", "p-quick/upstream"],
            "strategy": "round_robin",
        }
        made["hedging"] = {"enabled": True, "share": 1}
        with served(made, tmp_path) as running:
            for number in range(40):  # both are known to be quick
                assert chat(running.url, f"warm {number}", model="race").status == 200
            known = len(rows(running.url))
            up.slow_s = 1.0
            for number in range(2):
                assert chat(running.url, f"race {number}", model="race").status == 200
            found = rows(running.url)[known:]
            lost = [row for row in found if row["error"]]
            assert lost, "nothing was hedged"
            for row in lost:
                assert (row["basis"], row["cost_pico_usd"]) == (
                    "reserved",
                    row["reserved_pico_usd"],
                )
            assert budget(running.url, "all")["spent_pico_usd"] == spent(running.url)


@pytest.mark.parametrize(
    "path",
    ["/v1/images/generations", "/providers/p-openai-chat/images/generations"],
)
def test_what_is_passed_on_has_no_bound_and_a_hard_budget_refuses_it(gateway, up, path):
    said = ask(gateway, path, {"model": "m-openai-chat", "prompt": "a cat"}, key=PAYER)
    assert said.status == 429, said
    assert b"passed through" in said.body
    assert (up.sent, rows(gateway)) == ([], [])


def test_what_is_passed_on_is_unknown_in_the_books_not_free(up, tmp_path):
    made = config(up, tmp_path, budgets=[])
    with served(made, tmp_path) as running:
        body = {"model": "m-openai-chat", "prompt": "a cat"}
        assert ask(running.url, "/v1/images/generations", body, key=PAYER).status == 200
        (row,) = rows(running.url)
        assert (row["operation"], row["cost_pico_usd"], row["basis"]) == ("pass", None, "unknown")
        (group,) = ask(running.url, "/v1/costs?by=").json["groups"]
        assert (group["cost_pico_usd"], group["unpriced"]) == (0, 1)


def test_a_call_of_a_fixed_price_is_charged_that(up, tmp_path):
    made = config(up, tmp_path)
    made["catalogue"]["p-openai-chat/pictures"] = {"price": {"calls": 40}}  # USD per thousand
    made["models"]["pictures"] = "p-openai-chat/pictures"
    with served(made, tmp_path) as running:
        body = {"model": "pictures", "prompt": "a cat"}
        assert ask(running.url, "/v1/images/generations", body, key=PAYER).status == 200
        owed(running.url, up, 40 * 10**9)


def test_vectors_of_a_model_that_nothing_else_is_known_of_have_their_price(up, tmp_path):
    made = config(up, tmp_path)
    made["catalogue"]["p-openai-chat/new"] = {"price": {"input": INPUT_USD}}
    with served(made, tmp_path) as running:
        body = {"model": "p-openai-chat/new", "input": "hi"}
        assert ask(running.url, "/v1/embeddings", body, key=PAYER).status == 200
        owed(running.url, up, READ * 10**6)


def test_the_task_model_s_calls_are_the_operator_s_and_bounded(up, tmp_path):
    made = config(up, tmp_path, task_model="m-openai-chat")
    with served(made, tmp_path) as running:
        assert chat(running.url, "Please translate the poem, whatever it is.").status == 200
        found = rows(running.url)
        assert sum(row["cost_pico_usd"] for row in found) == COST * up.billed
        own = [row for row in found if row["key"] == "modelway: task"]
        assert len(own) == up.billed - 1
        assert budget(running.url, "all")["spent_pico_usd"] == COST * up.billed


def test_the_vectors_of_a_cache_by_meaning_are_the_operator_s(up, tmp_path):
    semantic = {"model": "v-openai-chat", "threshold": 0.9}
    with served(config(up, tmp_path, cache={"semantic": semantic}), tmp_path) as running:
        for text in ("How do I reset my password?", "How can I reset my password?"):
            assert chat(running.url, text).status == 200
        found = rows(running.url)
        vectors = [row for row in found if row["operation"] == "embed"]
        assert len(vectors) == sum(one.path.endswith("/embeddings") for one in up.sent)
        assert vectors
        assert {(row["key"] == "payer", row["cost_pico_usd"]) for row in vectors} == {
            (False, READ * 10**6)
        }
        hits = [row for row in found if row["cache"] == "semantic"]
        assert all(row["cost_pico_usd"] == 0 for row in hits)
        asked = [one for one in up.sent if one.path.endswith("/chat/completions")]
        paid = [row for row in found if row["operation"] == "chat" and not row["cache"]]
        assert sum(row["cost_pico_usd"] for row in paid) == COST * len(asked)


def test_the_key_of_the_administrator_is_under_budgets_too(up, tmp_path):
    tight = [{"name": "all", "limit_usd": 0.02, "per": "total"}]
    with served(config(up, tmp_path, budgets=tight), tmp_path) as running:
        said = [
            ask(running.url, *QUESTIONS["openai-chat"].asked("m-openai-chat")) for _ in range(2)
        ]
        assert [one.status for one in said] == [200, 200]
        body = {"model": "m-openai-chat", "messages": HELLO, "max_tokens": 5000}
        refused = ask(running.url, "/v1/chat/completions", body)
        assert refused.status == 429
        assert json.loads(refused.body)["error"]["type"] == "insufficient_quota"
