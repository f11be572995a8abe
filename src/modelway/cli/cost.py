"""``modelway cost``: what was spent, and its commands by name, each in a file of its own."""

from __future__ import annotations

import asyncio
from typing import Annotated

import cyclopts
from cyclopts import Parameter
from cyclopts.validators import Number

from modelway.cli import output
from modelway.cli.cost_budgets import budgets
from modelway.cli.cost_estimate import estimate
from modelway.cli.cost_export import export
from modelway.cli.cost_hints import hints
from modelway.cli.cost_reconcile import reconcile
from modelway.cli.cost_remove import remove
from modelway.cli.cost_rerate import rerate
from modelway.cli.cost_rows import ALL, Chosen, fetched
from modelway.cli.cost_table import show
from modelway.cli.gateways import KeyVariable
from modelway.cli.options import Config, Json

_HELP = """\
Say what was spent, by whatever the ledger knows.

The local ledger is asked: that of this installation's state, or the ledger.url
of the configuration. With --url a running gateway is asked. What is reserved
for calls under way, what is estimated, and what has no known price are told
beside the cost.

For example:
    modelway cost
    modelway cost --by day,model --days 7
    modelway cost --by team,user --since 2026-11-01 --time-zone Europe/Berlin
    modelway cost --tag batch --json | jq '.total.cost_pico_usd / 1e12'
    MODELWAY_KEY=mw-… modelway cost --by key --url http://127.0.0.1:4000
"""

cost = cyclopts.App(name="cost", help=_HELP)
for _command in (estimate, budgets, hints, export, reconcile, rerate, remove):
    cost.command(_command)


@cost.default
def spent(
    *,
    by: str = "model",
    rows: Chosen = ALL,
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=10_000))] = 100,
    chart: bool | None = None,
    url: str | None = None,
    key_variable: KeyVariable = "MODELWAY_KEY",
    config: Config = None,
    json: Json = False,
) -> int:
    """Say what was spent, by whatever the ledger knows.

    Parameters
    ----------
    by
        Any, between commas: hour, day, month; tenant, key, team, user, tag; operation, asked, provider,
        model, deployment, service; error, basis, cache, price_version. Times come in their order.
    limit
        The most lines: those that cost the most.
    chart
        Bars below the table, as there are on a terminal anyway.
    url
        A gateway's address: it is asked instead.
    """
    query = rows.query(by=by, limit=str(limit))
    report = asyncio.run(fetched(query, config, url, key_variable))
    if json:
        output.show_json(report)
    else:
        show(report, chart=chart)
    return 0
