"""Sums over rows by what was asked for, from the sums of whole days where those know it; and rows."""

from __future__ import annotations

import datetime as dt
import math
import sqlite3
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias

from modelway.ledger.store.columns import CLOCKED, LAST_TIME, ledger_row, zone
from modelway.ledger.store.sqlite.writing import DAY_S, ESTIMATED, FIND, SUMS, Found
from modelway.ledger.values import Group, LedgerRow, Where

Source: TypeAlias = Literal["shape", "payer", "row"]
"""What sums are added up from: those of days by either, or rows one by one."""
Place: TypeAlias = tuple[float, int]
"""A row's, in the order of time: its time and its number."""

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
_OF_DAYS = f"SELECT {{shape}}, {{payer}}, day * {DAY_S} AS at, {', '.join(SUMS)} FROM {{table}}"  # noqa: S608
_FROM_DAYS = {
    "shape": _OF_DAYS.format(shape="shape", payer="0 AS payer", table="ledger_shape_days"),
    "payer": _OF_DAYS.format(shape="0 AS shape", payer="payer", table="ledger_payer_days"),
}
_JOINS = {
    "s": " JOIN ledger_shapes s ON s.shape = r.shape",
    "p": " JOIN ledger_payers p ON p.payer = r.payer",
}
_SUMS = [f"sum({name})" for name in SUMS]
_BY_COST = "ORDER BY sum(cost_high) * 4294967296.0 + sum(cost_low) DESC"
_SPAN = "SELECT min(time), max(time) FROM ledger_rows"
_PAYING = frozenset(("tenant", "key", "team", "user", "tag"))
_OF_PAYER_ALONE = frozenset(("user", "tag"))


class Chosen(NamedTuple):
    """SQL, and its parameters."""

    text: str
    values: tuple[object, ...]


def groups(
    connection: sqlite3.Connection, by: Sequence[str], where: Where, time_zone: str, limit: int
) -> list[Group]:
    """Sums by dimensions that are known to be such."""
    clocked = {*by} & CLOCKED.keys()
    for name in clocked:
        connection.create_function(f"ledger_{name}", 1, _label(name, time_zone), deterministic=True)
    asked = {*by, *where.equal} - clocked
    source: Source = "row"
    if "hour" not in clocked and (time_zone == "UTC" or not clocked):
        source = _source(asked)
    of, chosen = _from(connection, where, source), _of_texts(where, source)
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
    text, values = _of_texts(where, "row")
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


def _source(asked: set[str]) -> Source:
    if not asked & _OF_PAYER_ALONE:
        return "shape"
    return "payer" if asked <= _PAYING else "row"


def _table(name: str, source: Source) -> str:
    return "p" if source == "payer" or name in _OF_PAYER_ALONE else "s"


def _text(name: str, source: Source) -> str:
    if name in CLOCKED:
        return f"ledger_{name}(at)"
    return "coalesce(tag.value, '')" if name == "tag" else f"{_table(name, source)}.{name}"


def _of_texts(where: Where, source: Source) -> Chosen:
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


def _from(connection: sqlite3.Connection, where: Where, source: Source) -> Chosen:
    since = 0.0 if where.since is None else where.since
    until = LAST_TIME + 1 if where.until is None else where.until
    first, last = math.ceil(since / DAY_S), math.floor(until / DAY_S)
    if source == "row" or first >= last:
        column = "+r.time" if _is_most(connection, since, until) else "r.time"
        return Chosen(f"{_OF_ROW} WHERE {column} >= ? AND {column} < ?", (since, until))
    edge = f"UNION ALL {_OF_ROW} WHERE r.time >= ? AND r.time < ?"
    return Chosen(
        f"{_FROM_DAYS[source]} WHERE day >= ? AND day < ? {edge} {edge}",
        (first, last, since, first * DAY_S, last * DAY_S, until),
    )


def _is_most(connection: sqlite3.Connection, since: float, until: float) -> bool:
    """Whether going through all rows is quicker than finding these one by one."""
    first, last = connection.execute(_SPAN).fetchone()
    return first is not None and min(until, last) - max(since, first) > (last - first) / 4


def _group(key: tuple[str, ...], sums: Sequence[int | None]) -> Group:
    of = {name: number or 0 for name, number in zip(SUMS, sums, strict=True)}
    money = {
        f"{name}_pico_usd": (of.pop(f"{name}_high") << 32) + of.pop(f"{name}_low")
        for name in ("cost", "open", "estimated", "saved")
    }
    return Group(key=key, took_s=of.pop("took_us") / 1e6, **of, **money)
