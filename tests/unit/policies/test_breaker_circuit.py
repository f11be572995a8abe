"""The circuit's table, and its laws."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.policies.breaker import BreakerSettings
from modelway.policies.breaker.circuit import ASK_AGAIN_S, CLOSED, Circuit, decide

SETTINGS = BreakerSettings(failures=3, open_s=60.0, probe_s=30.0)
NOW = 1000.0
TWICE = Circuit("closed", 2)
OPEN = Circuit("open", 3, 900.0, 960.0)
HALF = Circuit("half_open", 3, 900.0, 1030.0)
OPENED = Circuit("open", 3, NOW, NOW + 60.0)

TABLE = [
    (CLOSED, "failure", Circuit("closed", 1)),
    (TWICE, "failure", OPENED),
    (OPEN, "failure", OPEN._replace(failures=4)),  # of a call from before: not prolonged
    (HALF, "failure", OPENED._replace(failures=4)),
    *[(one, "success", CLOSED) for one in (CLOSED, TWICE, OPEN, HALF)],
    *[(one, "reset", CLOSED) for one in (CLOSED, TWICE, OPEN, HALF)],
    (CLOSED, "sign", CLOSED),
    (TWICE, "sign", TWICE),  # the beginning of a stream is no success yet
    (OPEN, "sign", Circuit("closed", 2)),
    (HALF, "sign", Circuit("closed", 2)),
    *[(one, "due", one) for one in (CLOSED, TWICE)],
    (OPEN, "due", Circuit("half_open", 3, 900.0, NOW + 30.0)),
    (HALF, "due", Circuit("half_open", 3, 900.0, NOW + 30.0)),  # the probe before it is lost
    *[(one, "left", one) for one in (CLOSED, TWICE, OPEN)],
    (HALF, "left", Circuit("open", 3, 900.0, NOW)),
    *[(one, "elsewhere", one) for one in (CLOSED, TWICE, OPEN)],
    (HALF, "elsewhere", Circuit("open", 3, 900.0, NOW + ASK_AGAIN_S)),
    *[(one, "opened", OPENED) for one in (CLOSED, TWICE, OPEN, HALF)],
]
EVENTS = sorted({event for _, event, _ in TABLE})


@pytest.mark.parametrize(("before", "event", "after"), TABLE)
def test_the_table(before, event, after):
    assert decide(before, event, NOW, SETTINGS) == after


def test_the_table_has_every_event_in_every_state():
    told = {(before.state, before.failures > 0, event) for before, event, _ in TABLE}
    states = [("closed", False), ("closed", True), ("open", True), ("half_open", True)]
    assert told == {(*state, event) for state in states for event in EVENTS}


def test_a_closed_circuit_without_failures_is_one_object():
    assert decide(OPEN, "success", NOW, SETTINGS) is CLOSED
    assert decide(TWICE, "reset", NOW, SETTINGS) is CLOSED


steps = st.lists(
    st.tuples(st.sampled_from(EVENTS), st.floats(0.0, 100.0, allow_nan=False)), max_size=60
)


@given(steps, st.integers(1, 6))
def test_whatever_happens_a_probe_comes_in_the_end(happened, failures):
    """Nothing wedges it: with no further event, a probe is allowed within the longest wait."""
    settings = BreakerSettings(failures=failures, open_s=60.0, probe_s=30.0)
    circuit, now = CLOSED, NOW
    for event, later_s in happened:
        now += later_s
        circuit = decide(circuit, event, now, settings)
        assert circuit.until <= now + 60.0
        assert (circuit.state == "closed") == (circuit.until == 0.0)
        if circuit.state == "closed":
            assert circuit.failures < failures
    assert decide(circuit, "success", now, settings) is CLOSED


@given(steps)
def test_it_opens_by_failures_or_by_others_alone(happened):
    circuit, now = CLOSED, NOW
    for event, later_s in happened:
        now += later_s
        before, circuit = circuit, decide(circuit, event, now, SETTINGS)
        if before.state == "closed" and circuit.state == "open":
            assert event == "opened" or circuit.failures >= SETTINGS.failures
