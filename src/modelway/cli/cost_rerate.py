"""``modelway cost rerate``: rows are priced again."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path

from modelway.cli import output
from modelway.cli.cost_prices import PriceBook
from modelway.cli.cost_rows import ALL, Chosen, Rows, chosen, ledger
from modelway.cli.cost_table import usd
from modelway.cli.options import Config, Flag, Json
from modelway.config.load import load
from modelway.ledger.rerate import Rerated
from modelway.ledger.rerate import rerate as rerate_rows


def rerate(
    *,
    rows: Chosen = ALL,
    dry_run: Flag = False,
    config: Config = None,
    json: Json = False,
) -> int:
    """Price rows again, by the prices in force for their time, overrides included.

    What the catalogue priced is priced again, and what had no price gets one
    where there is one now. What a provider said itself, estimates of answers
    that were cut, and what budgets hold as spent do not change.

    For example:
        modelway cost rerate --dry-run
        modelway cost rerate --since 2026-11-01 --provider openai

    Parameters
    ----------
    dry_run
        Say what would change, and change nothing.
    """
    said = asyncio.run(_rerate(rows, config, dry_run=dry_run))
    if json:
        output.show_json(said)
    else:
        _show(said)
    return 0


async def _rerate(rows: Rows, config: Path | None, *, dry_run: bool) -> Rerated:
    where = chosen(rows.query(), by=None).where
    settings = load(config)
    book = PriceBook(settings, dt.datetime.now(dt.UTC))
    async with ledger(settings) as store:
        return await rerate_rows(store, where, book.charge, dry_run=dry_run)


def _show(said: Rerated) -> None:
    change = said.new_pico_usd - said.old_pico_usd
    changed = "would change" if said.dry_run else "changed"
    print(f"priced again: {said.rows:,} rows; {changed}: {said.changed:,}")
    print(f"from {usd(said.old_pico_usd)} to {usd(said.new_pico_usd)} ({usd(change)})")
    if said.versions:
        print(f"prices: {', '.join(said.versions)}")
    if said.priced:
        output.note(f"{said.priced:,} of them had no price before")
    if said.unpriced:
        output.note(
            f"{said.unpriced:,} rows have no known price and stay as they are; to add one: "
            'catalogue: {"PROVIDER/MODEL": {price: {input: USD, output: USD}}}  # per million tokens'
        )
