"""Kept answers under attack, over a real gateway: whose they are, to what, and which are never kept."""

import concurrent.futures
import copy
import json
import socket
import sqlite3
from urllib.parse import urlsplit

import pytest

from support.attack_provider import DIALECTS, HELLO, QUESTIONS, configured, provider
from support.attacking import ask, asking, rows
from support.serving import served

FIRST = "mw-first-key-0123456789abcdef"
SECOND = "mw-second-key-0123456789abcdef"
SAME = "mw-same-tenant-0123456789abcdef"
KEYS = {
    "keys": [
        {"key": FIRST, "name": "first", "tenant": "t", "user": "ann", "may_say": ["user"]},
        {"key": SAME, "name": "same", "tenant": "t", "user": "bob"},
        {"key": SECOND, "name": "second", "tenant": "u", "user": "ann"},
    ]
}
CACHE = {"enabled": True}


@pytest.fixture
def up():
    with provider() as running:
        yield running


@pytest.fixture
def gateway(up, tmp_path):
    with served(configured(up, tmp_path, gateway=KEYS, cache=CACHE), tmp_path) as running:
        yield running.url


def hit(said):
    assert said.status == 200, said
    return "x-modelway-cache" in said.headers


def chat(url, key=FIRST, headers=None, **more):
    body = {"model": "m-openai-chat", "messages": HELLO, **more}
    return ask(url, "/v1/chat/completions", body, key=key, headers=headers)


# ------------------------------------------------------------ whose it is


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_other_tenant_is_answered_whatever_it_says(gateway, up, dialect):
    """The second tenant asks the same, and claims in every way to be the first."""
    path, fields = QUESTIONS[dialect].asked(f"m-{dialect}")
    assert not hit(ask(gateway, path, fields, key=FIRST))
    assert hit(ask(gateway, path, fields, key=FIRST))
    for headers in (
        {"x-modelway-tenant": "t"},
        {"x-modelway-cache-namespace": "t"},
        {"x-modelway-cache": "only", "x-tenant": "t"},
        {"cache-control": "only-if-cached"},
        {"x-modelway-session": "t"},
    ):
        said = ask(gateway, path, fields, key=SECOND, headers={**headers})
        assert said.status == 404 or not hit(said), headers
        ask(gateway, "/v1/cache?tenant=u", method="DELETE")
    for name in ("tenant", "namespace", "cache", "cache_key", "user", "metadata"):
        value = {"namespace": "t", "tenant": "t"} if name in ("cache", "metadata") else "t"
        said = ask(gateway, path, {**fields, name: value}, key=SECOND)
        assert said.status in (400, 403) or not hit(said), name


def test_no_flight_is_shared_between_tenants(gateway, up):
    up.slow_s = 0.5
    headers = {"x-modelway-single-flight": "true"}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        asked = [
            pool.submit(chat, gateway, key, headers) for key in (FIRST, SECOND, FIRST, SECOND) * 2
        ]
        assert all(one.result().status == 200 for one in asked)
    assert 2 <= up.billed < 8
    paid = [row["tenant"] for row in rows(gateway) if row["cost_pico_usd"]]
    assert set(paid) == {"t", "u"}
    assert len(paid) == up.billed


@pytest.mark.parametrize(
    ("shared_by", "shared"), [("tenant", True), ("key", False), ("user", False)]
)
def test_within_a_tenant_the_operator_says_who_shares(up, tmp_path, shared_by, shared):
    cache = {"enabled": True, "shared_by": shared_by}
    with served(configured(up, tmp_path, gateway=KEYS, cache=cache), tmp_path) as running:
        assert not hit(chat(running.url, FIRST))
        assert hit(chat(running.url, FIRST))
        assert hit(chat(running.url, SAME)) is shared
        assert not hit(chat(running.url, SECOND))


def test_who_may_say_its_user_is_answered_as_that_user_alone(up, tmp_path):
    cache = {"enabled": True, "shared_by": "user"}
    with served(configured(up, tmp_path, gateway=KEYS, cache=cache), tmp_path) as running:
        assert not hit(chat(running.url, FIRST))
        assert not hit(chat(running.url, FIRST, {"x-modelway-user": "eve"}))
        assert hit(chat(running.url, FIRST, {"x-modelway-user": "eve"}))
        assert not hit(chat(running.url, FIRST, {"x-modelway-user": "ann "[:-1] + "a"}))


# ------------------------------------------------------------ to what


def changed(fields):
    """Each value below these, changed, and each field left out or added."""
    yield {**fields, "temperature": 0.5}
    yield {**fields, "seed": 7}
    yield {**fields, "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}
    yield {**fields, "response_format": {"type": "json_object"}}
    yield {**fields, "reasoning_effort": "low"}
    yield {**fields, "modalities": ["text"]}
    yield {**fields, "unknown_to_us": 1}
    yield {**fields, "max_tokens": 51}
    yield {**fields, "messages": [{"role": "system", "content": "Be brief."}, *fields["messages"]]}
    yield {**fields, "messages": [*fields["messages"], {"role": "assistant", "content": "?"}]}
    for text in (
        "Hi there",
        "hi there ",
        "hi  there",
        "hi\u00a0there",
        "hi ther\u0435",
        "hi there\n",
    ):
        other = copy.deepcopy(fields)
        other["messages"][0]["content"] = text
        yield other
    yield {**fields, "model": "p-openai-chat/upstream"}
    yield {**fields, "model": "m-anthropic-messages"}


def test_whatever_changes_the_answer_is_asked_anew(gateway, up):
    fields = {"model": "m-openai-chat", "messages": HELLO, "max_tokens": 50}
    with asking(gateway) as connection:
        path = "/v1/chat/completions"
        assert not hit(connection.ask(path, fields, key=FIRST))
        assert hit(connection.ask(path, fields, key=FIRST))
        for other in changed(fields):
            said = connection.ask(path, other, key=FIRST)
            assert said.status >= 400 or not hit(said), other
        for headers in ({"x-modelway-models": "m-cohere"}, {"x-modelway-fallbacks": "m-cohere"}):
            assert not hit(connection.ask(path, fields, key=FIRST, headers=headers)), headers
        assert hit(connection.ask(path, fields, key=FIRST))


def test_a_changed_configuration_answers_anew(up, tmp_path):
    file = tmp_path / "modelway.yaml"
    made = configured(up, tmp_path, gateway=KEYS, cache=CACHE)
    file.write_text(json.dumps(made))
    with served(file, tmp_path) as running:
        assert not hit(chat(running.url))
        assert hit(chat(running.url))
        made["models"]["m-openai-chat"] = "p-cohere/other"
        file.write_text(json.dumps(made))
        assert ask(running.url, "/v1/config/reload", {}).status == 200
        assert not hit(chat(running.url))


@pytest.mark.parametrize("value", ["use, use", "USE", "yes", "always", "0.1", "only;threshold=0"])
def test_a_caller_says_nothing_that_is_not_on_the_list(gateway, value):
    assert chat(gateway, headers={"x-modelway-cache": value}).status == 400


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-modelway-cache-life-s", "nan"),
        ("x-modelway-cache-life-s", "-1"),
        ("x-modelway-cache-life-s", "1e400"),
        ("x-modelway-cache-max-age-s", "inf"),
        ("x-modelway-cache-max-age-s", "NaN"),
        ("x-modelway-cache-max-age-s", "-0.5"),
    ],
)
def test_lives_and_ages_that_make_no_sense_are_refused(gateway, name, value):
    assert chat(gateway, headers={name: value}).status == 400


def test_a_caller_cannot_turn_it_on(up, tmp_path):
    made = configured(up, tmp_path, gateway=KEYS, cache={"enabled": False})
    with served(made, tmp_path) as running:
        for _ in range(2):
            said = chat(running.url, headers={"x-modelway-cache": "use"})
            assert not hit(said)


# ------------------------------------------------------------ what is never kept


@pytest.mark.parametrize("finish", ["length", "content_filter", "unheard_of", ""])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_what_did_not_end_of_itself_is_never_kept(gateway, up, finish, stream):
    up.finish = finish
    for _ in range(2):
        assert not hit(chat(gateway, stream=stream))
    assert up.billed == 2


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_an_error_is_never_kept(gateway, up, status):
    up.failing, up.status = 1, status
    assert chat(gateway).status >= 400
    assert not hit(chat(gateway))
    assert hit(chat(gateway))


@pytest.mark.parametrize("events", [1, 4, 7])
def test_a_stream_that_its_reader_left_is_never_kept(gateway, up, events):
    up.word_s = 0.03
    place = urlsplit(gateway)
    body = json.dumps({"model": "m-openai-chat", "messages": HELLO, "stream": True})
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {place.netloc}\r\n"
        f"authorization: Bearer {FIRST}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((place.hostname, place.port), timeout=20) as connection:
        connection.sendall((head + body).encode())
        read = b""
        while read.count(b"data: ") < events:
            read += connection.recv(65536)
    up.word_s = 0.0
    assert not hit(chat(gateway, stream=True))
    assert not hit(chat(gateway))


# ------------------------------------------------------------ how much, and by whom it was written


def test_it_is_bounded_by_bytes_whatever_is_asked(up, tmp_path):
    cache = {"enabled": True, "most_bytes": 10_000, "most_entry_bytes": 2_000}
    with (
        served(configured(up, tmp_path, gateway=KEYS, cache=cache), tmp_path) as running,
        asking(running.url) as connection,
    ):
        path = "/v1/chat/completions"
        for number in range(60):
            question = [{"role": "user", "content": f"number {number}"}]
            body = {"model": "m-openai-chat", "messages": question}
            assert not hit(connection.ask(path, body, key=FIRST))
        kept = 0
        for number in range(60):
            question = [{"role": "user", "content": f"number {number}"}]
            body = {"model": "m-openai-chat", "messages": question}
            headers = {"x-modelway-cache": "only"}
            said = connection.ask(path, body, key=FIRST, headers=headers)
            assert said.status in (200, 404)
            kept += said.status == 200
        assert 1 <= kept <= 10_000 // 500


@pytest.mark.parametrize("attack", ["flipped", "swapped", "truncated", "emptied"])
def test_what_somebody_wrote_into_the_store_is_not_there(up, tmp_path, attack):
    """Another process finds what was kept, and nothing of what was touched since."""
    store = tmp_path / "shared.sqlite"
    cache = {"enabled": True, "where": "store"}
    made = configured(up, tmp_path, gateway=KEYS, cache=cache, store=f"sqlite://{store}")
    with served(made, tmp_path) as running:
        assert not hit(chat(running.url))
        assert not hit(chat(running.url, messages=[{"role": "user", "content": "other"}]))
    with served(made, tmp_path) as running:
        assert hit(chat(running.url)), "it is not in the store"
    database = sqlite3.connect(store)
    try:
        found = database.execute("select key, value from cache").fetchall()
        assert len(found) >= 2
        for (name, data), (_, other) in zip(found, found[1:] + found[:1], strict=True):
            new = {
                "flipped": data[:-40] + bytes([data[-40] ^ 1]) + data[-39:],
                "swapped": other,
                "truncated": data[: len(data) // 2],
                "emptied": b"",
            }[attack]
            database.execute("update cache set value = ? where key = ?", (new, name))
        database.commit()
    finally:
        database.close()
    with served(made, tmp_path) as running:
        said = chat(running.url)
        assert not hit(said)
        assert said.json["choices"][0]["message"]["content"] == "Hello."
    assert up.billed == 3
