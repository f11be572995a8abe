"""``modelway cost export``: the ledger's rows as a file."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Literal

from modelway.cli import output
from modelway.cli.cost_rows import ALL, Chosen, Rows, chosen, ledger
from modelway.cli.options import Config
from modelway.config.load import load
from modelway.ledger.export import exported


def export(
    *,
    format: Literal["csv", "json", "jsonl"] = "csv",
    rows: Chosen = ALL,
    config: Config = None,
) -> int:
    """Write the ledger's rows to standard output: every column, as they come.

    Amounts are whole pico-dollars (10⁻¹² USD), and decimal USD beside them. In
    CSV, text that a spreadsheet might take for a formula has an apostrophe in
    front, and so has text that begins with one.

    For example:
        modelway cost export > costs.csv
        modelway cost export --format jsonl --days 1 | jq -c '{model, cost_usd}'
        modelway cost export --tenant acme --since 2026-11-01 > acme.csv

    Parameters
    ----------
    format
        csv, json (one array), or jsonl (an object a line).
    """
    asyncio.run(_export(format, rows, config))
    return 0


async def _export(format: str, rows: Rows, config: Path | None) -> None:
    query = rows.query(format=format)
    chosen(rows.query(), by=None)
    async with ledger(load(config)) as store:
        async for piece in await exported(store, query):
            if sys.stdout.isatty():
                output.say(piece.decode())  # without what would steer the terminal
            else:
                sys.stdout.buffer.write(piece)
