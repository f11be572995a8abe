"""``modelway cost remove``: a tenant's rows are deleted."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from modelway.cli import output
from modelway.cli.cost_rows import Rows, chosen, ledger
from modelway.cli.cost_table import usd
from modelway.cli.options import Config, Flag, Json
from modelway.config.load import load
from modelway.errors import ConfigError
from modelway.ledger.report import sum_of


def remove(
    *,
    tenant: str,
    until: str | None = None,
    time_zone: str = "UTC",
    yes: Annotated[Flag, Parameter(name=["--yes", "-y"])] = False,
    config: Config = None,
    json: Json = False,
) -> int:
    """Delete the rows of a tenant, for good. Rows of calls under way stay.

    Nobody else's rows are touched. What budgets hold as spent does not change.

    For example:
        modelway cost remove --tenant acme
        modelway cost remove --tenant acme --until 2026-01-01 --yes

    Parameters
    ----------
    tenant
        Whose rows.
    until
        Only those before this date or time.
    time_zone
        In which days begin, and times are that name no zone.
    yes
        Do not ask.
    """
    rows = Rows(tenant=(tenant,), until=until, time_zone=time_zone)
    removed = asyncio.run(_remove(rows, config, yes=yes))
    if json:
        output.show_json({"tenant": tenant, "removed": removed})
    else:
        print(f"removed: {removed:,} rows")
    return 0


async def _remove(rows: Rows, config: Path | None, *, yes: bool) -> int:
    where = chosen(rows.query(), by=None).where
    async with ledger(load(config)) as store:
        if not yes:
            there = sum_of(await store.groups((), where))
            if not there.attempts:
                output.note(f"no row of tenant {rows.tenant[0]!r} is written down")
                return 0
            _confirm(rows.tenant[0], there.attempts, there.cost_pico_usd)
        return await store.remove(where)


def _confirm(tenant: str, rows: int, cost_pico_usd: int) -> None:
    if not sys.stdin.isatty():
        raise ConfigError("nobody can be asked whether to delete: say --yes")
    output.aside(
        f"{rows:,} rows of tenant {tenant!r}, {usd(cost_pico_usd)} in sum, will be gone for good. "
        "Type the tenant's name to delete them: ",
        end="",
    )
    if sys.stdin.readline().strip() != tenant:
        raise ConfigError("nothing was deleted: that is not the tenant's name")
