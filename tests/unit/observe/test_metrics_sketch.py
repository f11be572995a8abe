"""The sketch's laws: how exact a quantile is, and that sketches add up."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.observe.sketch import (
    FIRST,
    LAST,
    OCTAVE,
    RELATIVE_ERROR,
    Sketch,
    bucket,
    merge,
    octaves,
    quantile,
)

VALUES = st.lists(st.floats(2e-6, 1e6), min_size=1, max_size=200)
SHARES = st.floats(0.001, 1.0)


def sketched(values):
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    return sketch


@given(VALUES, SHARES)
def test_a_quantile_is_within_its_error_of_the_true_one(values, share):
    true = sorted(values)[math.ceil(share * len(values)) - 1]
    told = quantile(sketched(values).recent, share)
    assert abs(told - true) <= true * (RELATIVE_ERROR + 1e-9)


def test_the_error_is_what_is_documented():
    assert 0.0108 < RELATIVE_ERROR < 0.0109


@given(VALUES, VALUES)
def test_two_together_are_as_one_of_all(some, others):
    both = dict(sketched(some).recent)
    merge(both, sketched(others).recent)
    assert both == sketched(some + others).recent


@given(VALUES, st.integers(-20, 20))
def test_below_a_power_of_two_are_just_those_that_are(values, power):
    told: dict[int, int] = {}
    octaves(told, sketched(values).recent)
    below = sum(count for octave, count in told.items() if octave <= power)
    assert below == sum(value <= 2.0**power for value in values)


@given(st.lists(VALUES, max_size=5))
def test_turning_loses_nothing_but_what_is_no_longer_of_late(minutes):
    sketch, everything = Sketch(), Sketch()
    for values in minutes:
        for value in values:
            sketch.add(value)
            everything.add(value)
        sketch.turn()
    told = dict(sketch.octaves)
    octaves(told, sketch.before)
    octaves(told, sketch.recent)
    every: dict[int, int] = {}
    octaves(every, everything.recent)
    assert told == every
    assert sketch.sum == everything.sum
    assert sketch.before == (sketched(minutes[-1]).recent if minutes else {})


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, 1e-9, -math.inf])
def test_what_is_no_time_counts_as_the_least(value):
    assert sketched([value]).recent == {FIRST: 1}
    assert 0.0 <= sketched([value]).sum <= 1e-9


@pytest.mark.parametrize("value", [2.0**20, 1e300, math.inf])
def test_what_is_beyond_measure_counts_as_the_most(value):
    assert sketched([value]).recent == {LAST: 1}
    assert sketched([value]).sum == 2.0**20


@given(st.floats(allow_nan=False))
def test_there_are_only_so_many_buckets(value):
    assert FIRST <= bucket(value) <= LAST
    assert bucket(value) in sketched([value]).recent
    assert LAST - FIRST == 40 * OCTAVE


def test_nothing_has_no_quantile():
    assert quantile({}, 0.5) is None
