"""What is wrong with the rows of models: read with the providers' in ``modelway.catalog.check``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import msgspec

from modelway.catalog.models import RATES, ModelInfo, clashes, faults
from modelway.catalog.models_load import ModelFile, decode

MOST_TOKENS = 20_000_000
_EARLIEST = dt.date(2020, 1, 1)
_YEARS_AHEAD = 5


def model_faults(provider: str, file: ModelFile) -> Iterator[str]:
    """What is wrong with one provider's file, one line each."""
    try:
        day = dt.date.fromisoformat(file.version)
    except ValueError:
        yield f"{provider}: version must be the day of the sources, YYYY-MM-DD"
        return
    for alias, name in file.aliases.items():
        if name not in file.models:
            yield f"{provider}: {alias} stands for {name}, which has no row"
        if alias in file.models:
            yield f"{provider}: {alias} is a row and stands for {name}"
    for name in file.models:
        try:
            info = decode(provider, name, file)
        except (msgspec.DecodeError, IndexError) as error:
            yield f"{provider}/{name}: {error}"
            continue
        yield from [f"{provider}/{name}: {fault}" for fault in _faults(info, day)]


def _faults(info: ModelInfo, day: dt.date) -> Iterator[str]:
    for field in ("context_tokens", "max_output_tokens", "dimensions"):
        value = getattr(info, field)
        if value is not None and not 0 < value <= MOST_TOKENS:
            yield f"{field} is {value}"
    for field in info.__struct_fields__:
        stated = getattr(info, field) not in (None, (), {}, "")
        if stated and field in _SOURCED and field not in info.sources:
            yield f"no source of {field}"
    if info.tariffs and info.why_unpriced:
        yield "has prices, and a reason for having none"
    if any(clashes(info.tariffs)):
        yield "two tariffs under the same conditions"
    for tariff in info.tariffs:
        yield from faults(tariff)
        latest = day.replace(year=day.year + _YEARS_AHEAD)
        if tariff.since is not None and not _EARLIEST <= tariff.since <= latest:
            yield f"a price since {tariff.since}"
        if tariff.over_tokens > MOST_TOKENS:
            yield f"a price of input over {tariff.over_tokens} tokens"
        # A model that is free is free in all; one price of 0 among others is one nobody wrote down.
        prices = [price for name in RATES if (price := getattr(tariff, name)) is not None]
        if any(prices) and not all(prices):
            yield "a price of 0 beside others"


_SOURCED = frozenset(ModelInfo.__struct_fields__) - {
    *("provider", "name", "mode", "version", "sources", "why_unpriced")
}
