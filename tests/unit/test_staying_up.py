"""Breakers, limits, degradation, special fallbacks and hedges on the way of a call."""

import asyncio
import json

import pytest

from modelway.call import Call, Options
from modelway.catalog.models import ModelInfo
from modelway.clock import SystemClock
from modelway.engine import Engine
from modelway.errors import (
    CircuitOpenError,
    ContextLengthError,
    LimitExceededError,
    OverloadedError,
    RateLimitError,
    StoreDownError,
    UnsupportedError,
)
from modelway.messages import user
from modelway.retrieval import EmbedRequest
from modelway.state import State
from modelway.store.memory import open_memory
from modelway.types import ChatRequest, Tool
from support.scripted import BUSY, LONG, OK, Clock, Scripted, call, engine

FILTERED = (400, b'{"error":{"message":"no","code":"content_filter"}}')
FAST_BREAKER = {"breaker": {"failures": 2, "open_s": 60}, "defaults": {"retries": 0}}


def limited(**limits):
    return {"providers": {"a": {"limits": limits}}}


async def fails(running, error, **options):
    with pytest.raises(error) as caught:
        await running.handle(call(**options))
    return caught.value


# ------------------------------------------------------------ breakers


async def test_a_deployment_that_keeps_failing_is_left_alone_and_tried_again_by_one():
    clock, transport = Clock(), Scripted(a=[BUSY, BUSY, BUSY, OK])
    running = engine(transport, clock, config=FAST_BREAKER, m="a/x")
    await fails(running, OverloadedError)
    await fails(running, OverloadedError)
    open_ = await fails(running, CircuitOpenError)
    assert "modelway health" in open_.message
    assert open_.retry_after_s == pytest.approx(60)
    assert len(transport.sent) == 2, "it is not asked while it is open"
    clock.now += 60
    await fails(running, OverloadedError)  # the probe fails
    await fails(running, CircuitOpenError)
    clock.now += 60
    assert (await running.handle(call())).value.text == "hi"
    assert running.state.breakers.of("a/x").closed


async def test_what_is_left_alone_is_passed_over_for_the_next():
    transport = Scripted(a=[BUSY], b=[OK])
    running = engine(transport, config=FAST_BREAKER, m={"deployments": ["a/x", "b/y"]})
    for _ in range(2):
        await running.handle(call())
    reply = await running.handle(call(trace=True))
    assert transport.hosts == ["a", "b", "a", "b", "b"]
    assert [(one.deployment, one.error) for one in reply.failed] == [("a/x", "CircuitOpenError")]
    assert reply.trace.before == reply.failed
    assert reply.trace.deployment == "b/y"


async def test_a_cancelled_probe_does_not_wedge_the_breaker():
    clock = Clock()
    reached = asyncio.Event()

    async def hang():
        reached.set()
        await asyncio.Event().wait()

    transport = Scripted(a=[BUSY, BUSY, hang, OK])
    running = engine(transport, clock, config=FAST_BREAKER, m="a/x")
    await fails(running, OverloadedError)
    await fails(running, OverloadedError)
    clock.now += 60
    probe = asyncio.create_task(running.handle(call()))
    await reached.wait()
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    assert (await running.handle(call())).value.text == "hi"


async def test_errors_of_the_request_open_nothing():
    transport = Scripted(a=[LONG])
    running = engine(transport, config=FAST_BREAKER, m="a/x")
    for _ in range(5):
        await fails(running, ContextLengthError)
    assert running.state.breakers.of("a/x").closed


# ------------------------------------------------------------ limits


async def test_a_limit_sends_the_next_deployment_and_then_refuses_or_waits():
    transport = Scripted(a=[OK], b=[OK])
    running = engine(
        transport,
        SystemClock(),
        config=limited(requests_per_minute=2),
        m={"deployments": ["a/x", "b/y"]},
    )
    for _ in range(4):
        await running.handle(call())
    assert transport.hosts == ["a", "a", "b", "b"]


async def test_a_refused_call_names_the_limit_and_the_wait():
    transport = Scripted(a=[OK])
    config = {**limited(requests_per_minute=1), "queue": {"on_limit": "refuse"}}
    running = engine(transport, SystemClock(), config=config, m="a/x")
    await running.handle(call())
    refused = await fails(running, LimitExceededError)
    assert refused.code == "requests_per_minute"
    assert 0 < refused.retry_after_s <= 61
    assert len(transport.sent) == 1


async def test_a_fallback_that_is_free_is_asked_before_anybody_waits():
    transport = Scripted(a=[OK], b=[OK])
    running = engine(
        transport,
        SystemClock(),
        config=limited(requests_per_minute=1),
        m={"deployments": ["a/x"], "fallback": ["n"]},
        n="b/y",
    )
    await running.handle(call())
    reply = await running.handle(call(trace=True))
    assert transport.hosts == ["a", "b"]
    assert reply.trace.waited_s == 0


async def test_a_call_that_was_never_sent_counts_for_nothing():
    transport = Scripted(a=[OK])
    config = {**limited(requests_per_minute=1), "queue": {"on_limit": "refuse"}}
    running = engine(transport, SystemClock(), config=config, m="a/x")
    request = ChatRequest(messages=(user("x"),), top_k=3)
    unsaid = Call(id="1", model="m", request=request, options=Options(strict=True))
    with pytest.raises(UnsupportedError):
        await running.handle(unsaid)
    assert (await running.handle(call())).value.text == "hi"


# ------------------------------------------------------------ fallbacks


async def test_a_window_that_is_too_short_has_a_chain_of_its_own():
    transport = Scripted(a=[LONG], b=[OK], c=[OK])
    running = engine(
        transport,
        m={"deployments": ["a/x"], "fallback": ["n"], "fallback_on": {"context_length": ["long"]}},
        n="b/y",
        long="c/z",
    )
    reply = await running.handle(call())
    assert transport.hosts == ["a", "c"]
    assert reply.deployment.id == "c/z"


async def test_a_filter_s_refusal_has_a_chain_of_its_own():
    transport = Scripted(a=[FILTERED], b=[OK], c=[OK])
    running = engine(
        transport,
        m={"deployments": ["a/x"], "fallback": ["n"], "fallback_on": {"content_filter": ["other"]}},
        n="b/y",
        other="c/z",
    )
    await running.handle(call())
    assert transport.hosts == ["a", "c"]


def with_tools():
    tool = Tool(name="f", parameters={"type": "object", "properties": {}})
    return ChatRequest(messages=(user("hello"),), tools=(tool,))


async def test_what_a_fallback_would_lose_is_said_or_refused(monkeypatch):
    transport = Scripted(a=[BUSY], b=[OK])
    running = engine(
        transport,
        config={"defaults": {"retries": 0}},
        m={"deployments": ["a/x"], "fallback": ["n"]},
        n="b/y",
    )
    known = {"a/x": ModelInfo(tools=True), "b/y": ModelInfo(tools=False)}
    monkeypatch.setattr(running.facts, "known", lambda deployment: known[deployment.id])
    reply = await running.handle(Call(id="1", model="m", request=with_tools()))
    assert [note.setting for note in reply.warnings] == ["fallback"]
    assert "tools" in reply.value.warnings[-1].message
    strict = Call(id="2", model="m", request=with_tools(), options=Options(strict=True))
    with pytest.raises(UnsupportedError, match="strict"):
        await running.handle(strict)
    assert transport.hosts == ["a", "b", "a"], "a strict call is not sent where it would lose tools"


# ------------------------------------------------------------ hedges


def hedging(**more):
    return {"hedging": {"enabled": True, "after_s": 0.001, "share": 1.0, **more}}


async def test_a_slow_deployment_is_raced_by_the_next_and_cut_off():
    gate = asyncio.Event()
    cut = []

    async def hang():
        try:
            await gate.wait()
        except asyncio.CancelledError:
            cut.append(True)
            raise

    transport = Scripted(a=[hang], b=[OK])
    running = engine(transport, config=hedging(), m={"deployments": ["a/x", "b/y"]})
    reply = await running.handle(call())
    assert reply.deployment.id == "b/y"
    assert cut == [True]
    assert [(one.deployment, one.reason) for one in reply.failed] == [
        ("a/x", "another deployment answered first")
    ]
    assert running.stats().hedges == 1
    assert all(running.state.seen(id_).open_requests == 0 for id_ in ("a/x", "b/y"))


async def test_a_quick_deployment_is_not_raced():
    transport = Scripted(a=[OK], b=[OK])
    running = engine(transport, config=hedging(after_s=5), m={"deployments": ["a/x", "b/y"]})
    await running.handle(call())
    assert transport.hosts == ["a"]


async def test_hedges_stay_within_their_share():
    gates = []

    async def hang():
        gates.append(asyncio.Event())
        await gates[-1].wait()

    transport = Scripted(a=[hang], b=[OK])
    running = engine(transport, config=hedging(share=0.0), m={"deployments": ["a/x", "b/y"]})
    asked = [asyncio.create_task(running.handle(call())) for _ in range(6)]
    waiting = set(asked)
    while len(waiting) > 4:
        _, waiting = await asyncio.wait(waiting, timeout=30, return_when="FIRST_COMPLETED")
    done, waiting = await asyncio.wait(asked, timeout=0.05)
    assert len(done) == running.stats().hedges == 2, (
        "what a process may do before it has earned any"
    )
    for task in waiting:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    assert all(running.state.seen(id_).open_requests == 0 for id_ in ("a/x", "b/y"))


async def test_one_model_s_429_does_not_hold_back_the_provider_s_others():
    slow = (429, b'{"error":{"message":"slow","type":"rate_limit_error"}}', (b"retry-after", b"20"))
    transport = Scripted(a=[slow, OK])
    running = engine(
        transport,
        SystemClock(),
        config={
            **limited(requests_per_minute=100),
            "queue": {"on_limit": "refuse"},
            "defaults": {"retries": 0},
        },
        m="a/x",
        n="a/y",
    )
    await fails(running, RateLimitError)
    await fails(running, LimitExceededError)
    assert (await running.handle(call("n"))).value.text == "hi"


class Gone:
    """Leases that cannot be reached."""

    async def take(self, *_, **__):
        raise StoreDownError("the store is away")

    settle = renew = take

    async def aclose(self):
        """Nothing is held."""


@pytest.mark.parametrize(("when_down", "sent"), [("open", 2), ("closed", 0)])
async def test_a_store_that_is_away_leaves_each_process_its_limits_or_nothing(when_down, sent):
    transport = Scripted(a=[OK])
    config = {
        **limited(requests_per_minute=2),
        "queue": {"on_limit": "refuse"},
        "store": {"url": "memory:", "when_down": when_down},
    }
    settings = engine(transport, config=config, m="a/x").settings
    store = open_memory()._replace(leases=Gone())
    running = Engine(settings, transport, state=State(settings, SystemClock(), store))
    refusals = [await answered(running) for _ in range(4)]
    assert refusals.count(None) == len(transport.sent) == sent
    assert set(refusals) - {None} == {"requests_per_minute" if sent else "store_down"}


async def answered(running):
    try:
        await running.handle(call())
    except LimitExceededError as error:
        return error.code
    return None


async def test_a_provider_that_begins_to_tell_its_limits_is_heard_soon():
    told = (b"x-ratelimit-limit-requests", b"9"), (b"x-ratelimit-remaining-requests", b"5")
    transport = Scripted(a=[OK, OK, (*OK, *told)])
    running = engine(transport, SystemClock(), m="a/x")
    for _ in range(12):
        await running.handle(call())
    (status,) = running.state.limiter.status()
    assert (status.name, status.limit, status.source) == ("requests_per_minute", 9, "learned")


async def test_every_request_of_a_long_list_of_texts_counts():
    def vectors(count):
        rows = [{"object": "embedding", "index": at, "embedding": [0.5]} for at in range(count)]
        said = {"object": "list", "data": rows, "model": "x", "usage": {"prompt_tokens": 1}}
        return 200, json.dumps(said).encode()

    transport = Scripted(a=[vectors(2048)])
    config = {**limited(requests_per_minute=3), "queue": {"on_limit": "refuse"}}
    running = engine(transport, SystemClock(), config=config, m="a/x")

    def asking(texts):
        return Call(
            id="1", model="m", operation="embed", request=EmbedRequest(inputs=("x",) * texts)
        )

    reply = await running.handle(asking(2 * 2048))
    assert (len(reply.value.vectors), len(transport.sent)) == (4096, 2)
    (limit,) = running.state.limiter.status()
    assert limit.current == 2
    with pytest.raises(LimitExceededError):
        await running.handle(asking(2 * 2048))
    assert len(transport.sent) <= 3
