"""``modelway providers``: which are configured and whether they could be asked, and which are known."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from modelway.catalog import load as catalogue
from modelway.catalog.rows import Provider
from modelway.cli import output
from modelway.cli.options import Config, Json
from modelway.client import Client
from modelway.config.settings import ConfiguredProvider, Settings
from modelway.errors import ConfigError
from modelway.opening import only_named


def providers(
    *,
    all: Annotated[bool, Parameter(name=["--all", "-a"], negative="", show_default=False)] = False,
    config: Config = None,
    json: Json = False,
) -> int:
    """List the providers that can be used here.

    For example:
        modelway providers
        modelway providers --all
        modelway providers --json | jq '.[] | select(.state == "ready")'

    Parameters
    ----------
    all
        The whole catalogue, with each row's documentation and the day it was compared with it.
    """
    settings = asyncio.run(_settings(config))
    rows = [_configured(one, settings) for one in settings.providers.values()]
    used = {row["name"] for row in rows} | {one.row.name for one in settings.providers.values()}
    others = [_known(row) for name, row in catalogue.providers().items() if name not in used]
    added = catalogue.added().items()
    rows += [_added(*one) for one in added if one[0] not in used or isinstance(one[1], ConfigError)]
    if all:
        rows += others
    if json:
        output.show_json(rows)
        return 0
    heads = (
        "PROVIDER",
        "DIALECTS",
        "KEY",
        "STATE",
        *(("CHECKED", "DOCS") if all else ("BASE URL",)),
    )
    output.table(heads, [_cells(row, all=all) for row in rows])
    if not all:
        output.aside(f"{len(others)} more are known: modelway providers --all")
    return 0


async def _settings(config: Path | None) -> Settings:
    """With what was found on this machine."""
    async with Client(config) as client:
        return await client.settings()


def _configured(one: ConfiguredProvider, settings: Settings) -> dict[str, Any]:
    state = one.problem or "ready"
    if only_named(one):
        state = "when it is named"
    return {
        **_known(one.row),
        "name": one.name,
        "dialects": [one.dialect, *[each for each in one.row.dialects if each != one.dialect]],
        "base_url": one.base_url,
        "state": state,
        "default_model": one.default_model,
        "configured_in": settings.source,
    }


def _known(row: Provider) -> dict[str, Any]:
    missing = f"set {row.api_key_env[0]}" if row.api_key_env else "configure it"
    if row.local:
        missing = "local"
    return {
        "name": row.name,
        "title": row.title,
        "dialects": list(row.dialects),
        "base_url": row.base_url,
        "key_variables": list(row.api_key_env),
        "local": row.local,
        "state": missing,
        "default_model": row.default_model,
        "docs": row.docs,
        "checked": row.checked,
    }


def _added(name: str, row: Provider | ConfigError) -> dict[str, Any]:
    """A row of an installed package, or what is wrong with it."""
    if isinstance(row, Provider):
        return _known(row)
    empty = Provider(name=name, base_url="", dialects=())
    return {**_known(empty), "state": row.message}


def _cells(row: dict[str, Any], *, all: bool) -> tuple[str, ...]:
    cells = (
        row["name"],
        ", ".join(row["dialects"]),
        " or ".join(row["key_variables"]) or "-",
        row["state"],
    )
    return (*cells, row["checked"], row["docs"]) if all else (*cells, row["base_url"] or "-")
