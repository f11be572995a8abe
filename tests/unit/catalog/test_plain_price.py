"""The price of an ordinary call is what the price book says, or nothing."""

import datetime as dt
from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from modelway.catalog.models import ModelInfo, Tariff
from modelway.catalog.plain_price import plain_price
from modelway.catalog.pricing import Cost, cost
from modelway.types import Usage

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
prices = st.none() | st.decimals(0, 100, places=6, allow_nan=False)
counts = st.none() | st.integers(-2, 5) | st.integers(0, 10**6)


def tariffs(**more):
    return st.builds(
        Tariff,
        input=prices,
        output=prices,
        cached=prices,
        cache_write=prices,
        cache_write_1h=prices,
        reasoning=prices,
        input_audio=prices,
        calls=st.none() | st.just(Decimal(2)),
        since=st.none() | st.just(dt.date(2026, 1, 1)) | st.just(dt.date(2027, 1, 1)),
        hours=st.just(()) | st.just(("00:00-06:00",)),
        **more,
    )


usages = st.builds(
    Usage,
    input_tokens=counts,
    output_tokens=counts,
    cached_tokens=counts,
    cache_write_tokens=st.none() | st.integers(-1, 5),
    cache_write_1h_tokens=st.none() | st.integers(-1, 5),
    reasoning_tokens=counts,
    input_audio_tokens=st.none() | st.just(0) | st.just(2),
    reported_cost_usd=st.none() | st.just(0.001),
)
WRITTEN = Usage(
    input_tokens=1000, output_tokens=10, cache_write_tokens=500, cache_write_1h_tokens=100
)
ORDINARY = Usage(input_tokens=1000, output_tokens=10, cached_tokens=100, reasoning_tokens=3)
MINI = Tariff(input=Decimal("0.15"), output=Decimal("0.6"), cached=Decimal("0.075"))
CLAUDE = Tariff(
    input=Decimal(3),
    output=Decimal(15),
    cache_write=Decimal("3.75"),
    cache_write_1h=Decimal(6),
)


@given(tariffs(), tariffs(over_tokens=st.sampled_from([0, 10, 1000])), usages)
@example(MINI, MINI, ORDINARY)
@example(CLAUDE, CLAUDE, WRITTEN)
def test_it_is_the_price_book_s_or_nothing(near, far, usage):
    info = ModelInfo(provider="p", name="m", tariffs=(near, far))
    plain = plain_price(info, NOW)
    found = None if plain is None else plain.of(usage)
    if found is not None:
        known = cost(usage, info, at=NOW)
        assert isinstance(known, Cost)
        assert known.total_pico_usd == found


def test_an_ordinary_call_of_an_ordinary_model_has_one():
    info = ModelInfo(provider="p", name="m", tariffs=(MINI,))
    found = plain_price(info, NOW).of(ORDINARY)
    assert found == cost(ORDINARY, info, at=NOW).total_pico_usd == 148_500_000


def test_writes_to_a_cache_are_ordinary_where_they_have_a_price():
    info = ModelInfo(provider="p", name="m", tariffs=(CLAUDE,))
    found = plain_price(info, NOW).of(WRITTEN)
    assert found == cost(WRITTEN, info, at=NOW).total_pico_usd == 3_750_000_000
    assert plain_price(ModelInfo(tariffs=(MINI,)), NOW).of(WRITTEN) is None
