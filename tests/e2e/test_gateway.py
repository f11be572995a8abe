"""The gateway over real HTTP, with simulated providers behind it: who may, what passes, what fails."""

import http.client
import json
import socket
import threading
import time

import pytest

from modelway.gateway import routes
from modelway.simulator.serve import SimulatorThread
from support.serving import KEY, served

ASK = {"messages": [{"role": "user", "content": "Tell me about rivers."}], "max_tokens": 200}
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
DIALECTS = pytest.mark.parametrize("client", ["openai", "anthropic"])
PROVIDERS = pytest.mark.parametrize("provider", ["oai", "ant"])


@pytest.fixture(scope="module")
def simulator():
    with SimulatorThread() as running:
        yield running


@pytest.fixture(scope="module")
def running(simulator, tmp_path_factory):
    base = f"{simulator.base_url}/v1"
    fast = {"retries": 0}
    config = {
        "providers": {
            "oai": {"like": "simulator", "base_url": base, **fast},
            "ant": {"like": "simulator", "base_url": base, "dialect": "anthropic-messages", **fast},
        },
        "models": {
            "sick": {"deployments": ["oai/sim-500"], "fallback": ["well"]},
            "dropped": {"deployments": ["ant/sim-drop"], "fallback": ["well"]},
            "well": {"deployments": ["ant/sim-demo"]},
        },
    }
    with served(config, tmp_path_factory.mktemp("state"), max_body_bytes=100_000) as gateway:
        yield gateway


def request(gateway, method, path, body=None, headers=(), *, key=KEY):
    """One raw exchange: (status, headers, body)."""
    connection = http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=10)
    sent = {} if key is None else {"authorization": f"Bearer {key}"}
    sent.update(headers)
    payload = json.dumps(body).encode() if isinstance(body, dict) else body
    try:
        connection.request(method, path, payload, sent)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def ask(gateway, client, model, **more):
    return request(gateway, "POST", PATHS[client], {**ASK, "model": model, **more})


# ---------------------------------------------------------------- who may

SPELLINGS = [
    "/v1//models",
    "/v1/./models",
    "/v1/%6dodels",
    "/V1/models",
    "/v1/models/",
    "//v1/models",
    "/v1/chat/completions/",
    "/admin",
    "/v1/models?x=/health/live",
    "/health/live/../../v1/models",
    "/health/live%2f..%2fmodels",
]


@pytest.mark.parametrize("route", routes.ROUTES, ids=lambda route: route.path.decode())
def test_every_route_asks_for_a_key_unless_the_table_says_open(running, route):
    for key in (None, "sk-wrong", "' OR 1=1 --", "\x00", KEY[:-1], KEY + "x"):
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        if key == "\x00":
            headers = {"authorization": "Bearer "}
        status, _, body = request(
            running, route.method, route.path.decode(), b"{}", headers, key=None
        )
        assert status == (200 if route.access == "open" else 401)
        assert (key or "-") not in body.decode() or key is None or len(key) < 3


def test_the_open_routes_are_health_alone(running):
    assert [route.path for route in routes.ROUTES if route.access == "open"] == [
        b"/health/live",
        b"/health/ready",
    ]
    for path in ("/health/live", "/health/ready"):
        status, _, body = request(running, "GET", path, key=None)
        assert (status, list(json.loads(body))) == (200, ["status"])


@pytest.mark.parametrize("path", SPELLINGS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_another_spelling_is_no_way_in(running, path, method):
    assert request(running, method, path, b"{}", key=None)[0] == 401


@pytest.mark.parametrize(
    "host", ["x/health/live", "x?a=/health/live", "x#/health/live", "evil.example", "/health/live"]
)
def test_a_path_is_never_taken_from_the_host_header(running, host):
    status, _, _ = request(running, "GET", "/v1/models", headers={"host": host}, key=None)
    assert status in (400, 401)


def test_headers_cannot_redirect_a_call(running, simulator):
    status, _, _ = request(
        running,
        "POST",
        PATHS["openai"],
        {**ASK, "model": "oai/sim-demo"},
        {
            "x-forwarded-host": "evil.example",
            "x-portkey-custom-host": "http://evil.example",
            "target-url": "http://evil.example",
            "x-method-override": "GET",
        },
    )
    assert status == 200
    seen = dict(simulator.simulator.requests[-1].headers)
    assert not {"x-forwarded-host", "x-portkey-custom-host", "target-url"} & set(seen)
    assert KEY not in str(simulator.simulator.requests[-1])


# ---------------------------------------------------------------- what passes


def test_a_client_s_own_bytes_arrive_but_for_the_model(running, simulator):
    body = (
        b'{"model":"oai/sim-echo","messages":[{"role":"user","content":"caf\\u00e9 \xc3\xa9"}],'
        b'"temperature":0.70,"max_tokens":64,"seed":12345678901234567}'
    )
    status, _, _ = request(running, "POST", PATHS["openai"], body)
    assert status == 200
    assert simulator.simulator.requests[-1].body == body.replace(b"oai/", b"")


def test_a_stream_without_usage_is_given_it_and_the_client_is_not(running, simulator):
    status, headers, body = ask(running, "openai", "oai/sim-echo", stream=True)
    assert status == 200
    assert headers["content-type"].startswith("text/event-stream")
    assert simulator.simulator.requests[-1].json["stream_options"] == {"include_usage": True}
    events = [line for line in body.split(b"\n\n") if line]
    assert events[-1] == b"data: [DONE]"
    assert all(json.loads(event[6:])["choices"] for event in events[:-1])
    before = running.gateway.engine.stats()
    assert before.output_tokens > 0


def test_beta_headers_and_queries_pass_to_the_same_dialect(running, simulator):
    status, _, _ = request(
        running,
        "POST",
        "/v1/messages?beta=true&api-version=9&key=abc",
        {**ASK, "model": "ant/sim-demo"},
        {"anthropic-beta": "context-1m-2025-08-07", "anthropic-version": "2023-06-01"},
    )
    assert status == 200
    seen = simulator.simulator.requests[-1]
    assert seen.header("anthropic-beta") == "context-1m-2025-08-07"
    assert "beta" in str(seen.query)
    assert "abc" not in str(seen.query)


@DIALECTS
@PROVIDERS
def test_the_answer_says_who_gave_it(running, client, provider):
    status, headers, _ = ask(running, client, f"{provider}/sim-demo")
    assert status == 200
    assert headers["x-modelway-provider"] == provider
    assert headers["x-modelway-model"] == "sim-demo"
    id_header = "request-id" if client == "anthropic" else "x-request-id"
    assert headers[id_header].startswith("mw-")


# ---------------------------------------------------------------- bad input

BAD = [
    (b"", 400),
    (b"{", 400),
    (b"[1]", 400),
    (b'{"model":"oai/sim-demo","messages":[{"role":"user","content":"x"}', 400),
    (b'{"model":"oai/sim-demo","messages":[],"temperature":NaN}', 400),
    (b'{"model":"oai/sim-demo","model":"x","messages":[]}', 400),
    (b'{"model":"\xff","messages":[]}', 400),
    (b'{"messages":[]}', 400),
    (b'{"model":7,"messages":[]}', 400),
    (b'{"model":"oai/sim-demo","messages":{}}', 400),
    (b'{"model":"oai/sim-demo","messages":[],"max_tokens":-1}', 400),
    (b'{"model":"oai/sim-demo","messages":[],"max_tokens":"1e9"}', 400),
    (b'{"model":"oai/sim-demo","messages":[],"api_base":"http://evil"}', 403),
    (b'{"model":"none/such","messages":[]}', 404),
    (b'{"model":"x","messages":"' + b"y" * 100_001 + b'"}', 413),
]


@DIALECTS
@pytest.mark.parametrize(("body", "status"), BAD, ids=range(len(BAD)))
def test_bad_input_is_refused_in_the_client_s_dialect(running, simulator, client, body, status):
    seen = len(simulator.simulator.requests)
    got, headers, answer = request(running, "POST", PATHS[client], body)
    assert got == status
    error = json.loads(answer)
    assert error["error"]["message"]
    if client == "anthropic":
        assert error["type"] == "error"
        assert error["error"]["type"].endswith(("_error", "_too_large"))
    else:
        assert {"message", "type", "param", "code"} == set(error["error"])
    assert headers["request-id" if client == "anthropic" else "x-request-id"]
    assert len(simulator.simulator.requests) == seen, "nothing may be sent"


@pytest.mark.parametrize(
    ("client", "model", "change", "path"),
    [
        ("openai", "ant/sim-demo", {"messages": [{"role": "user", "content": 4}]}, "messages[0]"),
        (
            "anthropic",
            "oai/sim-demo",
            {"messages": [{"role": "alien", "content": ""}]},
            "messages.0",
        ),
    ],
)
def test_a_fault_inside_is_named_by_its_path(running, simulator, client, model, change, path):
    seen = len(simulator.simulator.requests)
    status, _, answer = ask(running, client, model, **change)
    assert status == 400
    assert path in answer.decode()
    assert len(simulator.simulator.requests) == seen


def test_a_private_url_is_refused(running, simulator):
    seen = len(simulator.simulator.requests)
    image = {"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}}
    status, _, _ = ask(running, "openai", "oai/x", messages=[{"role": "user", "content": [image]}])
    assert status == 403
    assert len(simulator.simulator.requests) == seen


def test_a_wrong_method_is_said(running):
    assert request(running, "GET", "/v1/messages")[0] == 405
    assert request(running, "POST", "/v1/models/oai/x", b"{}")[0] == 405
    assert request(running, "GET", "/v1/mesages")[0] == 404


# ---------------------------------------------------------------- bad upstreams


@DIALECTS
@PROVIDERS
@pytest.mark.parametrize("fault", ["html", "half-json", "empty", "drop"])
def test_an_unreadable_answer_is_an_error_without_a_traceback(running, client, provider, fault):
    status, headers, answer = ask(running, client, f"{provider}/sim-{fault}")
    assert status in (502, 503), answer
    assert json.loads(answer)["error"]["message"]
    assert b"Traceback" not in answer
    assert b"127.0.0.1" not in answer
    assert headers["x-modelway-provider"] == provider


@DIALECTS
@PROVIDERS
@pytest.mark.parametrize(
    ("model", "expected"), [("sim-401", 401), ("sim-429", 429), ("sim-404", 404)]
)
def test_a_refusal_keeps_its_meaning(running, client, provider, model, expected):
    status, _, answer = ask(running, client, f"{provider}/{model}")
    assert status == expected
    assert json.loads(answer)["error"]["type"]


@DIALECTS
@PROVIDERS
@pytest.mark.parametrize("fault", ["sim-cut", "sim-stream-error", "sim-half-json"])
def test_a_stream_that_breaks_ends_with_an_error_event(running, client, provider, fault):
    status, _, body = ask(running, client, f"{provider}/{fault}", stream=True)
    assert status == 200
    last = [block for block in body.split(b"\n\n") if block][-1]
    assert b"error" in last
    assert b"[DONE]" not in body
    assert b"message_stop" not in body
    for line in last.split(b"\n"):
        if line.startswith(b"data: "):
            assert json.loads(line[6:])["error"]["message"]


@DIALECTS
@PROVIDERS
@pytest.mark.parametrize("fault", ["html", "empty", "drop"])
def test_a_stream_that_never_begins_is_a_plain_error(running, client, provider, fault):
    status, headers, answer = ask(running, client, f"{provider}/sim-{fault}", stream=True)
    assert status in (502, 503), answer
    assert headers["content-type"] == "application/json"


@DIALECTS
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["sick", "dropped"])
def test_the_fallback_answers_and_it_is_said(running, client, model, stream):
    status, headers, body = ask(running, client, model, stream=stream)
    assert status == 200
    assert headers["x-modelway-provider"] == "ant"
    assert "sim-" in headers["x-modelway-failed"]
    assert body


# ---------------------------------------------------------------- clients that leave


@PROVIDERS
@DIALECTS
def test_a_client_that_leaves_closes_the_upstream_socket(running, simulator, client, provider):
    before = simulator.simulator.disconnects
    body = json.dumps({**ASK, "model": f"{provider}/sim-stall", "stream": True}).encode()
    head = (
        f"POST {PATHS[client]} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(head.encode() + body)
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        time.sleep(0.1)
    left = time.monotonic()
    while simulator.simulator.disconnects == before and time.monotonic() - left < 3:
        time.sleep(0.005)
    assert simulator.simulator.disconnects == before + 1
    assert time.monotonic() - left < 0.5  # 50 ms by design; the machine is shared
    wait_until(lambda: running.gateway.open_requests == 0)


def test_a_client_that_leaves_before_the_answer_cancels_the_call(running, simulator):
    before = simulator.simulator.disconnects
    body = json.dumps({**ASK, "model": "oai/sim-hang"}).encode()
    head = (
        f"POST {PATHS['openai']} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(head.encode() + body)
        time.sleep(0.2)
    wait_until(lambda: simulator.simulator.disconnects == before + 1)
    wait_until(lambda: running.gateway.open_requests == 0)


def wait_until(condition):
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("line", [b"x-filler: " + b"y" * 1000 + b"\r\n", b"y" * 1000])
def test_a_head_without_end_is_cut_off(running, line):
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nx-first: ")
        sent = 0
        with pytest.raises(OSError):  # noqa: PT012 - which of the sends fails is the socket's affair
            while sent < 8_000_000:
                connection.sendall(line)
                sent += len(line)
                if sent % 100_000 == 0:
                    time.sleep(0.001)
        assert sent < 8_000_000
    assert request(running, "GET", "/health/live", key=None)[0] == 200


def test_bodies_in_many_pieces_and_requests_on_one_connection(running):
    connection = http.client.HTTPConnection(running.url.removeprefix("http://"), timeout=10)
    body = json.dumps({**ASK, "model": "well", "user": "u" * 70_000}).encode()
    try:
        for _ in range(5):
            connection.putrequest("POST", PATHS["openai"])
            connection.putheader("authorization", f"Bearer {KEY}")
            connection.putheader("content-length", str(len(body)))
            connection.endheaders()
            for at in range(0, len(body), 7_000):
                connection.send(body[at : at + 7_000])
            response = connection.getresponse()
            assert response.status == 200
            response.read()
    finally:
        connection.close()


def test_many_at_once(running):
    answers = []

    def work(number):
        answers.append(ask(running, ("openai", "anthropic")[number % 2], "well")[0])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 32
