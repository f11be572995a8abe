"""Who would be somebody else, cheaper, or better informed than its key allows; and keys in what is written."""

import json
import time

import pytest

from support.attack_provider import (
    CANARY,
    COST,
    DIALECTS,
    HELLO,
    QUESTIONS,
    configured,
    provider,
)
from support.attacking import ask, asking, rows, spent
from support.otlp_receiver import collector
from support.serving import KEY, served

MINE = "mw-mine-canary-0123456789abcdef"
THEIRS = "mw-theirs-canary-0123456789abcdef"
SAYS = "mw-says-canary-0123456789abcdef"
HOOK = "canary-of-the-webhook-s-secret"
KEYS = {
    "keys": [
        {"key": MINE, "name": "mine", "tenant": "t", "team": "red", "user": "ann", "tags": ["a"]},
        {"key": THEIRS, "name": "theirs", "tenant": "u", "team": "blue", "user": "bob"},
        {"key": SAYS, "name": "says", "tenant": "t", "may_say": ["tags"]},
    ]
}
BUDGETS = [
    {"name": "all", "limit_usd": 1, "per": "total"},
    {"name": "users", "user": "*", "limit_usd": 1, "per": "day"},
]
CLAIMS = {
    "user": "bob",
    "metadata": {"user": "bob", "team": "blue", "tags": ["b"], "user_id": "bob", "key": "theirs"},
    "team": "blue",
    "tenant": "u",
    "tags": ["b"],
    "key": "theirs",
    "api_key_alias": "theirs",
    "cost": 0,
    "cost_pico_usd": 0,
    "response_cost": 0,
    "input_cost_per_token": 0,
    "output_cost_per_token": 0,
    "price": {"input": 0, "output": 0},
    "usage": {"prompt_tokens": 0, "completion_tokens": 0, "cost": 0},
    "payer": {"user": "bob"},
    "spend": 0,
    "max_budget": 10**9,
    "litellm_metadata": {"user_api_key_team_id": "blue"},
}
HEADERS = {
    "x-user": "bob",
    "x-team": "blue",
    "x-tenant": "u",
    "x-modelway-team": "blue",
    "x-modelway-tenant": "u",
    "x-modelway-key": "theirs",
    "x-modelway-cost": "0",
    "x-modelway-cache-namespace": "u",
    "x-modelway-budget": "none",
    "x-modelway_user": "bob",
    "x-litellm-tags": "b",
    "x-litellm-spend-logs-metadata": '{"user":"bob"}',
    "openai-organization": "blue",
    "x-forwarded-user": "bob",
}


@pytest.fixture(scope="module")
def up():
    with provider() as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("who")


@pytest.fixture(scope="module")
def gateway(up, folder):
    with served(configured(up, folder, gateway=KEYS, budgets=BUDGETS), folder) as running:
        yield running.url


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_field_and_no_header_changes_who_pays_or_how_much(gateway, up, dialect):
    """Each claim is refused, or nothing but the provider sees it."""
    before, spent_before = len(rows(gateway)), spent(gateway)
    answered = 0
    with asking(gateway) as connection:
        for name, value in CLAIMS.items():
            path, fields = QUESTIONS[dialect].asked(f"m-{dialect}")
            said = connection.ask(path, {**fields, name: value}, key=MINE)
            assert said.status in (200, 400, 403), (name, said)
            answered += said.status == 200
        for name, value in HEADERS.items():
            path, fields = QUESTIONS[dialect].asked(f"m-{dialect}")
            said = connection.ask(path, fields, key=MINE, headers={name: value})
            assert said.status == 200, (name, said)
            answered += 1
        path, fields = QUESTIONS[dialect].asked(f"m-{dialect}")
        for name in ("x-modelway-user", "X-Modelway-Tags", "X-MODELWAY-USER"):
            assert connection.ask(path, fields, key=MINE, headers={name: "bob"}).status == 403
    written = rows(gateway)[before:]
    assert len(written) == answered
    for row in written:
        assert (row["tenant"], row["key"], row["team"], row["user"], row["tags"]) == (
            "t",
            "mine",
            "red",
            "ann",
            ["a"],
        )
    assert spent(gateway) - spent_before == COST * answered
    about = {one["about"].get("user"): one for one in ask(gateway, "/v1/budgets").json["budgets"]}
    assert about.get("bob", {"spent_pico_usd": 0})["spent_pico_usd"] == 0


@pytest.mark.parametrize(
    "value", ["", " ", "a\tb", "x" * 257, ",".join("abcdefghijklmnopqrst"), "\x7f", "a\x80b"]
)
def test_tags_that_make_no_sense_are_refused(gateway, value):
    body = {"model": "m-openai-chat", "messages": HELLO}
    headers = {"x-modelway-tags": value}
    assert ask(gateway, "/v1/chat/completions", body, key=SAYS, headers=headers).status == 400


def test_a_tag_that_is_said_is_beside_the_key_s_own_and_user_is_not(gateway):
    body = {"model": "m-openai-chat", "messages": HELLO}
    url, path = gateway, "/v1/chat/completions"
    assert ask(url, path, body, key=SAYS, headers={"x-modelway-user": "ann"}).status == 403
    assert (
        ask(url, path, body, key=SAYS, headers={"x-modelway-tags": "'; drop table"}).status == 200
    )
    assert rows(url)[-1]["tags"] == ["'; drop table"]
    assert rows(url)[-1]["user"] == ""


INJECTED = [
    "key'%20or%201=1--",
    "key;drop%20table%20attempts",
    "cost_pico_usd%20desc",
    "sqlite_master",
    "tag,tag,tag",
    "%00",
    "day,day",
]


@pytest.mark.parametrize("by", INJECTED)
@pytest.mark.parametrize("key", [KEY, MINE], ids=["admin", "caller"])
def test_no_words_of_a_query_reach_the_store_as_its_own(gateway, by, key):
    said = ask(gateway, f"/v1/costs?by={by}", key=key)
    assert said.status == 400, said
    assert b"sqlite" not in said.body.lower().replace(by.encode(), b"")
    assert b"Traceback" not in said.body


@pytest.mark.parametrize(
    "query",
    ["key=theirs", "tenant=u", "team=blue", "user=bob", "tenant=t&tenant=u", "key=", "tenant=*"],
)
def test_a_caller_cannot_ask_for_what_others_spent(gateway, query):
    path, fields = QUESTIONS["openai-chat"].asked("m-openai-chat")
    ask(gateway, path, fields, key=THEIRS)
    said = ask(gateway, f"/v1/costs?by=key,tenant,user&{query}", key=MINE)
    if said.status == 200:
        assert {one["key"][0] for one in said.json["groups"]} <= {"mine"}
    else:
        assert said.status == 400
    assert b"theirs" not in said.body.replace(b"key=theirs", b"")
    assert b"bob" not in said.body


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/budgets"),
        ("GET", "/v1/costs/export"),
        ("GET", "/metrics"),
        ("DELETE", "/v1/cache"),
        ("DELETE", "/v1/cache?tenant=u"),
    ],
)
def test_the_operator_s_routes_are_the_operator_s(gateway, method, path):
    for key, status in ((MINE, 403), ("", 401), ("wrong-key-0123456789", 401)):
        said = ask(gateway, path, key=key, method=method)
        assert said.status == status
        for canary in (MINE, THEIRS, CANARY, "theirs", "blue"):
            assert canary.encode() not in said.body


@pytest.mark.parametrize("path", ["/metrics", "/v1/costs", "/v1/budgets", "/v1/costs/export"])
@pytest.mark.parametrize("bend", ["{0}/", "/{0}", "{0}%2f", "/.{0}", "{0}?key=" + KEY, "{0};a"])
def test_no_other_spelling_of_a_route_opens_it(gateway, path, bend):
    assert ask(gateway, bend.format(path), key="").status == 401
    assert ask(gateway, bend.format(path), key=MINE).status in (200, 400, 403, 404)


def test_no_key_and_no_word_is_in_anything_that_is_written(up, tmp_path, caplog):
    """Ask in every way that ends well or badly, then look into all that is told and kept."""
    caplog.set_level(0)
    word = "canary-word-of-a-prompt"
    hook = {"url": f"{up.url}/hook", "secret": HOOK}
    budgets = [
        {"name": "all", "limit_usd": 0.02, "per": "total", "alerts": [1], "webhook": hook},
    ]
    with collector() as receiver:
        made = configured(
            up,
            tmp_path,
            gateway=KEYS,
            budgets=budgets,
            telemetry={"enabled": True, "endpoint": receiver.url},
            cache={"enabled": True},
        )
        made["providers"]["nowhere"] = {"base_url": "http://127.0.0.1:9/v1", "api_key": CANARY}
        made["catalogue"]["nowhere/*"] = made["catalogue"]["p-openai-chat/*"]
        with served(made, tmp_path) as running:
            told = [_asked(running.url, up, word)]
            ends = time.monotonic() + 20
            while not any(one.path == "/hook" for one in up.sent):
                assert time.monotonic() < ends, "nobody was alerted"
                time.sleep(0.05)
            told += [one.read_bytes() for one in (tmp_path / "journal").iterdir() if one.is_file()]
            assert any(b"p-openai-chat" in one for one in told[1:]), "there is no journal"
            for path in (
                "/metrics",
                "/v1/costs?by=key,provider,error",
                "/v1/costs/export?format=csv",
                "/v1/costs/export?format=jsonl",
                "/v1/budgets",
                "/v1/health",
                "/v1/limits",
            ):
                said = ask(running.url, path)
                assert said.status == 200, (path, said)
                told.append(said.body + json.dumps(said.headers).encode())
        assert receiver.bodies
        told += [body for _, body in receiver.bodies]
        told += [json.dumps(one).encode() for one in receiver.headers]
    hooks = [one for one in up.sent if one.path == "/hook"]
    told += [one.body + json.dumps(one.headers).encode() for one in hooks]
    told += [one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()]
    told.append(caplog.text.encode())
    for canary in (KEY, MINE, THEIRS, CANARY, HOOK, word):
        for one in told:
            assert canary.encode() not in one, (canary, one[:2000])


def _asked(url, up, word):
    """All that a client was told."""
    told = []
    for status in (400, 401, 403, 404, 429, 500, 503):
        up.failing, up.status = 1, status
        body = {"model": "m-openai-chat", "messages": [{"role": "user", "content": word}]}
        told.append(ask(url, "/v1/chat/completions", body, key=MINE))
    for model in ("m-openai-chat", "m-openai-chat", "nowhere/m", "p-openai-chat/unheard"):
        for stream in (False, True):
            body = {
                "model": model,
                "stream": stream,
                "user": word,
                "messages": [{"role": "user", "content": f"{word} {model}"}],
            }
            told.append(ask(url, "/v1/chat/completions", body, key=MINE))
    body = {"model": "m-openai-chat", "max_tokens": 10**6, "messages": HELLO}
    refused = ask(url, "/v1/chat/completions", body, key=MINE)
    assert refused.status == 429
    told.append(refused)
    return b"\n".join(one.body + json.dumps(one.headers).encode() for one in told)


def test_public_figures_name_nobody(up, tmp_path):
    made = configured(up, tmp_path, gateway=KEYS, metrics={"enabled": True, "public": True})
    with served(made, tmp_path) as running:
        path, fields = QUESTIONS["openai-chat"].asked("m-openai-chat")
        assert ask(running.url, path, fields, key=MINE).status == 200
        said = ask(running.url, "/metrics", key="")
        assert said.status == 200
        for canary in (MINE, CANARY, '"mine"', '"red"', '"ann"', "127.0.0.1", up.url):
            assert canary.encode() not in said.body, canary
        assert ask(running.url, "/v1/costs", key="").status == 401
