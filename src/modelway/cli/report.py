"""``modelway report``: how providers and models did, from the ledger."""

from __future__ import annotations

import asyncio
from typing import Annotated

from cyclopts import Parameter

from modelway.cli import output
from modelway.cli.cost_rows import ALL, Chosen, fetched
from modelway.cli.cost_table import aligned, usd
from modelway.cli.gateways import KeyVariable
from modelway.cli.options import Config, Json
from modelway.ledger.query import written
from modelway.ledger.report import REPORT_BY, Standing, standings

_MOST = "10000"


def report(
    *,
    by: Annotated[str, Parameter(help="What is compared.")] = "provider,model",
    rows: Chosen = ALL,
    url: str | None = None,
    key_variable: KeyVariable = "MODELWAY_KEY",
    config: Config = None,
    json: Json = False,
) -> int:
    """Say how providers and models did: success, time, errors, cost, and who is best.

    Success is of what the provider answers for: a request that was malformed, a
    caller who left and a refusal of ours count as neither. The rank is by the sum
    of the places in success (its lower 95 % limit), time, and cost of a success.
    Answers from a cache are left out.

    For example:
        modelway report --days 7
        modelway report --days 1 --by deployment
        modelway report --days 30 --json | jq '.[0].key'

    Parameters
    ----------
    url
        A gateway's address: it is asked instead of the local ledger.
    """
    query = rows.query(by=",".join([by, *REPORT_BY]).lstrip(","), limit=_MOST, cache=written(("",)))
    found = asyncio.run(fetched(query, config, url, key_variable))
    wide = len(found.by) - len(REPORT_BY)
    standing = standings(found.groups, wide)
    if json:
        output.show_json(standing)
    elif standing:
        _show(found.by[:wide], standing)
    else:
        output.note("no call of these is written down")
    if found.more:
        output.note(f"only the {_MOST} dearest groups were looked at: choose fewer rows")
    return 0


def _show(by: tuple[str, ...], found: list[Standing]) -> None:
    heads = [name.replace("_", " ").upper() for name in by]
    numbers = ("RANK", "CALLS", "SUCCESS", "AT LEAST", "MEAN", "COST", "PER SUCCESS")
    aligned(
        (*heads, "ERRORS", *numbers),
        [
            (
                *[value or "-" for value in one.key],
                ", ".join([f"{error} {times:,}" for error, times in one.errors.items()]) or "-",
                str(one.rank),
                output.count(one.attempts),
                _percent(one.success_rate),
                _percent(one.success_low),
                output.duration(one.mean_s),
                usd(one.cost_pico_usd),
                usd(one.cost_per_success_pico_usd),
            )
            for one in found
        ],
        len(heads) + 1,
    )
    if unpriced := sum([one.unpriced for one in found]):
        output.note(f"{unpriced:,} calls have no known price and are in no cost")
    if waiting := sum([one.open for one in found]):
        output.note(f"{waiting:,} calls have not ended and are not counted")


def _percent(part: float | None) -> str:
    return "-" if part is None else f"{part:.1%}"
