"""What a report or an export is asked for, as text: of a URL's query, or of a command line."""

from __future__ import annotations

import csv
import datetime as dt
import zoneinfo
from collections.abc import Mapping

from msgspec import Struct

from modelway.errors import BadRequestError
from modelway.ledger.values import DIMENSIONS, Where

TIMES = ("hour", "day", "month")
"""Dimensions that are read off a clock in a time zone, and that rows cannot be chosen by."""
EQUAL = tuple([name for name in DIMENSIONS if name not in TIMES])
MOST_GROUPS = 10_000
MOST_DAYS = 36_500
MOST_VALUES = 100
"""Of one dimension."""
_SPAN = ("since", "until", "days", "time_zone")
_NOTHING: Mapping[str, str] = {}


class Query(Struct, frozen=True, kw_only=True):
    """Which rows, and how they are put together."""

    by: tuple[str, ...] = ()
    where: Where = Where()
    time_zone: str = "UTC"
    limit: int = 1000
    """The most groups."""


def parse(
    said: Mapping[str, str],
    *,
    now: float,
    by: str | None = "model",
    also: tuple[str, ...] = (),
    only: Mapping[str, str] = _NOTHING,
) -> Query:
    """What was asked for, ``by`` being what it is by where that is not said; ``None``: no groups.

    ``also`` are parameters that somebody else reads. ``only`` holds whatever is asked for: who may
    see one tenant sees no other's rows. BadRequestError names the parameter that is wrong.
    """
    known = [*(["by", "limit"] if by is not None else []), *also, *_SPAN, *EQUAL]
    for name in said:
        if name not in known:
            raise _wrong(name, f"is no parameter; there are: {', '.join(known)}")
    zone = _zone(said.get("time_zone", "UTC"))
    since, until = _span(said, zone, now)
    equal = {name: _values(said[name], name) for name in EQUAL if name in said}
    for name, value in only.items():
        if value not in equal.get(name, (value,)):
            raise _wrong(name, "may only be your own")
        equal[name] = (value,)
    return Query(
        by=_dimensions(said.get("by", by or "")),
        where=Where(since=since, until=until, equal=equal),
        time_zone=zone.key,
        limit=_whole(said.get("limit", "1000"), "limit", MOST_GROUPS),
    )


def written(values: tuple[str, ...]) -> str:
    """Several values as one parameter: a line of CSV."""
    return ",".join(['"' + value.replace('"', '""') + '"' for value in values])


def _wrong(name: str, what: str) -> BadRequestError:
    return BadRequestError(f"{name} {what}", param=name)


def _dimensions(said: str) -> tuple[str, ...]:
    names = tuple([name.strip() for name in said.split(",") if name.strip()])
    for name in names:
        if name not in DIMENSIONS:
            raise _wrong("by", f"names {name!r}; there are: {', '.join(DIMENSIONS)}")
    if len(set(names)) < len(names):
        raise _wrong("by", "names a dimension twice")
    return names


def _values(said: str, name: str) -> tuple[str, ...]:
    """One or several, between commas; what has a comma in it stands in double quotes."""
    try:
        lines = list(csv.reader([said], strict=True))
    except csv.Error:
        raise _wrong(name, "has a quotation mark that does not end") from None
    if len(lines) > 1:
        raise _wrong(name, "has more than one line")
    values = tuple(lines[0]) if lines and lines[0] else ("",)
    if len(values) > MOST_VALUES:
        raise _wrong(name, f"names {len(values)} values, and {MOST_VALUES} are the most")
    return values


def _zone(said: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(said)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise _wrong(
            "time_zone", f"must be a time zone such as Europe/Berlin, not {said!r}"
        ) from None


def _span(
    said: Mapping[str, str], zone: zoneinfo.ZoneInfo, now: float
) -> tuple[float | None, float | None]:
    since = _moment(said["since"], "since", zone) if "since" in said else None
    until = _moment(said["until"], "until", zone) if "until" in said else None
    if "days" in said:
        if since is not None:
            raise _wrong("days", "and since exclude each other")
        days = _whole(said["days"], "days", MOST_DAYS)
        last = dt.datetime.fromtimestamp(now, zone).date()
        since = _begin(last - dt.timedelta(days=days - 1), zone)
    if since is not None and until is not None and until <= since:
        raise _wrong("until", "must be after since")
    return since, until


def _moment(said: str, name: str, zone: zoneinfo.ZoneInfo) -> float:
    """A date, which begins at midnight, or a time, both in the zone where they name none."""
    try:
        if len(said) <= len("2026-11-21"):
            return _begin(dt.date.fromisoformat(said), zone)
        time = dt.datetime.fromisoformat(said)
        return (time if time.tzinfo else time.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        raise _wrong(
            name, f"must be a date or time such as 2026-11-21 or 2026-11-21T09:30, not {said!r}"
        ) from None


def _begin(day: dt.date, zone: zoneinfo.ZoneInfo) -> float:
    return dt.datetime.combine(day, dt.time(), zone).timestamp()


def _whole(said: str, name: str, most: int) -> int:
    number = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0
    if not 1 <= number <= most:
        raise _wrong(name, f"must be a whole number from 1 to {most}, not {said!r}")
    return number
