"""Cohere's own client, pointed at the gateway: at a provider of its dialect, and at another's."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from modelway.simulator.serve import SimulatorThread
from support.serving import KEY, served

cohere = pytest.importorskip("cohere")

ASK = [{"role": "user", "content": "What is the weather in Berlin?"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
ID = "c14c80c3-18eb-4519-9460-6c92edd8cfb4"
CITATION = {
    "start": 4,
    "end": 8,
    "text": "rain",
    "sources": [{"type": "document", "id": "d", "document": {"id": "d", "text": "Rain."}}],
    "type": "TEXT_CONTENT",
}
USAGE = {
    "billed_units": {"input_tokens": 9, "output_tokens": 4},
    "tokens": {"input_tokens": 70, "output_tokens": 6},
    "cached_tokens": 64,
}
CHAT = {
    "id": ID,
    "message": {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Look."},
            {"type": "text", "text": "See rain."},
        ],
        "citations": [{**CITATION, "content_index": 1}],
    },
    "finish_reason": "COMPLETE",
    "usage": USAGE,
}
EVENTS = [
    {"id": ID, "type": "message-start", "delta": {"message": {"role": "assistant", "content": []}}},
    {
        "type": "content-start",
        "index": 0,
        "delta": {"message": {"content": {"type": "text", "text": ""}}},
    },
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "See "}}}},
    {"type": "citation-start", "index": 0, "delta": {"message": {"citations": CITATION}}},
    {"type": "citation-end", "index": 0},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "rain."}}}},
    {"type": "content-end", "index": 0},
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": USAGE}},
]
EMBED = {
    "id": ID,
    "texts": ["a"],
    "embeddings": {"float": [[0.5, -0.25]]},
    "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 3}},
    "response_type": "embeddings_by_type",
}
RERANK = {
    "id": ID,
    "results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}],
    "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
}


class Cohere(BaseHTTPRequestHandler):
    """What Cohere would answer, made by hand from its documentation."""

    asked: list = []

    def log_message(self, *args):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append((self.path, self.headers["authorization"], body))
        if body["model"] == "long":
            told = {"id": ID, "message": "too many tokens", "error_type": "TOO_MANY_TOKENS"}
            self._send(400, b"application/json", json.dumps(told).encode())
        elif body.get("stream"):
            lines = [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in EVENTS]
            stream = "".join(lines).encode() + b"data: [DONE]\n\n"
            self._send(200, b"text/event-stream", stream)
        else:
            told = {"/v2/chat": CHAT, "/v2/embed": EMBED, "/v2/rerank": RERANK}[self.path]
            self._send(200, b"application/json", json.dumps(told).encode())

    def _send(self, status, kind, data):
        self.send_response(status)
        self.send_header("content-type", kind.decode())
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Cohere)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    own = {"base_url": f"http://127.0.0.1:{server.server_port}", "api_key": "co-key", "retries": 0}
    with SimulatorThread() as simulator:
        other = {"like": "simulator", "base_url": f"{simulator.base_url}/v1", "retries": 0}
        config = {"providers": {"co": {"like": "cohere", **own}, "sim": other}}
        with served(config, tmp_path_factory.mktemp("state")) as running:
            yield running
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def client(gateway):
    with httpx.Client(timeout=20) as connections:
        yield cohere.ClientV2(base_url=gateway.url, api_key=KEY, httpx_client=connections)


def texts(events):
    return "".join(
        [one.delta.message.content.text for one in events if one.type == "content-delta"]
    )


def test_a_chat_with_its_own_provider(client):
    answer = client.chat(model="co/command-a-03-2025", messages=ASK)
    thought, text = answer.message.content
    assert (thought.thinking, text.text) == ("Look.", "See rain.")
    assert answer.message.citations[0].sources[0].document["text"] == "Rain."
    assert answer.finish_reason == "COMPLETE"
    assert (answer.id, answer.usage.cached_tokens) == (ID, 64)
    path, key, body = Cohere.asked[-1]
    assert (path, key) == ("/v2/chat", "Bearer co-key")
    assert body == {"model": "command-a-03-2025", "messages": ASK, "stream": False}


def test_a_stream_of_its_own_provider(client):
    events = list(client.chat_stream(model="co/command-a-03-2025", messages=ASK))
    assert [one.type for one in events] == [one["type"] for one in EVENTS]
    assert texts(events) == "See rain."
    assert events[-1].delta.usage.billed_units.output_tokens == 4


def test_embeddings_and_ranks(client):
    found = client.embed(
        model="co/embed-v4.0",
        texts=["a"],
        input_type="search_query",
        embedding_types=["float"],
    )
    assert found.embeddings.float_ == [[0.5, -0.25]]
    assert found.meta.billed_units.input_tokens == 3
    ranked = client.rerank(model="co/rerank-v3.5", query="q", documents=["a", "b"], top_n=2)
    assert [one.index for one in ranked.results] == [1, 0]
    assert ranked.meta.billed_units.search_units == 1


def test_a_refusal_is_told_in_its_words(client):
    with pytest.raises(cohere.BadRequestError) as caught:
        client.chat(model="co/long", messages=ASK)
    assert caught.value.body["message"] == "too many tokens"


def test_a_chat_with_another_provider(client):
    answer = client.chat(model="sim/sim-demo", messages=ASK, max_tokens=100)
    assert answer.message.content[0].text
    assert answer.finish_reason == "COMPLETE"
    assert answer.usage.billed_units.input_tokens > 0
    assert answer.usage.billed_units.output_tokens > 0


def test_a_stream_of_another_provider(client):
    events = list(client.chat_stream(model="sim/sim-demo", messages=ASK, max_tokens=100))
    kinds = [one.type for one in events]
    assert kinds[:2] == ["message-start", "content-start"]
    assert kinds[-2:] == ["content-end", "message-end"]
    assert texts(events)
    assert events[-1].delta.finish_reason == "COMPLETE"
    assert events[-1].delta.usage.billed_units.output_tokens > 0


def test_a_tool_loop_with_another_provider(client):
    asked = {"model": "sim/sim-demo", "tools": [TOOL], "tool_choice": "REQUIRED"}
    answer = client.chat(messages=ASK, **asked)
    [call] = answer.message.tool_calls
    assert (call.function.name, answer.finish_reason) == ("get_weather", "TOOL_CALL")
    assert isinstance(json.loads(call.function.arguments), dict)
    events = list(client.chat_stream(messages=ASK, **asked))
    started = [one for one in events if one.type == "tool-call-start"]
    assert [one.delta.message.tool_calls.function.name for one in started] == ["get_weather"]
    result = {"type": "document", "document": {"data": {"rain": True}}}
    after = client.chat(
        model="sim/sim-demo",
        messages=[
            *ASK,
            {"role": "assistant", "tool_calls": [call], "tool_plan": "I will look."},
            {"role": "tool", "tool_call_id": call.id, "content": [result]},
        ],
    )
    assert after.message.content[0].text


def test_embeddings_of_another_provider(client):
    found = client.embed(
        model="sim/sim-embed",
        texts=["a", "b"],
        input_type="search_document",
        embedding_types=["float"],
    )
    assert len(found.embeddings.float_) == 2


def test_a_wrong_key(gateway):
    with httpx.Client() as connections:
        stranger = cohere.ClientV2(
            base_url=gateway.url, api_key="sk-wrong", httpx_client=connections
        )
        with pytest.raises(cohere.UnauthorizedError) as caught:
            stranger.chat(model="sim/sim-demo", messages=ASK)
    assert "sk-wrong" not in str(caught.value)
