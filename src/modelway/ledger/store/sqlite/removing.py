"""Rows of the file out of it, or at other costs, and out of the sums of their times."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from modelway.ledger.store.columns import NUMBERS, TEXTS, Columns, rerated
from modelway.ledger.store.sqlite.asking import of_rows
from modelway.ledger.store.sqlite.writing import FIND, Found, Writer
from modelway.ledger.values import Where

GROUP_ROWS = 2000
_SET = "UPDATE ledger_rows SET shape = ?, cost_pico_usd = ? WHERE number = ?"
_DROP = "DELETE FROM ledger_rows WHERE number = ?"
_SWEEP = (
    "DELETE FROM ledger_shape_days WHERE attempts = 0",
    "DELETE FROM ledger_payer_days WHERE attempts = 0",
    "DELETE FROM ledger_shape_hours WHERE attempts = 0",
    "DELETE FROM ledger_shapes WHERE shape NOT IN (SELECT shape FROM ledger_shape_days)",
    "DELETE FROM ledger_payers WHERE payer NOT IN (SELECT payer FROM ledger_payer_days)",
    "UPDATE ledger_state SET swept = swept + 1",
)
_COST = NUMBERS.index("cost_pico_usd")


def remove(
    connection: sqlite3.Connection, writer: Writer, where: Where, after: int
) -> tuple[int, int | None]:
    """Some of the settled rows that are meant; how many went, and behind which number to go on.

    ``None``: there are no more.
    """
    text, values = of_rows(where)
    if where.equal:  # in one go through all, else by the index of their times
        text = text.replace("r.time", "+r.time") + " AND r.number > ? ORDER BY r.number"
        values += (after,)
    writer.begin(connection)
    found = [
        Found(row)
        for row in connection.execute(
            f"{FIND} WHERE s.basis != '' AND {text} LIMIT ?", (*values, GROUP_ROWS)
        )
    ]
    for one in found:
        writer.count(one.shape, one.payer, one.row, -1)
    connection.executemany(_DROP, [(one.number,) for one in found])
    writer.end(connection)
    return len(found), found[-1].number if len(found) == GROUP_ROWS else None


def sweep(connection: sqlite3.Connection) -> None:
    """Away with what only rows had that are gone: names of tenants and users among it."""
    for statement in _SWEEP:
        connection.execute(statement)


def rerate(
    connection: sqlite3.Connection, writer: Writer, costs: Sequence[tuple[str, int, str]]
) -> int:
    """How many rows have another cost now."""
    writer.begin(connection)
    done = 0
    for id_, cost, version in costs:
        row = connection.execute(f"{FIND} WHERE r.id = ?", (id_,)).fetchone()
        old = None if row is None else Found(row)
        texts = (
            None if old is None else rerated(dict(zip(TEXTS, old.row.texts, strict=True)), version)
        )
        if old is None or texts is None:
            continue
        numbers = old.row.numbers
        new = Columns(id_, tuple(texts.values()), (*numbers[:_COST], cost, *numbers[_COST + 1 :]))
        shape, payer = writer.numbers(connection, new.texts)
        connection.execute(_SET, (shape, cost, old.number))
        writer.count(old.shape, old.payer, old.row, -1)
        writer.count(shape, payer, new)
        done += 1
    writer.end(connection)
    return done
