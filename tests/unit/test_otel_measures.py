"""Histograms count what they are given, as their definition says."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from modelway.observe.otel.measures import Histogram
from modelway.observe.otel.names import SECONDS, SECONDS_EACH, SECONDS_TO_FIRST, TOKENS

SERIES = ("chat", "openai", "m", "api.example", 443)
ALL = [SECONDS, SECONDS_EACH, SECONDS_TO_FIRST, TOKENS]


def told(histogram):
    whole = histogram.written(1, 2)
    return [] if whole is None else list(Metric.FromString(whole).histogram.data_points)


@given(
    st.sampled_from(ALL),
    st.lists(st.floats(0, 1e6) | st.sampled_from([*SECONDS, *TOKENS]), min_size=1, max_size=50),
)
def test_each_value_is_counted_at_or_below_its_boundary(boundaries, values):
    histogram = Histogram("name", "s", "", boundaries)
    for value in values:
        histogram.record(value, SERIES)
    (point,) = told(histogram)
    edges = [-math.inf, *boundaries, math.inf]
    expected = [
        sum(low < value <= high for value in values) for low, high in itertools.pairwise(edges)
    ]
    assert list(point.bucket_counts) == expected
    assert point.count == len(values)
    assert point.sum == pytest.approx(sum(values))
    assert (point.min, point.max) == (min(values), max(values))


@pytest.mark.parametrize("value", [-1, -0.001, math.nan, math.inf, -math.inf, 2**63, 10**400])
def test_what_is_no_measure_is_not_counted(value):
    histogram = Histogram("name", "s", "", SECONDS)
    histogram.record(value, SERIES)
    assert told(histogram) == []


@pytest.mark.parametrize("boundaries", ALL)
def test_boundaries_rise(boundaries):
    assert list(boundaries) == sorted(set(boundaries))


def test_points_are_apart_by_series_and_word():
    histogram = Histogram("name", "s", "", SECONDS, "error.type")
    histogram.record(1, SERIES)
    histogram.record(1, SERIES, "OverloadedError")
    histogram.record(1, (*SERIES[:2], "", "", 0))
    assert sorted(
        min((pair.key, pair.value.string_value) for pair in point.attributes)
        for point in told(histogram)
    ) == [
        ("error.type", "OverloadedError"),
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.operation.name", "chat"),
    ]
    assert sorted(len(point.attributes) for point in told(histogram)) == [2, 5, 6]


def test_memory_is_bounded_by_models_and_by_errors():
    histogram = Histogram("name", "s", "", SECONDS, "error.type")
    for number in range(10_000):
        histogram.record(1, ("chat", "openai", f"model-{number}", "", 0), f"error-{number}")
    points = told(histogram)
    assert len(points) <= 4_001
    assert sum(point.count for point in points) == 10_000
