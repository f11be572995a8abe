"""``modelway cost hints``: what would have cost less."""

from __future__ import annotations

import asyncio
import datetime as dt
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from modelway.cli import output
from modelway.cli.cost_prices import PriceBook
from modelway.cli.cost_rows import ALL, Chosen, Rows, chosen, ledger
from modelway.cli.cost_table import aligned, usd
from modelway.cli.options import Config, Json
from modelway.config.load import load
from modelway.errors import ConfigError
from modelway.ledger.hints import Assumed, Hint
from modelway.ledger.savings import hints as hints_of

_MOST_USD = 10**6
_ASSUMED = Assumed()


def hints(
    *,
    rows: Chosen = ALL,
    proofs: Annotated[int, Parameter(name="--rows", validator=Number(gte=0, lte=10_000))] = 0,
    cache_life: Annotated[float, Parameter(validator=Number(gt=0))] = _ASSUMED.cache_life_s,
    shared_part: Annotated[float, Parameter(validator=Number(gt=0, lte=1))] = 1.0,
    answer_tokens: Annotated[int, Parameter(validator=Number(gt=0))] = _ASSUMED.answer_tokens,
    usd_per_hour: str | None = None,
    usd_per_million: str | None = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Say what would have cost less, by the ledger's own rows, and by how much.

    Each is about one change alone: a cheaper model, answers kept, beginnings of
    prompts cached, shorter answers, batches, a machine of your own. They are
    about the same money, so they have no sum.

    For example:
        modelway cost hints --days 30
        modelway cost hints --rows 5 --model gpt-4o
        modelway cost hints --usd-per-hour 1.80 --json | jq '.[0]'

    Parameters
    ----------
    proofs
        Show so many rows that say so, those that would have saved the most.
    cache_life
        How long answers would be kept, in seconds.
    shared_part
        The part of the shorter of two prompts that both begin with.
    answer_tokens
        The longest answer.
    usd_per_hour
        What a machine of your own would cost.
    usd_per_million
        Or what a million tokens would cost there.
    """
    if usd_per_hour is not None and usd_per_million is not None:
        raise ConfigError("say --usd-per-hour or --usd-per-million, not both")
    assumed = Assumed(
        cache_life_s=cache_life,
        shared_part=shared_part,
        answer_tokens=answer_tokens,
        usd_per_hour=_amount(usd_per_hour, "--usd-per-hour"),
        usd_per_million=_amount(usd_per_million, "--usd-per-million"),
    )
    found = asyncio.run(_hints(rows, config, assumed, proofs))
    if json:
        output.show_json(found)
    elif found:
        _show(found)
    else:
        output.note("no row of these says that anything would have cost less")
    return 0


async def _hints(rows: Rows, config: Path | None, assumed: Assumed, proofs: int) -> list[Hint]:
    where = chosen(rows.query(), by=None).where
    settings = load(config)
    book = PriceBook(settings, dt.datetime.now(dt.UTC))
    async with ledger(settings) as store:
        return await hints_of(
            store, where, book.info, candidates=book.candidates, assumed=assumed, proofs=proofs
        )


def _amount(said: str | None, option: str) -> Decimal | None:
    if said is None:
        return None
    try:
        amount = Decimal(said)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not (amount.is_finite() and 0 <= amount <= _MOST_USD):
        raise ConfigError(f"{option} must be an amount of USD, such as 1.80, not {said!r}")
    return amount


def _show(found: list[Hint]) -> None:
    for hint in found:
        about = f" {output.plain(hint.about)}" if hint.about else ""
        to = f" → {output.plain(hint.to)}" if hint.to else ""
        part = hint.saved_pico_usd / hint.cost_pico_usd
        print(
            f"{usd(hint.saved_pico_usd)} of {usd(hint.cost_pico_usd)} ({part:.0%}): "
            f"{hint.kind.replace('_', ' ')}{about}{to}, {hint.rows:,} rows"
        )
        print(f"    {hint.assumption}")
        if hint.proofs:
            aligned(
                ("    ROW", "TIME", "MODEL", "COST", "SAVED"),
                [
                    (
                        f"    {one.id}",
                        f"{dt.datetime.fromtimestamp(one.time, dt.UTC):%Y-%m-%d %H:%M:%S}",
                        one.model,
                        usd(one.cost_pico_usd),
                        usd(one.saved_pico_usd),
                    )
                    for one in hint.proofs
                ],
                3,
            )
    output.note("each is one change alone; they are about the same money, so they have no sum")
