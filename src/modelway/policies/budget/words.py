"""What is said of a budget to who is refused."""

from __future__ import annotations

import math
import zoneinfo
from datetime import datetime
from decimal import Decimal

from modelway.errors import BudgetExceededError
from modelway.policies.budget.pools import About
from modelway.policies.budget.values import Budget

_PICO = Decimal(10) ** -12
_PERIODS = {
    "day": "today",
    "week": "this week",
    "month": "this month",
    "total": "in all",
}
_MOST_SHOWN = 80


def usd(pico_usd: int) -> str:
    """All its digits, without an exponent."""
    return f"{(pico_usd * _PICO).normalize():f} USD"


def named(budget: Budget, about: About) -> str:
    """A budget and whom it is about."""
    whom = ", ".join([f"{scope} {_shown(value) or '(none)'}" for scope, value in about])
    return f"budget {_shown(budget.name)}" + (f" ({whom})" if whom else "")


def exceeded(
    budget: Budget, about: About, *, left: int, asked: int, now: float, ends: float
) -> BudgetExceededError:
    return BudgetExceededError(
        f"{named(budget, about)} has {usd(left)} left of {usd(budget.limit_pico_usd)} "
        f"{_period(budget)}, and this call may cost {usd(asked)}: ask for less (a lower "
        f"max_tokens, a cheaper model), or raise its limit_usd{_anew(budget, ends)}",
        code="budget",
        retry_after_s=_wait_s(now, ends),
    )


def closed(budget: Budget, about: About, *, now: float, ends: float) -> BudgetExceededError:
    return BudgetExceededError(
        f"{named(budget, about)} is closed: more was billed than was reserved, and it has 0 USD left "
        f"of {usd(budget.limit_pico_usd)} {_period(budget)}: raise its limit_usd above what was "
        f"spent{_anew(budget, ends)}",
        code="closed",
        retry_after_s=_wait_s(now, ends),
    )


def unpriced(budget: Budget, about: About) -> BudgetExceededError:
    return BudgetExceededError(
        f"{named(budget, about)} refuses what may cost nobody knows how much: say what is missing in "
        "the `catalogue:` section (docs/models-and-prices.md), or set `unpriced: allow` on the budget",
        code="unpriced",
    )


def store_down(budget: Budget, about: About, asked: int, again_s: float) -> BudgetExceededError:
    return BudgetExceededError(
        f"{named(budget, about)} cannot be asked for {usd(asked)}, because the store that keeps it is "
        "away: bring the store back (its log line is budgets.store_down)",
        code="store_down",
        retry_after_s=again_s,
    )


def _shown(text: str) -> str:
    printable = "".join([letter if letter.isprintable() else "?" for letter in text])
    return printable if len(printable) <= _MOST_SHOWN else printable[:_MOST_SHOWN] + "…"


def _period(budget: Budget) -> str:
    return _PERIODS.get(budget.period) or f"in {budget.rolling_s:g} s"


def _anew(budget: Budget, ends: float) -> str:
    if budget.period == "rolling":
        return ", or wait until what was spent is older than that"
    if math.isinf(ends):
        return ""
    moment = datetime.fromtimestamp(ends, zoneinfo.ZoneInfo(budget.time_zone))
    return f"; it begins anew on {moment:%Y-%m-%d %H:%M} {budget.time_zone}"


def _wait_s(now: float, ends: float) -> float | None:
    return None if math.isinf(ends) else max(0.0, round(ends - now, 3))
