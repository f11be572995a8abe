"""Rows of the file out of it, or with other costs, and out of the sums of their days."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from modelway.ledger.store.columns import NUMBERS, SHAPE
from modelway.ledger.store.sqlite.asking import of_shape
from modelway.ledger.store.sqlite.writing import Days, Shapes
from modelway.ledger.values import Where

GROUP_ROWS = 5000
_RERATED = ("catalogue", "received", "reserved", "unknown")
_FIND = f"""
SELECT r.number, r.shape, {", ".join([f"r.{name}" for name in NUMBERS])}
FROM ledger_rows r JOIN ledger_shapes s ON s.shape = r.shape
"""  # noqa: S608
_DROP_DAYS = "DELETE FROM ledger_days WHERE attempts = 0"
_DROP_SHAPES = "DELETE FROM ledger_shapes WHERE shape NOT IN (SELECT shape FROM ledger_days)"
_SAY_DROPPED = "UPDATE ledger_state SET shapes_removed = shapes_removed + 1"
_OF_ROW = f"SELECT {', '.join(SHAPE)} FROM ledger_shapes WHERE shape = ?"  # noqa: S608
_SET = "UPDATE ledger_rows SET shape = ?, cost_pico_usd = ? WHERE number = ?"
_BASIS, _VERSION = SHAPE.index("basis"), SHAPE.index("price_version")
_COST = NUMBERS.index("cost_pico_usd")


def remove(connection: sqlite3.Connection, where: Where, after: int) -> tuple[int, int | None]:
    """Of the rows behind this number some; how many went, and the last number that was looked at.

    ``None``: there are no more.
    """
    chosen = of_shape(where)
    texts, values = [chosen.text, "s.basis != ''", "r.number > ?"], [*chosen.values, after]
    for limit, text in ((where.since, "r.time >= ?"), (where.until, "r.time < ?")):
        if limit is not None:
            texts.append(text)
            values.append(limit)
    found = connection.execute(
        f"{_FIND} WHERE {' AND '.join(texts)} ORDER BY r.number LIMIT ?", (*values, GROUP_ROWS)
    ).fetchall()
    days = Days()
    for row in found:
        days.count(row[1], False, row[2:], -1)
    connection.executemany("DELETE FROM ledger_rows WHERE number = ?", [row[:1] for row in found])
    days.write(connection)
    return len(found), found[-1][0] if len(found) == GROUP_ROWS else None


def sweep(connection: sqlite3.Connection) -> None:
    """What only rows that are gone had: names of tenants and users among it."""
    connection.execute(_DROP_DAYS)
    if connection.execute(_DROP_SHAPES).rowcount:
        connection.execute(_SAY_DROPPED)


def rerate(
    connection: sqlite3.Connection, shapes: Shapes, costs: Sequence[tuple[str, int, str]]
) -> int:
    shapes.begin(connection)
    days, done = Days(), 0
    for id_, cost, version in costs:
        row = connection.execute(f"{_FIND} WHERE r.id = ?", (id_,)).fetchone()
        if row is None:
            continue
        shape = list(connection.execute(_OF_ROW, (row[1],)).fetchone())
        if shape[_BASIS] not in _RERATED:
            continue
        if shape[_BASIS] == "unknown":
            shape[_BASIS] = "catalogue"
        shape[_VERSION] = version
        number = shapes.number(connection, tuple(shape))
        connection.execute(_SET, (number, cost, row[0]))
        days.count(row[1], False, row[2:], -1)
        days.count(number, False, [*row[2 : 2 + _COST], cost, *row[3 + _COST :]])
        done += 1
    days.write(connection)
    return done
