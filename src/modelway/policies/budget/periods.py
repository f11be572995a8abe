"""When a budget's period began, when it ends, and for how long a store has to remember it."""

from __future__ import annotations

import math
import zoneinfo
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple

from modelway.policies.budget.values import Budget, Period

_DAY_S = 86_400.0
_WINDOWS_S = {"day": 8 * _DAY_S, "week": 14 * _DAY_S, "month": 62 * _DAY_S}
"""From when it was spent: longer than the period by one more at least, for clocks that are set back."""
LIFE_S = _DAY_S
"""How long a grant may be spent, beside its window."""
ROLLING_LIFE_S = 3600.0
"""That of a rolling budget, whose grants are renewed while calls are open: what is lost counts so long."""


class Span(NamedTuple):
    """One period. ``name`` is the same in every time zone, so that changing that forgets nothing."""

    name: str
    begins: float
    """Unix seconds, included; minus infinity where there is no beginning."""
    ends: float


_FOR_GOOD = Span("total", -math.inf, math.inf)
_ALWAYS = Span("rolling", -math.inf, math.inf)


def span(budget: Budget, now: float) -> Span:
    """The period that this moment is in."""
    if budget.period == "total":
        return _FOR_GOOD
    if budget.period == "rolling":
        return _ALWAYS
    return _calendar(budget.period, zoneinfo.ZoneInfo(budget.time_zone), now)


def window_s(budget: Budget) -> float:
    """For how long the store counts what was spent."""
    if budget.period == "rolling":
        return budget.rolling_s or _DAY_S
    return _WINDOWS_S.get(budget.period, math.inf)


def life_s(budget: Budget) -> float:
    return ROLLING_LIFE_S if budget.period == "rolling" else LIFE_S


def _calendar(period: Period, zone: zoneinfo.ZoneInfo, now: float) -> Span:
    # whole seconds, as a date rounds the last microsecond up into the next day
    first = _first_day(period, datetime.fromtimestamp(math.floor(now), zone).date())
    begins, ends = _bounds(period, zone, first)
    return Span(f"{period}/{first.isoformat()}", begins, ends)


def _first_day(period: Period, day: date) -> date:
    if period == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if period == "week" else day


@lru_cache(maxsize=256)
def _bounds(period: Period, zone: zoneinfo.ZoneInfo, first: date) -> tuple[float, float]:
    if period == "month":
        after = (first + timedelta(days=31)).replace(day=1)
    else:
        after = first + timedelta(days=7 if period == "week" else 1)
    return _midnight(first, zone), _midnight(after, zone)


def _midnight(day: date, zone: zoneinfo.ZoneInfo) -> float:
    """A day's first moment. One that a clock skips is the moment at which it does, by ``fold`` 0."""
    return datetime.combine(day, time(), zone).timestamp()
