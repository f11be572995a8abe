"""Rows into the tables of a file, and the sums of days and hours with them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from modelway.ledger.gently import gently
from modelway.ledger.store.columns import NUMBERS, TEXTS, Columns, last_words

DAY_S, HOUR_S = 86_400, 3600
PAYER = TEXTS[:5]
SHAPE = (*TEXTS[:3], *TEXTS[5:])
SUMS = (
    *("attempts", "errors", "cost_high", "cost_low", "open_high", "open_low", "estimated_high"),
    *("estimated_low", "unpriced", "saved_high", "saved_low", "hits", "input_tokens"),
    *("output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens", "took_us"),
)
"""Of a day or an hour. Money is in halves, so that no sum of it is more than what SQLite adds."""


class Summed(NamedTuple):
    """A table of sums of such steps of time, for each shape or for each payer."""

    name: str
    of: Literal["shape", "payer"]
    step_s: int


SUMMED = (
    Summed("ledger_shape_days", "shape", DAY_S),
    Summed("ledger_payer_days", "payer", DAY_S),
    Summed("ledger_shape_hours", "shape", HOUR_S),
)
ESTIMATED = frozenset(("received", "reserved"))
_MOST_KNOWN = 50_000
_LOW = 0xFFFFFFFF
_AT = {name: number for number, name in enumerate(NUMBERS)}
_TIME, _COST, _RESERVED, _SAVED = (
    _AT[name] for name in ("time", "cost_pico_usd", "reserved_pico_usd", "saved_pico_usd")
)
_PLAIN = [(at, _AT[name]) for at, name in enumerate(SUMS) if name in _AT]
_BASIS, _ERROR, _CACHE = (TEXTS.index(name) for name in ("basis", "error", "cache"))

FIND = f"""
SELECT r.number, r.shape, r.payer, r.id,
p.tenant, p.key, p.team, p.user, p.tags, {", ".join([f"s.{name}" for name in TEXTS[5:]])},
{", ".join([f"r.{name}" for name in NUMBERS])}
FROM ledger_rows r JOIN ledger_shapes s ON s.shape = r.shape JOIN ledger_payers p ON p.payer = r.payer
"""  # noqa: S608
_THERE = FIND + "WHERE r.id IN (SELECT value FROM json_each(?))"  # noqa: S608
_INSERT = f"""
INSERT INTO ledger_rows (id, shape, payer, {", ".join(NUMBERS)})
VALUES (?, ?, ?, {", ".join("?" * len(NUMBERS))})
"""  # noqa: S608
_COMPLETE = f"""
UPDATE ledger_rows SET shape = ?, payer = ?, {", ".join([f"{name} = ?" for name in NUMBERS])}
WHERE number = ?
"""  # noqa: S608


class Found:
    """A row that is there, as FIND finds it."""

    def __init__(self, found: Sequence[Any]) -> None:
        self.number, self.shape, self.payer = found[:3]
        end = 4 + len(TEXTS)
        self.row = Columns(found[3], tuple(found[4:end]), tuple(found[end:]))


class Names:
    """The numbers of shapes, or of payers, as one connection knows them."""

    def __init__(self, of: str, columns: Sequence[str]) -> None:
        self._known: dict[tuple[Any, ...], int] = {}
        self._made: dict[tuple[Any, ...], int] = {}
        """In this transaction, which may fail yet."""
        table = f"ledger_{of}s"
        equal = " AND ".join([f"{name} = ?" for name in columns])
        marks = ", ".join("?" * len(columns))
        self._find = f"SELECT {of} FROM {table} WHERE {equal}"  # noqa: S608
        self._make = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608

    def begin(self, *, forget: bool) -> None:
        self._made.clear()
        if forget or len(self._known) > _MOST_KNOWN:
            self._known.clear()

    def number(self, connection: sqlite3.Connection, texts: tuple[Any, ...]) -> int:
        known = self._known.get(texts) or self._made.get(texts)
        if known is None:
            row = connection.execute(self._find, texts).fetchone()
            if row is not None:
                known = self._known[texts] = row[0]
            else:
                known = self._made[texts] = connection.execute(self._make, texts).lastrowid or 0
        return known


class Writer:
    """One transaction's rows, and what they add to the sums of their times, which is written at its end."""

    def __init__(self) -> None:
        self._shapes = Names("shape", SHAPE)
        self._payers = Names("payer", PAYER)
        self._swept = -1
        self._sums: dict[str, dict[tuple[int, int], list[int]]] = {
            table.name: {} for table in SUMMED
        }

    def begin(self, connection: sqlite3.Connection) -> None:
        """What was swept away since is known no more, and what another transaction left of its sums."""
        (swept,) = connection.execute("SELECT swept FROM ledger_state").fetchone()
        for names in (self._shapes, self._payers):
            names.begin(forget=swept != self._swept)
        self._swept = swept
        for sums in self._sums.values():
            sums.clear()

    def numbers(self, connection: sqlite3.Connection, texts: tuple[Any, ...]) -> tuple[int, int]:
        """Of a row's shape and payer."""
        return (
            self._shapes.number(connection, texts[:3] + texts[5:]),
            self._payers.number(connection, texts[:5]),
        )

    def count(self, shape: int, payer: int, row: Columns, sign: int = 1) -> None:
        time = int(row.numbers[_TIME])
        added = _added(row)
        for table in SUMMED:
            sums = self._sums[table.name]
            key = time // table.step_s, shape if table.of == "shape" else payer
            there = sums.get(key)
            if there is None:
                there = sums[key] = [0] * len(SUMS)
            for at, amount in added:
                there[at] += sign * amount

    def end(self, connection: sqlite3.Connection) -> None:
        for name, sums in self._sums.items():
            connection.executemany(
                _ADD_TO[name], ((*key, *one) for key, one in gently(sums.items()))
            )

    def add(self, connection: sqlite3.Connection, rows: Iterable[Columns]) -> None:
        """Keep those that are not there, and complete those that are and were open."""
        self.begin(connection)
        new = last_words(rows)
        there = {
            one.row.id: one
            for one in map(Found, connection.execute(_THERE, (json.dumps(list(new)),)))
        }
        inserted, completed = [], []
        for row in gently(new.values()):
            old = there.get(row.id)
            if old is not None and (old.row.is_settled or not row.is_settled):
                continue
            shape, payer = self.numbers(connection, row.texts)
            if old is None:
                inserted.append((row.id, shape, payer, *row.numbers))
            else:
                self.count(old.shape, old.payer, old.row, -1)
                completed.append((shape, payer, *row.numbers, old.number))
            self.count(shape, payer, row)
        connection.executemany(_INSERT, inserted)
        connection.executemany(_COMPLETE, completed)
        self.end(connection)


def _added(row: Columns) -> list[tuple[int, int]]:
    """What a row adds to which of the sums."""
    numbers, basis = row.numbers, row.texts[_BASIS]
    added = [(0, 1)]
    if row.texts[_ERROR]:
        added.append((1, 1))
    if basis == "unknown":
        added.append((8, 1))
    if row.texts[_CACHE]:
        added.append((11, 1))
    cost = numbers[_COST]
    if cost:
        added += (2, cost >> 32), (3, cost & _LOW)
        if basis in ESTIMATED:
            added += (6, cost >> 32), (7, cost & _LOW)
    reserved, saved = numbers[_RESERVED], numbers[_SAVED]
    if reserved and not basis:
        added += (4, reserved >> 32), (5, reserved & _LOW)
    if saved:
        added += (9, saved >> 32), (10, saved & _LOW)
    added += [(at, numbers[place]) for at, place in _PLAIN if numbers[place]]
    return added


_ADD_TO = {
    table.name: f"""
    INSERT INTO {table.name} VALUES (?, ?, {", ".join("?" * len(SUMS))})
    ON CONFLICT DO UPDATE SET {", ".join([f"{name} = {name} + excluded.{name}" for name in SUMS])}
    """  # noqa: S608
    for table in SUMMED
}
