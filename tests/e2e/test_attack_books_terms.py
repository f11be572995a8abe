"""Callers who name cheaper terms, leave before hidden thoughts are billed, or spend after their budget is."""

import json
import socket
import time
from urllib.parse import urlsplit

import pytest

from support.attack_provider import (
    COST,
    DIALECTS,
    HELLO,
    INPUT_USD,
    OUTPUT_USD,
    QUESTIONS,
    configured,
    provider,
)
from support.attacking import ask, asking, rows
from support.serving import KEY, served

CHEAP = 10
TERMS = {
    "openai-chat": [{"service_tier": "flex"}, {"service_tier": "batch"}],
    "openai-responses": [{"service_tier": "flex"}, {"service_tier": "batch"}],
    "anthropic-messages": [{"service_tier": "batch"}],
    "gemini": [{"serviceTier": "flex"}],
    "bedrock-converse": [{"serviceTier": {"type": "flex"}}],
}
PRICES = [
    {"input": INPUT_USD, "output": OUTPUT_USD},
    *[
        {"service": service, "input": INPUT_USD / CHEAP, "output": OUTPUT_USD / CHEAP}
        for service in ("batch", "flex")
    ],
]
PAYER = "mw-payer-key-0123456789abcdef"


@pytest.fixture
def up():
    with provider() as running:
        yield running


def priced(up, folder, **more):
    made = configured(up, folder, **more)
    for name in DIALECTS:
        made["catalogue"][f"p-{name}/*"]["price"] = PRICES
    return made


def cheaper(url, up, client, targets):
    """Terms that were charged, or reserved, at a tenth though they were not sent on."""
    wrong = []
    with asking(url) as connection:
        for target in targets:
            plain = QUESTIONS[client].asked(f"m-{target}")
            assert connection.ask(*plain).status == 200
            usual = rows(url)[-1]["reserved_pico_usd"]
            for terms in TERMS[client]:
                path, fields = QUESTIONS[client].asked(f"m-{target}")
                said = connection.ask(path, {**fields, **terms})
                if said.status != 200:
                    continue
                row = rows(url)[-1]
                if row["cost_pico_usd"] != COST or row["reserved_pico_usd"] < usual:
                    wrong.append((terms, target, row["reserved_pico_usd"], row["cost_pico_usd"]))
    return wrong


@pytest.mark.parametrize("client", TERMS)
def test_terms_that_are_not_sent_on_are_not_the_price(up, tmp_path, client):
    with served(priced(up, tmp_path), tmp_path) as running:
        targets = [one for one in ("openai-chat", "cohere", "gemini") if one != client]
        assert cheaper(running.url, up, client, targets) == []


@pytest.mark.parametrize("client", ["openai-chat", "anthropic-messages"])
def test_nobody_is_charged_as_a_batch_who_waits_for_an_answer(up, tmp_path, client):
    with served(priced(up, tmp_path), tmp_path) as running:
        path, fields = QUESTIONS[client].asked(f"m-{client}")
        said = ask(running.url, path, {**fields, "service_tier": "batch"})
        assert said.status >= 400 or rows(running.url)[-1]["cost_pico_usd"] == COST


@pytest.mark.parametrize("tier", ["gold", "PRIORITY", "turbo", "scale"])
def test_terms_without_a_price_are_refused_under_a_hard_budget(up, tmp_path, tier):
    budgets = [{"name": "all", "limit_usd": 1, "per": "total"}]
    with served(priced(up, tmp_path, budgets=budgets), tmp_path) as running:
        path, fields = QUESTIONS["openai-chat"].asked("m-openai-chat")
        assert ask(running.url, path, {**fields, "service_tier": tier}).status == 429
        assert up.sent == []


@pytest.mark.parametrize("tier", ["auto", "default", "standard", None, ""])
def test_the_usual_terms_are_the_usual_price(up, tmp_path, tier):
    with served(priced(up, tmp_path), tmp_path) as running:
        path, fields = QUESTIONS["openai-chat"].asked("m-openai-chat")
        assert ask(running.url, path, {**fields, "service_tier": tier}).status == 200
        assert rows(running.url)[-1]["cost_pico_usd"] == COST


# ------------------------------------------------------------ thoughts that nobody sees


def left_before_usage(url, up, folder):
    """The row of a stream whose every word was read, and not its end."""
    up.words, up.word_s = 6, 0.03
    place = urlsplit(url)
    said = {"model": "m-openai-chat", "messages": HELLO, "stream": True, "max_tokens": 900}
    body = json.dumps(said)
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {place.netloc}\r\n"
        f"authorization: Bearer {KEY}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((place.hostname, place.port), timeout=20) as connection:
        connection.sendall((head + body).encode())
        read = b""
        while b"word5" not in read:
            read += connection.recv(65536)
    for _ in range(200):
        if (found := rows(url)) and found[-1]["basis"]:
            return found[-1]
        time.sleep(0.02)
    raise AssertionError("it is not settled")


def test_who_leaves_a_model_that_thinks_unseen_pays_for_its_thoughts(up, tmp_path):
    """Else one reads every word, leaves before the usage, and thoughts are free."""
    made = configured(up, tmp_path)
    made["catalogue"]["p-openai-chat/*"]["reasoning"] = True
    with served(made, tmp_path) as running:
        row = left_before_usage(running.url, up, tmp_path)
        assert row["cost_pico_usd"] == row["reserved_pico_usd"]


def test_who_leaves_a_model_that_does_not_pays_for_what_it_wrote(up, tmp_path):
    made = configured(up, tmp_path)
    made["catalogue"]["p-openai-chat/*"]["reasoning"] = False
    with served(made, tmp_path) as running:
        row = left_before_usage(running.url, up, tmp_path)
        assert row["basis"] == "received"
        assert COST < row["cost_pico_usd"] < row["reserved_pico_usd"]


# ------------------------------------------------------------ whose budget is spent


@pytest.mark.parametrize("what", ["vectors", "task"])
def test_a_key_that_may_spend_nothing_spends_nothing_of_the_operator_s(up, tmp_path, what):
    keys = {"keys": [{"key": PAYER, "name": "payer", "tenant": "t"}]}
    budgets = [{"name": "none", "tenant": "t", "limit_usd": 0, "per": "total"}]
    more = (
        {"cache": {"semantic": {"model": "p-openai-chat/vectors", "threshold": 0.9}}}
        if what == "vectors"
        else {"task_model": "m-openai-chat"}
    )
    made = configured(up, tmp_path, gateway=keys, budgets=budgets, **more)
    made["catalogue"]["p-openai-chat/vectors"] = {"mode": "embed", "price": {"input": INPUT_USD}}
    with served(made, tmp_path) as running:
        for number in range(3):
            question = f"Please translate my poem number {number}, whatever it is."
            body = {"model": "m-openai-chat", "messages": [{"role": "user", "content": question}]}
            assert ask(running.url, "/v1/chat/completions", body, key=PAYER).status == 429
        assert up.billed == 0
