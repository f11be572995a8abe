"""What went wrong once on the way of a call: the smallest case of each."""

import asyncio
import json

import pytest

from modelway.asked import AskedCall, estimated_tokens
from modelway.call import Body, Call, Options, Passing
from modelway.catalog.models import ModelInfo
from modelway.clock import SystemClock
from modelway.engine import Engine
from modelway.errors import (
    APIConnectionError,
    APITimeoutError,
    BadRequestError,
    ContextLengthError,
    LLMError,
    NoCandidateError,
    OverloadedError,
    StreamInterruptedError,
)
from modelway.explaining import explain
from modelway.framing.fields import split
from modelway.gateway.authorise import Identity
from modelway.gateway.operating import Operating
from modelway.gateway.options import read
from modelway.messages import user
from modelway.policies.degrade import losses
from modelway.types import ChatRequest, HostedTool, Tool
from support.scripted import BAD, BUSY, LONG, OK, Answer, Clock, Scripted, call, engine

SECRET = "My patient Anna Petrova, born 3.4.1981, has diabetes. Her card is 4000 0000 0000 0002."
NO_RETRIES = {"defaults": {"retries": 0}}
HEDGED = {"hedging": {"enabled": True, "after_s": 0.001, "share": 1.0}, **NO_RETRIES}
TWO = {"deployments": ["a/x", "b/y"]}


def asking(text, model="m", **fields):
    return Call(id="1", model=model, request=ChatRequest(messages=(user(text),)), **fields)


def sent_as(said, **fields):
    """A call of a client's own bytes."""
    body = Body(dialect="openai-chat", fields=split(said), size_bytes=len(said))
    return Call(id="1", model="m", body=body, **fields)


def slow(then=None):
    """Takes 50 ms, and then fails, or answers."""

    async def wait():
        await asyncio.sleep(0.05)
        if then is not None:
            raise then

    return wait


class Whole(Answer):
    """An answer that may be read in pieces."""

    async def __aiter__(self):
        yield self._body


class Late(Scripted):
    """``(wait, answer)``: what is answered after a while."""

    async def send(self, request):
        self.sent.append(request)
        answer = self.answers[request.origin.host][0]
        if callable(answer[0]):
            await answer[0]()
            answer = answer[1]
        return Whole(*answer)


# ------------------------------------------------------------ hedges


async def test_who_could_not_be_asked_as_a_second_is_still_a_fallback():
    transport = Scripted(a=[slow(OverloadedError("down", status=503))], b=[OK])
    config = {**HEDGED, "hedging": {**HEDGED["hedging"], "share": 0.0}}
    running = engine(transport, SystemClock(), config=config, m=TWO)
    for _ in range(4):
        assert (await running.handle(call())).deployment.id == "b/y"


async def test_who_could_not_be_admitted_as_a_second_is_still_a_fallback():
    transport = Scripted(a=[slow(OverloadedError("down", status=503))], b=[OK])
    config = {**HEDGED, "providers": {"b": {"limits": {"requests_per_minute": 100}}}}
    running = engine(transport, SystemClock(), config=config, m=TWO)
    assert (await running.handle(call())).deployment.id == "b/y"


async def test_each_failure_of_a_race_is_told_of_who_failed():
    transport = Scripted(a=[slow(OverloadedError("down", status=503))], b=[BAD], c=[OK])
    running = engine(
        transport, SystemClock(), config=HEDGED, m={"deployments": ["a/x", "b/y", "c/z"]}
    )
    reply = await running.handle(call(trace=True))
    assert reply.deployment.id == "c/z"
    told = {(one.deployment, one.error) for one in reply.failed}
    assert told == {("a/x", "OverloadedError"), ("b/y", "BadRequestError")}


async def test_a_failure_that_was_beaten_names_no_host():
    unreachable = slow(APIConnectionError("cannot connect to inner.example:8000"))

    async def later():
        await asyncio.sleep(0.1)

    transport = Late(a=[(unreachable, None)], b=[(later, OK)])
    running = engine(transport, SystemClock(), config=HEDGED, m=TWO)
    reply = await running.handle(call(trace=True))
    assert [(one.deployment, one.error) for one in reply.failed] == [("a/x", "APIConnectionError")]
    assert "inner.example" not in repr(reply.trace)


async def test_a_second_loses_nothing_that_a_strict_call_needs(monkeypatch):
    transport = Late(a=[BUSY], b=[(slow(), OK)], c=[OK])
    running = engine(
        transport,
        SystemClock(),
        config={**HEDGED, "breaker": {"failures": 1}},
        m={"deployments": ["a/x"], "fallback": ["n"]},
        n={"deployments": ["b/y", "c/z"]},
    )
    known = {"a/x": True, "b/y": True, "c/z": False}
    monkeypatch.setattr(running.facts, "known", lambda one: ModelInfo(tools=known[one.id]))
    tool = Tool(name="f", parameters={"type": "object", "properties": {}})
    request = ChatRequest(messages=(user("hello"),), tools=(tool,))
    running.state.breakers.of("a/x").failed(OverloadedError("down", status=503))
    strict = Call(id="1", model="m", request=request, options=Options(strict=True))
    assert (await running.handle(strict)).deployment.id == "b/y"
    lax = Call(id="1", model="m", request=request)
    reply = await running.handle(lax)
    assert reply.deployment.id == "c/z"
    assert [one.setting for one in reply.warnings] == ["fallback"]


async def test_what_is_passed_through_is_not_asked_twice():
    transport = Late(a=[(slow(), OK)], b=[OK])
    running = engine(transport, SystemClock(), config=HEDGED, m=TWO)
    passing = Passing(method="POST", path="/images", body=b'{"model":"m"}')
    await running.handle(Call(id="1", operation="pass", model="m", passing=passing))
    assert transport.hosts == ["a"]


@pytest.mark.parametrize(("hedge", "hosts"), [(None, ["a"]), (True, ["b", "a"])])
async def test_tools_that_the_provider_runs_are_not_run_twice_unasked(hedge, hosts):
    transport = Late(a=[(slow(), OK)], b=[OK])
    running = engine(transport, SystemClock(), config=HEDGED, m=TWO)
    tool = HostedTool(dialect="openai-chat", definition={"type": "custom", "name": "order"})
    request = ChatRequest(messages=(user("x"),), tools=(tool,))
    asked = Call(id="1", model="m", request=request, options=Options(hedge=hedge))
    await running.handle(asked)
    assert sorted(transport.hosts) == sorted(hosts)


async def test_a_body_that_cannot_be_read_leaves_nothing_open():
    transport = Scripted(a=[OK], b=[OK])
    config = {
        **HEDGED,
        "providers": {"a": {"limits": {"concurrent": 1}}, "b": {"limits": {"concurrent": 1}}},
        "queue": {"on_limit": "refuse"},
    }
    running = engine(transport, SystemClock(), config=config, m=TWO)
    for _ in range(3):
        await _outcome(running, sent_as(b'{"messages":7}'))
    assert [one.remaining for one in running.state.limiter.status()] == [1, 1]


async def _outcome(running, asked):
    try:
        return await running.handle(asked)
    except LLMError as error:
        return error


# ------------------------------------------------------------ limits and time


@pytest.mark.parametrize("cap", [b"-1000000", b'"ten"', b"[]", b"1.5", b"null"])
def test_a_cap_that_makes_no_sense_counts_as_none(cap):
    said = sent_as(b'{"messages":[],"max_tokens":' + cap + b"}")
    assert 256 <= estimated_tokens(said, 256.0) < 280


def test_a_request_s_negative_cap_gives_nothing_back():
    request = ChatRequest(messages=(user("x"),), max_tokens=-1_000_000)
    assert 256 <= estimated_tokens(Call(id="1", model="m", request=request), 256.0) < 280


async def test_a_call_that_waited_for_a_limit_has_its_special_fallbacks_too():
    transport = Scripted(a=[LONG], b=[OK])
    running = engine(
        transport,
        SystemClock(),
        config={"providers": {"a": {"limits": {"concurrent": 1}}}},
        m={"deployments": ["a/x"], "fallback_on": {"context_length": ["long"]}},
        long="b/z",
    )
    gate = running._tracks.of(running.settings.routes["m"].deployments[0]).gate
    held = await gate.enter(0, wait=True)
    waiting = asyncio.create_task(running.handle(call()))
    await asyncio.sleep(0.02)
    held.done(0)
    assert (await waiting).deployment.id == "b/z"


async def test_special_fallbacks_without_a_key_leave_the_error_as_it_was():
    running = engine(
        Scripted(a=[LONG], k=[OK]),
        config={"providers": {"k": {"like": "openai", "api_key": None}}},
        m={"deployments": ["a/x"], "fallback_on": {"context_length": ["k/long"]}},
    )
    with pytest.raises(ContextLengthError):
        await running.handle(call())


async def test_time_spent_waiting_for_a_limit_is_time_that_is_gone():
    transport = Scripted(a=[OK])
    running = engine(
        transport,
        SystemClock(),
        config={"providers": {"a": {"limits": {"concurrent": 1}}}},
        m={"deployments": ["a/x"]},
    )
    gate = running._tracks.of(running.settings.routes["m"].deployments[0]).gate
    held = await gate.enter(0, wait=True)
    waiting = asyncio.create_task(running.handle(call(timeout_s=5)))
    await asyncio.sleep(0.2)
    held.done(0)
    await waiting
    assert transport.sent[0].timeouts.total_s < 4.9


async def test_who_waited_for_a_limit_is_not_sent_to_what_broke_meanwhile():
    transport = Scripted(a=[OK], b=[OK])
    running = engine(
        transport,
        SystemClock(),
        config={"providers": {"a": {"limits": {"concurrent": 1}}}, "breaker": {"failures": 1}},
        m={"deployments": ["a/x"]},
    )
    gate = running._tracks.of(running.settings.routes["m"].deployments[0]).gate
    held = await gate.enter(0, wait=True)
    waiting = asyncio.create_task(running.handle(call()))
    await asyncio.sleep(0.02)
    running.state.breakers.of("a/x").failed(OverloadedError("down", status=503))
    held.done(0)
    await asyncio.gather(waiting, return_exceptions=True)
    assert transport.sent == []
    assert [one.remaining for one in running.state.limiter.status()] == [1]


# ------------------------------------------------------------ breakers


async def test_an_older_call_s_refusal_frees_nobody_s_probe():
    clock = Clock()
    probing = asyncio.Event()
    old = asyncio.Event()
    out = asyncio.Event()

    async def hang():
        out.set()
        await asyncio.Event().wait()

    async def refuse():
        old.set()
        await probing.wait()

    transport = Late(a=[OK])
    config = {"breaker": {"failures": 1, "open_s": 60}, **NO_RETRIES}
    running = engine(transport, clock, config=config, m="a/x")
    transport.answers["a"] = [(refuse, BAD)]
    first = asyncio.create_task(running.handle(call()))
    await old.wait()
    transport.answers["a"] = [(hang, OK)]
    breaker = running.state.breakers.of("a/x")
    breaker.failed(OverloadedError("down", status=503))
    clock.now += 60
    probe = asyncio.create_task(running.handle(call()))
    await out.wait()
    probing.set()
    await asyncio.gather(first, return_exceptions=True)
    assert breaker.status().state == "half_open", "its probe is still out"
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    assert breaker.status().state == "open"


async def test_a_caller_in_a_hurry_makes_no_provider_ill():
    seen = []

    class Monitor:
        def seen(self, deployment, ok, latency_s, error=None):
            seen.append(ok)

    late = APITimeoutError("too late", code="total")
    running = engine(Scripted(a=[late]), config=NO_RETRIES, m="a/x")
    running.state.monitor = Monitor()
    with pytest.raises(APITimeoutError):
        await running.handle(call(timeout_s=0.01))
    assert seen == []


# ------------------------------------------------------------ filters and fallbacks


LOCAL = {"like": "vllm", "api_key": None}
AT_HOME = {"strategy": ["local_if_sensitive", "ordered"], "deployments": ["a/x"]}


async def test_the_default_model_s_own_filters_hold_too(monkeypatch):
    transport = Scripted(a=[OK], b=[OK])
    running = engine(
        transport,
        config={"default_model": "home"},
        m={"strategy": ["fits", "ordered"], "deployments": ["a/x"]},
        home={"strategy": ["local_if_sensitive", "ordered"], "deployments": ["b/y"]},
    )
    known = {"a/x": ModelInfo(tools=False), "b/y": ModelInfo(tools=True)}
    monkeypatch.setattr(running.facts, "known", lambda one: known[one.id])
    tool = Tool(name="f", parameters={"type": "object", "properties": {}})
    request = ChatRequest(messages=(user(SECRET),), tools=(tool,))
    with pytest.raises(NoCandidateError):
        await running.handle(Call(id="1", model="m", request=request))
    assert transport.sent == []


async def test_the_default_model_is_waited_for_where_it_alone_may_answer():
    transport = Scripted(a=[OK], b=[OK])
    running = engine(
        transport,
        SystemClock(),
        config={
            "default_model": "home",
            "providers": {"b": {**LOCAL, "limits": {"concurrent": 1}}},
        },
        m=AT_HOME,
        home="b/y",
    )
    held = await running._tracks.of(running.settings.routes["home"].deployments[0]).gate.enter(
        0, wait=True
    )
    waiting = asyncio.create_task(running.handle(asking(SECRET)))
    await asyncio.sleep(0.02)
    held.done(0)
    assert (await waiting).deployment.id == "b/y"


async def test_the_default_model_is_explained_before():
    running = engine(
        Scripted(a=[OK], b=[OK]),
        config={"default_model": "home", "providers": {"b": LOCAL}},
        m=AT_HOME,
        home="b/y",
    )
    told = await explain(running, asking(SECRET))
    assert told.deployment == (await running.handle(asking(SECRET))).deployment.id == "b/y"


async def test_what_must_be_answered_by_one_is_not_answered_past_the_filters():
    transport = Scripted(a=[OK], b=[OK])
    running = engine(
        transport,
        config={"default_model": "home", "providers": {"b": LOCAL}},
        m=AT_HOME,
        home="b/y",
    )
    told = await explain(running, asking(SECRET, only="a/x"))
    assert told.deployment is None
    with pytest.raises(NoCandidateError):
        await running.handle(asking(SECRET, only="a/x"))
    assert transport.sent == []


async def test_limits_that_refuse_are_explained_as_such():
    running = engine(
        Scripted(a=[OK]),
        SystemClock(),
        config={
            "providers": {"a": {"limits": {"requests_per_minute": 1}}},
            "queue": {"on_limit": "refuse"},
        },
        m="a/x",
    )
    await running.handle(call())
    (one,) = (await explain(running, call())).candidates
    assert one.verdict == "skip"


async def test_a_fallback_that_is_named_again_and_again_is_asked_once():
    transport = Scripted(a=[BUSY], b=[BUSY])
    running = engine(transport, config=NO_RETRIES, m="a/x", n="b/y")
    with pytest.raises(OverloadedError):
        await running.handle(call(fallbacks=("n", "m") * 50))
    assert transport.hosts == ["a", "b"]


async def test_names_that_callers_choose_are_forgotten(monkeypatch):
    monkeypatch.setattr("modelway.plans._MOST_KNOWN", 10)
    running = engine(Scripted(a=[OK]), m="a/x")
    for number in range(100):
        running.tiers(call(fallbacks=(f"a/{number}",)))
        running.tiers(call(strategy="random", model=f"a/{number}"))
    assert len(running._plans._tiers) <= 40


async def test_models_of_the_caller_s_own_are_no_experiment_s_arm():
    transport = Scripted(a=[OK], b=[OK], c=[OK])
    running = engine(transport, config={"experiments": {"e": {"arms": ["a/x", "b/y"]}}}, m="a/x")
    reply = await running.handle(call("e", models=("c/z",), trace=True))
    assert reply.deployment.id == "c/z"
    assert reply.trace.experiment == ""


async def test_each_who_shares_an_answer_is_told_of_its_own_call_if_it_asks():
    transport = Late(a=[(slow(), OK)])
    running = engine(transport, SystemClock(), m="a/x")
    request = ChatRequest(messages=(user("x"),))
    replies = await asyncio.gather(
        *[
            running.handle(
                Call(
                    id=id_,
                    model="m",
                    request=request,
                    options=Options(single_flight=True, trace=trace),
                )
            )
            for id_, trace in (("1", False), ("2", True), ("3", True))
        ]
    )
    assert len(transport.sent) == 1
    assert [one.trace and one.trace.call for one in replies] == [None, "2", "3"]


async def test_a_callers_limit_takes_its_wait_off_the_time():
    transport = Late(a=[(slow(), OK)])
    running = engine(
        transport,
        SystemClock(),
        config={"tenants": {"local": {"limits": {"concurrent": 1}}}},
        m="a/x",
    )
    calls = [asyncio.create_task(running.handle(call(timeout_s=5))) for _ in range(2)]
    await asyncio.gather(*calls)
    assert transport.sent[-1].timeouts.total_s < 4.97


async def test_a_caller_in_a_hurry_waits_no_longer_for_what_its_task_is():
    transport = Scripted(a=[OK], c=[OK])
    running = engine(transport, config={"task_model": "c/small"}, m="a/x")
    await running.handle(call(timeout_s=0.5))
    assert [one.timeouts.total_s for one in transport.sent] == [0.5, 0.5]


async def test_a_unit_that_is_a_whole_book_is_kept_by_its_hash():
    running = engine(
        Scripted(a=[OK], b=[OK]), config={"experiments": {"e": {"arms": ["a/x", "b/y"]}}}, m="a/x"
    )
    unit = running.assigned(call("e", unit="book " * 1000)).unit
    assert len(unit) == 32
    assert unit == running.assigned(call("e", unit="book " * 1000)).unit
    assert running.assigned(call("e", unit="somebody")).unit == "somebody"


def test_a_caller_may_name_so_many_models_and_each_once():
    many = ",".join([f"a/{number}" for number in range(33)]).encode()
    with pytest.raises(BadRequestError, match="32"):
        read([(b"x-modelway-models", many)])
    assert read([(b"x-modelway-fallbacks", b"n, m,n")]).fallbacks == ("n", "m")


async def test_a_call_from_before_a_reload_brings_no_old_limit_back():
    def configured(limit):
        return {
            "config": {"providers": {"b": {"limits": {"requests_per_minute": limit}}}},
            "m": {"deployments": ["a/x"], "fallback_on": {"context_length": ["n"]}},
            "n": "b/y",
        }

    transport = Scripted(a=[LONG], b=[OK])
    old = engine(transport, SystemClock(), **configured(100))
    settings = engine(transport, SystemClock(), **configured(10)).settings
    new = Engine(settings, transport, state=old.state)
    await old.state.adopt(settings)
    await new.handle(call("n"))
    await old.handle(call())
    assert [one.limit for one in old.state.limiter.status()] == [10]


@pytest.mark.parametrize("knows", [False, True])
async def test_who_may_not_see_limits_learns_of_no_other_s_traffic(knows):
    running = engine(
        Scripted(a=[OK]),
        SystemClock(),
        config={
            "providers": {"a": {"limits": {"requests_per_minute": 100}}},
        },
        m="a/x",
    )
    running.state.seen("a/x").open_requests = 7
    asked = Call(id="1", model="m", request=ChatRequest(messages=(user("x"),)))
    who = Identity(tenant="local", key="k", admin=knows)
    told = json.loads(await Operating(lambda: running, None, None).explained(asked, who))
    (one,) = told["candidates"]
    assert ("limits" in one, one.get("open_requests", 0)) == (knows, 7 if knows else 0)


async def test_a_provider_s_own_code_is_no_filter_of_ours():
    refusal = (400, b'{"error":{"message":"no","code":"filtered"}}')
    running = engine(Scripted(a=[refusal], b=[OK]), config={"default_model": "n"}, m="a/x", n="b/y")
    with pytest.raises(BadRequestError):
        await running.handle(call())


def test_a_window_that_the_first_has_no_more_of_is_not_lost():
    asked = AskedCall(asking("word " * 1000))
    short, long = ModelInfo(context_tokens=100), ModelInfo(context_tokens=10_000)
    assert losses(asked, short, short) == ()
    assert [one.setting for one in losses(asked, long, short)] == ["fallback"]
    assert [one.setting for one in losses(asked, ModelInfo(), short)] == ["fallback"]


BEGUN = (
    b'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    b'[{"index":0,"delta":{"role":"assistant","content":"hi"}}]}\n\n'
)


class CutOff(Scripted):
    """Streams that begin, and whose time is over then."""

    async def send(self, request):
        self.sent.append(request)
        return Cut(200, BEGUN)


class Cut(Answer):
    def __init__(self, status, body):
        super().__init__(status, body)
        self.headers = ((b"content-type", b"text/event-stream"),)

    async def __aiter__(self):
        yield self._body
        raise APITimeoutError("the time is over", code="total")


@pytest.mark.parametrize(("timeout_s", "closed"), [(2.0, True), (None, False)])
async def test_a_stream_cut_by_its_caller_s_own_time_opens_no_breaker(timeout_s, closed):
    running = engine(CutOff(a=[OK]), config={"breaker": {"failures": 2}}, m="a/x")
    told = []

    class Monitor:
        def seen(self, deployment, ok, latency_s, error=None):
            told.append(ok)

    running.state.monitor = Monitor()
    for _ in range(2):
        reply = await running.handle(call(stream=True, timeout_s=timeout_s))
        with pytest.raises(StreamInterruptedError):
            [batch async for batch in reply.events]
    assert running.state.breakers.of("a/x").closed is closed
    assert (False in told) is not closed


async def test_sessions_are_forgotten_over_all_lists_of_models(monkeypatch):
    monkeypatch.setattr("modelway.plans._MOST_STAYS", 10)
    running = engine(Scripted(a=[OK]), m="a/x")
    for number in range(15):
        for session in range(3):
            models = (f"a/{number}", "a/other")
            await running.handle(call(models=models, session=str(session)))
    assert len(running._plans.stays) == 10
    reply = await running.handle(call(models=models, session="2", strategy=None))
    assert reply.deployment.id == "a/14"


async def test_a_probe_that_was_given_up_frees_not_the_next():
    clock, probes = Clock(), []
    outs = [asyncio.Event(), asyncio.Event()]

    async def hang():
        outs[len(probes) - 1].set()
        await asyncio.Event().wait()

    config = {"breaker": {"failures": 1, "open_s": 60}, **NO_RETRIES}
    running = engine(Scripted(a=[hang]), clock, config=config, m="a/x")
    breaker = running.state.breakers.of("a/x")
    breaker.failed(OverloadedError("down", status=503))
    for out in outs:
        clock.now += 120
        probes.append(asyncio.create_task(running.handle(call())))
        await out.wait()
    for probe, after in zip(probes, ("half_open", "open"), strict=True):
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        assert breaker.status().state == after
