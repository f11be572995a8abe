"""The monitor over a real engine, scripted providers and a clock moved by hand."""

import asyncio
import itertools
import random

import pytest

from modelway.config.load import load
from modelway.config.settings import HealthSettings
from modelway.engine import Engine
from modelway.errors import (
    APIConnectionError,
    BadRequestError,
    OverloadedError,
    RateLimitError,
    StreamInterruptedError,
)
from modelway.health import Monitor
from modelway.health.checks import NO_KEY_CHECKED, NOT_ASKED, cheapest
from modelway.policies.breaker import Breakers, BreakerSettings
from modelway.store.memory import open_memory
from support.hand_clock import HandClock, turns

KEY = "canary~0123456789~of~no~known~form"
MODELS = (200, b'{"object":"list","data":[{"id":"x","object":"model"}]}')
BUSY = (503, b'{"error":{"message":"busy","type":"server_error"}}')
LIMITED = (429, b'{"error":{"message":"slow","type":"rate_limit_error"}}')
MISSING = (404, b'{"error":{"message":"no such route"}}')
DENIED = (401, f'{{"error":{{"message":"Incorrect API key provided: {KEY}"}}}}'.encode())
EVEN = HealthSettings(active=True, jitter=0.0)


class Answer:
    def __init__(self, status, body):
        self.status = status
        self.headers = ((b"content-type", b"application/json"),)
        self._body = body

    async def read(self):
        return self._body

    async def aclose(self):
        pass


async def hang():
    await asyncio.Event().wait()


class Providers:
    """A transport: each host answers as it is set to, and every request is noted with its time."""

    def __init__(self, clock, **answers):
        self.clock = clock
        self.answers = answers
        self.asked = []
        self.open = 0

    async def send(self, request):
        host = request.origin.host
        self.asked.append((host, self.clock.now, request))
        answer = self.answers[host]
        if isinstance(answer, BaseException):
            raise answer
        if callable(answer):
            self.open += 1
            try:
                await answer()
            finally:
                self.open -= 1
            answer = MODELS
        return Answer(*answer)

    async def aclose(self):
        pass

    def times(self, host):
        return [at for name, at, _ in self.asked if name == host]


class Watched:
    """A monitor at work."""

    def __init__(self, settings=EVEN, config=None, seed=0, **answers):
        self.clock = HandClock()
        self.providers = Providers(self.clock, **answers)
        self.engine = self.engine_of(config or self.config(answers))
        self.told, self.changes = [], []
        store = open_memory(self.clock)
        self.breakers = Breakers(
            BreakerSettings(),
            self.clock,
            leases=store.leases,
            records=store.records,
            node="here",
            tell=self.changes.append,
        )
        self.monitor = Monitor(
            self.engine,
            settings,
            self.clock,
            random.Random(seed),
            self.breakers,
            self.told.append,
        )

    @staticmethod
    def config(names, **routes):
        return {
            "providers": {
                name: {"like": "openai", "base_url": f"http://{name}/v1", "api_key": KEY}
                for name in names
            },
            "models": routes,
        }

    def engine_of(self, config):
        settings = load(config, environment={})
        return Engine(settings, self.providers, clock=self.clock, chance=random.Random(0))

    def deployment(self, name="m", number=0):
        return self.engine.settings.routes[name].deployments[number]

    def states(self):
        return {one.provider: one.state for one in self.monitor.statuses()}

    def path(self, provider="a"):
        return [one.after for one in self.told if one.provider == provider]


async def test_each_is_asked_after_a_second_and_then_every_thirty():
    watched = Watched(a=MODELS, b=MODELS)
    await watched.monitor.start()
    assert watched.states() == {"a": "unknown", "b": "unknown"}
    await watched.clock.advance(91.0)
    for host in ("a", "b"):
        assert [at - 1000 for at in watched.providers.times(host)] == [1.0, 31.0, 61.0, 91.0]
    assert watched.states() == {"a": "healthy", "b": "healthy"}
    assert watched.path() == ["healthy"]
    await watched.monitor.aclose()


async def test_what_is_asked_is_the_list_of_models_and_counts_as_no_request():
    watched = Watched(a=MODELS)
    await watched.monitor.start()
    await watched.clock.advance(1.0)
    ((_, _, request),) = watched.providers.asked
    assert (request.method, request.target, request.body) == ("GET", "/v1/models", b"")
    assert watched.engine.stats().total_requests == 0
    await watched.monitor.aclose()


async def test_checks_are_spread_by_chance():
    watched = Watched(HealthSettings(active=True, jitter=0.2), a=MODELS)
    await watched.monitor.start()
    await watched.clock.advance(30_000.0)
    times = watched.providers.times("a")
    gaps = [later - at for at, later in itertools.pairwise(times)]
    assert 24.0 <= min(gaps) < 25.0
    assert 35.0 < max(gaps) <= 36.0
    await watched.monitor.aclose()


async def test_a_provider_that_hangs_delays_no_other():
    watched = Watched(a=hang, b=MODELS)
    await watched.monitor.start()
    await watched.clock.advance(285.0)
    assert [at - 1000 for at in watched.providers.times("b")] == [1.0 + 30 * n for n in range(10)]
    # 10 s until it is given up, and 30 s to the next
    assert [at - 1000 for at in watched.providers.times("a")] == [1.0 + 40 * n for n in range(8)]
    assert watched.states() == {"a": "down", "b": "healthy"}
    status = watched.monitor.statuses()[0]
    assert (status.last_failure.error, status.last_failure.code) == ("APITimeoutError", "total")
    assert watched.providers.open == 1
    await watched.monitor.aclose()
    assert watched.providers.open == 0


async def test_down_after_failures_in_a_row_and_back_after_successes():
    watched = Watched(a=MODELS)
    await watched.monitor.start()
    await watched.clock.advance(1.0)
    watched.providers.answers["a"] = BUSY
    await watched.clock.advance(90.0)
    assert watched.states() == {"a": "down"}
    status = watched.monitor.statuses()[0]
    assert (status.last_failure.error, status.last_failure.status) == ("OverloadedError", 503)
    watched.providers.answers["a"] = MODELS
    await watched.clock.advance(30.0)
    assert watched.states() == {"a": "down"}
    await watched.clock.advance(30.0)
    assert watched.path() == ["healthy", "degraded", "down", "healthy"]
    assert watched.told[2].failure.error == "OverloadedError"
    await watched.monitor.aclose()


async def test_a_key_that_is_not_accepted_is_an_outage_at_once_and_is_not_shown():
    watched = Watched(a=DENIED)
    await watched.monitor.start()
    await watched.clock.advance(1.0)
    status = watched.monitor.statuses()[0]
    assert (status.state, status.last_failure.error) == ("down", "AuthenticationError")
    assert "Incorrect API key" in status.last_failure.message
    assert KEY not in repr(watched.monitor.statuses()) + repr(watched.told)
    await watched.monitor.aclose()


async def test_an_answer_without_a_list_is_an_answer():
    watched = Watched(a=MISSING)
    await watched.monitor.start()
    await watched.clock.advance(1.0)
    status = watched.monitor.statuses()[0]
    assert (status.state, status.note) == ("healthy", NO_KEY_CHECKED)
    await watched.monitor.aclose()


async def test_a_limit_is_no_outage():
    watched = Watched(config=Watched.config(["a"], m="a/x"), a=LIMITED)
    await watched.monitor.start()
    await watched.clock.advance(600.0)
    assert watched.path() == ["healthy", "degraded"]
    assert watched.breakers.of("a/x").closed
    await watched.monitor.aclose()


async def test_whatever_goes_wrong_in_a_check_the_next_one_comes():
    watched = Watched(a=ZeroDivisionError("a fault of ours"))
    await watched.monitor.start()
    await watched.clock.advance(61.0)
    status = watched.monitor.statuses()[0]
    assert (status.state, status.last_failure.error) == ("down", "APIConnectionError")
    assert len(watched.providers.asked) == 3
    await watched.monitor.aclose()


# ---------------------------------------------------------------- breakers


async def test_failing_checks_open_the_breakers_and_a_good_one_closes_them():
    config = Watched.config(["a", "b"], m="a/x", n={"deployments": ["a/y", "b/y"]})
    watched = Watched(config=config, a=BUSY, b=MODELS)
    await watched.monitor.start()
    await watched.clock.advance(1.0 + 3 * 30.0)
    assert watched.breakers.of("a/x").closed
    await watched.clock.advance(30.0)
    assert {one.deployment: one.state for one in watched.breakers.statuses()} == {
        "a/x": "open",
        "a/y": "open",
        "b/y": "closed",
    }
    watched.providers.answers["a"] = MODELS
    await watched.clock.advance(30.0)
    assert {one.state for one in watched.breakers.statuses()} == {"closed"}
    assert watched.breakers.of("a/x").status().failures == 0
    await watched.monitor.aclose()


async def test_a_good_check_does_not_hide_what_traffic_says():
    """The list of models answers, and the model does not: the breaker opens all the same."""
    watched = Watched(config=Watched.config(["a"], m="a/x"), a=MODELS)
    await watched.monitor.start()
    breaker = watched.breakers.of("a/x")
    for _ in range(5):
        breaker.failed(OverloadedError("busy", status=503))
        assert breaker.closed == (breaker.status().failures < 5)
        await watched.clock.advance(29.0)
    await watched.clock.advance(10.0)
    assert breaker.closed  # by the check
    breaker.failed(OverloadedError("busy", status=503))
    assert not breaker.closed  # by one failure
    await watched.monitor.aclose()


# ---------------------------------------------------------------- traffic


async def test_traffic_is_watched_where_nothing_is_asked():
    config = Watched.config(["a"], m="a/x")
    watched = Watched(HealthSettings(active=False), config=config, a=MODELS)
    await watched.monitor.start()
    deployment = watched.deployment()
    for latency_s in (0.1, 0.3, 0.2):
        watched.monitor.seen(deployment, True, latency_s)
    status = watched.monitor.statuses()[0]
    assert (status.state, status.last_s, status.p50_s) == ("healthy", 0.2, 0.2)
    for _ in range(3):
        watched.monitor.seen(deployment, False, None, OverloadedError("busy", status=503))
    assert watched.path() == ["healthy", "down"]
    await watched.clock.advance(600.0)
    assert watched.providers.asked == []


async def test_what_says_nothing_of_the_provider_changes_nothing():
    config = Watched.config(["a"], m="a/x")
    watched = Watched(config=config, a=MODELS)
    deployment = watched.deployment()
    for error in (
        BadRequestError("bad", status=400),
        StreamInterruptedError("the reader left", code="left"),
    ):
        for _ in range(50):
            watched.monitor.seen(deployment, False, 0.1, error)
    assert watched.states() == {"a": "unknown"}
    for _ in range(50):
        watched.monitor.seen(deployment, False, 0.1, RateLimitError("slow", status=429))
    assert watched.path() == ["healthy", "degraded"]


async def test_slow_answers_to_checks_make_it_degraded():
    settings = HealthSettings(active=True, jitter=0.0, degraded_over_s=1.0)
    watched = Watched(settings, config=Watched.config(["a"], m="a/x"), a=MODELS)

    async def slowly():
        await watched.clock.sleep(1.5)

    watched.providers.answers["a"] = slowly
    await watched.monitor.start()
    await watched.clock.advance(100.0)
    assert watched.path() == ["healthy", "degraded"]
    assert watched.monitor.statuses()[0].p50_s == 1.5
    watched.providers.answers["a"] = MODELS
    await watched.clock.advance(60.0)
    assert watched.path() == ["healthy", "degraded", "healthy"]
    # a long answer of a model is none
    for _ in range(50):
        watched.monitor.seen(watched.deployment(), True, 20.0)
    assert watched.states() == {"a": "healthy"}
    assert watched.monitor.statuses()[0].last_s == 0.0
    await watched.monitor.aclose()


async def test_deployments_that_callers_name_are_seen_and_told_too():
    watched = Watched(a=MODELS, config=Watched.config(["a"], m="a/x"))
    from msgspec.structs import replace

    named = replace(watched.deployment(), id="a/other")
    watched.monitor.seen(named, True, 0.1)
    watched.providers.answers["a"] = BUSY
    await watched.monitor.start()
    await watched.clock.advance(1.0 + 4 * 30.0)
    assert not watched.breakers.of("a/other").closed
    await watched.monitor.aclose()


async def test_a_flapping_provider_is_told_of_a_bounded_number_of_times():
    watched = Watched(a=MODELS)
    await watched.monitor.start()
    for turn in range(2000):
        up = turn // 3 % 2
        watched.providers.answers["a"] = MODELS if up else APIConnectionError("refused")
        await watched.clock.advance(30.0)
    assert 4 < len(watched.told) < 400  # and not a thousand
    await watched.monitor.aclose()


# ---------------------------------------------------------------- which are watched


async def test_a_provider_without_a_key_is_not_asked():
    config = {"providers": {"openai": {}, "a": {"like": "vllm", "base_url": "http://a/v1"}}}
    watched = Watched(config=config, a=MODELS)
    await watched.monitor.start()
    await watched.clock.advance(100.0)
    assert watched.states() == {"openai": "unconfigured", "a": "healthy"}
    assert "OPENAI_API_KEY" in watched.monitor.statuses()[0].note
    assert {host for host, _, _ in watched.providers.asked} == {"a"}
    await watched.monitor.aclose()


async def test_each_credential_is_asked_with_itself():
    keys = ["first-key-of-a-0123456789", "second-key-of-a-0123456789"]
    config = {
        "providers": {"a": {"like": "openai", "base_url": "http://a/v1", "api_keys": keys}},
        "models": {"m": "a/x"},
    }
    watched = Watched(config=config, a=MODELS)
    await watched.monitor.start()
    await watched.clock.advance(1.0)
    sent = [
        dict(request.headers)[b"authorization"].decode()
        for _, _, request in watched.providers.asked
    ]
    assert sorted(sent) == [f"Bearer {key}" for key in keys]
    statuses = watched.monitor.statuses()
    assert [one.provider for one in statuses] == ["a", "a"]
    assert len({one.credential for one in statuses}) == 2
    await watched.monitor.aclose()


CHEAPEST = [
    ({"like": "openai"}, "models"),
    ({"like": "anthropic"}, "models"),
    ({"like": "gemini"}, "models"),
    ({"like": "cohere"}, "models"),
    ({"like": "ollama"}, "models"),
    ({"like": "replicate"}, "model"),
    ({"like": "bedrock", "region": "us-east-1"}, "count_tokens"),
    ({"like": "azure-deployments", "resource": "r"}, None),
]


@pytest.mark.parametrize(("provider", "operation"), CHEAPEST, ids=str)
async def test_the_cheapest_question_that_a_provider_has(provider, operation):
    config = {"providers": {"a": {**provider, "api_key": KEY}}, "models": {"m": "a/x"}}
    settings = load(config, environment={})
    configured = settings.providers["a"]
    check = cheapest(configured, configured.credentials[0], settings.routes["m"].deployments)
    assert (None if check is None else check.operation) == operation


async def test_a_count_of_tokens_is_asked_without_a_charge():
    count = (200, b'{"inputTokens":1}')
    host = "bedrock-runtime.us-east-1.amazonaws.com"
    config = {
        "providers": {"a": {"like": "bedrock", "region": "us-east-1", "api_key": KEY}},
        "models": {"m": "a/x"},
    }
    watched = Watched(config=config, **{host: count})
    await watched.monitor.start()
    await watched.clock.advance(1.0)
    ((_, _, request),) = watched.providers.asked
    assert request.target == "/model/x/count-tokens"
    assert watched.states() == {"a": "healthy"}
    await watched.monitor.aclose()


async def test_a_provider_that_has_nothing_free_to_ask_says_so():
    config = {
        "providers": {"a": {"like": "azure-deployments", "api_key": KEY, "resource": "r"}},
        "models": {"m": "a/x"},
    }
    watched = Watched(config=config)
    await watched.monitor.start()
    await watched.clock.advance(100.0)
    status = watched.monitor.statuses()[0]
    assert (status.state, status.check, status.note) == ("unknown", "", NOT_ASKED)
    for latency_s in (0.1, 0.3, 0.2):
        watched.monitor.seen(watched.deployment(), True, latency_s)
    status = watched.monitor.statuses()[0]
    assert (status.state, status.last_s, status.p50_s) == ("healthy", 0.2, 0.2)
    await watched.monitor.aclose()


# ---------------------------------------------------------------- life


async def test_a_new_configuration_keeps_what_is_known():
    watched = Watched(a=MODELS, b=MODELS, c=MODELS)
    await watched.monitor.start()
    await watched.clock.advance(11.0)
    watched.monitor.use(watched.engine_of(Watched.config(["b", "d"])))
    watched.providers.answers["d"] = MODELS
    assert watched.states() == {"b": "healthy", "d": "unknown"}
    await watched.clock.advance(120.0)
    assert watched.states() == {"b": "healthy", "d": "healthy"}
    assert len(watched.providers.times("a")) == 1
    assert len(watched.providers.times("b")) == 5  # as before, without a gap
    await watched.monitor.aclose()


@pytest.mark.parametrize("at_s", [0.5, 1.0, 5.0])
async def test_nothing_is_left_when_it_is_closed(at_s):
    before = asyncio.all_tasks()
    watched = Watched(a=hang, b=MODELS, c=BUSY)
    await watched.monitor.start()
    await watched.clock.advance(at_s)
    watched.monitor.use(watched.engine_of(Watched.config(["b"])))
    await watched.monitor.aclose()
    assert asyncio.all_tasks() == before
    assert watched.providers.open == 0
    asked = len(watched.providers.asked)
    await watched.clock.advance(100.0)
    assert len(watched.providers.asked) == asked


async def test_a_wall_clock_that_is_set_changes_nothing():
    watched = Watched(a=MODELS)
    await watched.monitor.start()
    await watched.clock.advance(1.0)
    for jump_s in (1e9, -1e9, 0.0):
        watched.clock.jump_s = jump_s
        await watched.clock.advance(30.0)
    assert [at - 1000 for at in watched.providers.times("a")] == [1.0, 31.0, 61.0, 91.0]
    assert watched.path() == ["healthy"]
    assert watched.monitor.statuses()[0].since_s == 90.0
    await watched.monitor.aclose()


async def test_many_providers_are_asked_at_once():
    names = [f"p{number}" for number in range(200)]
    watched = Watched(**dict.fromkeys(names, MODELS))
    await watched.monitor.start()
    await watched.clock.advance(1.0)
    await turns()
    assert set(watched.states().values()) == {"healthy"}
    assert {at for _, at, _ in watched.providers.asked} == {1001.0}
    await watched.monitor.aclose()
