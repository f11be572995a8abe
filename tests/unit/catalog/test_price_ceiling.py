"""The dearest that a call can be: never below what any usage within it costs."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.catalog.counting import counting
from modelway.catalog.models import RATES, ModelInfo, PerHour, Tariff
from modelway.catalog.pricing import (
    PICO,
    Cost,
    Unpriced,
    by_time,
    ceiling,
    cost,
    is_by_call,
    is_free,
    why_unknown,
)
from modelway.types import Usage

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)  # a Friday
OF_TOKENS = [rate for rate in RATES if rate not in {"calls", "searches"}]
ALL_KINDS = frozenset(["cache_write", "cache_write_1h", "input_audio", "output_audio"])


def info(*tariffs: Tariff) -> ModelInfo:
    return ModelInfo(name="m", tariffs=tariffs, version="v")


def tariff(**rates) -> Tariff:
    said = {name: Decimal(str(value)) if name in RATES else value for name, value in rates.items()}
    return Tariff(**said)


tokens = st.integers(0, 10**6)


@st.composite
def usages(draw):
    read, made = draw(tokens), draw(tokens)
    cached = draw(st.integers(0, read))
    write = draw(st.integers(0, read - cached))
    reasoning = draw(st.integers(0, made))
    return Usage(
        input_tokens=read,
        output_tokens=made,
        cached_tokens=cached,
        cache_write_tokens=write,
        cache_write_1h_tokens=draw(st.integers(0, write)),
        input_audio_tokens=draw(st.integers(0, read - write)),
        reasoning_tokens=reasoning,
        output_audio_tokens=draw(st.integers(0, made - reasoning)),
    )


prices = st.decimals(0, 1000, places=4)
tariffs = st.builds(Tariff, **dict.fromkeys(OF_TOKENS, prices), calls=st.none() | prices)


@given(usages(), tariffs, tariffs, tariffs, st.integers(0, 10**6), st.integers(0, 10**6))
def test_no_usage_costs_more_than_its_ceiling(usage, near, far, night, over, more):
    far = Tariff(**{rate: getattr(far, rate) for rate in OF_TOKENS}, over_tokens=over)
    night = Tariff(**{rate: getattr(night, rate) for rate in OF_TOKENS}, hours=("11:00-13:00",))
    row = info(near, far, night)
    read = usage.input_tokens + more
    most = ceiling(row, at=NOON, kinds=ALL_KINDS, input_tokens=read)
    assert not isinstance(most, Unpriced)
    assert read <= most.longest
    exact = read * most.input + usage.output_tokens * most.output + most.calls
    spent = cost(usage, row, at=NOON)
    assert isinstance(spent, Cost)
    assert spent.total_pico_usd <= -(-exact // PICO)


def test_it_says_from_what_length_on_it_is_dearer():
    row = info(tariff(input=1, output=2), tariff(input=2, output=4, over_tokens=200_000))
    short = ceiling(row, at=NOON, input_tokens=200_000)
    assert (short.input, short.longest) == (10**18, 200_000)
    long = ceiling(row, at=NOON, input_tokens=200_001)
    assert (long.input, long.longest) == (2 * 10**18, float("inf"))


@pytest.mark.parametrize(
    ("rates", "kinds", "words"),
    [
        ({"output": 1}, (), "not every price of input"),
        ({"input": 1, "output": 1}, ("input_audio",), "no price of input_audio"),
        ({"input": 1, "output": 1}, ("output_audio",), "no price of output_audio"),
    ],
)
def test_it_is_not_made_of_prices_that_are_not_known(rates, kinds, words):
    found = ceiling(info(tariff(**rates)), at=NOON, kinds=kinds)
    assert isinstance(found, Unpriced)
    assert words in found.reason


def test_a_service_without_prices_has_none():
    found = ceiling(info(tariff(input=1, output=1)), at=NOON, service="flex")
    assert isinstance(found, Unpriced)
    assert "no flex price" in found.reason


def test_embeddings_have_no_price_of_output_and_rerankings_one_of_units():
    assert ceiling(info(tariff(input=1)), at=NOON).output is None
    units = ceiling(info(tariff(searches=2)), at=NOON)
    assert (units.input, units.searches) == (0, 2 * 10**21)


def test_writes_to_a_cache_are_counted_where_they_have_a_price():
    assert ceiling(info(tariff(input=1, output=1)), at=NOON).input == 10**18
    dearer = info(tariff(input=1, output=1, cache_write="1.25", cache_write_1h=2))
    assert ceiling(dearer, at=NOON).input == 1_250_000 * 10**12
    assert ceiling(dearer, at=NOON, kinds=["cache_write_1h"]).input == 2 * 10**18


@pytest.mark.parametrize(
    ("rates", "free", "by_call"),
    [
        ({"input": 1, "output": 1}, False, False),
        (dict.fromkeys([one for one in OF_TOKENS if one != "reasoning"], 0), False, False),
        (dict.fromkeys([*OF_TOKENS, "searches"], 0), True, False),
        ({**dict.fromkeys([*OF_TOKENS, "searches"], 0), "calls": 1}, False, False),
        ({"calls": 5}, False, True),
    ],
)
def test_what_is_free_and_what_is_by_the_call(rates, free, by_call):
    row = info(tariff(**rates))
    assert (is_free(row), is_by_call(row)) == (free, by_call)


def test_no_tariffs_are_neither():
    assert not is_free(info())
    assert not is_by_call(info())
    assert why_unknown(None) == "the model is not in the catalogue"
    assert why_unknown(ModelInfo(why_unpriced="because")) == "because"


@given(
    st.floats(0, 1e6),
    st.decimals(0, 1000, places=6),
    st.integers(1, 1000),
)
def test_time_is_exact_and_rounded_up(took_s, usd, concurrent):
    found = by_time(PerHour(usd_per_hour=usd, concurrent=concurrent), took_s)
    exact = Fraction(took_s) * Fraction(usd) * 10**12 / 3600 / concurrent
    a_nanosecond = Fraction(usd) * 10**3 / 3600 / concurrent
    assert exact <= found <= exact + a_nanosecond + 1


def test_an_hour_of_a_machine_that_eight_share():
    assert by_time(PerHour(usd_per_hour=Decimal("2.5"), concurrent=8), 3600.0) == 312_500_000_000


@pytest.mark.parametrize(
    ("host", "model", "beside"),
    [
        ("xai", "grok-4-fast-reasoning", True),
        ("xai", "grok-4-fast-non-reasoning", False),
        ("xai", "grok-3", False),
        ("xai", "grok-3-mini", True),
        ("openrouter", "x-ai/grok-4.7", True),
        ("openai", "gpt-5", False),
    ],
)
def test_grok_thinks_beside_its_cap(host, model, beside):
    assert counting(host, model).thinks_beside is beside


def test_images_of_the_mini_are_dear_and_its_sound_has_none():
    assert counting("openai", "gpt-4o-mini-2024-07-18").image_tokens > 40_000
    assert counting("openai", "gpt-4o-mini-audio-preview").image_tokens == 0
    assert counting("openai", "gpt-4o").image_tokens == 0
