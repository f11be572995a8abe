"""The ``budgets`` section: a list, each with its limit, its period and what it is about."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from modelway.config.nodes import Node
from modelway.config.noting import Note, unnoted
from modelway.config.problems import shown
from modelway.config.reading import (
    Context,
    Level,
    Table,
    WrongError,
    base_url,
    flag,
    line_of_text,
    list_of,
    number,
    one_of,
    read_table,
    text,
)
from modelway.policies.budget.values import SCOPES, Budget, Webhook

_PICO_USD = 10**12
_MOST_USD = 1_000_000.0
_MOST_ALERTS = 20


def _zone(node: Node, context: Context) -> str:
    import zoneinfo  # noqa: PLC0415  # few configurations name one

    written = text(node, context)
    try:
        zoneinfo.ZoneInfo(written)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongError(
            node, f"must be a time zone such as Europe/Berlin, not {shown(written)}"
        ) from None
    return written


def _has(node: Node, level: Level, needed: tuple[str, ...], what: str, context: Context) -> bool:
    """Whether all of these are there; what is missing is a problem, what is wrong was one."""
    for name in needed:
        if name not in level and (name not in node.fields or node.fields[name].value is None):
            context.error(node, f"{what} needs a {name}")
    return all(name in level for name in needed)


_WEBHOOK: Table = {"url": base_url, "secret": text}


def _webhook(node: Node, context: Context) -> Webhook | None:
    level = read_table(node, _WEBHOOK, context)
    if not _has(node, level, ("url", "secret"), "a webhook", context):
        return None
    return Webhook(url=level["url"].value, secret=level["secret"].value)


def _limit(node: Node, context: Context) -> int:
    """Pico-dollars, by the digits that are written."""
    usd: float = number(0, _MOST_USD)(node, context)
    pico_usd = Decimal(repr(usd)) * _PICO_USD
    if 0 < pico_usd < 1:
        raise WrongError(node, "must be 0, or at least 1e-12")
    return int(pico_usd)


_BUDGET: Table = {
    "name": line_of_text,
    "limit_usd": _limit,
    "per": one_of("day", "week", "month", "total", "rolling"),
    "rolling_s": number(60, 366 * 86_400),
    "time_zone": _zone,
    "hard": flag,
    "unpriced": one_of("refuse", "allow"),
    "alerts": list_of(number(1, 1000)),
    "webhook": _webhook,
    **dict.fromkeys(SCOPES, line_of_text),
}


def read(top: Level, context: Context, note: Note = unnoted) -> tuple[Budget, ...]:
    """Every budget that has no fault; the others are problems. What is said of each is noted."""
    if "budgets" not in top:
        return ()
    node: Node = top["budgets"].value
    if not isinstance(node.value, list):
        context.error(node, "must be a list of budgets")
        return ()
    found: list[Budget] = []
    for item in node.items:
        made = _read_one(item, context, note)
        if made is None:
            continue
        if any(made.name == one.name for one in found):
            context.error(item, f"two budgets are called {shown(made.name)}")
        found.append(made)
    return tuple(found)


def _read_one(node: Node, context: Context, note: Note) -> Budget | None:
    level = context.read(node, lambda item, ctx: read_table(item, _BUDGET, ctx))
    if level is None:
        return None
    said: dict[str, Any] = {name: setting.value for name, setting in level.items()}
    if not _has(node, level, ("name", "limit_usd"), "a budget", context):
        return None
    period = said.pop("per", "rolling" if "rolling_s" in said else "month")
    if (period == "rolling") != ("rolling_s" in said):
        context.error(node, "`per: rolling` and `rolling_s`, its length in seconds, go together")
        return None
    about = {scope: said.pop(scope) for scope in SCOPES if scope in said}
    limit = said.pop("limit_usd")
    if "alerts" in said:
        said["alerts"] = tuple(sorted(set(said["alerts"])))[:_MOST_ALERTS]
    made = Budget(limit_pico_usd=limit, period=period, about=about, **said)
    _tell(made, node.path, level, note)
    return made


def _tell(budget: Budget, path: str, level: Level, note: Note) -> None:
    limit = (Decimal(budget.limit_pico_usd) / _PICO_USD).normalize()
    told: dict[str, object] = {
        "name": budget.name,
        "limit_usd": f"{limit:f}",
        "per": budget.period,
        "rolling_s": budget.rolling_s,
        "time_zone": budget.time_zone,
        **{str(scope): whom for scope, whom in budget.about.items()},
        "hard": budget.hard,
        "unpriced": budget.unpriced,
        "alerts": budget.alerts,
    }
    for name, value in told.items():
        if value is not None:
            note(f"{path}.{name}", value, level[name].origin if name in level else "default")
    if budget.webhook is not None:
        origin = level["webhook"].origin
        url = urlsplit(budget.webhook.url)
        # of some receivers the path is what nobody else may know
        note(f"{path}.webhook.url", f"{url.scheme}://{url.hostname}/…", origin)
        note(f"{path}.webhook.secret", "(hidden)", origin)
