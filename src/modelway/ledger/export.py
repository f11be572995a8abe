"""Rows of the ledger as files: CSV for a spreadsheet, JSON for programs. Never all of them at once."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

import msgspec

from modelway.clock import SystemClock
from modelway.errors import BadRequestError
from modelway.ledger.query import parse
from modelway.ledger.rerate import version_of
from modelway.ledger.values import Intent, LedgerRow, LedgerStore, Settlement, Where
from modelway.ports import Clock

_CLOCK: Clock = SystemClock()
_NOTHING: Mapping[str, str] = {}
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
}
"""Of the formats. ``json`` is one array, ``jsonl`` an object a line."""

_INTENT = tuple(
    [one for one in Intent.__struct_fields__ if one not in {"id", "price_version", "draws"}]
)
_SETTLED = tuple(
    [one for one in Settlement.__struct_fields__ if one not in {"id", "price_version"}]
)
COLUMNS = ("id", "day", *_INTENT, "price_version", *_SETTLED, "cost_usd")
"""All that is kept of a row. ``day`` is in UTC; ``cost_usd`` is a decimal number; ``basis`` is empty
where the call has not ended."""
_PICO_USD = 10**12
_FORMULA = tuple("=+-@\t\r\n'")
"""What a spreadsheet may take for the beginning of a formula, and what marks that it is none.
Source: https://owasp.org/www-community/attacks/CSV_Injection, 2026-11-21."""


async def exported(
    store: LedgerStore,
    query: Mapping[str, str],
    *,
    clock: Clock = _CLOCK,
    only: Mapping[str, str] = _NOTHING,
) -> AsyncIterator[bytes]:
    """The rows that a URL's query asks for, in the ``format`` that it names, ``csv`` unless it does.

    Awaiting it checks the query: BadRequestError names the parameter that is wrong. ``only`` is what
    the caller is held to.
    """
    asked = parse(query, now=clock.time(), by=None, also=("format",), only=only)
    form = query.get("format", "csv")
    if form not in MEDIA_TYPES:
        raise BadRequestError(f"format is one of: {', '.join(MEDIA_TYPES)}", param="format")
    return _FORMS[form](store, asked.where)


async def _csv(store: LedgerStore, where: Where) -> AsyncIterator[bytes]:
    yield _lines([COLUMNS])
    async for batch in store.rows(where):
        yield _lines([_cells(row) for row in batch])


async def _jsonl(store: LedgerStore, where: Where) -> AsyncIterator[bytes]:
    encode = msgspec.json.Encoder().encode_lines
    async for batch in store.rows(where):
        yield encode([_flat(row) for row in batch])


async def _json(store: LedgerStore, where: Where) -> AsyncIterator[bytes]:
    yield b"["
    between = b"\n"
    async for batch in store.rows(where):
        if batch:
            yield between + b",\n".join([msgspec.json.encode(_flat(row)) for row in batch])
            between = b",\n"
    yield b"\n]\n"


_FORMS: dict[str, Callable[[LedgerStore, Where], AsyncIterator[bytes]]] = {
    "csv": _csv,
    "json": _json,
    "jsonl": _jsonl,
}


def decimal_usd(pico_usd: int) -> str:
    """An amount as an exact decimal number, with all of its twelve decimals."""
    sign, amount = ("-" if pico_usd < 0 else ""), abs(pico_usd)
    return f"{sign}{amount // _PICO_USD}.{amount % _PICO_USD:012d}"


def unarmed(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe stands before what it might.

    Also before an apostrophe, so that taking one away gives back every text.
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


_TOLD: dict[type, Callable[[Any], str]] = {
    str: unarmed,
    bool: lambda cell: str(cell).lower(),
    tuple: lambda cell: msgspec.json.encode(cell).decode(),
}
"""How cells are written that are not written as they are."""


def _flat(row: LedgerRow) -> dict[str, Any]:
    """By column, in their order."""
    intent, settled = row.intent, row.settlement
    cost = settled.cost_pico_usd if settled else None
    return {
        "id": intent.id,
        "day": f"{dt.datetime.fromtimestamp(intent.time, dt.UTC):%Y-%m-%d}",
        **{name: getattr(intent, name) for name in _INTENT},
        "price_version": version_of(row),
        **{name: getattr(settled, name, None) for name in _SETTLED},
        "cost_usd": None if cost is None else decimal_usd(cost),
    }


def _cells(row: LedgerRow) -> list[Any]:
    cells = _flat(row).values()
    return [told(cell) if (told := _TOLD.get(type(cell))) else cell for cell in cells]


def _lines(rows: Iterable[Iterable[Any]]) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue().encode(errors="backslashreplace")
