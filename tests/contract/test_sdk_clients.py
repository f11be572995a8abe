"""What both clients do alike: the same scenarios, over real HTTP, in both dialects."""

from __future__ import annotations

import inspect

import pytest

import modelway
from modelway.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigError,
    RateLimitError,
    StreamInterruptedError,
    UnknownModelError,
    UnsupportedError,
)
from modelway.simulator.script import Fault, Match, Pace, Reply, Rule, Script, ScriptedCall
from modelway.simulator.serve import SimulatorThread
from support.sdk import FromLoop, FromThread, config, until

STORY = "Once upon a time there was a simulator, and it was content."

SCRIPT = Script(
    rules=(
        Rule(match=Match(model="story"), reply=Reply(text=STORY)),
        Rule(
            match=Match(model="thinker"),
            reply=Reply(text="Four.", reasoning="Two and two.", signature="sig"),
        ),
        Rule(
            match=Match(model="caller"),
            reply=Reply(
                text="Let me look.",
                tool_calls=(ScriptedCall(name="look", arguments={"at": "it"}, id="call_1"),),
            ),
        ),
        Rule(match=Match(model="endless"), reply=Reply(fault=Fault(stall_after_chunks=3))),
        Rule(match=Match(model="cut"), reply=Reply(text=STORY, fault=Fault(cut_after_chunks=4))),
        Rule(match=Match(model="slow"), reply=Reply(pace=Pace(latency_s=5.0))),
    ),
    seed=1,
)
LOOK = modelway.Tool(name="look", parameters={"type": "object", "properties": {"at": {}}})


@pytest.fixture(scope="module")
def server():
    with SimulatorThread(SCRIPT) as running:
        yield running


@pytest.fixture(params=[FromLoop, FromThread], ids=["async", "sync"])
async def client(request, server):
    found = request.param(
        config(server.base_url), environment={}, options=modelway.Options(retries=0)
    )
    yield found
    await found.close()


@pytest.fixture(params=["sim", "sima"], ids=["openai", "anthropic"])
def provider(request):
    return request.param


# ---------------------------------------------------------------- answers


async def test_an_answer_says_who_gave_it(client, provider):
    answer = await client.do("chat", "Hello", model=f"{provider}/story", max_tokens=50)
    assert answer.text == STORY
    assert answer.provider == provider
    assert answer.deployment == f"{provider}/story"
    assert answer.request_id
    assert answer.finish_reason == "stop"
    assert answer.choices[0].raw_finish_reason in {"stop", "end_turn"}
    assert answer.usage.output_tokens > 0
    assert 0 < answer.latency_s < 5
    assert answer.warnings == ()


@pytest.mark.parametrize("model", ["story", "thinker", "caller"])
async def test_a_collected_stream_is_the_whole_answer(client, provider, model):
    asked = {"model": f"{provider}/{model}", "max_tokens": 50, "tools": [LOOK]}
    whole = await client.do("chat", "Hello", **asked)
    streamed = await client.collect("Hello", **asked)
    assert [choice.message for choice in streamed.choices] == [
        choice.message for choice in whole.choices
    ]
    assert streamed.finish_reason == whole.finish_reason
    assert streamed.usage.output_tokens == whole.usage.output_tokens
    assert streamed.usage.input_tokens == whole.usage.input_tokens
    assert (streamed.provider, streamed.deployment) == (whole.provider, whole.deployment)
    assert streamed.request_id
    assert 0 < streamed.time_to_first_token_s <= streamed.latency_s


async def test_a_stream_is_typed_events(client, provider):
    events = await client.events("Hello", model=f"{provider}/story", max_tokens=50)
    assert isinstance(events[0], modelway.Start)
    assert isinstance(events[-1], modelway.Finish)
    deltas = events[1:-1]
    assert all(isinstance(event, modelway.TextDelta) for event in deltas)
    assert "".join(event.text for event in deltas) == STORY
    assert events[-1].usage.output_tokens > 0


async def test_text_is_the_text_alone(client, provider):
    asked = {"model": f"{provider}/caller", "max_tokens": 50, "tools": [LOOK]}
    assert await client.text("Hello", **asked) == "Let me look."


async def test_a_loop_that_is_left_goes_on_in_the_next_one(client, provider):
    first, rest, whole = await client.first_events_then_collect(
        3, "Hello", model=f"{provider}/story", max_tokens=50
    )
    assert len(first) == 3
    said = [event.text for event in first + rest if isinstance(event, modelway.TextDelta)]
    assert "".join(said) == STORY == whole.text


async def test_what_is_asked_arrives(client, server):
    said = [modelway.user("Hi"), modelway.assistant("Yes?"), modelway.user("2 + 2?")]
    await client.do(
        "chat", said, model="sim/story", system="Be brief.", temperature=0.5, stop="END", seed=7
    )
    body = server.simulator.requests[-1].json
    assert [message["role"] for message in body["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert (body["temperature"], body["stop"], body["seed"]) == (0.5, ["END"], 7)
    assert body["model"] == "story"


# ---------------------------------------------------------------- errors


async def test_errors_are_typed_and_say_where(client):
    with pytest.raises(AuthenticationError) as caught:
        await client.do("chat", "Hello", model="sim/sim-401")
    assert (caught.value.provider, caught.value.model) == ("sim", "sim-401")
    assert caught.value.status == 401
    with pytest.raises(RateLimitError) as limited:
        await client.events("Hello", model="sim/sim-429")
    assert limited.value.retry_after_s == 1.0


async def test_nothing_is_sent_for_what_cannot_be_meant(client, server):
    before = len(server.simulator.requests)
    with pytest.raises(UnknownModelError):
        await client.do("chat", "Hello", model="nobody/knows")
    with pytest.raises(BadRequestError, match="temperature"):
        await client.do("chat", "Hello", model="sim/story", temperature="hot")
    with pytest.raises(TypeError, match="did you mean 'temperature'"):
        await client.do("chat", "Hello", model="sim/story", temprature=1)
    with pytest.raises(BadRequestError, match="no messages"):
        await client.do("chat", [], model="sim/story")
    with pytest.raises(BadRequestError, match=r"messages\[0\] is a dict"):
        await client.do("chat", [{"role": "user", "content": "Hi"}], model="sim/story")
    assert len(server.simulator.requests) == before


async def test_strict_refuses_instead_of_warning(client):
    asked = {"model": "sima/story", "seed": 7, "max_tokens": 5}
    answer = await client.do("chat", "Hello", **asked)
    assert [warning.setting for warning in answer.warnings] == ["seed"]
    with pytest.raises(UnsupportedError, match="seed"):
        await client.do("chat", "Hello", options=modelway.Options(strict=True), **asked)


async def test_a_cut_stream_says_what_had_arrived(client, provider):
    with pytest.raises(StreamInterruptedError) as caught:
        await client.collect("Hello", model=f"{provider}/cut", max_tokens=50)
    assert caught.value.partial.text
    assert STORY.startswith(caught.value.partial.text)
    assert caught.value.provider == provider


async def test_a_deadline_ends_a_call(client):
    with pytest.raises(modelway.APITimeoutError):
        await client.do(
            "chat", "Hello", model="sim/slow", options=modelway.Options(timeout_s=0.05, retries=0)
        )


# ---------------------------------------------------------------- fallback


async def test_a_fallback_answers_whole_and_streamed(client, provider):
    asked = {
        "model": f"{provider}/sim-500",
        "max_tokens": 50,
        "options": modelway.Options(retries=0, fallbacks=(f"{provider}/story",)),
    }
    whole = await client.do("chat", "Hello", **asked)
    streamed = await client.collect("Hello", **asked)
    assert whole.text == streamed.text == STORY
    assert whole.deployment == streamed.deployment == f"{provider}/story"
    stats = client.client.stats()
    assert (stats.fallbacks, stats.successful_requests, stats.failed_requests) == (2, 2, 0)


async def test_when_nobody_answers_the_error_knows_the_others(client):
    fallbacks = ("sim/sim-401", "sima/sim-529")
    options = modelway.Options(retries=0, fallbacks=fallbacks)
    with pytest.raises(modelway.OverloadedError) as caught:
        await client.do("chat", "Hello", model="sim/sim-429", options=options)
    assert [type(error) for error in caught.value.earlier] == [RateLimitError, AuthenticationError]


async def test_what_does_not_stream_comes_as_one_batch_and_says_so(client):
    streamed = await client.collect("Hello", model="whole/story")
    assert streamed.text == STORY
    assert [warning.setting for warning in streamed.warnings] == ["stream"]
    events = await client.events("Hello", model="whole/story")
    assert [type(event).__name__ for event in events] == ["Start", "TextDelta", "Finish"]


# ---------------------------------------------------------------- leaving


async def test_leaving_a_stream_closes_the_upstream_socket(client, server, provider):
    before = server.simulator.disconnects
    await client.leave_after_first("Hello", model=f"{provider}/endless", max_tokens=50)
    assert await until(lambda: server.simulator.disconnects > before) < 0.05


# ---------------------------------------------------------------- knowing


async def test_models_are_listed_with_their_provider(client):
    models = await client.do("list_models", "sim")
    assert {model.provider for model in models} == {"sim"}
    assert "sim-demo" in {model.id for model in models}
    everything = await client.do("list_models")
    assert {model.provider for model in everything} == {"sim", "sima", "whole"}


async def test_a_model_is_available_when_its_provider_lists_it(client):
    assert await client.do("is_model_available", "sim/sim-demo")
    assert not await client.do("is_model_available", "sim/nothing-like-it")
    assert not await client.do("is_model_available", "nobody/knows")


async def test_capabilities_are_what_is_known(client):
    known = await client.do("capabilities", "sima/story")
    assert (known.provider, known.dialect) == ("sima", "anthropic-messages")
    assert set(known.operations) >= {"chat", "count_tokens", "models"}
    assert known.streaming
    assert known.json_schema is None
    with pytest.raises(UnknownModelError):
        await client.do("capabilities", "nobody/knows")


async def test_health_is_checked_of_all_at_once(client):
    health = await client.do("health_check")
    assert {one.provider for one in health} == {"sim", "sima", "whole"}
    assert all(one.ok and one.latency_s > 0 and one.models > 0 for one in health)
    with pytest.raises(ConfigError, match="nobody"):
        await client.do("health_check", "nobody")


async def test_tokens_are_counted_or_estimated(client):
    counted = await client.do("count_tokens", "Hello there", model="sima/story")
    assert counted.input_tokens > 0
    assert not counted.estimated
    estimated = await client.do("count_tokens", "Hello there", model="sim/story")
    assert estimated.input_tokens > 0
    assert estimated.estimated


async def test_a_plan_is_made_without_asking(client, server):
    before = len(server.simulator.requests)
    (planned,) = await client.do("plan", "sima/story")
    assert (planned.tier, planned.provider, planned.model) == (0, "sima", "story")
    assert len(server.simulator.requests) == before


async def test_stats_count_what_was_done(client):
    await client.do("chat", "Hello", model="sim/story")
    await client.text("Hello", model="sim/story")
    with pytest.raises(AuthenticationError):
        await client.do("chat", "Hello", model="sim/sim-401")
    stats = client.client.stats()
    assert (stats.total_requests, stats.successful_requests, stats.failed_requests) == (3, 2, 1)
    assert stats.input_tokens > 0
    assert stats.output_tokens > 0
    assert stats.open_requests == 0
    await client.close()
    assert client.client.stats() == stats


async def test_one_call_is_observed(client):
    seen = []

    class Observer:
        def observe(self, events):
            seen.extend(events)

    await client.do("chat", "Hello", model="sim/story", observers=[Observer()])
    await client.do("chat", "Hello", model="sim/story")
    await until(lambda: len(seen) >= 2)
    assert [event.name for event in seen] == ["llm.request.start", "llm.request.complete"]


# ---------------------------------------------------------------- no twin


def test_the_sync_client_has_the_same_names_and_signatures():
    def public(kind):
        return {name for name in dir(kind) if not name.startswith("_")}

    renamed = {"aclose": "close"}
    expected = {renamed.get(name, name) for name in public(modelway.Client)}
    assert public(modelway.SyncClient) == expected
    for name in expected - {"close"}:
        theirs = inspect.signature(getattr(modelway.Client, name))
        ours = inspect.signature(getattr(modelway.SyncClient, name))
        assert ours.parameters.keys() == theirs.parameters.keys(), name
        if name != "stats":  # not waited for, so not derived: it has its own words
            assert (
                getattr(modelway.SyncClient, name).__doc__ == getattr(modelway.Client, name).__doc__
            )
