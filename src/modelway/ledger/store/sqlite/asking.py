"""Sums over rows, by what was asked for: from the sums of whole days where they know it."""

from __future__ import annotations

import datetime as dt
import math
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from modelway.ledger.store.columns import CLOCKED, LAST_TIME, NUMBERS, SHAPE, ledger_row, zone
from modelway.ledger.store.sqlite.writing import DAY_S, SUMS
from modelway.ledger.values import Group, LedgerRow, Where

_STEP_S = 900
"""Every time zone begins its hours with one of these."""
_OF_ROW = """
SELECT shape, time AS at, 1 AS attempts, cost_pico_usd >> 32 AS cost_high,
cost_pico_usd & 4294967295 AS cost_low, reserved_pico_usd >> 32 AS reserved_high,
reserved_pico_usd & 4294967295 AS reserved_low, saved_pico_usd >> 32 AS saved_high,
saved_pico_usd & 4294967295 AS saved_low, input_tokens, output_tokens, cached_tokens,
cache_write_tokens, reasoning_tokens, took_us FROM ledger_rows
"""
_OF_DAY = f"SELECT shape, day * {DAY_S} AS at, {', '.join(SUMS)} FROM ledger_days"  # noqa: S608
_ESTIMATED = "s.basis IN ('received', 'reserved')"
_SUMS = (
    "sum(attempts)",
    "sum(CASE WHEN s.error != '' THEN attempts END)",
    *("sum(cost_high)", "sum(cost_low)"),
    *(f"sum(CASE WHEN s.basis = '' THEN reserved_{half} END)" for half in ("high", "low")),
    *(f"sum(CASE WHEN {_ESTIMATED} THEN cost_{half} END)" for half in ("high", "low")),
    "sum(CASE WHEN s.basis = 'unknown' THEN attempts END)",
    *("sum(saved_high)", "sum(saved_low)"),
    "sum(CASE WHEN s.cache != '' THEN attempts END)",
    *("sum(input_tokens)", "sum(output_tokens)", "sum(cached_tokens)", "sum(cache_write_tokens)"),
    *("sum(reasoning_tokens)", "sum(took_us)"),
)
_BY_COST = "ORDER BY sum(cost_high) * 4294967296.0 + sum(cost_low) DESC"
_ROWS = f"""
SELECT r.number, r.id, {", ".join([f"r.{name}" for name in NUMBERS])},
{", ".join([f"s.{name}" for name in SHAPE])}
FROM ledger_rows r JOIN ledger_shapes s ON s.shape = r.shape
"""  # noqa: S608
_SPAN = "SELECT min(time), max(time) FROM ledger_rows"


class Chosen(NamedTuple):
    """A condition of rows, and its parameters."""

    text: str
    values: tuple[object, ...]


def groups(
    connection: sqlite3.Connection, by: Sequence[str], where: Where, time_zone: str, limit: int
) -> list[Group]:
    """Dimensions are known to be such."""
    for name in {*by} & CLOCKED.keys():
        connection.create_function(
            f"ledger_{name}", 1, written(name, time_zone), deterministic=True
        )
    source = _source(connection, where, whole_days=_by_days(by, time_zone))
    tags = " LEFT JOIN json_each(s.tags) tag" if "tag" in by else ""
    chosen = of_shape(where)
    keys = [_key(name) for name in by]
    grouped = f"GROUP BY {', '.join([str(at) for at in range(1, len(by) + 1)])}" if by else ""
    found = connection.execute(
        f"SELECT {', '.join([*keys, *_SUMS])} FROM ({source.text}) r "  # noqa: S608
        f"JOIN ledger_shapes s ON s.shape = r.shape{tags} "
        f"WHERE {chosen.text} {grouped} {_BY_COST} LIMIT ?",
        (*source.values, *chosen.values, limit),
    )
    made = [_group(tuple(row[: len(by)]), row[len(by) :]) for row in found]
    return sorted(
        [one for one in made if one.attempts], key=lambda one: (-one.cost_pico_usd, one.key)
    )


def page(
    connection: sqlite3.Connection,
    where: Where,
    newest: bool,
    at: tuple[float, int] | None,
    limit: int,
) -> list[tuple[tuple[float, int], LedgerRow]]:
    """Rows behind a place (their time and number), by time, each with its own."""
    chosen = of_shape(where)
    texts, values = [chosen.text], [*chosen.values]
    before, order = ("<", "DESC") if newest else (">", "ASC")
    for limit_s, text in ((where.since, "r.time >= ?"), (where.until, "r.time < ?")):
        if limit_s is not None:
            texts.append(text)
            values.append(limit_s)
    if at is not None:
        texts.append(f"(r.time, r.number) {before} (?, ?)")
        values += at
    found = connection.execute(
        f"{_ROWS} WHERE {' AND '.join(texts)} ORDER BY r.time {order}, r.number {order} LIMIT ?",
        (*values, limit),
    )
    return [((row[2], row[0]), _row(row)) for row in found]


def _row(row: Sequence[Any]) -> LedgerRow:
    """Of a number, an id, a row's numbers and its shape."""
    end = 2 + len(NUMBERS)
    return ledger_row(row[1], tuple(row[end:]), row[2:end])


def written(name: str, time_zone: str) -> Callable[[float], str]:
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


def of_shape(where: Where) -> Chosen:
    texts: list[str] = ["TRUE"]
    values: list[object] = []
    for name, any_of in where.equal.items():
        marks = ", ".join("?" * len(any_of))
        if name == "tag":
            some = f"EXISTS (SELECT 1 FROM json_each(s.tags) WHERE value IN ({marks}))"  # noqa: S608
            none = " OR s.tags = '[]'" if "" in any_of else ""
            texts.append(f"({some}{none})")
        else:
            texts.append(f"s.{name} IN ({marks})")
        values += any_of
    return Chosen(" AND ".join(texts), tuple(values))


def of_time(connection: sqlite3.Connection, since: float, until: float) -> Chosen:
    """By the index, but where that would lead to most rows one by one."""
    first, last = connection.execute(_SPAN).fetchone()
    part = 0.0 if first is None else (min(until, last) - max(since, first)) / max(last - first, 1.0)
    column = "+time" if part > 1 / 4 else "time"
    return Chosen(f"{column} >= ? AND {column} < ?", (since, until))


def _source(connection: sqlite3.Connection, where: Where, *, whole_days: bool) -> Chosen:
    since = 0.0 if where.since is None else where.since
    until = LAST_TIME + 1 if where.until is None else where.until
    first, last = math.ceil(since / DAY_S), math.floor(until / DAY_S)
    if not whole_days or first >= last:
        rows = of_time(connection, since, until)
        return Chosen(f"{_OF_ROW} WHERE {rows.text}", rows.values)
    return Chosen(
        f"{_OF_DAY} WHERE day >= ? AND day < ? UNION ALL {_OF_ROW} WHERE time >= ? AND time < ? "
        f"UNION ALL {_OF_ROW} WHERE time >= ? AND time < ?",
        (first, last, since, first * DAY_S, last * DAY_S, until),
    )


def _by_days(by: Sequence[str], time_zone: str) -> bool:
    return "hour" not in by and (time_zone == "UTC" or not {*by} & CLOCKED.keys())


def _key(name: str) -> str:
    if name in CLOCKED:
        return f"ledger_{name}(at)"
    return "coalesce(tag.value, '')" if name == "tag" else f"s.{name}"


def _group(key: tuple[str, ...], sums: Sequence[int | None]) -> Group:
    one = [number or 0 for number in sums]
    return Group(
        key=key,
        attempts=one[0],
        errors=one[1],
        cost_pico_usd=(one[2] << 32) + one[3],
        open_pico_usd=(one[4] << 32) + one[5],
        estimated_pico_usd=(one[6] << 32) + one[7],
        unpriced=one[8],
        saved_pico_usd=(one[9] << 32) + one[10],
        hits=one[11],
        input_tokens=one[12],
        output_tokens=one[13],
        cached_tokens=one[14],
        cache_write_tokens=one[15],
        reasoning_tokens=one[16],
        took_s=one[17] / 1e6,
    )
