"""``explain`` says what the next call then does, and moves nothing by saying it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.call import Call, Options
from modelway.clock import SystemClock
from modelway.errors import LLMError, OverloadedError
from modelway.explaining import explain
from modelway.messages import user
from modelway.types import ChatRequest, Tool
from support.scripted import BUSY, LONG, OK, Clock, Scripted, call, engine

ANSWERS = {"ok": OK, "busy": BUSY, "long": LONG}
STRATEGIES = [
    "ordered",
    "weighted",
    "random",
    "round_robin",
    "least_busy",
    "lowest_latency",
    "cheapest",
    "fits | cheapest",
    "capability",
    "cost_optimised",
]


def gone_through(reply):
    return [*[one.deployment for one in reply.failed], reply.deployment.id]


@given(
    strategy=st.sampled_from(STRATEGIES),
    seed=st.integers(0, 2**32),
    before=st.lists(st.sampled_from(["a", "b", "c"]), max_size=6),
    weights=st.tuples(*[st.sampled_from([0, 1, 3])] * 3),
    broken=st.sets(st.sampled_from(["a/x", "b/x", "c/x"]), max_size=2),
    session=st.none() | st.sampled_from(["s1", "s2"]),
)
async def test_what_is_explained_is_what_then_happens(
    strategy, seed, before, weights, broken, session
):
    transport = Scripted(a=[OK], b=[OK], c=[OK], d=[OK])
    running = engine(
        transport,
        config={"breaker": {"failures": 1}, "defaults": {"retries": 0}},
        m={
            "strategy": strategy,
            "deployments": [
                {"model": f"{name}/x", "weight": weight}
                for name, weight in zip("abc", weights, strict=True)
            ],
            "fallback": ["other"],
        },
        other="d/x",
    )
    running._chance.seed(seed)
    for _ in before:
        await running.handle(call())
    for id_ in broken:
        running.state.breakers.of(id_).failed(_outage())
    asked = call(session=session)
    first = await explain(running, asked)
    again = await explain(running, asked)
    assert first == again, "asking why changes nothing"
    skipped = [one.deployment for one in first.candidates if one.verdict == "skip"]
    assert set(skipped) == broken
    reply = await running.handle(call(session=session, trace=True))
    considered = [one.deployment for one in first.candidates]
    expected = considered[: considered.index(first.deployment) + 1]
    assert gone_through(reply) == expected
    assert reply.trace.strategy == first.strategy


def _outage() -> LLMError:
    return OverloadedError("down", status=503)


async def test_limits_that_are_reached_are_seen_before():
    transport = Scripted(a=[OK], b=[OK])
    running = engine(
        transport,
        SystemClock(),
        config={"providers": {"a": {"limits": {"requests_per_minute": 1}}}},
        m={"deployments": ["a/x", "b/y"]},
    )
    await running.handle(call())
    told = await explain(running, call())
    assert [(one.deployment, one.verdict) for one in told.candidates] == [
        ("a/x", "wait"),
        ("b/y", "ask"),
    ]
    assert 0 < told.candidates[0].wait_s <= 61
    (limit,) = told.candidates[0].limits
    assert (limit.name, limit.remaining, told.candidates[1].limits) == (
        "requests_per_minute",
        0,
        (),
    )
    assert (await running.handle(call())).deployment.id == told.deployment == "b/y"


async def test_edits_losses_and_prices_are_told():
    transport = Scripted(a=[OK], b=[OK])
    running = engine(transport, m={"deployments": ["a/gpt-4o-mini"], "fallback": ["b/x"]})
    tool = Tool(name="f", parameters={"type": "object", "properties": {}})
    request = ChatRequest(messages=(user("Fix the bug in f()"),), tools=(tool,), max_tokens=10)
    told = await explain(running, Call(id="1", model="m", request=request))
    first, second = told.candidates
    assert (first.verdict, second.verdict) == ("ask", "next")
    assert first.most_pico_usd is None, "nobody knows the prices of this host"
    assert first.edits.body_bytes > 50
    assert told.needs == ("tools",)
    assert (told.output_tokens, told.category) == (10, "debugging")
    assert transport.sent == [], "nobody was asked"


async def test_an_experiment_s_arm_is_told():
    transport = Scripted(a=[OK], b=[OK])
    running = engine(
        transport, Clock(), config={"experiments": {"e": {"arms": ["a/x", "b/y"]}}}, m="a/x"
    )
    told = await explain(running, call("e", unit="somebody"))
    reply = await running.handle(call("e", unit="somebody", trace=True))
    assert (told.experiment, told.arm) == ("e", reply.trace.arm)
    assert told.deployment == reply.deployment.id


async def test_a_strategy_that_is_not_there_is_refused_by_name():
    running = engine(Scripted(a=[OK]), m="a/x")
    with pytest.raises(LLMError, match="no strategy 'chepest'"):
        await explain(running, Call(id="1", model="m", options=Options(strategy="chepest")))


async def test_the_name_that_an_answer_is_kept_by_is_told():
    made = engine(Scripted(a=[OK]), config={"cache": True}, m={"deployments": ["a/x"]})
    told = await explain(made, call())
    assert len(bytes.fromhex(told.cache_key)) == 32
    assert told.cache_key == (await explain(made, call())).cache_key
    assert told.cache_key != (await explain(made, call(model="a/x"))).cache_key
    assert (await explain(engine(Scripted(a=[OK]), m="a/x"), call())).cache_key == ""
