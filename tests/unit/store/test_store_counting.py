"""The arithmetic of pools."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.store.counting import BUCKETS, counted_until, part, wait_s


@pytest.mark.parametrize(
    ("left", "want", "least", "share", "amount"),
    [
        (10, 3, 1, 1, 3),
        (10, 30, 1, 1, 10),
        (10, 30, 1, 4, 2),
        (10, 30, 3, 4, 3),
        (2, 30, 3, 1, 0),
        (0, 1, 1, 1, 0),
        (-5, 1, 1, 1, 0),
        (10, 0, 1, 1, 0),
        (10, 2, 5, 1, 2),
        (10, 30, 1, 0, 10),
        (10, -3, 1, 1, 0),
    ],
)
def test_part(left, want, least, share, amount):
    assert part(left, want, least, share) == amount


seconds = st.floats(0, 1e6, allow_nan=False)


@given(now=seconds, ago_s=seconds, window_s=st.floats(1e-3, 1e5))
def test_what_was_used_counts_a_window_and_at_most_a_bucket_more(now, ago_s, window_s):
    until, exact = counted_until(now, ago_s, window_s), now - ago_s + window_s
    assert exact <= until <= exact + window_s / BUCKETS * 1.001 + 1e-6


def test_what_was_used_within_a_window_is_few_numbers():
    times = [1000.0 + number * 60 / 7919 for number in range(7919)]
    assert len({counted_until(now, 0.0, 60.0) for now in times}) <= BUCKETS + 1


def test_what_is_used_counts_for_ever_or_not_at_all():
    assert counted_until(5.0, 1.0, math.inf) == math.inf
    assert counted_until(5.0, 1.0, 0.0) <= 5.0
    assert counted_until(5.0, -7.0, 10.0) == 15.0  # nobody uses anything in the future


def test_the_wait_is_for_the_end_that_makes_it_enough():
    ending = [(11.0, 2), (12.0, 2), (math.inf, 2)]
    assert [round(wait_s(10.0, n, ending), 3) for n in (1, 2, 3, 4)] == [1, 1, 2, 2]
    assert wait_s(10.0, 5, ending) == math.inf
    assert wait_s(10.0, 7, ending) == math.inf
    assert wait_s(10.0, 1, []) == math.inf
