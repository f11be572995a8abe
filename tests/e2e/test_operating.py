"""The gateway asked about itself, and changed while it works, over real HTTP."""

from __future__ import annotations

import http.client
import json
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.serving import KEY, served

OTHER = "mw-other-key-0123456789abcdef"


def asked(
    url: str, path: str, body: Any = None, *, key: str = KEY, method: str = "", **headers: str
):
    """Status, headers and JSON of an answer."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=20)
    try:
        said = None if body is None else json.dumps(body)
        connection.request(
            method or ("GET" if body is None else "POST"),
            path,
            said,
            {
                "authorization": f"Bearer {key}",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )
        response = connection.getresponse()
        content = response.read()
        return response.status, dict(response.getheaders()), json.loads(content or b"null")
    finally:
        connection.close()


def chat(url: str, model: str = "fast", **headers: str):
    body = {"model": model, "messages": [{"role": "user", "content": "Say hello."}]}
    return asked(url, "/v1/chat/completions", body, **headers)


CONFIG: dict[str, Any] = {
    "providers": {"simulator": {}},
    "models": {
        "fast": {
            "strategy": "round_robin",
            "deployments": ["simulator/sim-demo", "simulator/sim-other"],
        },
        "sick": {"deployments": ["simulator/sim-500"], "fallback": ["fast"]},
    },
    "experiments": {"trial": {"arms": ["fast", "sick"], "unit": "user"}},
    "breaker": {"failures": 1},
    "defaults": {"retries": 0},
    "gateway": {"keys": [{"key": OTHER, "name": "other", "tenant": "team"}]},
    "tenants": {"team": {"limits": {"requests_per_minute": 2}}},
    "queue": {"on_limit": "refuse"},
    "health": {"active": False},
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """A gateway by a configuration file that is watched."""
    directory = tmp_path_factory.mktemp("operated")
    file = directory / "modelway.yaml"
    file.write_text(json.dumps(CONFIG))
    with served(file, directory / "state") as running:
        asked(running.url, "/v1/config/reload", {})  # its own keys, beside the test's
        yield running, file


def test_why_is_answered_without_asking_anybody(gateway):
    running, _ = gateway
    body = {"model": "sick", "messages": [{"role": "user", "content": "Fix this bug."}]}
    status, _, told = asked(running.url, "/v1/explain", body)
    assert status == 200
    assert told["deployment"] == "simulator/sim-500"
    assert [one["verdict"] for one in told["candidates"]] == ["ask", "next", "next"]
    assert told["category"] == "debugging"
    assert told["candidates"][0]["edits"]["changed"] == ["model"]


def test_an_answer_tells_its_way_when_it_is_asked_to(gateway):
    running, _ = gateway
    asked(running.url, "/v1/health/reset", {})
    status, headers, _ = chat(running.url, "sick", x_modelway_trace="true")
    assert status == 200
    trace = json.loads(headers["x-modelway-trace"])
    assert trace["before"][0]["deployment"] == "simulator/sim-500"
    assert trace["before"][0]["status"] == 500
    assert trace["deployment"].startswith("simulator/sim-")
    assert "x-modelway-trace" not in chat(running.url, "fast")[1]


def test_a_breaker_is_shown_and_reset(gateway):
    running, _ = gateway
    chat(running.url, "sick")
    _, _, told = asked(running.url, "/v1/health")
    (sick,) = [one for one in told["breakers"] if one["deployment"] == "simulator/sim-500"]
    assert sick["state"] == "open"
    assert sick["last_failure"]["error"] == "OverloadedError"
    status, _, said = asked(running.url, "/v1/health/reset", {"deployment": "simulator/sim-500"})
    assert (status, said) == (200, {"reset": ["simulator/sim-500"]})
    _, _, told = asked(running.url, "/v1/health")
    assert all(one["state"] == "closed" for one in told["breakers"])
    assert asked(running.url, "/v1/health/reset", {"deployment": "nobody/x"})[0] == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/health", None),
        ("/v1/limits", None),
        ("/v1/health/reset", {}),
        ("/v1/config/reload", {}),
        ("/v1/experiments/trial", None),
    ],
)
def test_a_caller_s_key_may_not_operate(gateway, path, body):
    running, _ = gateway
    status, _, told = asked(running.url, path, body, key=OTHER)
    assert status == 403
    assert "admin" in json.dumps(told)


def test_a_tenant_is_held_to_its_limit_and_told_so(gateway):
    running, _ = gateway
    statuses = [chat(running.url, key=OTHER)[0] for _ in range(3)]
    assert statuses == [200, 200, 429]
    status, headers, told = chat(running.url, key=OTHER)
    assert (status, told["error"]["code"]) == (429, "requests_per_minute")
    assert 1 <= int(headers["retry-after"]) <= 61
    assert "team" in told["error"]["message"]
    limits = asked(running.url, "/v1/limits")[2]["limits"]
    (mine,) = [one for one in limits if one["subject"] == "team"]
    assert (mine["current"], mine["limit"], mine["remaining"]) == (2, 2, 0)
    assert chat(running.url)[0] == 200, "another tenant is not held back"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("strategy", "nonsense"),
        ("strategy", "os:system"),
        ("priority", "many"),
        ("timeout-s", "-1"),
        ("strict", "perhaps"),
        ("models", "nobody/x"),
    ],
)
def test_what_a_header_cannot_say_is_refused_by_name(gateway, name, value):
    running, _ = gateway
    status, _, told = chat(running.url, **{f"x-modelway-{name}": value})
    assert status in (400, 404)
    assert name.split("-")[0] in json.dumps(told) or value.split("/")[0] in json.dumps(told)


def test_a_session_stays_where_it_was(gateway):
    running, _ = gateway
    answered = {
        json.loads(
            chat(running.url, x_modelway_session="s1", x_modelway_trace="1")[1]["x-modelway-trace"]
        )["deployment"]
        for _ in range(4)
    }
    assert len(answered) == 1


def test_models_are_chosen_from_a_list_that_the_caller_gives(gateway):
    running, _ = gateway
    _, headers, _ = chat(
        running.url,
        "fast",
        x_modelway_models="simulator/sim-a, simulator/sim-b",
        x_modelway_trace="1",
    )
    assert json.loads(headers["x-modelway-trace"])["deployment"] == "simulator/sim-a"


def test_an_experiment_is_asked_scored_and_reported(gateway):
    running, _ = gateway
    arms = set()
    for unit in "abcdefgh":
        _, headers, _ = chat(running.url, "trial", x_modelway_unit=unit, x_modelway_trace="true")
        trace = json.loads(headers["x-modelway-trace"])
        arms.add(trace["arm"])
        score = {"call": trace["call"], "score": 0.5}
        assert asked(running.url, "/v1/experiments/trial/scores", score)[0] == 200
    assert arms == {"fast", "sick"}
    status, _, report = asked(running.url, "/v1/experiments/trial")
    assert status == 200
    assert report["outcomes"] == 8
    assert asked(running.url, "/v1/experiments/nobody")[0] == 404
    bad = {"call": "x", "score": 2}
    assert asked(running.url, "/v1/experiments/trial/scores", bad)[0] == 400


def test_a_changed_file_is_in_force_and_a_bad_one_is_not(gateway):
    running, file = gateway
    failures: list[int] = []
    ended = threading.Event()

    def load() -> None:
        while not ended.is_set():
            status = chat(running.url)[0]
            if status != 200:
                failures.append(status)

    loads = [threading.Thread(target=load) for _ in range(4)]
    for thread in loads:
        thread.start()
    try:
        changed = {**CONFIG, "models": {**CONFIG["models"], "new": "simulator/sim-demo"}}
        file.write_text(json.dumps(changed))
        assert _eventually(lambda: chat(running.url, "new")[0] == 200)
        file.write_text(json.dumps({**changed, "models": {"new": {"deployments": []}}, "typo": 1}))
        status, _, told = asked(running.url, "/v1/config/reload", {})
        assert status == 400
        assert {one["path"] for one in told["error"]["problems"]} >= {"models.new", "typo"}
        assert chat(running.url, "new")[0] == 200, "the old one is in force"
        file.write_text(json.dumps({**CONFIG, "store": "sqlite:other.sqlite"}))
        status, _, told = asked(running.url, "/v1/config/reload", {})
        assert (status, "store" in told["error"]["message"]) == (400, True)
        file.write_text(json.dumps(CONFIG))
        assert asked(running.url, "/v1/config/reload", {})[0] == 200
        assert chat(running.url, "new")[0] == 404
    finally:
        ended.set()
        for thread in loads:
            thread.join()
    assert failures == []


def _eventually(holds) -> bool:
    for _ in range(100):
        if holds():
            return True
        time.sleep(0.05)
    return False


def test_a_key_s_priority_is_the_most_that_its_requests_may_ask_for(gateway):
    running, _ = gateway
    seen = []
    original = running.gateway.engine.handle

    async def spying(call):
        seen.append((call.options.priority, call.options.trace, call.tenant, call.key))
        return await original(call)

    running.gateway.engine.handle = spying
    try:
        chat(running.url, x_modelway_priority="900")
        chat(running.url, x_modelway_priority="-5", x_modelway_trace="1")
    finally:
        running.gateway.engine.handle = original
    assert seen == [(0, False, "local", "admin"), (-5, True, "local", "admin")]
