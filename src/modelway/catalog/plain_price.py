"""The price of an ordinary call, worked out once for a model and a day: three products and a sum.

It gives what ``pricing.cost`` gives, or nothing; a property test holds it.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from modelway.catalog.models import ModelInfo
from modelway.catalog.pricing import PICO, price_of, tariff_for
from modelway.types import Usage


class PlainPrice(NamedTuple):
    """10⁻²⁴ USD for one token of each class, for input of at most ``longest`` tokens."""

    input: int
    output: int
    cached: int | None
    reasoning: int
    longest: float
    cache_write: int | None
    cache_write_1h: int | None

    def of(self, usage: Usage) -> int | None:
        """Pico-dollars; ``None`` for a usage that is not ordinary, which ``cost`` is to be asked for."""
        read, made = usage.input_tokens, usage.output_tokens
        cached, thought = usage.cached_tokens or 0, usage.reasoning_tokens or 0
        if (
            read is None
            or made is None
            or not 0 <= cached <= read <= self.longest
            or not 0 <= thought <= made
            or usage.input_audio_tokens
            or usage.output_audio_tokens
            or usage.search_units
            or usage.reported_cost_usd is not None
            or (cached and self.cached is None)
        ):
            return None
        exact = (read - cached) * self.input + cached * (self.cached or 0)
        if usage.cache_write_tokens or usage.cache_write_1h_tokens:
            dearer = self._written(usage, read - cached)
            if dearer is None:
                return None
            exact += dearer
        exact += (made - thought) * self.output + thought * self.reasoning
        return -(-exact // PICO)

    def _written(self, usage: Usage, uncached: int) -> int | None:
        """How much more writes to a cache cost than plain input."""
        written, long = usage.cache_write_tokens or 0, usage.cache_write_1h_tokens or 0
        if not 0 <= long <= written <= uncached or self.cache_write is None:
            return None
        if long and self.cache_write_1h is None:
            return None
        dearer = (written - long) * self.cache_write + long * (self.cache_write_1h or 0)
        return dearer - written * self.input


def plain_price(info: ModelInfo, at: dt.datetime, service: str = "standard") -> PlainPrice | None:
    """Of this model on this day (UTC); ``None`` where it depends on more than the classes of tokens."""
    alike = [tariff for tariff in info.tariffs if tariff.service == service]
    if any(tariff.hours or tariff.calls for tariff in alike):
        return None
    tariff = tariff_for(info, at=at, service=service)
    if tariff is None:
        return None
    read, made = price_of(tariff, "input"), price_of(tariff, "output")
    thought = price_of(tariff, "reasoning")
    if read is None or made is None or thought is None:
        return None
    longer = [one.over_tokens for one in alike if one.over_tokens]
    return PlainPrice(
        input=read,
        output=made,
        cached=price_of(tariff, "cached"),
        reasoning=thought,
        longest=min(longer, default=float("inf")),
        cache_write=price_of(tariff, "cache_write"),
        cache_write_1h=price_of(tariff, "cache_write_1h"),
    )
