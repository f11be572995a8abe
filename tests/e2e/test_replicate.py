"""Replicate's predictions through a whole engine: waited for, looked at, streamed, and what fails."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import modelway
from modelway import errors
from modelway.simulator.serve import SimulatorThread
from support.serving import KEY, served

MODEL = "rep/meta/meta-llama-3-8b-instruct"
METRICS = {"input_token_count": 7, "output_token_count": 3}


def event(name, data):
    return f"event: {name}\nid: 1:0\ndata: {data}\n\n".encode()


class Replicate(BaseHTTPRequestHandler):
    """A prediction that takes two looks. Its stream is at this host, or not, or breaks off."""

    asked: list = []
    statuses: list = []
    stream: str | None = None
    events = b""

    def log_message(self, *args):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append(("POST", self.path, dict(self.headers), body))
        self._predict(201)

    def do_GET(self):
        self.asked.append(("GET", self.path, dict(self.headers), None))
        if self.path.startswith("/v1/streams/"):
            self._send(200, "text/event-stream", self.events)
        else:
            self._predict(200)

    def _predict(self, status):
        state = self.statuses.pop(0)
        at = f"http://127.0.0.1:{self.server.server_port}/v1"
        told = {
            "id": "p1",
            "model": "meta/meta-llama-3-8b-instruct",
            "status": state,
            "output": ["Once", " upon", ""] if state == "succeeded" else None,
            "error": "It broke (code: E8765)" if state == "failed" else None,
            "metrics": METRICS if state == "succeeded" else {},
            "urls": {"get": f"{at}/predictions/p1", "cancel": f"{at}/predictions/p1/cancel"},
        }
        if self.stream is not None:
            told["urls"]["stream"] = self.stream.format(at=at)
        self._send(status, "application/json", json.dumps(told).encode())

    def _send(self, status, kind, data):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture(scope="module")
def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Replicate)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
async def client(server):
    base = f"http://127.0.0.1:{server.server_port}/v1"
    row = {"like": "replicate", "base_url": base, "api_key": "r8_secret", "retries": 0}
    Replicate.asked.clear()
    Replicate.stream, Replicate.events = None, b""
    async with modelway.Client({"providers": {"rep": row}}, environment={}) as made:
        yield made


def asked(*names):
    """Method, path and these headers of each request."""
    return [
        (method, path, *[heads.get(n) for n in names]) for method, path, heads, _ in Replicate.asked
    ]


async def test_an_answer_is_waited_for(client):
    Replicate.statuses = ["succeeded"]
    answer = await client.chat("Hello", model=MODEL, max_tokens=5)
    assert (answer.text, answer.finish_reason) == ("Once upon", "stop")
    assert (answer.usage.input_tokens, answer.usage.raw) == (7, METRICS)
    path = "/v1/models/meta/meta-llama-3-8b-instruct/predictions"
    assert asked("prefer", "authorization") == [("POST", path, "wait=30", "Bearer r8_secret")]
    assert Replicate.asked[0][3] == {"input": {"prompt": "Hello", "max_tokens": 5}}


async def test_what_takes_longer_is_looked_at_again(client):
    Replicate.statuses = ["starting", "processing", "succeeded"]
    answer = await client.chat("Hello", model=MODEL)
    assert answer.text == "Once upon"
    look = ("GET", "/v1/predictions/p1", "Bearer r8_secret")
    assert asked("authorization")[1:] == [look, look]


async def test_a_stream_is_at_a_place_of_its_own(client):
    Replicate.statuses, Replicate.stream = ["starting"], "{at}/streams/s1"
    Replicate.events = event("output", "Once") + event("output", " upon") + event("done", "{}")
    stream = client.stream("Hello", model=MODEL)
    assert "".join([piece async for piece in stream.text()]) == "Once upon"
    assert asked("prefer", "accept")[1] == ("GET", "/v1/streams/s1", None, "text/event-stream")
    assert (Replicate.asked[0][2].get("prefer"), Replicate.asked[0][3]["stream"]) == (None, True)


async def test_a_stream_elsewhere_is_not_followed_with_our_key(client):
    Replicate.statuses = ["starting", "succeeded"]
    Replicate.stream = "https://streaming-api.svc.c.replicate.net/v1/p1"
    stream = client.stream("Hello", model=MODEL)
    answer = await stream.collect()
    assert (answer.text, answer.usage.output_tokens) == ("Once upon", 3)


async def test_a_stream_that_breaks_off_keeps_what_came(client):
    Replicate.statuses, Replicate.stream = ["starting"], "{at}/streams/s1"
    Replicate.events = event("output", "Once")
    stream = client.stream("Hello", model=MODEL)
    with pytest.raises(errors.StreamInterruptedError) as caught:
        await stream.collect()
    assert caught.value.partial.text == "Once"


@pytest.mark.parametrize(
    ("state", "kind"), [("failed", errors.OverloadedError), ("canceled", errors.UnavailableError)]
)
async def test_a_prediction_that_fails(client, state, kind):
    Replicate.statuses = ["starting", state]
    with pytest.raises(kind) as caught:
        await client.chat("Hello", model=MODEL)
    assert (type(caught.value), caught.value.provider) == (kind, "rep")
    assert "r8_secret" not in str(caught.value)


async def test_clients_of_other_dialects_reach_it(tmp_path):
    """The simulator's own predictions, asked for through the gateway."""
    import openai

    with SimulatorThread() as simulator:
        row = {"like": "replicate", "base_url": f"{simulator.base_url}/v1", "api_key": "r8_x"}
        with (
            served({"providers": {"rep": row}}, tmp_path) as gateway,
            openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as client,
        ):
            question = {
                "model": "rep/meta/sim-demo",
                "messages": [{"role": "user", "content": "?"}],
            }
            whole = client.chat.completions.create(**question)
            chunks = list(client.chat.completions.create(**question, stream=True))
            assert whole.choices[0].message.content
            assert whole.usage.completion_tokens > 0
            texts = [c.choices[0].delta.content or "" for c in chunks if c.choices]
            assert "".join(texts) == whole.choices[0].message.content
            tool = {"type": "function", "function": {"name": "f"}}
            with pytest.raises(openai.BadRequestError, match="functions"):
                client.chat.completions.create(**question, tools=[tool])
