"""A ledger on PostgreSQL (13 on): a table in the schema ``modelway`` of a database."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence

from modelway.ledger.store.columns import (
    NUMBERS,
    TEXTS,
    Columns,
    check,
    columns,
    last_words,
    ledger_row,
)
from modelway.ledger.store.postgres import asking
from modelway.ledger.store.postgres.connections import LedgerConnections
from modelway.ledger.values import Group, LedgerRow, Where
from modelway.store.outage import opening

_READ_S = 120.0
_PAGE_ROWS = 1000
_GROUP_ROWS = 5000
_SLICE_ROWS = 50
_TYPES = {"time": "float8", "stream": "bool"}
_NAMES = ("id", *TEXTS, *NUMBERS)
_ARRAYS = ", ".join(
    [
        f"${at}::{_TYPES.get(name, 'int8' if name in NUMBERS else 'text')}[]"
        for at, name in enumerate(_NAMES, 1)
    ]
)
_COLUMNS = ", ".join([f'"{name}"' for name in _NAMES])
_GIVEN = _COLUMNS.replace('"tags"', "array(select jsonb_array_elements_text(tags::jsonb))")
_ADD = f"""
insert into modelway.ledger ({_COLUMNS})
select {_GIVEN} from unnest({_ARRAYS}) as given ({_COLUMNS})
on conflict (id) do update
set {", ".join([f'"{name}" = excluded."{name}"' for name in _NAMES[1:]])}
where ledger.basis = '' and excluded.basis <> ''
"""  # noqa: S608
_RERATE = """
with given as (select * from unnest($1::text[], $2::int8[], $3::text[]) as one (id, cost, version)),
done as (
    update modelway.ledger set cost_pico_usd = cost, price_version = version,
    basis = case when basis = 'unknown' then 'catalogue' else basis end
    from given where ledger.id = given.id
    and basis in ('catalogue', 'received', 'reserved', 'unknown') returning 1
)
select count(*) from done
"""


async def open_postgres_ledger(
    url: str, *, timeout_s: float = 10.0, chance: random.Random | None = None
) -> PostgresLedger:
    """The ledger in this database; what it lacks of the schema is made.

    ConfigError for what an operator must change. A server that is only down raises nothing here: its
    calls do, until it is there.
    """
    spread = chance or random.Random()  # noqa: S311  # of what processes do of themselves
    written = LedgerConnections(url, timeout_s=timeout_s, chance=spread)
    read = LedgerConnections(url, timeout_s=max(timeout_s, _READ_S), chance=spread)
    try:
        with opening():
            await written.fetch("select")
    except BaseException:
        await written.aclose()
        raise
    return PostgresLedger(written, read)


class PostgresLedger:
    """``LedgerStore``."""

    def __init__(self, written: LedgerConnections, read: LedgerConnections) -> None:
        self._written = written
        self._read = read

    async def add(self, rows: Sequence[LedgerRow]) -> None:
        made: list[Columns] = []
        for start in range(0, len(rows), _SLICE_ROWS):  # what is served meanwhile has its turn
            made += [columns(row) for row in rows[start : start + _SLICE_ROWS]]
            await asyncio.sleep(0)
        found = last_words(made).values()
        if found:
            given = [(row.id, *row.texts, *row.numbers) for row in found]
            await self._written.fetch(_ADD, *[list(column) for column in zip(*given, strict=True)])

    async def groups(
        self, by: Sequence[str], where: Where, *, time_zone: str = "UTC", limit: int = 10_000
    ) -> list[Group]:
        check(by, where, time_zone)
        query, values = asking.groups(by, where, time_zone, max(limit, 0))
        found = await self._read.fetch(query, *values)
        made = [asking.group(len(by), row) for row in found]
        return sorted(
            [one for one in made if one.attempts], key=lambda one: (-one.cost_pico_usd, one.key)
        )

    async def rows(self, where: Where, *, newest: bool = False) -> AsyncIterator[list[LedgerRow]]:
        check((), where)
        at: tuple[float, int] | None = None
        while True:
            query, values = asking.page(where, newest, at, _PAGE_ROWS)
            found = await self._read.fetch(query, *values)
            if not found:
                return
            yield [
                ledger_row(
                    row["id"],
                    [json.dumps(row["tags"]) if name == "tags" else row[name] for name in TEXTS],
                    [row[name] for name in NUMBERS],
                )
                for row in found
            ]
            at = found[-1]["time"], found[-1]["number"]

    async def rerate(self, costs: Sequence[tuple[str, int, str]]) -> int:
        if not costs:
            return 0
        last = {id_: (id_, cost, version) for id_, cost, version in costs}
        given = [list(column) for column in zip(*last.values(), strict=True)]
        found = await self._written.fetch(_RERATE, *given)
        return int(found[0][0])

    async def remove(self, where: Where) -> int:
        check((), where)
        query, values = asking.removal(where, _GROUP_ROWS)
        removed = 0
        while True:
            found = await self._written.fetch(query, *values)
            gone = int(found[0][0])
            removed += gone
            if gone < _GROUP_ROWS:
                return removed

    async def aclose(self) -> None:
        await self._written.aclose()
        await self._read.aclose()
