"""Trace contexts in headers: what W3C allows is read, and all else is nothing."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from modelway.observe.otel.carrying import read, written

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "00",
        "nonsense",
        GOOD[:-1],
        GOOD + "0",
        GOOD + "-more",
        GOOD.upper(),
        GOOD.replace("00-", "ff-", 1),
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-0g",
        f"00-{TRACE}-{SPAN}",
        f"00 {TRACE} {SPAN} 01",
        GOOD + "\n",
        "\u0660\u0660" + GOOD[2:],
        f"01-{TRACE}-{SPAN}-01x",
        GOOD + "-" + "x" * 10_000,
        f"cc-{TRACE}-{SPAN}-01-" + "x" * 10_000,
    ],
    ids=lambda parent: repr(parent[:64]),
)
def test_a_malformed_parent_is_none(parent):
    assert read(parent, "a=b") is None


@pytest.mark.parametrize("flags", ["00", "01", "02", "03", "ff"])
def test_the_decision_to_sample_is_read(flags):
    found = read(f"00-{TRACE}-{SPAN}-{flags}", "")
    assert (found.trace_id, found.span_id) == (int(TRACE, 16), int(SPAN, 16))
    assert found.trace_flags.sampled == bool(int(flags, 16) & 1)
    assert found.is_remote


def test_a_later_version_may_say_more():
    assert read(f"cc-{TRACE}-{SPAN}-01-what-comes", "").trace_id == int(TRACE, 16)
    assert read(f" {GOOD}\t", "") is not None


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("", ""),
        ("a=1", "a=1"),
        ("a=1,b=2", "a=1,b=2"),
        (" a=1 , b=2 ,, ", "a=1,b=2"),
        ("tenant@vendor=x y", "tenant@vendor=x y"),
        ("a=1,a=2", ""),
        ("A=1", ""),
        ("a", ""),
        ("a=", ""),
        ("a=b=c", ""),
        ("a=é", ""),
        ("a=1\r\nx-evil: 1", ""),
        (",".join(f"k{n}=v" for n in range(33)), ""),
        ("a=" + "x" * 257, ""),
        ("a=1," * 10_000, ""),
    ],
    ids=lambda text: repr(text[:40]),
)
def test_a_state_is_kept_whole_or_not_at_all(state, told):
    found = read(GOOD, state)
    assert found is not None, "it harms no parent"
    assert found.trace_state.to_header() == told


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_header_raises_or_is_logged(parent, state):
    with _nothing_logged():
        read(parent, state)
        read(GOOD, state)


@given(
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.sampled_from(["00", "01"]),
    st.lists(
        st.tuples(st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True), st.sampled_from("xyz")),
        max_size=5,
        unique_by=lambda pair: pair[0],
    ),
)
def test_what_is_written_is_what_opentelemetry_reads(trace, span, flags, members):
    state = ",".join(f"{key}={value}" for key, value in members)
    parent, told = written(read(f"00-{trace:032x}-{span:016x}-{flags}", state))
    assert (parent, told) == (f"00-{trace:032x}-{span:016x}-{flags}", state)
    carrier: dict[str, str] = {}
    propagator = TraceContextTextMapPropagator()
    propagator.inject(carrier, propagator.extract({"traceparent": parent, "tracestate": told}))
    assert carrier["traceparent"] == parent
    assert carrier.get("tracestate", "") == state


class _nothing_logged(logging.Handler):  # noqa: N801
    """Fails where a caller's header could fill a log."""

    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(record)

    def __enter__(self):
        logging.getLogger().addHandler(self)

    def __exit__(self, *said):
        logging.getLogger().removeHandler(self)
        assert self.records == []
