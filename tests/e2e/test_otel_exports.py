"""Real calls through a real engine, as a collector is told of them."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from opentelemetry.sdk.trace import TracerProvider

import modelway
from modelway.call import Body, Call, Options
from modelway.errors import LLMError, OverloadedError
from modelway.framing.fields import split
from modelway.observe.otel.names import SCHEMA, SECONDS, SECONDS_EACH, SECONDS_TO_FIRST, TOKENS
from modelway.opening import open_engine
from modelway.retrieval import EmbedRequest
from modelway.types import ChatRequest, Message, Text
from modelway.version import VERSION
from support.otlp_receiver import collector
from support.serving import served

CONFIG = {
    "providers": {"simulator": {}},
    "models": {
        "fast": "simulator/sim-demo",
        "sick": {
            "deployments": ["simulator/sim-500"],
            "retries": 1,
            "backoff": {"base_s": 0.001},
            "fallback": ["fast"],
        },
        "broken": {"deployments": ["simulator/sim-500"], "retries": 0},
    },
}
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Traced:
    """An engine whose calls are told of."""

    def __init__(self, opened, receiver):
        self.opened = opened
        self.receiver = receiver

    async def __call__(self, call):
        return await self.opened.engine.handle(call)

    def call(self, model="fast", text="Say hello.", **more):
        request = ChatRequest(
            model=model, messages=(Message(role="user", parts=(Text(text=text),)),)
        )
        return Call(id=self.opened.engine.new_id(), model=model, **{"request": request, **more})

    def body(self, model="fast", *, stream=False, dialect="openai-chat", **fields):
        said = {
            "model": model,
            "messages": [{"role": "user", "content": "Say hello."}],
            "stream": stream,
            **fields,
        }
        body = json.dumps(said).encode()
        return Call(
            id=self.opened.engine.new_id(),
            model=model,
            stream=stream,
            body=Body(dialect=dialect, fields=split(body), size_bytes=len(body)),
        )

    async def spans(self):
        await self.opened.aclose()
        return self.receiver.spans


@contextlib.asynccontextmanager
async def traced(config=CONFIG, **settings):
    with collector() as receiver:
        said = {"enabled": True, "endpoint": receiver.url, **settings}
        opened = await open_engine({**config, "telemetry": said}, environment={})
        try:
            yield Traced(opened, receiver)
        finally:
            await opened.aclose()


async def drained(reply):
    return [item async for item in (reply.chunks or reply.events)]


async def test_a_whole_answer():
    async with traced() as world:
        call = world.call()
        await world(call)
        request, attempt = await world.spans()
    assert (request.name, request.kind, request.status) == ("chat fast", "internal", "unset")
    assert (attempt.name, attempt.kind, attempt.status) == ("chat sim-demo", "client", "unset")
    assert (request.parent, attempt.parent, attempt.trace) == ("", request.id, request.trace)
    assert request.resource["service.name"] == "modelway"
    assert request.resource["service.version"] == VERSION
    assert request.scope == ("modelway", VERSION, SCHEMA)
    assert request["gen_ai.request.model"] == "fast"
    assert request["modelway.call.id"] == call.id
    assert request["modelway.attempts"] == 1
    assert "server.address" not in request.attributes
    assert attempt["gen_ai.request.model"] == "sim-demo"
    assert attempt["server.address"] == "127.0.0.1"
    assert attempt["server.port"] > 0
    assert attempt["modelway.deployment"] == "simulator/sim-demo"
    for span in (request, attempt):
        assert span["gen_ai.operation.name"] == "chat"
        assert span["gen_ai.provider.name"] == "simulator"
        assert span["gen_ai.response.model"] == "sim-demo"
        assert span["gen_ai.response.id"]
        assert span["gen_ai.response.finish_reasons"] == ["stop"]
        assert span["gen_ai.usage.input_tokens"] > 0
        assert span["gen_ai.usage.output_tokens"] > 0


@pytest.mark.parametrize("dialect", ["openai-chat", "anthropic-messages"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_s_bytes_are_read_as_little_as_need_be(dialect, stream):
    async with traced() as world:
        call = world.body(stream=stream, dialect=dialect, max_tokens=50, temperature=0.5, top_p=1)
        reply = await world(call)
        if dialect == "openai-chat":
            assert reply.chunks or reply.body, "it is not decoded for this"
        if stream:
            await drained(reply)
        request, attempt = await world.spans()
    assert (request.kind, attempt.kind) == ("server", "client")
    for span in (request, attempt):
        assert span["gen_ai.request.max_tokens"] == 50
        assert span["gen_ai.request.temperature"] == 0.5
        assert span["gen_ai.request.top_p"] == 1.0
        assert span["gen_ai.request.stream"] is (True if stream else None)
        assert span["gen_ai.response.model"] == "sim-demo"
        assert span["gen_ai.response.id"]
        assert span["gen_ai.response.finish_reasons"] in (["stop"], ["end_turn"])
        assert span["gen_ai.usage.input_tokens"] > 0
        assert (span["gen_ai.response.time_to_first_chunk"] is not None) is stream


async def test_a_stream_ends_with_its_last_event():
    async with traced() as world:
        reply = await world(world.call(stream=True))
        assert world.receiver.spans == []
        await drained(reply)
        request, attempt = await world.spans()
    for span in (request, attempt):
        assert span["gen_ai.request.stream"] is True
        assert span["gen_ai.response.finish_reasons"] == ["stop"]
        assert 0 < span["gen_ai.response.time_to_first_chunk"] <= span.took_s
        assert span["gen_ai.usage.output_tokens"] > 0
    assert request.took_s >= attempt.took_s


async def test_a_failure_says_its_class_and_not_its_words():
    async with traced() as world:
        with pytest.raises(OverloadedError):
            await world(world.call("broken"))
        request, attempt = await world.spans()
    for span in (request, attempt):
        assert (span.status, span.status_message) == ("error", "")
        assert span["error.type"] == "OverloadedError"
        assert span["http.response.status_code"] == 500


async def test_a_retry_and_a_fallback_are_siblings():
    async with traced() as world:
        await world(world.call("sick"))
        request, *attempts = await world.spans()
    assert [one["modelway.attempt.reason"] for one in attempts] == ["first", "retry", "fallback"]
    assert [one["modelway.attempt.number"] for one in attempts] == [1, 2, 3]
    assert [one["gen_ai.request.model"] for one in attempts] == ["sim-500", "sim-500", "sim-demo"]
    assert [one.status for one in attempts] == ["error", "error", "unset"]
    assert {one.parent for one in attempts} == {request.id}
    assert (request.status, request["modelway.attempts"]) == ("unset", 3)
    assert request["modelway.deployment"] == "simulator/sim-demo"


async def test_a_hedge_is_a_sibling_and_the_loser_is_cancelled():
    config = {
        "providers": {"simulator": {}},
        "models": {"both": {"deployments": ["simulator/sim-slow", "simulator/sim-demo"]}},
        "hedging": {"after_s": 0.01, "share": 1.0},
    }
    async with traced(config) as world:
        await world(world.call("both", options=Options(hedge=True)))
        _, slow, quick = await world.spans()
    assert (slow["error.type"], slow.status) == ("cancelled", "unset")
    assert (quick["modelway.attempt.reason"], quick["error.type"]) == ("hedge", None)


async def test_a_call_that_is_given_up():
    async with traced() as world:
        task = asyncio.create_task(world(world.call("simulator/sim-slow")))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        spans = await world.spans()
    assert [(one["error.type"], one.status) for one in spans] == [("cancelled", "unset")] * 2


@pytest.mark.parametrize("way", ["body", "call"])
async def test_a_stream_whose_reader_leaves(way):
    async with traced() as world:
        call = getattr(world, way)("simulator/sim-long", stream=True)
        reply = await world(call)
        stream = reply.chunks or reply.events
        await anext(aiter(stream))
        await stream.aclose()
        spans = await world.spans()
    assert [(one["error.type"], one.status) for one in spans] == [("cancelled", "unset")] * 2


async def test_embeddings():
    async with traced() as world:
        asked = EmbedRequest(model="fast", inputs=("a", "b"), dimensions=8)
        await world(world.call(operation="embed", request=asked))
        request, attempt = await world.spans()
    assert request.name == "embeddings fast"
    assert attempt.name == "embeddings sim-demo"
    for span in (request, attempt):
        assert span["gen_ai.operation.name"] == "embeddings"
        assert span["gen_ai.embeddings.dimension.count"] == 8
        assert span["gen_ai.usage.input_tokens"] > 0


async def test_a_call_for_nobody():
    async with traced() as world:
        with pytest.raises(LLMError):
            await world(world.call("nonsense-42"))
        (request,) = await world.spans()
    assert request["gen_ai.provider.name"] == "modelway"
    assert request["error.type"] == "UnknownModelError"
    (point,) = world.receiver.points["gen_ai.server.request.duration"]
    assert "gen_ai.request.model" not in point.attributes, "callers make up names"


async def test_measures():
    async with traced() as world:
        await world(world.call())
        await drained(await world(world.call(stream=True)))
        with contextlib.suppress(LLMError):
            await world(world.call("broken"))
        spans = await world.spans()
        points = world.receiver.points
    assert {name: (of[0].unit, of[0].boundaries) for name, of in points.items()} == {
        "gen_ai.client.operation.duration": ("s", SECONDS),
        "gen_ai.client.operation.time_to_first_chunk": ("s", SECONDS),
        "gen_ai.client.token.usage": ("{token}", TOKENS),
        "gen_ai.server.request.duration": ("s", SECONDS),
        "gen_ai.server.time_to_first_token": ("s", SECONDS_TO_FIRST),
        "gen_ai.server.time_per_output_token": ("s", SECONDS_EACH),
    }
    durations = points["gen_ai.client.operation.duration"]
    assert {(one.attributes.get("error.type"), one.count) for one in durations} == {
        (None, 2),
        ("OverloadedError", 1),
    }
    attempts = [one for one in spans if one.kind == "client"]
    for side in ("input", "output"):
        (told,) = [
            one
            for one in points["gen_ai.client.token.usage"]
            if one.attributes["gen_ai.token.type"] == side
        ]
        spent = [one[f"gen_ai.usage.{side}_tokens"] or 0 for one in attempts]
        assert (told.count, told.sum) == (2, sum(spent))


async def test_a_trace_goes_through():
    async with traced() as world:
        call = world.call()
        await world(
            Call(
                id=call.id,
                model=call.model,
                request=call.request,
                trace_parent=PARENT,
                trace_state="vendor=one,other=two",
            )
        )
        request, attempt = await world.spans()
    assert (request.trace, request.parent) == (PARENT[3:35], PARENT[36:52])
    assert request.state == "vendor=one,other=two"
    assert (attempt.trace, attempt.parent) == (request.trace, request.id)


@pytest.mark.parametrize("sync", [False, True])
async def test_a_program_s_span_is_the_parent_of_what_its_client_asks(sync):
    own = TracerProvider(shutdown_on_exit=False).get_tracer("program")
    with collector() as receiver:
        config = {**CONFIG, "telemetry": {"enabled": True, "endpoint": receiver.url}}

        def from_a_thread():
            with modelway.SyncClient(config) as client:
                client.chat("Hello!", model="fast")

        with own.start_as_current_span("of the program") as outer:
            if sync:
                await asyncio.to_thread(from_a_thread)
            else:
                async with modelway.Client(config) as client:
                    await client.chat("Hello!", model="fast")
        request, attempt = receiver.spans
    parent = outer.get_span_context()
    assert (request.trace, request.parent) == (f"{parent.trace_id:032x}", f"{parent.span_id:016x}")
    assert attempt.parent == request.id


async def test_a_cached_answer_is_told_as_such():
    async with traced({**CONFIG, "cache": True}) as world:
        for stream in (False, False, True):
            reply = await world(world.call(stream=stream))
            if stream:
                await drained(reply)
        spans = await world.spans()
    first, attempt, *others = spans
    assert (first["modelway.cache.hit"], attempt.kind) == (None, "client")
    assert {one["modelway.cache.hit"] for one in others} == {"exact"}
    assert {one["modelway.attempts"] for one in others} == {None}
    assert {one["gen_ai.response.id"] for one in others} == {first["gen_ai.response.id"]}
    assert [one["gen_ai.request.stream"] for one in others] == [None, True]


async def test_callers_who_share_an_answer_have_a_span_each():
    async with traced() as world:
        shared = Options(single_flight=True)
        calls = [world.call("simulator/sim-demo", options=shared) for _ in range(5)]
        await asyncio.gather(*[world(call) for call in calls])
        spans = await world.spans()
    requests = [one for one in spans if one.kind == "internal"]
    (attempt,) = [one for one in spans if one.kind == "client"]
    assert {one["modelway.call.id"] for one in requests} == {call.id for call in calls}
    assert {one["gen_ai.response.id"] for one in requests} == {attempt["gen_ai.response.id"]}
    assert attempt.parent in {one.id for one in requests}


def test_one_gateway_behind_another_is_one_trace(tmp_path):
    with collector() as receiver, contextlib.ExitStack() as behind:
        telemetry = {"enabled": True, "endpoint": receiver.url}
        far = behind.enter_context(served({**CONFIG, "telemetry": telemetry}, tmp_path / "far"))
        config = {
            "providers": {
                "far": {
                    "like": "openai-compatible",
                    "base_url": f"{far.url}/v1",
                    "api_key": far.key,
                }
            },
            "telemetry": telemetry,
        }
        with modelway.SyncClient(config) as client:
            client.chat("Hello!", model="far/fast")
        behind.close()
        near, asks, comes_in, answers = receiver.spans
    assert [one.kind for one in (near, asks, comes_in, answers)] == [
        *("internal", "client", "server", "client")
    ]
    assert [asks.parent, comes_in.parent, answers.parent] == [near.id, asks.id, comes_in.id]
    assert len({one.trace for one in (near, asks, comes_in, answers)}) == 1
    assert near.resource["service.instance.id"] != comes_in.resource["service.instance.id"]
