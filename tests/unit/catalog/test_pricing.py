"""The arithmetic of prices: exact, additive, never negative, and silent where it does not know."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.catalog.models import RATES, ModelInfo, Tariff
from modelway.catalog.pricing import Cost, Unpriced, cost, count, tariff_for
from modelway.types import Usage

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)  # a Friday
PRICES = {
    "input": "3",
    "output": "15",
    "cached": "0.3",
    "cache_write": "3.75",
    "cache_write_1h": "6",
    "input_audio": "40",
    "output_audio": "80",
    "reasoning": "20",
}


def tariff(**fields) -> Tariff:
    rates = {name: Decimal(value) for name, value in fields.items() if name in RATES}
    return Tariff(**{**fields, **rates})


def info(*tariffs: Tariff) -> ModelInfo:
    return ModelInfo(name="m", tariffs=tariffs or (tariff(**PRICES),), version="v")


def priced(usage: Usage, row: ModelInfo | None = None, at=NOON, **more) -> Cost:
    found = cost(usage, row or info(), at=at, **more)
    assert isinstance(found, Cost), found
    return found


def why_not(usage: Usage, row: ModelInfo | None, **more) -> str:
    found = cost(usage, row, at=NOON, **more)
    assert isinstance(found, Unpriced), found
    return found.reason


# ---------------------------------------------------------------- classes


@pytest.mark.parametrize(
    ("usage", "parts"),
    [
        (Usage(input_tokens=10, output_tokens=2), {"input": 30, "output": 30}),
        (
            Usage(input_tokens=10, output_tokens=0, cached_tokens=4),
            {"input": 18, "cached": Fraction("1.2")},
        ),
        (
            Usage(input_tokens=10, output_tokens=0, cache_write_tokens=6, cache_write_1h_tokens=2),
            {"input": 12, "cache_write": 15, "cache_write_1h": 12},
        ),
        (
            Usage(input_tokens=10, output_tokens=8, input_audio_tokens=3, output_audio_tokens=5),
            {"input": 21, "input_audio": 120, "output": 45, "output_audio": 400},
        ),
        (
            Usage(input_tokens=0, output_tokens=8, reasoning_tokens=6),
            {"output": 30, "reasoning": 120},
        ),
        (Usage(input_tokens=0, output_tokens=0), {}),
    ],
    ids=["plain", "cached", "written", "sound", "reasoning", "nothing"],
)
def test_each_class_has_its_price(usage, parts):
    found = priced(usage)
    assert found.parts == {kind: int(micro * 10**6) for kind, micro in parts.items()}
    assert found.total_pico_usd == sum(found.parts.values())
    assert (found.source, found.version, found.notes) == ("catalogue", "v", ())


def test_reasoning_without_a_price_of_its_own_costs_what_output_costs():
    found = priced(
        Usage(input_tokens=0, output_tokens=8, reasoning_tokens=6), info(tariff(input=1, output=2))
    )
    assert found.parts == {"output": 4_000_000, "reasoning": 12_000_000}


def test_sound_that_was_cached_is_told_by_what_must_overlap():
    usage = Usage(input_tokens=10, output_tokens=0, cached_tokens=8, input_audio_tokens=6)
    assert count(usage) == ({"cached": 4, "cached_audio": 4, "input_audio": 2}, ())


def test_a_call_may_cost_by_itself_and_by_search_units():
    row = info(tariff(input=1, output=1, calls=5))
    assert priced(Usage(input_tokens=1, output_tokens=1), row).parts["calls"] == 5 * 10**9
    ranking = ModelInfo(mode="rerank", tariffs=(tariff(searches=2),))
    ranked = priced(Usage(search_units=3), ranking)
    assert ranked.total_pico_usd == 6 * 10**9


# ---------------------------------------------------------------- what is not known


@pytest.mark.parametrize(
    ("usage", "row", "words"),
    [
        (Usage(input_tokens=1, output_tokens=1), None, "not in the catalogue"),
        (Usage(input_tokens=1, output_tokens=1), ModelInfo(), "no price of the model"),
        (Usage(input_tokens=1, output_tokens=1), ModelInfo(why_unpriced="because"), "because"),
        (Usage(output_tokens=1), info(), "did not say how many tokens it read"),
        (Usage(input_tokens=1), info(), "did not say how many tokens it made"),
        (Usage(), info(), "did not say"),
        (
            Usage(input_tokens=9, output_tokens=1, cached_tokens=4),
            info(tariff(input=1, output=1)),
            "no price of cached is known, and there were 4",
        ),
        (
            Usage(input_tokens=9, output_tokens=1),
            info(tariff(input=1, output=1, since=dt.date(2027, 1, 1))),
            "no standard price is known for 2026-11-20",
        ),
    ],
)
def test_what_is_not_known_is_said_and_is_no_0(usage, row, words):
    assert words in why_not(usage, row)


def test_a_class_that_does_not_occur_needs_no_price():
    usage = Usage(input_tokens=9, output_tokens=1, cached_tokens=0, input_audio_tokens=0)
    assert priced(usage, info(tariff(input=1, output=1))).total_pico_usd == 10 * 10**6


def test_a_service_without_prices_is_not_charged_as_another():
    assert "no batch price" in why_not(
        Usage(input_tokens=1, output_tokens=1), info(), service="batch"
    )


def test_vectors_have_no_output():
    row = ModelInfo(mode="embed", tariffs=(tariff(input="0.02"),))
    assert priced(Usage(input_tokens=100), row).total_pico_usd == 2_000_000


# ---------------------------------------------------------------- usage that contradicts itself


@pytest.mark.parametrize(
    ("usage", "total"),
    [
        (Usage(input_tokens=78, output_tokens=0, cached_tokens=158), 78 * 300_000),
        (Usage(input_tokens=7, output_tokens=0, cache_write_tokens=2161), 7 * 3_750_000),
        (Usage(input_tokens=0, output_tokens=5, reasoning_tokens=9), 5 * 20_000_000),
        (
            Usage(input_tokens=5, output_tokens=0, cache_write_tokens=2, cache_write_1h_tokens=4),
            3 * 3_000_000 + 2 * 6_000_000,
        ),
        (Usage(input_tokens=5, output_tokens=0, cached_tokens=-3), 5 * 3_000_000),
    ],
)
def test_a_part_is_never_more_than_its_whole(usage, total):
    found = priced(usage)
    assert found.total_pico_usd == total
    assert bool(found.notes) == (usage.cached_tokens != -3)


# ---------------------------------------------------------------- conditions


def test_a_longer_input_is_priced_by_its_tier_whole():
    row = info(tariff(input=1, output=2), tariff(over_tokens=100, input=10, output=20))
    assert priced(Usage(input_tokens=100, output_tokens=1), row).total_pico_usd == 102 * 10**6
    assert priced(Usage(input_tokens=101, output_tokens=1), row).total_pico_usd == 1030 * 10**6


def test_the_newest_price_in_force_is_taken_and_an_abolished_tier_is_gone():
    row = info(
        tariff(input=1, output=1),
        tariff(over_tokens=100, input=5, output=5),
        tariff(since=dt.date(2026, 3, 1), input=3, output=3),
        tariff(since=dt.date(2027, 1, 1), input=9, output=9),
    )
    usage = Usage(input_tokens=1000, output_tokens=0)
    for day, dollars in (("2026-02-28", 5), ("2026-03-01", 3), ("2027-01-01", 9)):
        at = dt.datetime.fromisoformat(f"{day}T00:00:00+00:00")
        assert priced(usage, row, at).total_pico_usd == dollars * 1000 * 10**6
    # a day begins in UTC, wherever the clock stands
    early = dt.datetime(2026, 3, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=9)))
    assert priced(usage, row, early).total_pico_usd == 5 * 1000 * 10**6


@pytest.mark.parametrize(
    ("hours", "days", "at", "dollars"),
    [
        (("16:30-00:30",), (), "2026-11-20T16:29", 2),
        (("16:30-00:30",), (), "2026-11-20T16:30", 1),
        (("16:30-00:30",), (), "2026-11-20T00:29", 1),
        (("16:30-00:30",), (), "2026-11-20T00:30", 2),
        (("00:00-00:00",), (6, 7), "2026-11-20T23:59", 2),
        (("00:00-00:00",), (6, 7), "2026-11-21T00:00", 1),
        (("00:00-01:00", "10:00-00:00"), (5,), "2026-11-20T23:59", 1),
    ],
)
def test_prices_may_depend_on_the_hour_and_the_day(hours, days, at, dollars):
    row = info(tariff(input=2, output=2), tariff(hours=hours, days=days, input=1, output=1))
    found = tariff_for(row, at=dt.datetime.fromisoformat(f"{at}:00+00:00"))
    assert found is not None
    assert found.input == dollars


# ---------------------------------------------------------------- the provider's own word


def test_what_a_provider_reports_wins_and_the_difference_is_kept():
    usage = Usage(input_tokens=10, output_tokens=2, reported_cost_usd=0.0000703)
    found = priced(usage)
    assert found.total_pico_usd == 70_300_000
    assert found.parts == {"reported": 70_300_000}
    assert (found.source, found.expected_pico_usd) == ("provider", 60_000_000)
    assert found.mismatch_pico_usd == 10_300_000


def test_what_a_provider_reports_needs_no_price_of_ours():
    found = cost(Usage(reported_cost_usd=0.1), None, at=NOON)
    assert isinstance(found, Cost)
    assert (found.total_pico_usd, found.mismatch_pico_usd) == (10**11, 0)


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), -1.0])
def test_what_is_no_amount_was_not_reported(nonsense):
    usage = Usage(input_tokens=10, output_tokens=2, reported_cost_usd=nonsense)
    assert priced(usage).source == "catalogue"


def test_no_decimal_context_rounds_a_price():
    row = info(tariff(input="0.123456789012345678", output=1))
    usage = Usage(input_tokens=10**12, output_tokens=0, reported_cost_usd=0.123456789)
    with localcontext(prec=3):
        found = priced(usage, row)
    assert found.expected_pico_usd == 123_456_789_012_345_678
    assert found.total_pico_usd == 123_456_789_000


# ---------------------------------------------------------------- laws

decimals = st.decimals(min_value=0, max_value=100, places=9)
whole_pico = st.integers(min_value=0, max_value=10**9).map(lambda pico: Decimal(pico) / 10**6)
tokens = st.integers(min_value=0, max_value=10**7)
PRICED = tuple(name for name in RATES if name not in {"calls", "searches"})


def tariffs(prices):
    return st.fixed_dictionaries(dict.fromkeys(PRICED, prices)).map(lambda r: Tariff(**r))


@st.composite
def usages(draw):
    whole, made = draw(tokens), draw(tokens)
    cached = draw(st.integers(0, whole))
    write = draw(st.integers(0, whole - cached))
    reasoning = draw(st.integers(0, made))
    return Usage(
        input_tokens=whole,
        output_tokens=made,
        cached_tokens=cached,
        cache_write_tokens=write,
        cache_write_1h_tokens=draw(st.integers(0, write)),
        reasoning_tokens=reasoning,
        input_audio_tokens=draw(st.integers(0, whole - write)),
        output_audio_tokens=draw(st.integers(0, made - reasoning)),
    )


def times(usage: Usage, factor: int) -> Usage:
    fields = {n: getattr(usage, n) for n in usage.__struct_fields__}
    return Usage(**{n: v * factor if isinstance(v, int) else v for n, v in fields.items()})


@given(usages(), tariffs(decimals))
def test_parts_make_the_total_which_is_the_exact_sum_rounded_up(usage, rates):
    found = priced(usage, info(rates))
    counted = count(usage)
    assert not isinstance(counted, Unpriced)
    exact = sum(
        [Fraction(getattr(rates, kind)) * 10**6 * number for kind, number in counted[0].items()],
        Fraction(0),
    )
    assert sum(found.parts.values()) == found.total_pico_usd
    assert 0 <= found.total_pico_usd - exact < 1
    assert all(part >= 0 for part in found.parts.values())


@given(usages())
def test_every_token_is_counted_once(usage):
    counted = count(usage)
    assert not isinstance(counted, Unpriced)
    counts, notes = counted
    read = ("input", "cached", "cached_audio", "cache_write", "cache_write_1h", "input_audio")
    assert sum([counts.get(kind, 0) for kind in read]) == usage.input_tokens
    made = ("output", "reasoning", "output_audio")
    assert sum([counts.get(kind, 0) for kind in made]) == usage.output_tokens
    assert notes == ()


@given(
    st.builds(
        Usage,
        **{
            name: st.none() | st.integers(-5, 100)
            for name in Usage.__struct_fields__
            if name.endswith("_tokens") and not name.startswith(("input_t", "output_t"))
        },
        input_tokens=st.integers(0, 50),
        output_tokens=st.integers(0, 50),
    )
)
def test_however_wrong_the_usage_nothing_is_counted_twice_or_negative(usage):
    counted = count(usage)
    assert not isinstance(counted, Unpriced)
    assert sum(counted[0].values()) == (usage.input_tokens or 0) + (usage.output_tokens or 0)
    assert all(number > 0 for number in counted[0].values())


@given(usages(), tariffs(whole_pico), st.integers(min_value=0, max_value=1000))
def test_a_cost_scales_with_its_usage(usage, rates, factor):
    row = info(rates)
    assert priced(times(usage, factor), row).total_pico_usd == factor * (
        priced(usage, row).total_pico_usd
    )


@given(usages(), tariffs(decimals), st.sampled_from(["input_tokens", "output_tokens"]), tokens)
def test_more_tokens_never_cost_less(usage, rates, side, more):
    fields = {n: getattr(usage, n) for n in usage.__struct_fields__}
    longer = Usage(**{**fields, side: fields[side] + more})
    # tokens beyond those that are told apart are plain ones, but for sound that had to be cached
    if usage.cached_tokens and usage.input_audio_tokens:
        longer = Usage(**{**fields, "output_tokens": fields["output_tokens"] + more})
    row = info(rates)
    assert priced(longer, row).total_pico_usd >= priced(usage, row).total_pico_usd
