"""The middlewares around handlers of our own: who is whose parent, and what is told of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from typing import get_args

import pytest
from msgspec.structs import replace
from opentelemetry import context as contexts
from opentelemetry import metrics, trace
from opentelemetry.sdk.trace import TracerProvider

from modelway.call import Call, Deployment, Operation, Options, Reply, Target
from modelway.catalog.load import providers
from modelway.engine import onion
from modelway.errors import RateLimitError, StreamInterruptedError
from modelway.observe.otel.names import OPERATIONS
from modelway.observe.otel.opening import open_telemetry
from modelway.observe.settings import TelemetrySettings
from modelway.types import (
    ChatRequest,
    ChatResponse,
    Choice,
    Finish,
    Message,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolResult,
    Usage,
)
from support.hand_clock import HandClock
from support.otlp_receiver import collector

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SAMPLED = f"00-{TRACE}-00f067aa0ba902b7-01"
UNSAMPLED = f"00-{TRACE}-00f067aa0ba902b7-00"
USAGE = Usage(input_tokens=10, output_tokens=5, cached_tokens=4, cache_write_tokens=3)


def deployment(provider="openai", model="m", **more):
    row = providers()[provider]
    return Deployment(
        id=f"{provider}/{model}",
        provider=row,
        dialect=row.dialects[0],
        target=Target(model=model),
        base_url=more.pop("base_url", "https://api.example:8443/v1"),
        **more,
    )


ONE = deployment()


def asked(text="Hello", **more):
    request = ChatRequest(messages=(Message(role="user", parts=(Text(text=text),)),))
    return Call(**{"id": "mw-1", "model": "fast", "request": request, **more})


def answer(text="Hi", **more):
    choice = Choice(
        message=Message(role="assistant", parts=(Text(text=text),)), finish_reason="stop"
    )
    value = ChatResponse(id="r-1", model="m-2026", choices=(choice,), usage=USAGE)
    return Reply(**{"deployment": ONE, "value": value, "usage": USAGE, **more})


class Events:
    """A stream that is settled by its test."""

    def __init__(self, *batches):
        self.batches = batches
        self.on_settled = []
        self.on_batch = []
        self.usage = None
        self.finished = False
        self.received_chars = None

    def go(self, usage=USAGE, error=None):
        for batch in self.batches:
            for told in self.on_batch:
                told(batch)
        for told in self.on_settled:
            told(usage, error)


class World:
    def __init__(self, receiver, telemetry):
        self.receiver = receiver
        self.telemetry = telemetry
        self.told = []
        """Calls as they came to the innermost handler."""

    def around(self, reply=None, error=None, *, on=ONE, cost=None):
        """One attempt within a call."""

        async def handler(call):
            self.told.append(call)
            if error is not None:
                raise error
            return reply or answer()

        attempt = self.telemetry.attempt(on, "chat", cost)
        return onion(handler, self.telemetry.request, attempt)

    async def spans(self):
        await self.telemetry.aclose()
        return self.receiver.spans


@contextlib.asynccontextmanager
async def world(clock=None, **settings):
    with collector() as receiver:
        said = TelemetrySettings(enabled=True, endpoint=receiver.url, **settings)
        telemetry = open_telemetry(
            said, environment={}, version="1", clock=clock, chance=random.Random(1)
        )
        try:
            yield World(receiver, telemetry)
        finally:
            await telemetry.aclose()


async def test_a_provider_is_told_the_attempt_it_is_asked_by():
    async with world() as seen:
        await seen.around()(asked(trace_parent=SAMPLED, trace_state="a=1"))
        request, attempt = await seen.spans()
    (told,) = seen.told
    assert told.trace_parent == f"00-{TRACE}-{attempt.id}-01"
    assert told.trace_state == "a=1"
    assert attempt.parent == request.id
    assert request.parent == "00f067aa0ba902b7"


@pytest.mark.parametrize("parent", [SAMPLED, "malformed", ""])
async def test_a_provider_is_told_nothing_where_that_is_not_wanted(parent):
    async with world(propagate=False) as seen:
        await seen.around()(asked(trace_parent=parent, trace_state="a=1" if parent else ""))
    (told,) = seen.told
    assert (told.trace_parent, told.trace_state) == ("", "")


async def test_a_malformed_parent_begins_a_trace():
    async with world() as seen:
        await seen.around()(asked(trace_parent=SAMPLED[:-1], trace_state="a=1"))
        request, _ = await seen.spans()
    assert (request.parent, request.state) == ("", "")
    assert request.trace != TRACE


@pytest.mark.parametrize("sample", [0.0, 1.0])
@pytest.mark.parametrize(("parent", "sampled"), [(SAMPLED, True), (UNSAMPLED, False)])
async def test_a_caller_s_decision_to_sample_is_kept(sample, parent, sampled):
    async with world(sample=sample) as seen:
        await seen.around()(asked(trace_parent=parent))
        spans = await seen.spans()
        points = seen.receiver.points
    assert len(spans) == (2 if sampled else 0)
    (told,) = seen.told
    assert told.trace_parent.startswith(f"00-{TRACE}-")
    assert told.trace_parent[-2:] == parent[-2:], "the decision goes on"
    assert points["gen_ai.server.request.duration"][0].count == 1, "all are measured"


async def test_a_share_of_what_begins_here_is_sampled():
    async with world(sample=0.25) as seen:
        handler = seen.around()
        for _ in range(400):
            await handler(asked())
        spans = await seen.spans()
    requests = [one for one in spans if not one.parent]
    assert 60 < len(requests) < 140
    assert {one.trace for one in spans} == {one.trace for one in requests}
    assert len(spans) == 2 * len(requests), "attempts go with their call"


async def test_the_program_s_span_is_the_parent_and_its_provider_is_left_alone():
    before = (trace.get_tracer_provider(), metrics.get_meter_provider())
    own = TracerProvider(shutdown_on_exit=False).get_tracer("program")
    async with world() as seen:
        with own.start_as_current_span("of the program") as outer:
            await seen.around()(asked())
        request, attempt = await seen.spans()
    assert request.parent == f"{outer.get_span_context().span_id:016x}"
    assert request.trace == attempt.trace == f"{outer.get_span_context().trace_id:032x}"
    assert (trace.get_tracer_provider(), metrics.get_meter_provider()) == before


async def test_what_happens_within_a_call_is_beneath_it():
    async with world() as seen:
        inside = []

        async def handler(call):
            inside.append(trace.get_current_span().get_span_context())
            if call.id == "mw-1":
                await onion(handler, seen.telemetry.request)(asked(id="mw-2"))
            return answer()

        await onion(handler, seen.telemetry.request)(asked())
        outer, inner = await seen.spans()
    assert inner.parent == outer.id
    assert [f"{one.span_id:016x}" for one in inside] == [outer.id, inner.id]
    assert contexts.get_current() == {}, "nothing is left behind"


async def test_an_attempt_apart_from_any_call_is_a_trace_of_its_own():
    async with world() as seen:

        async def handler(call):
            del call
            return Reply(deployment=ONE)

        await onion(handler, seen.telemetry.attempt(ONE, "models"))(
            Call(id="x", operation="models", model="openai/")
        )
        (attempt,) = await seen.spans()
    assert (attempt.name, attempt.parent) == ("list_models m", "")


async def test_a_cached_answer_has_no_attempt_and_costs_nothing():
    async with world() as seen:

        async def handler(call):
            del call
            return answer(cached="semantic", age_s=12.5)

        await onion(handler, seen.telemetry.request)(asked())
        (request,) = await seen.spans()
        points = seen.receiver.points
    assert (request["modelway.cache.hit"], request["modelway.cache.age_s"]) == ("semantic", 12.5)
    assert request["gen_ai.response.id"] == "r-1"
    assert request["modelway.cost_usd"] is None
    assert request["modelway.attempts"] is None
    assert "gen_ai.client.token.usage" not in points


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        (USAGE, 0.000_002),
        (replace(USAGE, reported_cost_usd=0.5), 0.5),
    ],
)
async def test_a_price_is_the_provider_s_word_before_ours(usage, told):
    async with world() as seen:
        handler = seen.around(answer(usage=usage), cost=lambda _: 2_000_000)
        await handler(asked())
        spans = await seen.spans()
    assert [one["modelway.cost_usd"] for one in spans] == [told, told]


async def test_an_unknown_price_is_not_zero():
    async with world() as seen:
        await seen.around(cost=lambda _: None)(asked())
        spans = await seen.spans()
    assert [one["modelway.cost_usd"] for one in spans] == [None, None]


async def test_tokens_by_the_conventions_names():
    async with world() as seen:
        usage = replace(USAGE, reasoning_tokens=2)
        await seen.around(answer(usage=usage))(asked(options=Options(session="talk-7")))
        spans = await seen.spans()
    for span in spans:
        assert span["gen_ai.usage.input_tokens"] == 10
        assert span["gen_ai.usage.output_tokens"] == 5
        assert span["gen_ai.usage.cache_read.input_tokens"] == 4
        assert span["gen_ai.usage.cache_creation.input_tokens"] == 3
        assert span["gen_ai.usage.reasoning.output_tokens"] == 2
        assert span["gen_ai.conversation.id"] == "talk-7"


@pytest.mark.parametrize(
    ("provider", "told"),
    [
        ("openai", "openai"),
        ("azure", "azure.ai.openai"),
        ("bedrock", "aws.bedrock"),
        ("gemini", "gcp.gemini"),
        ("vertex", "gcp.vertex_ai"),
        ("mistral", "mistral_ai"),
        ("xai", "x_ai"),
        ("together", "together"),
    ],
)
async def test_providers_by_their_well_known_names(provider, told):
    async with world() as seen:
        on = deployment(provider)
        await seen.around(answer(deployment=on), on=on)(asked())
        spans = await seen.spans()
    assert [one["gen_ai.provider.name"] for one in spans] == [told, told]
    assert (spans[1]["server.address"], spans[1]["server.port"]) == ("api.example", 8443)


async def test_a_stream_is_timed_by_the_clock():
    clock = HandClock()
    stream = Events(
        [Start(id="r-2", model="m")], [TextDelta(text="a")], [Finish(reason="stop", usage=USAGE)]
    )
    async with world(clock) as seen:

        async def handler(call):
            del call
            await clock.advance(2.0)
            return Reply(deployment=ONE, events=stream)

        attempt = seen.telemetry.attempt(ONE, "chat")
        await onion(handler, seen.telemetry.request, attempt)(asked(stream=True))
        await clock.advance(8.0)
        stream.go()
        spans = await seen.spans()
        points = seen.receiver.points
    for span in spans:
        assert span.took_s == pytest.approx(10.0)
        assert span["gen_ai.response.time_to_first_chunk"] == 2.0
        assert span["gen_ai.response.id"] == "r-2"
        assert span["gen_ai.response.finish_reasons"] == ["stop"]
    sums = {name: one[0].sum for name, one in points.items()}
    assert sums["gen_ai.client.operation.duration"] == 10.0
    assert sums["gen_ai.client.operation.time_to_first_chunk"] == 2.0
    assert sums["gen_ai.server.time_to_first_token"] == 2.0
    assert sums["gen_ai.server.time_per_output_token"] == 2.0, "eight seconds, four tokens more"


async def test_a_stream_that_breaks_is_an_error_with_what_was_used():
    stream = Events([Start(id="r-3", model="m")])
    async with world() as seen:
        await seen.around(Reply(deployment=ONE, events=stream))(asked(stream=True))
        stream.go(USAGE, StreamInterruptedError("canary"))
        spans = await seen.spans()
        points = seen.receiver.points
    for span in spans:
        assert (span.status, span["error.type"]) == ("error", "StreamInterruptedError")
        assert span["gen_ai.usage.output_tokens"] == 5
        assert span["gen_ai.response.id"] == "r-3"
    assert "gen_ai.server.time_to_first_token" not in points, "that is of those that succeed"


async def test_an_error_s_words_are_not_told():
    async with world(content="events") as seen:
        error = RateLimitError("canary", status=429, code="canary", request_id="canary")
        with pytest.raises(RateLimitError):
            await seen.around(error=error)(asked())
        spans = await seen.spans()
    assert [one["http.response.status_code"] for one in spans] == [429, 429]
    assert not any(b"canary" in body for _, body in seen.receiver.bodies)


async def test_what_is_no_number_of_the_wire_harms_nothing():
    odd = ChatRequest(
        messages=(),
        seed=2**70,
        max_tokens=2**63,
        temperature=float("nan"),
        stop=("\ud800",) * 100,
    )
    async with world() as seen:
        usage = Usage(input_tokens=10**400, output_tokens=-5, reported_cost_usd=float("inf"))
        await seen.around(answer(usage=usage))(asked(request=odd, model="\udfff" * 1000))
        spans = await seen.spans()
    assert len(spans) == 2
    for span in spans:
        assert span["gen_ai.request.seed"] is None
        assert len(span["gen_ai.request.stop_sequences"]) == 16
        assert len(span.name) < 300


async def test_a_price_list_that_fails_harms_no_call(caplog):
    def cost(usage):
        raise LookupError("nobody knows")

    async with world() as seen:
        assert (await seen.around(cost=cost)(asked())).value.text == "Hi"
        (request,) = await seen.spans()
    assert request["modelway.attempts"] == 1
    assert "could not be told" in caplog.text


def test_every_operation_has_a_name():
    assert set(OPERATIONS) == set(get_args(Operation))


async def test_whether_a_parent_is_remote_is_told():
    async with world() as seen:
        await seen.around()(asked(trace_parent=SAMPLED))
        await seen.spans()
        flags = [
            span.flags
            for request in seen.receiver.requests("/v1/traces")
            for span in request.resource_spans[0].scope_spans[0].spans
        ]
    assert sorted(flags) == [0x101, 0x301]


async def test_memory_is_bounded_where_callers_make_up_names():
    async with world() as seen:
        for number in range(2_500):
            on = deployment(model=f"m{number}")
            await seen.around(answer(deployment=on), on=on)(asked(model=f"made-up-{number}"))
        await seen.telemetry.aclose()
        points = seen.receiver.points["gen_ai.client.operation.duration"]
    assert len(points) == 2_001
    (rest,) = [one for one in points if one.attributes["gen_ai.request.model"] == "_OTHER"]
    assert rest.count == 500


async def test_nothing_of_what_is_said_is_told_unless_it_is_asked_for():
    stream = Events([TextDelta(text="canary")], [Finish(reason="stop")])
    async with world() as seen:
        await seen.around(answer("canary"))(asked("canary"))
        await seen.around(Reply(deployment=ONE, events=stream))(asked("canary", stream=True))
        stream.go()
        assert len(await seen.spans()) == 4
    assert not any(b"canary" in body for _, body in seen.receiver.bodies)


async def test_content_is_one_event_of_the_call_s_span():
    messages = (
        Message(role="system", parts=(Text(text="Be brief."),)),
        Message(role="user", parts=(Text(text="Weather?"),)),
        Message(
            role="assistant",
            parts=(ToolCall(id="c1", name="weather", arguments='{"city":"Paris","n":1}'),),
        ),
        Message(role="tool", parts=(ToolResult(call_id="c1", parts=(Text(text="rain"),)),)),
    )
    async with world(content="events") as seen:
        await seen.around(answer("Rain."))(asked(request=ChatRequest(messages=messages)))
        request, _ = await seen.spans()
        (event,) = seen.receiver.events
    assert event.name == "gen_ai.client.inference.operation.details"
    assert (event.trace, event.span) == (request.trace, request.id)
    assert event.attributes["gen_ai.provider.name"] == "openai"
    assert event.attributes["gen_ai.input.messages"] == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Weather?"}]},
        {
            "role": "assistant",
            "parts": [
                {
                    "type": "tool_call",
                    "id": "c1",
                    "name": "weather",
                    "arguments": {"city": "Paris", "n": 1},
                }
            ],
        },
        {
            "role": "tool",
            "parts": [
                {
                    "type": "tool_call_response",
                    "id": "c1",
                    "response": [{"type": "text", "content": "rain"}],
                }
            ],
        },
    ]
    assert event.attributes["gen_ai.output.messages"] == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "Rain."}],
            "finish_reason": "stop",
        }
    ]


async def test_content_is_bounded_and_the_newest_is_kept():
    messages = tuple(
        Message(role="user", parts=(Text(text=f"{number}:" + "x" * 5_000),)) for number in range(50)
    )
    messages = (*messages[:49], Message(role="assistant"), messages[49])
    async with world(content="events") as seen:
        reply = answer("y" * 1_000_000)
        await seen.around(reply)(asked(request=ChatRequest(messages=messages)))
        await seen.spans()
        (event,) = seen.receiver.events
    said = event.attributes["gen_ai.input.messages"]
    assert said[-1]["parts"][0]["content"].startswith("49:")
    assert said[-2] == {"role": "assistant", "parts": []}
    assert 6 <= len(said) <= 9
    assert max(len(body) for _, body in seen.receiver.bodies) < 100_000


async def test_no_content_of_a_call_that_is_not_sampled():
    async with world(content="events", sample=0.0) as seen:
        await seen.around()(asked())
        await seen.spans()
        assert seen.receiver.events == []


async def test_many_at_once_keep_their_parents():
    async with world() as seen:

        async def handler(call):
            await asyncio.sleep(0)
            return answer()

        attempt = seen.telemetry.attempt(ONE, "chat")
        around = onion(handler, seen.telemetry.request, attempt, attempt)
        await asyncio.gather(*[around(asked(id=f"mw-{number}")) for number in range(50)])
        spans = await seen.spans()
    requests = {one.id: one for one in spans if one.kind == "internal"}
    assert len(requests) == 50
    for one in spans:
        if one.kind == "client":
            assert requests[one.parent].trace == one.trace
    assert len({one.trace for one in spans}) == 50


async def test_the_log_stays_quiet(caplog):
    with caplog.at_level(logging.DEBUG):
        async with world(content="events") as seen:
            await seen.around()(asked(trace_parent="nonsense", trace_state="="))
    assert [one for one in caplog.records if "asyncio" not in one.name] == []
