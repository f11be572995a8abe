"""A unit counts once, when its window has passed, and what was looked at never changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.experiments.units import Seen, counted, gather
from modelway.experiments.values import METRICS, Arm, Experiment, Outcome, window_s

ARMS = (Arm(name="a", model="m"), Arm(name="b", model="n"))


def experiment(window=100.0):
    return Experiment(name="e", arms=ARMS, window_s=window)


def seen(unit, time, arm="a", score=None, scored=0.0, **fields):
    fields = {"latency_s": 1.0, "call": f"{unit}@{time}", **fields}
    return Seen(
        Outcome(experiment="e", arm=arm, unit=unit, time=time, **fields), time, score, scored
    )


def values(log, metric, now, window=100.0):
    return [
        (one.time, one.value) for one in counted(gather(experiment(window), log).units, metric, now)
    ]


def test_a_unit_is_the_mean_of_its_window_and_counts_at_its_end():
    log = [seen("u", 0, latency_s=1.0), seen("u", 99, latency_s=3.0), seen("u", 100, latency_s=9.0)]
    assert values(log, "latency", 99.9) == []
    assert values(log, "latency", 100) == [(100, 2.0)]
    assert values(log, "latency", 1e9) == [(100, 2.0)]


def test_of_a_request_nothing_is_waited_for():
    assert values([seen("u", 5), seen("u", 6, latency_s=9.0)], "latency", 6, 0.0) == [(5, 1.0)]


@pytest.mark.parametrize(
    ("unit", "expected"), [("request", 0), ("session", 1800), ("user", 86400), ("tenant", 86400)]
)
def test_how_long_a_unit_is_watched(unit, expected):
    assert window_s(Experiment(name="e", arms=ARMS, unit=unit)) == expected
    assert window_s(Experiment(name="e", arms=ARMS, unit=unit, window_s=7)) == 7


def test_failures_have_no_latency_and_unknown_costs_are_not_nothing():
    log = [
        seen("u", 0, latency_s=4.0, cost_pico_usd=10),
        seen("u", 1, latency_s=0.1, error=True),
        seen("u", 2, latency_s=2.0, cost_pico_usd=30),
        seen("failed", 3, error=True),
    ]
    assert values(log, "latency", 200) == [(100, 3.0)]
    assert values(log, "cost", 200) == [(100, 20.0)]
    assert values(log, "errors", 200) == [(100, pytest.approx(1 / 3)), (103, 1.0)]


def test_a_unit_stays_with_the_arm_that_it_had_first():
    gathered = gather(experiment(), [seen("u", 0), seen("u", 1, arm="b", latency_s=9.0)])
    assert [unit.arm for unit in gathered.units] == ["a"]
    assert gathered.moved == 1
    assert counted(gathered.units, "latency", 200)[0].value == 1.0


def test_a_late_score_counts_when_it_is_there():
    log = [seen("u", 0, score=0.4, scored=50), seen("v", 1), seen("w", 2, score=1.0, scored=500)]
    assert values(log, "score", 102) == [(100, 0.4)]
    assert values(log, "score", 500) == [(100, 0.4), (500, 1.0)]


def test_a_score_that_comes_after_a_unit_counted_does_not_change_it():
    log = [seen("u", 0, score=0.4, scored=50), seen("u", 1, score=1.0, scored=300)]
    assert values(log, "score", 1000) == [(100, 0.4)]


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 6),  # unit
        st.floats(0.01, 60),  # since the last outcome
        st.booleans(),  # failed
        st.none() | st.integers(0, 100),  # cost
        st.none() | st.tuples(st.floats(0, 1), st.floats(0.01, 300)),  # score, and how much later
    ),
    max_size=30,
)


@given(EVENTS, st.floats(0, 1500), st.sampled_from([0.0, 40.0, 200.0]))
def test_a_later_look_sees_what_an_earlier_one_saw_and_more(events, look, window):
    log, time = [], 0.0
    for unit, since, error, cost, score in events:
        time += since
        given_at = 0.0 if score is None else time + score[1]
        log.append(
            seen(
                f"u{unit}",
                time,
                "ab"[unit % 2],
                None if score is None else score[0],
                given_at,
                error=error,
                cost_pico_usd=cost,
            )
        )
    early = [
        one if one.score is None or one.scored <= look else one._replace(score=None)
        for one in log
        if one.time <= look
    ]
    for metric in METRICS:
        late = counted(gather(experiment(window), log).units, metric, 1e9)
        then = counted(gather(experiment(window), early).units, metric, look)
        assert then == late[: len(then)]
        assert all(one.time > look for one in late[len(then) :])
