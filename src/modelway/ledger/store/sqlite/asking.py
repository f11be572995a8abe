"""Sums over rows by what was asked for, from the sums of days and hours where those know it; and rows."""

from __future__ import annotations

import datetime as dt
import math
import sqlite3
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from modelway.ledger.store.columns import CLOCKED, LAST_TIME, ledger_row, zone
from modelway.ledger.store.sqlite.writing import (
    DAY_S,
    ESTIMATED,
    FIND,
    HOUR_S,
    SUMMED,
    SUMS,
    Found,
    Summed,
)
from modelway.ledger.values import Group, LedgerRow, Where

Place: TypeAlias = tuple[float, int]
"""A row's, in the order of time: its time and its number."""

_MONTH_S = 28 * 86_400
_STEP_S = 900
"""Every time zone begins its hours with one of these."""
_ESTIMATED = f"s.basis IN ({', '.join([repr(basis) for basis in sorted(ESTIMATED)])})"


def _halves(name: str, column: str, condition: str = "TRUE") -> str:
    return (
        f"CASE WHEN {condition} THEN r.{column} >> 32 END AS {name}_high, "
        f"CASE WHEN {condition} THEN r.{column} & 4294967295 END AS {name}_low"
    )


_OF_ROW = f"""
SELECT r.shape, r.payer, r.time AS at, 1 AS attempts, s.error != '' AS errors,
{_halves("cost", "cost_pico_usd")}, {_halves("open", "reserved_pico_usd", "s.basis = ''")},
{_halves("estimated", "cost_pico_usd", _ESTIMATED)}, s.basis = 'unknown' AS unpriced,
{_halves("saved", "saved_pico_usd")}, s.cache != '' AS hits, r.input_tokens, r.output_tokens,
r.cached_tokens, r.cache_write_tokens, r.reasoning_tokens, r.took_us
FROM ledger_rows r JOIN ledger_shapes s ON s.shape = r.shape
"""  # noqa: S608
_OF_SUMS = {
    table: f"""
    SELECT {"shape, 0 AS payer" if table.of == "shape" else "0 AS shape, payer"},
    step * {table.step_s} AS at, {", ".join(SUMS)} FROM {table.name}
    """  # noqa: S608
    for table in SUMMED
}
_JOINS = {
    "s": " JOIN ledger_shapes s ON s.shape = r.shape",
    "p": " JOIN ledger_payers p ON p.payer = r.payer",
}
_SUMS = [f"sum({name})" for name in SUMS]
_BY_COST = "ORDER BY sum(cost_high) * 4294967296.0 + sum(cost_low) DESC"
_FIRST_AND_LAST = "SELECT min(time), max(time) FROM ledger_rows"
_PAYING = frozenset(("tenant", "key", "team", "user", "tag"))
_OF_PAYER_ALONE = frozenset(("user", "tag"))


class Chosen(NamedTuple):
    """SQL, and its parameters."""

    text: str
    values: tuple[object, ...]


class Span(NamedTuple):
    """Of time: what was asked for, the rows that there are of it, and whether that is most of them."""

    since: float
    until: float
    first: float
    last: float
    is_most: bool


def groups(
    connection: sqlite3.Connection, by: Sequence[str], where: Where, time_zone: str, limit: int
) -> list[Group]:
    """Sums by dimensions that are known to be such."""
    clocked = {*by} & CLOCKED.keys()
    for name in clocked:
        connection.create_function(f"ledger_{name}", 1, _label(name, time_zone), deterministic=True)
    asked = {*by, *where.equal} - clocked
    span = _span(connection, where)
    source = _source(asked, _step_s(clocked, time_zone, span))
    of, chosen = _from(source, span), _of_texts(where, source)
    joins = [_JOINS[table] for table in sorted({_table(name, source) for name in asked})]
    if "tag" in by:
        joins.append(" LEFT JOIN json_each(p.tags) tag")
    texts = [_text(name, source) for name in by]
    grouped = f"GROUP BY {', '.join(map(str, range(1, len(by) + 1)))}" if by else ""
    found = connection.execute(
        f"SELECT {', '.join([*texts, *_SUMS])} FROM ({of.text}) r{''.join(joins)} "  # noqa: S608
        f"WHERE {chosen.text} {grouped} {_BY_COST} LIMIT ?",
        (*of.values, *chosen.values, limit),
    )
    made = [_group(tuple(row[: len(by)]), row[len(by) :]) for row in found]
    return sorted(
        [one for one in made if one.attempts], key=lambda one: (-one.cost_pico_usd, one.key)
    )


def page(
    connection: sqlite3.Connection, where: Where, newest: bool, at: Place | None, limit: int
) -> list[tuple[Place, LedgerRow]]:
    """Rows behind a place, by time, each with its own."""
    text, values = of_rows(where)
    before, order = ("<", "DESC") if newest else (">", "ASC")
    if at is not None:
        text += f" AND (r.time, r.number) {before} (?, ?)"
        values += at
    found = connection.execute(
        f"{FIND} WHERE {text} ORDER BY r.time {order}, r.number {order} LIMIT ?", (*values, limit)
    )
    return [((one.row.numbers[0], one.number), ledger_row(*one.row)) for one in map(Found, found)]


def of_rows(where: Where) -> Chosen:
    """Of FIND, those that are asked for."""
    text, values = _of_texts(where, None)
    for limit_s, sign in ((where.since, ">="), (where.until, "<")):
        if limit_s is not None:
            text += f" AND r.time {sign} ?"
            values += (limit_s,)
    return Chosen(text, values)


def _label(name: str, time_zone: str) -> Callable[[float], str]:
    """A moment as this dimension has it."""
    there = zone(time_zone)
    known: dict[float, str] = {}

    def label(time: float) -> str:
        step = time // _STEP_S
        said = known.get(step)
        if said is None:
            moment = dt.datetime.fromtimestamp(step * _STEP_S, there)
            said = known[step] = moment.strftime(CLOCKED[name])
        return said

    return label


def _step_s(clocked: set[str], time_zone: str, span: Span) -> int:
    """The longest steps of time of which none is in two groups; 0: there are none."""
    if not clocked or (time_zone == "UTC" and "hour" not in clocked):
        return DAY_S
    there, moment = zone(time_zone), dt.datetime.fromtimestamp(span.first, dt.UTC)
    while moment.timestamp() < span.last + _MONTH_S:  # clocks are set for longer than that
        offset = moment.astimezone(there).utcoffset()
        if offset is None or offset.total_seconds() % HOUR_S:
            return 0
        moment += dt.timedelta(seconds=_MONTH_S)
    return HOUR_S


def _source(asked: set[str], step_s: int) -> Summed | None:
    """The sums that know all of this; ``None``: only rows do."""
    for table in SUMMED:
        known = asked <= _PAYING if table.of == "payer" else not asked & _OF_PAYER_ALONE
        if known and table.step_s <= step_s:
            return table
    return None


def _table(name: str, source: Summed | None) -> str:
    is_payers = name in _OF_PAYER_ALONE or (source is not None and source.of == "payer")
    return "p" if is_payers else "s"


def _text(name: str, source: Summed | None) -> str:
    if name in CLOCKED:
        return f"ledger_{name}(at)"
    return "coalesce(tag.value, '')" if name == "tag" else f"{_table(name, source)}.{name}"


def _of_texts(where: Where, source: Summed | None) -> Chosen:
    texts: list[str] = ["TRUE"]
    values: list[object] = []
    for name, any_of in where.equal.items():
        marks = ", ".join("?" * len(any_of))
        if name == "tag":
            some = f"EXISTS (SELECT 1 FROM json_each(p.tags) WHERE value IN ({marks}))"  # noqa: S608
            texts.append(f"({some} OR p.tags = '[]')" if "" in any_of else some)
        else:
            texts.append(f"{_table(name, source)}.{name} IN ({marks})")
        values += any_of
    return Chosen(" AND ".join(texts), tuple(values))


def _span(connection: sqlite3.Connection, where: Where) -> Span:
    """Of the rows that may be meant."""
    first, last = connection.execute(_FIRST_AND_LAST).fetchone()
    first, last = first or 0.0, last or 0.0
    since = 0.0 if where.since is None else where.since
    until = LAST_TIME + 1 if where.until is None else where.until
    part = min(until, last) - max(since, first)
    return Span(since, until, max(since, first), min(until, last), part > (last - first) / 4)


def _from(source: Summed | None, span: Span) -> Chosen:
    if source is not None:
        step_s = source.step_s
        first, last = math.ceil(span.since / step_s), math.floor(span.until / step_s)
        if first < last:
            edge = f"UNION ALL {_OF_ROW} WHERE r.time >= ? AND r.time < ?"
            return Chosen(
                f"{_OF_SUMS[source]} WHERE step >= ? AND step < ? {edge} {edge}",
                (first, last, span.since, first * step_s, last * step_s, span.until),
            )
    # one by one, unless it is quicker to go through all
    column = "+r.time" if span.is_most else "r.time"
    return Chosen(f"{_OF_ROW} WHERE {column} >= ? AND {column} < ?", (span.since, span.until))


def _group(key: tuple[str, ...], sums: Sequence[int | None]) -> Group:
    of = {name: number or 0 for name, number in zip(SUMS, sums, strict=True)}
    money = {
        f"{name}_pico_usd": (of.pop(f"{name}_high") << 32) + of.pop(f"{name}_low")
        for name in ("cost", "open", "estimated", "saved")
    }
    return Group(key=key, took_s=of.pop("took_us") / 1e6, **of, **money)
