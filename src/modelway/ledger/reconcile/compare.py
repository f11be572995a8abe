"""The sums of the ledger beside those of an export."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Iterable, Sequence
from typing import Any

from modelway.errors import ConfigError
from modelway.ledger.reconcile.values import MEASURES, Compared, Drift, Export, Line, Measure, Sums
from modelway.ledger.report import sum_of
from modelway.ledger.values import Group, LedgerStore, Where

_SNAPSHOT = re.compile(r"[-@](?:\d{4}-\d{2}-\d{2}|\d{8})$")
"""A model's date, which bills name and callers mostly do not."""
_COUNTS = ("requests", *MEASURES)

_Key = tuple[str, str]
"""A day and a model."""


async def reconcile(
    store: LedgerStore,
    export: Export,
    provider: str,
    *,
    time_zone: str = "UTC",
    tolerance: float = 0.01,
    least_pico_usd: int = 10**10,
) -> Drift:
    """Compare what both say of this provider, over the time that the export covers.

    ``provider`` is its name in the ledger; ``time_zone`` is that of the export's days. What differs
    by a larger share than ``tolerance`` is over it; an amount also has to differ by ``least_pico_usd``,
    as bills are rounded. Hits in our own cache are no provider's.
    """
    since, until = _span(export, zoneinfo.ZoneInfo(time_zone))
    where = Where(
        since=since.timestamp(),
        until=until.timestamp(),
        equal={"provider": (provider,), "cache": ("",)},
    )
    by_model = any(line.model for line in export.lines)
    groups = await store.groups(
        ("day", "model") if by_model else ("day",), where, time_zone=time_zone
    )
    measures = [
        one for one in MEASURES if any(getattr(line, one) is not None for line in export.lines)
    ]
    ours = _ours(groups, measures)
    theirs = _theirs(export.lines)
    rows = [
        Compared(
            day=key[0],
            model=key[1],
            ledger=ours.get(key),
            provider=theirs.get(key),
            over=_over(ours.get(key), theirs.get(key), measures, tolerance, least_pico_usd),
        )
        for key in sorted({*ours, *theirs})
    ]
    return Drift(
        provider=provider,
        since=since.timestamp(),
        until=until.timestamp(),
        tolerance=tolerance,
        rows=tuple(rows),
        ledger=_added(ours.values()),
        export=_added(theirs.values()),
        over=any(row.over for row in rows),
        apart=sum_of(groups),
        notes=export.notes,
    )


def _span(export: Export, zone: zoneinfo.ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    if export.since is not None and export.until is not None:
        return export.since, export.until
    if not export.lines:
        raise ConfigError("the file has no line to compare")
    days = [line.day for line in export.lines]
    first = dt.datetime.combine(min(days), dt.time(), zone)
    return first, dt.datetime.combine(max(days) + dt.timedelta(days=1), dt.time(), zone)


def _ours(groups: Iterable[Group], measures: Sequence[Measure]) -> dict[_Key, Sums]:
    """Models without their date, as far as there is anything to compare."""
    found: dict[_Key, list[Any]] = {}
    for group in groups:
        day, model = (*group.key, "")[:2]
        sums = Sums(requests=group.attempts, **{name: getattr(group, name) for name in measures})
        found.setdefault((day, _SNAPSHOT.sub("", model)), []).append(sums)
    added = {key: _added(each) for key, each in found.items()}
    return {
        key: sums for key, sums in added.items() if any(getattr(sums, name) for name in measures)
    }


def _theirs(lines: Iterable[Line]) -> dict[_Key, Sums]:
    found: dict[_Key, list[Any]] = {}
    for line in lines:
        key = (line.day.isoformat(), _SNAPSHOT.sub("", line.model))
        found.setdefault(key, []).append(line)
    added = {key: _added(each) for key, each in found.items()}
    return {
        key: sums for key, sums in added.items() if any(getattr(sums, name) for name in MEASURES)
    }


def _added(each: Iterable[Any]) -> Sums:
    """What none of them says is not said."""
    all_ = list(each)
    sums: dict[str, int | None] = {}
    for name in _COUNTS:
        said = [value for one in all_ if (value := getattr(one, name)) is not None]
        sums[name] = sum(said) if said else None
    return Sums(**sums)


def _over(
    ours: Sums | None,
    theirs: Sums | None,
    measures: Sequence[Measure],
    tolerance: float,
    least_pico_usd: int,
) -> tuple[Measure, ...]:
    over: list[Measure] = []
    for name in measures:
        left, right = (getattr(one, name, None) or 0 for one in (ours, theirs))
        apart = abs(left - right)
        least = least_pico_usd if name == "cost_pico_usd" else 0
        if apart > least and apart > tolerance * max(abs(left), abs(right)):
            over.append(name)
    return tuple(over)
