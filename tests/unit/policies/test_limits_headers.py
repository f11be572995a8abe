"""What providers tell of their limits in headers: every family, and garbage."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.policies.limits.headers import FIELDS, learned, tells

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC).timestamp()


def pairs(**headers):
    return tuple(
        [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    )


FAMILIES = {
    "openai": (
        pairs(
            x_ratelimit_limit_requests="5000",
            x_ratelimit_limit_tokens="800000",
            x_ratelimit_remaining_requests="4999",
            x_ratelimit_remaining_tokens="0",
            x_ratelimit_reset_requests="12ms",
            x_ratelimit_reset_tokens="1m0s",
        ),
        [
            ("requests_per_minute", 5000, 4999, 0.012, 0.012),
            ("tokens_per_minute", 800_000, 0, 60.0, 1.0),
        ],
    ),
    "openai, by the day": (
        pairs(
            x_ratelimit_limit_requests="10000",
            x_ratelimit_remaining_requests="9999",
            x_ratelimit_reset_requests="8.64s",
        ),
        [("requests_per_day", 10_000, 9999, 8.64, 8.64)],
    ),
    "groq": (
        pairs(
            x_ratelimit_limit_requests="1000",
            x_ratelimit_limit_tokens="12000",
            x_ratelimit_remaining_requests="992",
            x_ratelimit_remaining_tokens="10918",
            x_ratelimit_reset_requests="11m31.2s",
            x_ratelimit_reset_tokens="5.41s",
        ),
        [
            ("requests_per_day", 1000, 992, 691.2, 86.4),
            ("tokens_per_minute", 12_000, 10_918, 5.41, 5.41 / 60),
        ],
    ),
    "azure": (
        pairs(
            x_ratelimit_limit_requests="120",
            x_ratelimit_remaining_requests="119",
            x_ratelimit_reset_requests="500",
            x_ratelimit_renewalperiod_requests="60",
        ),
        [("requests_per_minute", 120, 119, 60.0, 60.0)],
    ),
    "azure, without a limit": (
        pairs(x_ratelimit_limit_tokens="-1", x_ratelimit_remaining_tokens="-1"),
        [],
    ),
    "anthropic": (
        pairs(
            anthropic_ratelimit_requests_limit="50",
            anthropic_ratelimit_requests_remaining="0",
            anthropic_ratelimit_requests_reset="2026-11-21T12:01:00Z",
            anthropic_ratelimit_output_tokens_limit="8000",
            anthropic_ratelimit_output_tokens_remaining="8000",
            anthropic_ratelimit_output_tokens_reset="2026-11-21T11:59:58Z",
        ),
        [
            ("requests_per_minute", 50, 0, 60.0, 1.2),
            ("output_tokens_per_minute", 8000, 8000, 0.0, 0.0),
        ],
    ),
    "cerebras": (
        pairs(
            x_ratelimit_limit_requests_day="1440000",
            x_ratelimit_limit_tokens_minute="1000000",
            x_ratelimit_remaining_requests_day="1439993",
            x_ratelimit_remaining_tokens_minute="998850",
            x_ratelimit_reset_requests_day="3502.7469086647034",
            x_ratelimit_reset_tokens_minute="22.74690866470337",
        ),
        [
            ("requests_per_day", 1_440_000, 1_439_993, 3502.7469086647034, 3502.7469086647034),
            ("tokens_per_minute", 1_000_000, 998_850, 22.74690866470337, 22.74690866470337),
        ],
    ),
    "mistral": (
        pairs(
            x_ratelimit_limit_req_minute="100",
            x_ratelimit_remaining_req_minute="98",
            x_ratelimit_tokens_query_cost="10",
            x_ratelimitbysize_limit_minute="500000",
            x_ratelimitbysize_remaining_minute="348385",
            ratelimitbysize_reset="23",
        ),
        [
            ("requests_per_minute", 100, 98, 0.0, 1.0),
            ("tokens_by_size_per_minute", 500_000, 348_385, 23.0, 23.0),
        ],
    ),
    "openrouter": (
        pairs(
            x_ratelimit_limit="20",
            x_ratelimit_remaining="0",
            x_ratelimit_reset=str(int(NOW * 1000) + 42_000),
        ),
        [("requests", 20, 0, 42.0, 42.0)],
    ),
    "together": (
        pairs(x_ratelimit_limit="0.1", x_ratelimit_remaining="0", x_ratelimit_reset="10"),
        [("requests", 1, 0, 10.0, 10.0)],
    ),
    "replicate": (
        pairs(ratelimit_remaining="599", ratelimit_reset="1"),
        [("requests", None, 599, 1.0, 1.0)],
    ),
    "fireworks": (
        pairs(
            x_ratelimit_limit_tokens_prompt="60000",
            x_ratelimit_remaining_tokens_prompt="59000",
            x_ratelimit_over_limit="no",
        ),
        [("input_tokens_per_minute", 60_000, 59_000, 0.0, 1.0)],
    ),
    "redacted": (
        pairs(
            x_ratelimit_limit_requests="X-RATELIMIT-LIMIT-REQUESTS-XXX",
            x_ratelimit_remaining_requests="X-RATELIMIT-REMAINING-REQUESTS-XXX",
        ),
        [],
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_read(family):
    headers, expected = FAMILIES[family]
    assert tells(headers)
    found = learned(headers, NOW)
    assert [tuple(one)[:3] for one in found] == [one[:3] for one in expected]
    for one, (*_, reset_s, next_s) in zip(found, expected, strict=True):
        assert one.reset_s == pytest.approx(reset_s)
        assert one.next_s == pytest.approx(next_s)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (b"1s", 1),
        (b"6m0s", 360),
        (b"120ms", 0.12),
        (b"1h2m3.5s", 3723.5),
        (b"1d", 86_400),
        (b"17", 17),
        (b"0", 0),
        (str(int(NOW) + 5).encode(), 5),
        (str(int(NOW * 1000) + 5000).encode(), 5),
        (b"2026-11-21T12:00:09Z", 9),
        (b"2026-11-21T12:00:09", 9),
        (b"2020-01-01T00:00:00Z", 0),
    ],
    ids=lambda value: value.decode() if isinstance(value, bytes) and len(value) < 10 else "time",
)
def test_a_reset_is_read_in_every_form(written, seconds):
    headers = ((b"x-ratelimit-remaining", b"0"), (b"x-ratelimit-reset", written))
    assert learned(headers, NOW)[0].reset_s == pytest.approx(seconds)


def test_other_headers_tell_nothing():
    assert not tells(((b"content-type", b"application/json"), (b"x-ratelimit-key", b"gpt-5")))
    assert learned((), NOW) == ()


names = st.one_of(st.sampled_from(sorted(FIELDS)), st.binary(max_size=30))
values = st.one_of(
    st.binary(max_size=60),
    st.integers().map(lambda number: str(number).encode()),
    st.floats().map(lambda number: str(number).encode()),
    st.datetimes().map(lambda moment: moment.isoformat().encode()),
    st.sampled_from(
        [b"1e400", b"-0", b"nan", b"inf", b"9" * 39, b"1_000", b"0x10", b"1ms1s", b"s"]
    ),
)


@given(st.lists(st.tuples(names, values), max_size=20).map(tuple), st.floats(0, 4e9))
def test_garbage_is_not_believed(headers, now):
    for one in learned(headers, now):
        assert one.limit is None or 0 <= one.limit < 10**15 + 1
        assert 0 <= one.remaining < 10**15
        assert one.reset_s >= 0
        assert one.next_s >= 0
        assert math.isfinite(one.reset_s)
        assert math.isfinite(one.next_s)
