"""What a call costs, from its usage and its model's tariffs: exact integers, never a guessed 0.

Counted in 10⁻²⁴ USD, in which a price per token is whole, and told in 10⁻¹² USD (pico-dollars). A
fraction of a pico-dollar is rounded up, once a call. No floating point anywhere.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct

from modelway.catalog.models import RATES, ModelInfo, PerHour, Tariff
from modelway.types import Usage

Class: TypeAlias = Literal[
    "input",
    "cached",
    "cached_audio",
    "cache_write",
    "cache_write_1h",
    "input_audio",
    "output",
    "reasoning",
    "output_audio",
    "calls",
    "searches",
]
"""What is counted apart because it may be priced apart."""

PICO = 10**12
"""Units of 10⁻²⁴ in one of 10⁻¹²."""
MOST_PICO_USD = 2**63 - 1
"""Nine million dollars, which journals and stores hold as a number: more is told as this."""
_PER_MILLION = 10**18
"""USD per million tokens → 10⁻²⁴ USD per token."""
_PER_THOUSAND = 10**21
"""USD per thousand calls → 10⁻²⁴ USD per call."""
_PICO_USD = 10**12
_HOUR_NS = 3_600 * 10**9

_OF_TOKENS = tuple([rate for rate in RATES if rate not in {"reasoning", "calls"}])
_GENERATED = ("output", "reasoning", "output_audio")


class Cost(Struct, frozen=True, kw_only=True):
    """What a call cost, in pico-dollars (10⁻¹² USD)."""

    total_pico_usd: int
    parts: dict[str, int]
    """By class; they add up to the total. ``reported`` where the provider says what it charges."""
    source: Literal["catalogue", "provider"]
    version: str = ""
    """Of the prices."""
    expected_pico_usd: int | None = None
    """What the catalogue says, where the provider's own word is the total."""
    notes: tuple[str, ...] = ()
    """What in the usage contradicts itself, and what was made of it."""

    @property
    def mismatch_pico_usd(self) -> int:
        """How much more the provider reports than the catalogue says; 0 where one is silent."""
        return 0 if self.expected_pico_usd is None else self.total_pico_usd - self.expected_pico_usd


class Unpriced(Struct, frozen=True, kw_only=True):
    """Why it is not known what a call cost."""

    reason: str


def cost(
    usage: Usage, info: ModelInfo | None, *, at: dt.datetime, service: str = "standard"
) -> Cost | Unpriced:
    """What this usage costs at the time ``at``, which has a time zone.

    What the provider itself reports wins; the catalogue's figure is then kept beside it.
    """
    computed = _computed(usage, info, at, service)
    total = _reported(usage.reported_cost_usd)
    if total is None:
        return computed
    return Cost(
        total_pico_usd=total,
        parts={"reported": total},
        source="provider",
        version=info.version if info is not None else "",
        expected_pico_usd=computed.total_pico_usd if isinstance(computed, Cost) else None,
        notes=computed.notes if isinstance(computed, Cost) else (),
    )


def _reported(usd: float | None) -> int | None:
    """In pico-dollars, of the digits as they were written; what is no amount was not reported."""
    if usd is None or not 0 <= usd < math.inf:
        return None
    above, below = Decimal(repr(usd)).as_integer_ratio()
    return (2 * above * _PICO_USD + below) // (2 * below)


def _computed(
    usage: Usage, info: ModelInfo | None, at: dt.datetime, service: str
) -> Cost | Unpriced:
    if info is None or not info.tariffs:
        return Unpriced(reason=why_unknown(info))
    if usage.output_tokens is None and info.mode in {"chat", "complete"}:
        return Unpriced(reason="the provider did not say how many tokens it made")
    counted = count(usage)
    if isinstance(counted, Unpriced):
        return counted
    counts, notes = counted
    tariff = tariff_for(info, at=at, service=service, input_tokens=usage.input_tokens or 0)
    if tariff is None:
        return Unpriced(reason=f"no {service} price is known for {at.date()}")
    exact: dict[str, int] = {}
    for kind, number in counts.items():
        price = price_of(tariff, kind)
        if price is None:
            return Unpriced(reason=f"no price of {kind} is known, and there were {number}")
        exact[kind] = number * price
    if tariff.calls:
        exact["calls"] = unit_price(tariff.calls, "calls")
    parts = rounded(exact)
    return Cost(
        total_pico_usd=sum(parts.values()),
        parts=parts,
        source="catalogue",
        version=info.version,
        notes=notes,
    )


def rounded(exact: dict[str, int]) -> dict[str, int]:
    """Parts whose sum is the exact sum rounded up: the steps of the running total."""
    parts: dict[str, int] = {}
    running = before = 0
    for kind, amount in exact.items():
        running += amount
        now = -(-running // PICO)
        parts[kind] = now - before
        before = now
    return parts


def count(usage: Usage) -> tuple[dict[Class, int], tuple[str, ...]] | Unpriced:
    """The usage cut into classes that do not overlap, those that occur; and what did not add up.

    Cached sound is what cached tokens and sound must share to fit into the input.
    """
    if usage.input_tokens is None and not usage.search_units:
        return Unpriced(reason="the provider did not say how many tokens it read")
    notes: list[str] = []
    whole = usage.input_tokens or 0
    cached = _within(usage.cached_tokens, whole, "cached tokens", "input", notes)
    write = _within(usage.cache_write_tokens, whole - cached, "cache writes", "input", notes)
    write_1h = _within(usage.cache_write_1h_tokens, write, "writes for 1 h", "cache writes", notes)
    audio = _within(usage.input_audio_tokens, whole - write, "sound", "input", notes)
    both = max(cached + write + audio - whole, 0)
    made = usage.output_tokens or 0
    reasoning = _within(usage.reasoning_tokens, made, "reasoning", "output", notes)
    spoken = _within(usage.output_audio_tokens, made - reasoning, "sound", "output", notes)
    counts: dict[Class, int] = {
        "input": whole - cached - write - audio + both,
        "cached": cached - both,
        "cached_audio": both,
        "cache_write": write - write_1h,
        "cache_write_1h": write_1h,
        "input_audio": audio - both,
        "output": made - reasoning - spoken,
        "reasoning": reasoning,
        "output_audio": spoken,
        "searches": usage.search_units or 0,
    }
    return {kind: number for kind, number in counts.items() if number}, tuple(notes)


def _within(part: int | None, whole: int, name: str, of: str, notes: list[str]) -> int:
    """A part that is not more than its whole: some hosts report such, as Azure for Grok."""
    if part is None or part <= 0:
        return 0
    if part > whole:
        notes.append(f"{part} {name} are more than the {whole} tokens of {of} that they are of")
        return whole
    return part


def tariff_for(
    info: ModelInfo, *, at: dt.datetime, service: str = "standard", input_tokens: int = 0
) -> Tariff | None:
    """The one that applies: in force, for input of this length, at this hour."""
    at = at.astimezone(dt.UTC)
    now = [
        one
        for one in _possible(info.tariffs, at.date(), service, input_tokens)
        if not one.hours or _inside(one, at)
    ]
    return max(now, key=_rank, default=None)


def _possible(
    tariffs: Iterable[Tariff], day: dt.date, service: str, input_tokens: int
) -> list[Tariff]:
    """Those of the newest prices in force on this day that input of this length can be under."""
    there = [
        one for one in tariffs if one.service == service and (one.since is None or one.since <= day)
    ]
    newest = max([one.since or dt.date.min for one in there], default=None)
    return [
        one
        for one in there
        if (one.since or dt.date.min) == newest
        and (input_tokens > one.over_tokens or not one.over_tokens)
    ]


def _rank(tariff: Tariff) -> tuple[int, bool]:
    return tariff.over_tokens, bool(tariff.hours)


def _inside(tariff: Tariff, at: dt.datetime) -> bool:
    if tariff.days and at.isoweekday() not in tariff.days:
        return False
    now = f"{at:%H:%M}"
    for hours in tariff.hours:
        start, _, end = hours.partition("-")
        end = "24:00" if end == "00:00" else end
        if start <= now < end if start < end else (now >= start or now < end):
            return True
    return False


def price_of(tariff: Tariff, kind: Class) -> int | None:
    """10⁻²⁴ USD for one of this class; ``None`` where no price is known. Reasoning is output."""
    price: Decimal | None = getattr(tariff, kind)
    if price is None and kind == "reasoning":
        price = tariff.output
    return None if price is None else unit_price(price, kind)


def unit_price(price: Decimal, kind: Class) -> int:
    """USD per million tokens, or per thousand of what is no token, → 10⁻²⁴ USD for one."""
    above, below = price.as_integer_ratio()
    return above * (_PER_THOUSAND if kind in {"calls", "searches"} else _PER_MILLION) // below


class Ceiling(NamedTuple):
    """10⁻²⁴ USD: the most that one token of each side costs, one call, and one search unit."""

    input: int
    output: int | None
    """``None``: it is not known."""
    calls: int
    searches: int
    longest: float
    """Input of more tokens may be dearer."""


def ceiling(
    info: ModelInfo,
    *,
    at: dt.datetime,
    service: str = "standard",
    input_tokens: int = 0,
    kinds: Collection[Class] = (),
) -> Ceiling | Unpriced:
    """The dearest prices of a call of this many tokens at the most, at any hour, at any length.

    ``kinds`` are the classes that it may have beside plain ones. Some hosts write to their caches
    unasked; where that has no price it is not billed apart. For sound without one, nothing is known.
    """
    possible = _possible(info.tariffs, at.astimezone(dt.UTC).date(), service, input_tokens)
    if not possible:
        return Unpriced(reason=f"no {service} price is known for {at.date()}")
    for kind in ("input_audio", "output_audio"):
        if kind in kinds and any(price_of(one, kind) is None for one in possible):
            return Unpriced(reason=f"no price of {kind} is known")
    read: list[Class] = ["input", "cached", "cache_write"]
    made: list[Class] = ["output", "reasoning"]
    for kind in kinds:
        (made if kind in _GENERATED else read).append(kind)
    inputs, outputs = _dearest(possible, read), _dearest(possible, made)
    searches = [unit_price(one.searches, "searches") for one in possible if one.searches]
    calls = [unit_price(one.calls, "calls") for one in possible if one.calls]
    if inputs is None and not (searches or calls):
        return Unpriced(reason="not every price of input is known")
    longer = [
        one.over_tokens
        for one in info.tariffs
        if one.service == service and one.over_tokens >= max(input_tokens, 1)
    ]
    return Ceiling(
        inputs or 0,
        outputs,
        max(calls, default=0),
        max(searches, default=0),
        min(longer, default=math.inf),
    )


def _dearest(tariffs: Iterable[Tariff], kinds: Collection[Class]) -> int | None:
    """Of these classes; ``None`` where the first of them has no price in all tariffs."""
    dearest = 0
    for tariff in tariffs:
        prices = [price_of(tariff, kind) for kind in kinds]
        if prices[0] is None:
            return None
        dearest = max(dearest, *[price for price in prices if price is not None])
    return dearest


def is_free(info: ModelInfo) -> bool:
    """Whether it costs nothing, whatever is used of it: as on one's own machine."""
    rates = [getattr(one, name) for one in info.tariffs for name in _OF_TOKENS]
    rates += [one.calls or 0 for one in info.tariffs]
    return bool(rates) and not any(rate is None or rate for rate in rates)


def is_by_call(info: ModelInfo) -> bool:
    """Whether its calls have a price each, and nothing in them has one."""
    return bool(info.tariffs) and all(
        one.calls is not None and not any(getattr(one, name) is not None for name in _OF_TOKENS)
        for one in info.tariffs
    )


def by_time(per_hour: PerHour, took_s: float) -> int:
    """Pico-dollars of a call that took so long, on a machine that calls share; rounded up."""
    above, below = per_hour.usd_per_hour.as_integer_ratio()
    took_ns = math.ceil(Fraction(took_s) * 10**9)  # a product of floats may round down
    return -(-took_ns * above * _PICO_USD // (below * _HOUR_NS * per_hour.concurrent))


def why_unknown(info: ModelInfo | None) -> str:
    """Why a model has no price."""
    if info is None:
        return "the model is not in the catalogue"
    return info.why_unpriced or "no price of the model is known"
