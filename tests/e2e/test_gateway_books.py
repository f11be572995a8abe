"""A gateway's books over real HTTP: who pays, what was spent, what is left, and what is kept."""

import hashlib
import hmac
import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from support.serving import KEY, served

TEAM = "mw-team-key-0123456789abcdef"
FREE = "mw-free-key-0123456789abcdef"
SECRET = "a-secret-of-nobody"
PRICE = {"max_output_tokens": 200, "price": {"input": 1.0, "output": 10.0}}


def config(state, **more):
    return {
        "providers": {"simulator": {}},
        "models": {"m": {"deployments": ["simulator/sim-demo"]}},
        "catalogue": {"simulator/*": PRICE},
        "ledger": {"url": f"sqlite://{state / 'ledger.sqlite'}", "journal": str(state / "journal")},
        "metrics": {"enabled": True},
        "cache": {"enabled": True},
        "defaults": {"retries": 0},
        "gateway": {
            "keys": [
                {"key": TEAM, "name": "team key", "tenant": "t", "team": "search", "tags": ["a"]},
                {"key": FREE, "name": "free key", "tenant": "f", "may_say": ["user", "tags"]},
            ]
        },
        **more,
    }


def ask(url, path, body=None, *, key=KEY, method="", **headers):
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=20)
    try:
        said = None if body is None else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["authorization"] = f"Bearer {key}"
        connection.request(method or ("POST" if body else "GET"), path, said, named)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return response.status, found, response.read()
    finally:
        connection.close()


def chat(url, text="Say hello.", **more):
    body = {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": text}]}
    headers = {
        name: more.pop(name) for name in list(more) if name.startswith("x_") or name == "key"
    }
    return ask(url, "/v1/chat/completions", {**body, **more}, **headers)


@pytest.fixture
def gateway(tmp_path):
    budgets = [{"name": "teams", "team": "*", "limit_usd": 0.01, "per": "day"}]
    with served(config(tmp_path, budgets=budgets), tmp_path) as running:
        chat(running.url, "warm up")  # the simulator starts
        yield running.url


def costs(url, **query):
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    status, _, body = ask(url, f"/v1/costs?{asked}", key=query.pop("key", KEY))
    assert status == 200, body
    return {tuple(one["key"]): one for one in json.loads(body)["groups"]}


def test_costs_by_whom_the_key_says(gateway):
    assert chat(gateway, "one", key=TEAM)[0] == 200
    assert (
        chat(gateway, "two", key=TEAM, user="somebody else", metadata={"team": "other"})[0] == 200
    )
    assert chat(gateway, "three", key=FREE, x_modelway_user="u1", x_modelway_tags="b, c")[0] == 200
    by_team = costs(gateway, by="team,user")
    assert by_team[("search", "")]["attempts"] == 2
    assert by_team[("", "u1")]["attempts"] == 1
    assert by_team[("search", "")]["cost_pico_usd"] > 0
    assert {key[0] for key in costs(gateway, by="tag")} >= {"a", "b", "c"}


def test_a_key_may_not_say_who_pays_unless_it_is_let(gateway):
    status, _, body = chat(gateway, "four", key=TEAM, x_modelway_user="boss")
    assert status == 403
    assert b"may_say" in body
    status, _, body = chat(
        gateway, "five", key=FREE, x_modelway_tags=",".join("abcdefghijklmnopqr")
    )
    assert status == 400


def test_a_key_sees_what_it_has_spent_itself_and_no_more(gateway):
    chat(gateway, "six", key=TEAM)
    chat(gateway, "seven", key=FREE)
    status, _, body = ask(gateway, "/v1/costs?by=key", key=TEAM)
    assert status == 200
    assert [one["key"] for one in json.loads(body)["groups"]] == [["team key"]]
    assert ask(gateway, "/v1/costs?by=key&tenant=f", key=TEAM)[0] == 400
    for path in ("/v1/budgets", "/v1/costs/export", "/metrics"):
        assert ask(gateway, path, key=TEAM)[0] == 403, path
    assert ask(gateway, "/v1/cache", key=TEAM, method="DELETE")[0] == 403


def test_budgets_hold_and_say_so(gateway):
    answers = [
        chat(gateway, f"question {number}", key=TEAM, max_tokens=200) for number in range(60)
    ]
    refused = [body for status, _, body in answers if status == 429]
    assert [status for status, _, _ in answers[:1]] == [200]
    assert refused, [status for status, _, _ in answers]
    error = json.loads(refused[0])["error"]
    assert error["type"] == "insufficient_quota"
    assert "budget teams (team search)" in error["message"]
    assert chat(gateway, "others may", key=FREE)[0] == 200
    _, _, body = ask(gateway, "/v1/budgets")
    (status,) = [one for one in json.loads(body)["budgets"] if one["about"] == {"team": "search"}]
    assert 0 < status["spent_pico_usd"] + status["reserved_pico_usd"] <= status["limit_pico_usd"]


def test_the_same_question_is_answered_from_what_is_kept(gateway):
    first = chat(gateway, "the same", key=FREE)
    again = chat(gateway, "the same", key=FREE)
    assert "x-modelway-cache" not in first[1]
    assert again[1]["x-modelway-cache"] == "exact"
    assert "age" in again[1]
    assert json.loads(first[2]) == json.loads(again[2])
    hits = costs(gateway, by="cache")[("exact",)]
    assert (hits["cost_pico_usd"], hits["hits"]) == (0, 1)
    assert hits["saved_pico_usd"] > 0
    assert "x-modelway-cache" not in chat(gateway, "the same", key=TEAM)[1]  # another tenant's
    status, _, body = ask(gateway, "/v1/cache?tenant=f", method="DELETE")
    assert (status, json.loads(body)["forgotten"] > 0) == (200, True)
    assert "x-modelway-cache" not in chat(gateway, "the same", key=FREE)[1]


def test_figures_are_told_in_prometheus_words(gateway):
    chat(gateway, "eight")
    status, headers, body = ask(gateway, "/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b"modelway_" in body
    assert b"simulator" in body
    assert KEY.encode() not in body
    assert ask(gateway, "/metrics", key="wrong")[0] == 401


def test_figures_may_be_public(tmp_path):
    with served(config(tmp_path, metrics={"enabled": True, "public": True}), tmp_path) as running:
        assert ask(running.url, "/metrics", key="")[0] == 200
        assert ask(running.url, "/v1/budgets", key="")[0] == 401


def test_an_export_has_every_attempt(gateway):
    chat(gateway, "nine", key=TEAM)
    status, headers, body = ask(gateway, "/v1/costs/export?format=csv")
    assert status == 200
    assert headers["content-type"].startswith("text/csv")
    assert b"search" in body
    assert ask(gateway, "/v1/costs/export?format=xls")[0] == 400
    assert ask(gateway, "/v1/costs?by=secret")[0] == 400


def test_a_webhook_is_told_of_an_alert(tmp_path):
    told = []
    heard = threading.Event()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            told.append((dict(self.headers), self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()
            heard.set()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/hook"
        budget = {
            "name": "small",
            "limit_usd": 0.002,
            "per": "total",
            "alerts": [1],
            "webhook": {"url": url, "secret": SECRET},
        }
        with served(config(tmp_path, budgets=[budget]), tmp_path) as running:
            for number in range(3):
                chat(running.url, f"webhook {number}")
            assert heard.wait(10)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    headers, body = told[0]
    found = {name.lower(): value for name, value in headers.items()}
    signed = found["x-modelway-timestamp"].encode() + b"." + body
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert found["x-modelway-signature"] == f"sha256={digest}"
    assert json.loads(body)["name"] == "small"
