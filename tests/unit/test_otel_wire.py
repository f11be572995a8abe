"""What is written for a collector, read by the messages that OTLP is defined by."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint, Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from modelway.observe.otel import wire
from support.otlp_receiver import value_of

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(max_size=300)
LEAF = TEXT | st.booleans() | INT64 | st.floats(allow_nan=False)
VALUE = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def read(said):
    return {pair.key: value_of(pair.value) for pair in said.values}


@given(st.dictionaries(TEXT, VALUE, max_size=8))
def test_attributes_are_read_as_they_were_said(said):
    assert read(KeyValueList.FromString(wire.attributes(said))) == said


@given(st.lists(st.sampled_from([0, 1, 100, 118, 119, 120, 127, 128, 300, 20_000]), max_size=4))
def test_texts_of_every_length_have_a_right_length(sizes):
    said = {f"name{number}": "é" * size for number, size in enumerate(sizes)}
    assert read(KeyValueList.FromString(wire.attributes(said))) == said


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (2**63, str(2**63)),
        (-(2**63) - 1, str(-(2**63) - 1)),
        (10**2000, None),
        ("a\ud800b", "a?b"),
        (None, None),
        (object(), None),
        (math.inf, math.inf),
        ([], []),
        ({}, {}),
    ],
    ids=[
        *("above 64 bits", "below 64 bits", "very long", "half a character", "nothing"),
        *("an object", "infinity", "an empty list", "an empty mapping"),
    ],
)
def test_what_cannot_be_sent_spoils_nothing(value, told):
    said = read(KeyValueList.FromString(wire.attributes({"odd": value, "next": 1})))
    assert said == {"odd": told, "next": 1}


def test_nesting_ends_somewhere():
    deep: list[object] = []
    for _ in range(100):
        deep = [deep]
    whole = AnyValue.FromString(wire._value(deep))
    assert whole.WhichOneof("value") == "array_value"


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 2**64 - 1), TEXT)
def test_a_span(trace, id_, parent, name):
    found = Span.FromString(
        wire.span(
            trace=trace,
            id_=id_,
            state="a=b",
            parent=parent,
            flags=0x301,
            name=name,
            kind=3,
            began_ns=5,
            ended_ns=2**63,
            encoded=wire.attributes({"key": "value"}, number=9),
            failed=True,
        )
    )
    assert found.trace_id == trace.to_bytes(16)
    assert found.span_id == id_.to_bytes(8)
    assert found.parent_span_id == (parent.to_bytes(8) if parent else b"")
    assert (found.trace_state, found.name, found.kind, found.flags) == ("a=b", name, 3, 0x301)
    assert (found.start_time_unix_nano, found.end_time_unix_nano) == (5, 2**63)
    assert found.status.code == 2
    assert found.status.message == ""
    assert [pair.key for pair in found.attributes] == ["key"]


@given(st.lists(st.integers(0, 2**40), min_size=4, max_size=4), st.floats(0, 1e9))
def test_a_histogram(counts, total):
    point = wire.point(
        said=wire.attributes({"a": 1}, number=9),
        began_ns=1,
        at_ns=2,
        counts=counts,
        total=total,
        boundaries=(0.1, 1.0, 10.0),
        least=0.01,
        most=11.0,
    )
    metric = Metric.FromString(wire.histogram("name", "s", "what it is", [point, point]))
    assert (metric.name, metric.unit, metric.description) == ("name", "s", "what it is")
    assert metric.histogram.aggregation_temporality == 2
    first, second = metric.histogram.data_points
    assert first == second
    assert isinstance(first, HistogramDataPoint)
    assert (first.count, list(first.bucket_counts)) == (sum(counts), counts)
    assert (first.sum, list(first.explicit_bounds)) == (total, [0.1, 1.0, 10.0])
    assert (first.min, first.max) == (0.01, 11.0)
    assert (first.start_time_unix_nano, first.time_unix_nano) == (1, 2)


def test_an_event():
    told = {"a": [{"b": "c"}]}
    record = wire.event(name="event", trace=7, span_id=8, flags=1, at_ns=9, said=told)
    found = LogRecord.FromString(record)
    assert (found.event_name, found.severity_number, found.flags) == ("event", 5, 1)
    assert (found.trace_id, found.span_id) == ((7).to_bytes(16), (8).to_bytes(8))
    assert (found.time_unix_nano, found.observed_time_unix_nano) == (9, 9)
    assert {pair.key: value_of(pair.value) for pair in found.attributes} == told


@pytest.mark.parametrize("request_of", [ExportTraceServiceRequest, ExportLogsServiceRequest])
def test_an_envelope(request_of):
    body = wire.envelope(wire.resource({"service.name": "x"}), wire.scope("n", "v"), "schema", [])
    found = request_of.FromString(body)
    ((_, (whole,)),) = found.ListFields()
    assert [pair.key for pair in whole.resource.attributes] == ["service.name"]
    assert whole.schema_url == "schema"
    ((scoped,),) = [value for field, value in whole.ListFields() if "scope" in field.name]
    assert (scoped.scope.name, scoped.scope.version, scoped.schema_url) == ("n", "v", "schema")
