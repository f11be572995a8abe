"""``modelway cost budgets``: how the budgets of a running gateway stand."""

from __future__ import annotations

import asyncio
import datetime as dt

import msgspec
from msgspec import Struct

from modelway.cli import output
from modelway.cli.cost_table import aligned, usd
from modelway.cli.gateways import Gateway, KeyVariable
from modelway.cli.options import Json
from modelway.errors import ResponseError
from modelway.policies.budget.values import BudgetStatus


class Budgets(Struct, frozen=True):
    """What a gateway answers."""

    budgets: tuple[BudgetStatus, ...]


def budgets(
    *,
    url: str = "http://127.0.0.1:4000",
    key_variable: KeyVariable = "MODELWAY_KEY",
    json: Json = False,
) -> int:
    """Show how the budgets of a running gateway stand: spent, reserved, left.

    For example:
        MODELWAY_KEY=mw-… modelway cost budgets
        MODELWAY_KEY=mw-… modelway cost budgets --json | jq '.budgets[].name'

    Parameters
    ----------
    url
        The gateway's address.
    """
    answer = asyncio.run(_ask(Gateway(url, key_variable)))
    try:
        found = msgspec.json.decode(answer, type=Budgets)
    except msgspec.MsgspecError:
        raise ResponseError("what answered is no gateway of modelway's") from None
    if json:
        output.show_json(found)
    elif found.budgets:
        aligned(
            ("BUDGET", "OF", "PER", "ENDS", "STATE", "LIMIT", "SPENT", "RESERVED", "LEFT", "USED"),
            [_row(one) for one in found.budgets],
            5,
        )
    else:
        output.note("there are no budgets: they are written under budgets:")
    return 0


async def _ask(gateway: Gateway) -> bytes:
    async with gateway:
        return await gateway.ask("GET", "/v1/budgets")


def _row(one: BudgetStatus) -> tuple[str, ...]:
    used = one.spent_pico_usd + one.reserved_pico_usd
    return (
        one.name,
        ", ".join([f"{scope} {whom}" for scope, whom in one.about.items()]) or "everything",
        one.period,
        "-"
        if one.ends is None
        else f"{dt.datetime.fromtimestamp(one.ends, dt.UTC):%Y-%m-%d %H:%M}",
        "closed" if one.closed else "hard" if one.hard else "soft",
        usd(one.limit_pico_usd),
        usd(one.spent_pico_usd),
        usd(one.reserved_pico_usd),
        usd(one.remaining_pico_usd),
        f"{used / one.limit_pico_usd:.0%}" if one.limit_pico_usd else "-",
    )
