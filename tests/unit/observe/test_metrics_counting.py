"""What is counted, under which names, and how many of those there can be."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.observe.metrics import OTHER, RECENT_S, Metrics
from modelway.observe.prometheus import exposition
from modelway.observe.settings import MetricsSettings
from modelway.observe.snapshot import decode
from modelway.types import Usage
from support.hand_clock import HandClock
from support.prometheus import series


def told(metrics, **labels):
    """The exposed series that have these labels, by name."""
    return {
        name: value
        for (name, said), value in series(exposition([decode(metrics.snapshot())])).items()
        if all(dict(said).get(label) == value for label, value in labels.items())
    }


def attempted(metrics, model="small", **facts):
    metrics.attempt("acme", model, "chat", **{"took_s": 1.0, **facts})


def requested(metrics, model="small", **facts):
    base = {"took_s": 1.0, "upstream_s": 0.9, "waited_s": 0.0}
    metrics.request("chat", model, **{**base, **facts})


def test_an_attempt_tells_its_time_tokens_and_cost():
    metrics = Metrics()
    usage = Usage(
        input_tokens=100,
        output_tokens=50,
        cached_tokens=60,
        cache_write_tokens=7,
        reasoning_tokens=9,
    )
    attempted(metrics, took_s=2.0, first_s=0.5, usage=usage, cost_pico_usd=123_000_001)
    attempted(metrics, took_s=2.0, cost_pico_usd=4, estimated=True)
    seen = told(metrics, model="small", provider="acme", operation="chat")
    assert seen["modelway_attempts_total"] == 2
    assert seen["modelway_input_tokens_total"] == 100
    assert seen["modelway_output_tokens_total"] == 50
    assert seen["modelway_cached_tokens_total"] == 60
    assert seen["modelway_cache_write_tokens_total"] == 7
    assert seen["modelway_reasoning_tokens_total"] == 9
    assert seen["modelway_unpriced_attempts_total"] == 0
    assert seen["modelway_attempt_duration_seconds_sum"] == 4.0
    assert seen["modelway_attempt_duration_seconds_count"] == 2
    assert seen["modelway_attempt_first_token_seconds_count"] == 1
    assert seen["modelway_attempt_output_rate_tokens_per_second_sum"] == 25.0
    assert told(metrics, estimated="false")["modelway_cost_usd_total"] == 0.000123000001
    assert told(metrics, estimated="true")["modelway_cost_usd_total"] == 4e-12


def test_money_is_told_to_the_pico_dollar():
    metrics = Metrics()
    attempted(metrics, cost_pico_usd=10**24 + 1)
    assert b" 1000000000000.000000000001\n" in exposition([decode(metrics.snapshot())])


def test_an_unknown_price_is_not_0_but_counted():
    metrics = Metrics()
    attempted(metrics)
    attempted(metrics, error="OverloadedError")
    assert told(metrics)["modelway_unpriced_attempts_total"] == 1


def test_failures_are_by_class_and_in_no_duration():
    metrics = Metrics()
    attempted(metrics, error="OverloadedError")
    attempted(metrics, error="OverloadedError")
    attempted(metrics, error="RateLimitError")
    assert told(metrics)["modelway_attempts_total"] == 3
    assert told(metrics, error="OverloadedError") == {"modelway_attempt_errors_total": 2}
    assert told(metrics, error="RateLimitError") == {"modelway_attempt_errors_total": 1}
    assert "modelway_attempt_duration_seconds_count" not in told(metrics)


def test_a_request_tells_what_became_of_it_and_what_is_ours():
    metrics = Metrics()
    requested(metrics, took_s=1.0, upstream_s=0.75, waited_s=0.125, stream=True)
    requested(metrics, took_s=0.001, upstream_s=0.0, cached="exact")
    requested(metrics, model="", error="BudgetExceededError")
    assert told(metrics, outcome="ok", model="small")["modelway_requests_total"] == 1
    assert told(metrics, outcome="ok", cached="exact")["modelway_requests_total"] == 1
    assert told(metrics, outcome="BudgetExceededError")["modelway_requests_total"] == 1
    assert told(metrics, stream="true")["modelway_request_duration_seconds_count"] == 1
    assert told(metrics, stream="false")["modelway_request_duration_seconds_count"] == 1
    seen = told(metrics, operation="chat")
    assert seen["modelway_request_overhead_seconds_sum"] == 0.125
    assert seen["modelway_request_overhead_seconds_count"] == 1
    assert seen["modelway_request_queue_seconds_sum"] == 0.125
    assert seen["modelway_request_queue_seconds_count"] == 1


def test_streamed_or_not_a_request_is_one():
    metrics = Metrics()
    requested(metrics, stream=True)
    requested(metrics, stream=False)
    requested(metrics, stream=False)
    assert told(metrics, outcome="ok") == {"modelway_requests_total": 3}


def test_what_happens_now_and_then():
    metrics = Metrics()
    metrics.open_requests = lambda: 7
    for happened, name in (
        (metrics.retried, "retries"),
        (metrics.fell_back, "fallbacks"),
        (metrics.hedged, "hedges"),
        (metrics.opened, "breaker_openings"),
    ):
        happened("acme", "small")
        happened("acme", "small")
        assert told(metrics, provider="acme", model="small")[f"modelway_{name}_total"] == 2
    metrics.limited("budget", "team-month")
    assert told(metrics, kind="budget", name="team-month") == {"modelway_refusals_total": 1}
    assert told(metrics)["modelway_open_requests"] == 7


def test_quantiles_forget():
    clock = HandClock()
    metrics = Metrics(clock=clock)
    attempted(metrics, took_s=100.0)

    def p99():
        return told(metrics, quantile="0.99")["modelway_attempt_duration_recent_seconds"]

    assert p99() == pytest.approx(100, rel=0.011)
    clock.now += RECENT_S
    attempted(metrics, took_s=1.0)
    assert p99() == pytest.approx(100, rel=0.011)
    clock.now += RECENT_S
    attempted(metrics, took_s=1.0)
    assert p99() == pytest.approx(1, rel=0.011)
    clock.now += RECENT_S
    told(metrics)
    clock.now += RECENT_S
    assert p99() != p99()  # NaN: nothing was of late
    assert told(metrics)["modelway_attempt_duration_seconds_count"] == 3


def test_names_are_bounded_and_the_rest_is_counted_as_other():
    metrics = Metrics(MetricsSettings(most_series=10))
    for number in range(1000):
        attempted(metrics, model=f"made-up-{number}")
        requested(metrics, model=f"made-up-{number}")
        metrics.limited("budget", f"budget-{number}")
    lines = series(exposition([decode(metrics.snapshot())]))
    for name, total in (
        ("modelway_attempts_total", 1000),
        ("modelway_requests_total", 1000),
        ("modelway_refusals_total", 1000),
    ):
        found = {labels: value for (one, labels), value in lines.items() if one == name}
        assert len(found) <= 11
        assert sum(found.values()) == total
    assert told(metrics, model=OTHER, provider="acme")["modelway_attempts_total"] > 980


def test_a_callers_names_take_no_room_until_they_answer():
    metrics = Metrics(MetricsSettings(most_series=10))
    metrics.expect([("acme", "small")])
    for number in range(100):
        attempted(metrics, model=f"made-up-{number}", error="NotFoundError")
        requested(metrics, model=f"made-up-{number}", error="NotFoundError")
    attempted(metrics, error="AuthenticationError")
    attempted(metrics, model="named-by-its-own-name")
    assert told(metrics, model=OTHER)["modelway_attempts_total"] == 100
    assert told(metrics, model="small")["modelway_attempts_total"] == 1
    assert told(metrics, model="named-by-its-own-name")["modelway_attempts_total"] == 1


def test_a_label_without_a_value_is_left_out_also_where_it_is_the_only_one():
    metrics = Metrics()
    metrics.request("", "", took_s=1.0, upstream_s=0.5, waited_s=0.25)
    text = exposition([decode(metrics.snapshot())])
    found = series(text)
    assert found["modelway_requests_total", (("outcome", "ok"),)] == 1
    assert found["modelway_request_overhead_seconds_bucket", (("le", "0.25"),)] == 1
    assert found["modelway_request_overhead_seconds_count", ()] == 1
    assert ("modelway_request_overhead_recent_seconds", (("quantile", "0.5"),)) in found


def test_a_name_without_end_is_other():
    metrics = Metrics()
    attempted(metrics, model="m" * 10_000)
    assert told(metrics, model=OTHER)["modelway_attempts_total"] == 1


NAMES = st.sampled_from(["small", "large", "other", 'quo"te', "new\nline", "back\\slash", "ключ"])
EVENTS = st.lists(
    st.one_of(
        st.tuples(
            st.just("attempt"), NAMES, st.floats(0, 1e3), st.sampled_from(["", "RateLimitError"])
        ),
        st.tuples(
            st.just("request"), NAMES, st.floats(0, 1e3), st.sampled_from(["", "NotFoundError"])
        ),
        st.tuples(st.just("retried"), NAMES, st.just(0.0), st.just("")),
    ),
    max_size=40,
)


def played(events):
    metrics = Metrics()
    for what, model, took_s, error in events:
        if what == "attempt":
            usage = Usage(input_tokens=int(took_s), output_tokens=3)
            attempted(metrics, model, took_s=took_s, error=error, usage=usage, cost_pico_usd=17)
        elif what == "request":
            requested(metrics, model, took_s=took_s, error=error)
        else:
            metrics.retried("acme", model)
    return metrics


@given(st.lists(EVENTS, min_size=1, max_size=4))
def test_processes_together_are_as_one_that_did_it_all(processes):
    merged = Metrics.merge([played(events).snapshot() for events in processes])
    one = played(list(itertools.chain.from_iterable(processes))).snapshot()
    ours, theirs = series(exposition([decode(merged)])), series(exposition([decode(one)]))
    assert ours.keys() == theirs.keys()
    for key, value in ours.items():
        assert value == pytest.approx(theirs[key], nan_ok=True), key


@given(NAMES)
def test_any_name_is_read_back_as_it_is(name):
    metrics = Metrics()
    attempted(metrics, model=name)
    assert told(metrics, model=name)["modelway_attempts_total"] == 1
