"""What is known of a model at a host: windows, capabilities and prices, each with its source.

Facts only: what an account may use, and what a deployment costs its operator, is configured.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Literal, TypeAlias

from msgspec import Struct

Mode: TypeAlias = Literal[
    "chat", "complete", "embed", "rerank", "image", "speech", "transcription", "realtime", "other"
]
"""What the model is asked for."""

Modality: TypeAlias = Literal["text", "image", "audio", "video", "document"]

Service: TypeAlias = Literal["standard", "batch", "flex", "priority"]
"""The terms under which a provider works: each has its own prices."""


class Tariff(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Prices in USD per million tokens, and when they apply. ``None``: no price is known.

    A class of tokens is priced apart from the side that it is a part of: ``input`` is the price of
    what is neither cached, written to a cache, nor sound.
    """

    service: Service = "standard"
    since: dt.date | None = None
    """In force from this day on (UTC), until a later tariff of the same service."""
    over_tokens: int = 0
    """For calls whose whole input is longer than this: then for all of their tokens."""
    hours: tuple[str, ...] = ()
    """Only in these hours of the day, ``HH:MM-HH:MM`` in UTC; before a tariff without hours."""
    days: tuple[int, ...] = ()
    """Only on these days of the week, Monday is 1."""
    input: Decimal | None = None
    output: Decimal | None = None
    cached: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None
    input_audio: Decimal | None = None
    cached_audio: Decimal | None = None
    output_audio: Decimal | None = None
    reasoning: Decimal | None = None
    """Where it is not the price of output."""
    calls: Decimal | None = None
    """USD per thousand calls, on top of their tokens."""
    searches: Decimal | None = None
    """USD per thousand search units, which reranking is billed by."""


RATES = (
    *("input", "output", "cached", "cache_write", "cache_write_1h", "input_audio", "cached_audio"),
    *("output_audio", "reasoning", "calls", "searches"),
)
"""The fields of a tariff that are prices."""

LEAST_USD = Decimal("0.0001")
"""No price is below it, but 0: one that is was written for a token."""
MOST_USD = 1_000
"""No price is above it: one that is was written in another unit."""
DECIMALS = 18
"""So many of a price make it whole in the unit that is counted in."""

_DAY = 24 * 60
_HOURS = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d-(?:[01]\d|2[0-3]):[0-5]\d")


class PerHour(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a machine of the operator's own costs, which calls share."""

    usd_per_hour: Decimal
    concurrent: int = 1
    """How many calls it answers at once."""


class ModelInfo(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A model at one host. ``None`` or empty: not known, and not guessed."""

    provider: str = ""
    name: str = ""
    """Its canonical name there."""
    mode: Mode = "chat"
    context_tokens: int | None = None
    """The window: input and, where a provider counts so, output together."""
    max_output_tokens: int | None = None
    inputs: tuple[Modality, ...] = ()
    outputs: tuple[Modality, ...] = ()
    tools: bool | None = None
    parallel_tools: bool | None = None
    json_schema: bool | None = None
    reasoning: bool | None = None
    prompt_caching: bool | None = None
    streaming: bool | None = None
    system: bool | None = None
    """Whether it takes a system message."""
    web_search: bool | None = None
    dimensions: int | None = None
    """Of an embedding, unless asked for fewer."""
    retires: dt.date | None = None
    """The day on which the provider stops, or stopped, serving it."""
    tariffs: tuple[Tariff, ...] = ()
    per_hour: PerHour | None = None
    """Instead of tariffs: by how long a call takes."""
    surcharge_usd: Decimal | None = None
    """The most that a call costs beside its tokens: hosted tools, URLs, what the host has stored."""
    why_unpriced: str = ""
    """Why there are no tariffs, where that is known."""
    sources: dict[str, str] = {}
    """Field → where it is from; ``tariffs`` may name two, the second for classes the first lacks."""
    version: str = ""
    """Of the data."""

    @property
    def vision(self) -> bool | None:
        """Whether it sees images; ``None`` where its inputs are not known."""
        return "image" in self.inputs if self.inputs else None


def faults(tariff: Tariff) -> Iterator[str]:
    """What is wrong with a tariff, by itself."""
    rates = [(name, getattr(tariff, name)) for name in RATES]
    if all(price is None for _, price in rates):
        yield "a price that names no price"
    for name, price in rates:
        if price is not None:
            yield from amount_faults(name, price)
    for hours in tariff.hours:
        if not _HOURS.fullmatch(hours):
            yield f"{hours} is no span of hours such as 16:30-00:30"
    if set(tariff.days) - set(range(1, 8)):
        yield "days of the week are 1 (Monday) to 7"
    if tariff.days and not tariff.hours:
        yield "days of the week go with hours: 00:00-00:00 is the whole day"
    if tariff.over_tokens < 0:
        yield f"over_tokens is {tariff.over_tokens}"


def amount_faults(name: str, price: Decimal) -> Iterator[str]:
    """What is wrong with one price."""
    if not price.is_finite() or price < 0:
        yield f"the price of {name} is {price}"
    elif price > MOST_USD:
        yield f"the price of {name} is {price} USD: prices are per million tokens"
    elif price != round(price, DECIMALS):
        yield f"the price of {name} has more than {DECIMALS} decimals"
    elif 0 < price < LEAST_USD:
        yield f"the price of {name} is {price} USD: prices are per million tokens, not per token"


def clashes(tariffs: Sequence[Tariff]) -> Iterator[tuple[int, int]]:
    """The places of tariffs that hold at the same time for the same calls."""
    for second, later in enumerate(tariffs):
        for first, one in enumerate(tariffs[:second]):
            alike = (one.service, one.since, one.over_tokens) == (
                *(later.service, later.since, later.over_tokens),
            )
            if alike and _times(one) & _times(later):
                yield first, second


def _times(tariff: Tariff) -> frozenset[tuple[int, int]]:
    """Minutes of the days of the week; (0, 0) alone for what holds whenever nothing else does."""
    if not tariff.hours:
        return frozenset([(0, 0)])
    found: set[tuple[int, int]] = set()
    for hours in tariff.hours:
        start, end = [int(one[:2]) * 60 + int(one[3:]) for one in hours.split("-")]
        end = end or _DAY
        minutes = range(start, end) if start < end else (*range(start, _DAY), *range(end))
        found |= {(day, minute) for day in tariff.days or range(1, 8) for minute in minutes}
    return frozenset(found)
