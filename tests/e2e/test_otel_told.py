"""What a provider is told of a trace, and what a collector is not told of a call."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
from urllib.parse import urlsplit

import pytest

from modelway.opening import open_engine
from support.origin_server import plain, serve
from support.otlp_receiver import collector
from support.ports import free_port
from support.serving import KEY, served

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
STATE = "vendor=value"
SECRET = "canary-of-a-provider-s-key"
COLLECTOR_SECRET = "canary-of-the-collector-s-key"
ANSWER = json.dumps(
    {
        "id": "chatcmpl-7",
        "object": "chat.completion",
        "created": 1,
        "model": "m-2026",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "canary-of-an-answer",
                    "tool_calls": [
                        {
                            "id": "call-1",
                            "type": "function",
                            "function": {"name": "f", "arguments": '{"a":"canary-of-arguments"}'},
                        }
                    ],
                },
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }
).encode()


def chunk(*choices, **more):
    said = {"id": "chatcmpl-8", "object": "chat.completion.chunk", "created": 1, "model": "m-2026"}
    return f"data: {json.dumps({**said, 'choices': choices, **more})}\n\n".encode()


STREAM = b"".join(
    [
        chunk({"index": 0, "delta": {"content": "canary-of-an-answer"}, "finish_reason": None}),
        chunk({"index": 0, "delta": {}, "finish_reason": "stop"}),
        chunk(usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}),
        b"data: [DONE]\n\n",
    ]
)
REFUSAL = json.dumps(
    {"error": {"message": f"bad key {SECRET}: canary-of-a-question", "code": "invalid_api_key"}}
).encode()


def configured(provider, receiver=None, **telemetry):
    said = {
        "providers": {
            "theirs": {
                "like": "openai-compatible",
                "base_url": f"http://127.0.0.1:{provider.port}/v1",
                "api_key": SECRET,
            }
        },
        "models": {"fast": "theirs/m"},
        "defaults": {"retries": 0},
        "breaker": {"failures": 1000},
    }
    if receiver is not None:
        said["telemetry"] = {
            "enabled": True,
            "endpoint": receiver.url,
            "headers": {"x-collector-key": COLLECTOR_SECRET},
            **telemetry,
        }
    return said


def asked(url, *, path="/v1/chat/completions", headers=(), **fields):
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=20)
    body = {
        "model": "fast",
        "messages": [{"role": "user", "content": "canary-of-a-question"}],
        **fields,
    }
    try:
        connection.request(
            "POST",
            path,
            json.dumps(body),
            {
                "authorization": f"Bearer {KEY}",
                "content-type": "application/json",
                "traceparent": PARENT,
                "tracestate": STATE,
                **dict(headers),
            },
        )
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@contextlib.asynccontextmanager
async def gateway(tmp_path, *answers, **telemetry):
    """A gateway between a provider and a collector; what it is asked, it is asked by a thread."""
    async with serve(*answers) as provider:
        with contextlib.ExitStack() as stack:
            receiver = stack.enter_context(collector()) if telemetry.pop("on", True) else None
            config = configured(provider, receiver, **telemetry)
            running = await asyncio.to_thread(
                stack.enter_context, served(config, tmp_path / "state")
            )

            async def ask(**said):
                return await asyncio.to_thread(asked, running.url, **said)

            async def close():
                await asyncio.to_thread(stack.pop_all().close)

            try:
                yield ask, provider, receiver, close
            finally:
                await asyncio.to_thread(stack.close)


WAYS = [
    {},
    {"stream": True},
    {"path": "/providers/theirs/anything"},
]


@pytest.mark.parametrize("way", WAYS, ids=["whole", "stream", "passed through"])
@pytest.mark.parametrize("telemetry", [{"on": False}, {"propagate": False}], ids=["off", "alone"])
async def test_a_caller_s_trace_is_not_told_to_providers(tmp_path, way, telemetry):
    answer = STREAM if way.get("stream") else ANSWER
    kind = b"content-type: text/event-stream" if way.get("stream") else b"x-nothing: 1"
    async with gateway(tmp_path, plain(answer, kind), **telemetry) as (ask, provider, _, _):
        status, _ = await ask(**way)
        assert status == 200
        assert len(provider.requests) == 1
        for request in provider.requests:
            told = {name for name, _ in request.headers}
            assert not {"traceparent", "tracestate"} & told
            assert TRACE not in str(request.headers)


@pytest.mark.parametrize("way", WAYS, ids=["whole", "stream", "passed through"])
async def test_a_provider_is_told_the_attempt(tmp_path, way):
    answer = STREAM if way.get("stream") else ANSWER
    kind = b"content-type: text/event-stream" if way.get("stream") else b"x-nothing: 1"
    async with gateway(tmp_path, plain(answer, kind)) as (ask, provider, receiver, close):
        assert (await ask(**way))[0] == 200
        await close()
        request, attempt = receiver.spans
        (sent,) = provider.requests
    assert sent.header("traceparent") == f"00-{TRACE}-{attempt.id}-01"
    assert sent.header("tracestate") == STATE
    assert (request.kind, request.parent, request.trace) == ("server", PARENT[36:52], TRACE)
    assert attempt.parent == request.id


BAD = [b"400 Bad Request", b"401 Unauthorized", b"404 Not Found", b"429 Too Many Requests"]
ANSWERS = [
    plain(ANSWER),
    plain(STREAM, b"content-type: text/event-stream"),
    *[plain(REFUSAL, status=status) for status in (*BAD, b"500 Internal Server Error")],
    plain(ANSWER[:50]),
    plain(b"not JSON, but " + SECRET.encode()),
    (plain(ANSWER)[:-20], "close"),
    ("reset",),
]


@pytest.mark.parametrize("content", ["none", "events"])
async def test_no_key_and_no_word_is_told_to_a_collector(tmp_path, content):
    async with gateway(tmp_path, *ANSWERS, content=content) as (ask, _, receiver, close):
        statuses = [(await ask(stream=number == 1))[0] for number in range(len(ANSWERS))]
        await close()
    assert statuses[:2] == [200, 200]
    assert all(status >= 400 for status in statuses[2:])
    assert len(receiver.spans) == 2 * len(ANSWERS)
    for path, body in receiver.bodies:
        for secret in (SECRET, SECRET[:20], KEY, COLLECTOR_SECRET):
            assert secret.encode() not in body
        assert path == "/v1/logs" or b"canary" not in body
    assert {headers["x-collector-key"] for headers in receiver.headers} == {COLLECTOR_SECRET}
    assert len(receiver.events) == (len(ANSWERS) if content == "events" else 0)


def test_calls_do_not_mind_that_a_collector_is_down(tmp_path, caplog):
    config = {
        "providers": {"simulator": {}},
        "models": {"fast": "simulator/sim-demo"},
        "telemetry": {"enabled": True, "endpoint": f"http://127.0.0.1:{free_port()}"},
    }
    with served(config, tmp_path) as running:
        assert {asked(running.url)[0] for _ in range(20)} == {200}
    told = [record.getMessage() for record in caplog.records if "collector" in record.getMessage()]
    assert len(told) == len(set(told)) == 2, "spans and metrics, once each"


@pytest.mark.parametrize("stream", [False, True])
async def test_words_where_they_are_asked_for_and_no_key_even_then(tmp_path, stream):
    answer = STREAM if stream else ANSWER
    kind = b"content-type: text/event-stream" if stream else b"x-nothing: 1"
    refusal = plain(REFUSAL, status=b"401 Unauthorized")
    told = {"content": "events"}
    async with gateway(tmp_path, plain(answer, kind), refusal, **told) as (ask, _, receiver, close):
        await ask(stream=stream)
        await ask()
        await close()
        answered, refused = receiver.events
        request = receiver.spans[0]
    question = [{"role": "user", "parts": [{"type": "text", "content": "canary-of-a-question"}]}]
    assert answered.attributes["gen_ai.input.messages"] == question
    assert refused.attributes["gen_ai.input.messages"] == question
    (said,) = answered.attributes["gen_ai.output.messages"]
    assert said["parts"][0] == {"type": "text", "content": "canary-of-an-answer"}
    if not stream:
        assert said["parts"][1]["arguments"] == {"a": "canary-of-arguments"}
    assert (answered.trace, answered.span) == (request.trace, request.id)
    assert "gen_ai.output.messages" not in refused.attributes
    for path, body in receiver.bodies:
        assert SECRET.encode() not in body
        assert KEY.encode() not in body
        assert path == "/v1/logs" or b"canary" not in body


async def test_telemetry_is_opened_by_its_configuration_alone():
    with collector() as receiver:
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}
        for said in ({}, {"telemetry": {"enabled": False}}, {"telemetry": {"enabled": True}}):
            opened = await open_engine(
                {"providers": {"simulator": {}}, **said}, environment=environment
            )
            assert (opened.engine.state.telemetry is not None) is (
                said.get("telemetry") == {"enabled": True}
            )
            await opened.aclose()
