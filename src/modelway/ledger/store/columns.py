"""A row as columns: the texts that many rows share, and the numbers that are its own."""

from __future__ import annotations

import json
import math
import zoneinfo
from collections.abc import Iterable
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from modelway.errors import BadRequestError
from modelway.ledger.values import DIMENSIONS, Intent, LedgerRow, Settlement, Where

MOST = 2**63 - 1
MOST_TOKENS = 10**12
"""Of one row: more is no count, and sums of that many rows as there can be are exact."""
MOST_S = 10**6
LAST_TIME = 253_000_000_000.0
"""The year 9987: calendars go no further."""
TEXTS = (
    *("tenant", "key", "team", "user", "tags", "operation", "stream", "asked", "deployment"),
    *("provider", "model", "service", "price_version", "basis", "error", "cache"),
)
"""``tags`` is a JSON list, ``stream`` 0 or 1."""
TOKENS = (
    *("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens"),
    *("cache_write_1h_tokens", "reasoning_tokens", "input_audio_tokens", "output_audio_tokens"),
    "search_units",
)
NUMBERS = (
    *("time", "reserved_pico_usd", "same", "cost_pico_usd", "expected_pico_usd"),
    *("saved_pico_usd", "took_us", "first_us", *TOKENS),
)
"""Columns of a row, beside its id and its shape."""
CLOCKED = {"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "month": "%Y-%m"}
"""Dimensions that are read off a clock, and how they are written."""
EQUAL = tuple([name for name in DIMENSIONS if name not in CLOCKED])
_LONGEST = 500
_MOST_TAGS = 50
_NO_NUMBERS = (None,) * (len(NUMBERS) - 3)
_tokens = attrgetter(*TOKENS)
_RERATED = frozenset(("catalogue", "received", "reserved", "unknown"))

_BASIS = TEXTS.index("basis")


class Columns(NamedTuple):
    """One row."""

    id: str
    texts: tuple[Any, ...]
    numbers: tuple[Any, ...]

    @property
    def is_settled(self) -> bool:
        return bool(self.texts[_BASIS])


def columns(row: LedgerRow) -> Columns:
    """What cannot be kept is cut: halves of characters, NULs, endless texts, what is no number."""
    intent, settled = row.intent, row.settlement
    version = (settled.price_version if settled else "") or intent.price_version
    texts = (
        *(_text(intent.tenant), _text(intent.key), _text(intent.team), _text(intent.user)),
        *(_tags(intent.tags), _text(intent.operation), intent.stream, _text(intent.asked)),
        *(_text(intent.deployment), _text(intent.provider), _text(intent.model)),
        *(_text(intent.service), _text(version)),
        *((settled.basis, _text(settled.error), _text(settled.cache)) if settled else ("", "", "")),
    )
    given = (
        _time(intent.time),
        _money(intent.reserved_pico_usd),
        max(-MOST, min(intent.same, MOST)),
    )
    if settled is None:
        return Columns(_cut(intent.id), texts, (*given, *_NO_NUMBERS))
    numbers = (
        *(*given, _money(settled.cost_pico_usd), _money(settled.expected_pico_usd)),
        *(_money(settled.saved_pico_usd), _us(settled.took_s), _us(settled.first_s)),
        *[_count(number) for number in _tokens(settled)],
    )
    return Columns(_cut(intent.id), texts, numbers)


def last_words(rows: Iterable[Columns]) -> dict[str, Columns]:
    """One for each id: the first that is settled, else the first."""
    found: dict[str, Columns] = {}
    for row in rows:
        there = found.get(row.id)
        if there is None or (row.is_settled and not there.is_settled):
            found[row.id] = row
    return found


def ledger_row(id_: str, texts: Iterable[Any], numbers: Iterable[Any]) -> LedgerRow:
    """The row again, but for its draws, which matter to budgets alone."""
    of = dict(zip(TEXTS, texts, strict=True))
    number = dict(zip(NUMBERS, numbers, strict=True))
    basis, error, cache = of.pop("basis"), of.pop("error"), of.pop("cache")
    of["tags"] = tuple(json.loads(of["tags"]))
    of["stream"] = bool(of["stream"])
    intent = Intent(
        id=id_,
        time=number["time"],
        reserved_pico_usd=number["reserved_pico_usd"],
        same=number["same"],
        **of,
    )
    if not basis:
        return LedgerRow(intent=intent)
    first_us = number["first_us"]
    settlement = Settlement(
        id=id_,
        basis=basis,
        error=error,
        cache=cache,
        cost_pico_usd=number["cost_pico_usd"],
        expected_pico_usd=number["expected_pico_usd"],
        saved_pico_usd=number["saved_pico_usd"],
        took_s=(number["took_us"] or 0) / 1e6,
        first_s=None if first_us is None else first_us / 1e6,
        price_version=of["price_version"],
        **{name: number[name] for name in TOKENS},
    )
    return LedgerRow(intent=intent, settlement=settlement)


def rerated(texts: dict[str, Any], price_version: str) -> dict[str, Any] | None:
    """Of a row whose cost is put in the place of what it had; ``None``: it stays as it is."""
    if texts["basis"] not in _RERATED:
        return None
    basis = "catalogue" if texts["basis"] == "unknown" else texts["basis"]
    return {**texts, "basis": basis, "price_version": _text(price_version)}


def check(by: Iterable[str], where: Where, time_zone: str = "UTC") -> None:
    """Raises BadRequestError for what is no dimension, and no time zone."""
    zone(time_zone)
    for name in by:
        if name not in DIMENSIONS:
            raise BadRequestError(f"{name!r} is no dimension; there are: {', '.join(DIMENSIONS)}")
    for name in where.equal:
        if name not in EQUAL:
            raise BadRequestError(f"rows cannot be chosen by {name!r}, but by: {', '.join(EQUAL)}")


def zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise BadRequestError(f"{name!r} is no time zone such as Europe/Berlin") from None


def _cut(value: str) -> str:
    if len(value) > _LONGEST or not value.isascii() or "\0" in value:
        value = value[:_LONGEST].replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return value


_text = lru_cache(4096)(_cut)
"""For what many rows have in common."""


@lru_cache(4096)
def _tags(tags: tuple[str, ...]) -> str:
    return json.dumps(list(dict.fromkeys(map(_cut, tags[:_MOST_TAGS]))), ensure_ascii=False)


def _time(value: float) -> float:
    return min(max(value, 0.0), LAST_TIME) if math.isfinite(value) else 0.0


def _money(value: int | None) -> int | None:
    return value if value is None or -MOST <= value <= MOST else MOST if value > 0 else -MOST


def _count(value: int | None) -> int | None:
    if value is None or 0 <= value <= MOST_TOKENS:
        return value
    return 0 if value < 0 else MOST_TOKENS


def _us(value: float | None) -> int | None:
    if value is None:
        return None
    return round(min(max(value, 0.0), MOST_S) * 1e6) if math.isfinite(value) else 0
