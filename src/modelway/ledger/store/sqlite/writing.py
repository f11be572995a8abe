"""Rows into the tables of a file, and the sums of days with them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from modelway.ledger.store.columns import NUMBERS, SHAPE, Columns, Shape

DAY_S = 86_400
SUMS = (
    *("attempts", "cost_high", "cost_low", "reserved_high", "reserved_low", "saved_high"),
    *("saved_low", "input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens"),
    *("reasoning_tokens", "took_us"),
)
"""Of a day and shape. Money in halves, so that no sum of it is more than what SQLite adds."""
_MOST_SHAPES = 50_000
_SUMMED = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens")
_AT = {name: number for number, name in enumerate(NUMBERS)}
_TIME, _COST, _RESERVED, _SAVED = (
    _AT[name] for name in ("time", "cost_pico_usd", "reserved_pico_usd", "saved_pico_usd")
)
_PLAIN = [_AT[name] for name in (*_SUMMED, "reasoning_tokens", "took_us")]
_LOW = 0xFFFFFFFF

_THERE = f"""
SELECT r.id, r.number, r.shape, s.basis, {", ".join(NUMBERS)} FROM ledger_rows r
JOIN ledger_shapes s ON s.shape = r.shape WHERE r.id IN (SELECT value FROM json_each(?))
"""  # noqa: S608
_INSERT = f"""
INSERT INTO ledger_rows (id, shape, {", ".join(NUMBERS)})
VALUES (?, ?, {", ".join("?" * len(NUMBERS))})
"""  # noqa: S608
_COMPLETE = f"""
UPDATE ledger_rows SET shape = ?, {", ".join([f"{name} = ?" for name in NUMBERS])} WHERE number = ?
"""  # noqa: S608
_ADD_TO_DAY = f"""
INSERT INTO ledger_days VALUES (?, ?, {", ".join("?" * len(SUMS))})
ON CONFLICT DO UPDATE SET {", ".join([f"{name} = {name} + excluded.{name}" for name in SUMS])}
"""  # noqa: S608
_FIND_SHAPE = f"""
SELECT shape FROM ledger_shapes WHERE {" AND ".join([f"{name} = ?" for name in SHAPE])}
"""  # noqa: S608
_NEW_SHAPE = f"""
INSERT INTO ledger_shapes ({", ".join(SHAPE)}) VALUES ({", ".join("?" * len(SHAPE))})
"""  # noqa: S608


class Shapes:
    """The numbers of shapes, as one connection knows them."""

    def __init__(self) -> None:
        self._known: dict[Shape, int] = {}
        self._made: dict[Shape, int] = {}
        """In this transaction, which may fail yet."""
        self._removed = -1

    def begin(self, connection: sqlite3.Connection) -> None:
        """A transaction. Forget them where some were removed since, and where there are too many."""
        (removed,) = connection.execute("SELECT shapes_removed FROM ledger_state").fetchone()
        if removed != self._removed or len(self._known) > _MOST_SHAPES:
            self._known.clear()
        self._removed = removed
        self._made.clear()

    def number(self, connection: sqlite3.Connection, shape: Shape) -> int:
        known = self._known.get(shape) or self._made.get(shape)
        if known is None:
            row = connection.execute(_FIND_SHAPE, shape).fetchone()
            if row is not None:
                known = self._known[shape] = row[0]
            else:
                made = connection.execute(_NEW_SHAPE, shape).lastrowid or 0
                known = self._made[shape] = made
        return known


class Days:
    """What rows add to the sums of their days, to be written together."""

    def __init__(self) -> None:
        self._sums: dict[tuple[int, int], list[int]] = {}

    def count(self, shape: int, is_open: bool, numbers: Sequence[Any], sign: int = 1) -> None:
        key = int(numbers[_TIME] // DAY_S), shape
        sums = self._sums.get(key)
        if sums is None:
            sums = self._sums[key] = [0] * len(SUMS)
        sums[0] += sign
        cost, saved = numbers[_COST] or 0, numbers[_SAVED] or 0
        reserved = (numbers[_RESERVED] or 0) if is_open else 0
        for at, amount in ((1, cost), (3, reserved), (5, saved)):
            if amount:
                sums[at] += sign * (amount >> 32)
                sums[at + 1] += sign * (amount & _LOW)
        for at, place in enumerate(_PLAIN, 7):
            if numbers[place]:
                sums[at] += sign * numbers[place]

    def write(self, connection: sqlite3.Connection) -> None:
        connection.executemany(_ADD_TO_DAY, [(*key, *sums) for key, sums in self._sums.items()])


def add(connection: sqlite3.Connection, shapes: Shapes, rows: Iterable[Columns]) -> None:
    """Keep those that are not there, and complete those that are and were open."""
    shapes.begin(connection)
    new = _last_words(rows)
    there = {
        row[0]: row[1:] for row in connection.execute(_THERE, (json.dumps(list(new)),)).fetchall()
    }
    days = Days()
    inserted, completed = [], []
    for row in new.values():
        old = there.get(row.id)
        if old is None:
            number = shapes.number(connection, row.shape)
            inserted.append((row.id, number, *row.numbers))
        elif row.is_settled and not old[2]:
            number = shapes.number(connection, row.shape)
            completed.append((number, *row.numbers, old[0]))
            days.count(old[1], True, old[3:], -1)
        else:
            continue
        days.count(number, not row.is_settled, row.numbers)
    connection.executemany(_INSERT, inserted)
    connection.executemany(_COMPLETE, completed)
    days.write(connection)


def _last_words(rows: Iterable[Columns]) -> dict[str, Columns]:
    """One for each id: the first that is settled, else the first."""
    found: dict[str, Columns] = {}
    for row in rows:
        there = found.get(row.id)
        if there is None or (row.is_settled and not there.is_settled):
            found[row.id] = row
    return found
