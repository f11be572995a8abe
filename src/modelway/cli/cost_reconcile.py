"""``modelway cost reconcile``: the ledger against a provider's own figures."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from modelway.catalog.load import shipped
from modelway.cli import output
from modelway.cli.cost_rows import chosen, ledger
from modelway.cli.cost_table import aligned, usd
from modelway.cli.options import Config, Json
from modelway.config.load import load
from modelway.config.settings import Settings
from modelway.errors import ConfigError
from modelway.ledger.reconcile.compare import reconcile as compare
from modelway.ledger.reconcile.formats import FORMATS, read
from modelway.ledger.reconcile.generic import mapping
from modelway.ledger.reconcile.values import Compared, Drift, Measure, Sums

_MOST_BYTES = 256 * 1024 * 1024
_OK, _DRIFT = 0, 1
_PICO_USD = 10**12
_HEADS: dict[Measure, str] = {
    "input_tokens": "INPUT",
    "output_tokens": "OUTPUT",
    "cached_tokens": "CACHED",
    "cost_pico_usd": "COST",
}


def reconcile(
    file: Path,
    *,
    provider: str,
    format: Literal["openai", "anthropic", "openrouter", "generic"] | None = None,
    columns: str = "",
    time_zone: str = "UTC",
    tolerance: Annotated[float, Parameter(validator=Number(gte=0, lte=100))] = 1.0,
    least_usd: Annotated[float, Parameter(validator=Number(gte=0, lte=10**6))] = 0.01,
    config: Config = None,
    json: Json = False,
) -> int:
    """Compare the ledger with a provider's usage or bill, by day and model.

    What can be read: openai, pages of /v1/organization/usage/completions
    (group_by=model) or /v1/organization/costs (group_by=line_item), or the CSV of
    the usage page; anthropic, pages of /v1/organizations/usage_report/messages
    (group_by[]=model) or /v1/organizations/cost_report (group_by[]=description);
    openrouter, /api/v1/activity; and any CSV as generic. The exit code is 1 when
    something differs by more than the tolerance.

    For example:
        modelway cost reconcile usage.json --provider openai
        modelway cost reconcile costs.csv --provider openai --tolerance 2
        modelway cost reconcile b.csv --provider groq --columns day=D,cost_usd=USD

    Parameters
    ----------
    file
        The provider's export.
    provider
        Its name in the ledger.
    format
        How the file is written; else what --columns or the provider's name says.
    columns
        For generic: ours to the file's. Ours are day, model, provider, requests, input_tokens,
        output_tokens, cached_tokens, cost_usd, cache: as in `modelway cost export`.
    time_zone
        In which the file's days begin; the others' is UTC.
    tolerance
        The most percent by which both may differ.
    least_usd
        Amounts that differ by no more than this never count.
    """
    settings = load(config)
    chosen({"time_zone": time_zone})
    form = format or ("generic" if columns else _format(settings, provider))
    export = read(
        _content(file),
        file.name,
        provider=provider,
        format=form,
        columns=mapping(columns) if columns else {},
    )

    async def compared() -> Drift:
        async with ledger(settings) as store:
            return await compare(
                store,
                export,
                provider,
                time_zone=time_zone,
                tolerance=tolerance / 100,
                least_pico_usd=round(least_usd * _PICO_USD),
            )

    said = asyncio.run(compared())
    if json:
        output.show_json(said)
    else:
        _show(said)
    return _DRIFT if said.over else _OK


def _format(settings: Settings, provider: str) -> str:
    """That of the host whose name it is, or which it is like."""
    configured = settings.providers.get(provider)
    row = configured.row if configured else shipped(provider)
    for name in (row.like, row.name) if row else (provider,):
        if name in FORMATS:
            return name
    raise ConfigError(
        f"no format is known of {provider}'s: say --format, one of {', '.join(FORMATS)}"
    )


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as open_file:
            content = open_file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from None
    if len(content) > _MOST_BYTES:
        raise ConfigError(f"{file} is larger than {_MOST_BYTES >> 20} MiB: compare fewer days")
    return content


def _show(said: Drift) -> None:
    measures = [one for one in _HEADS if getattr(said.export, one) is not None]
    heads = [
        head
        for one in measures
        for head in (f"{_HEADS[one]} HERE", f"{_HEADS[one]} THERE", "DIFFERENCE")
    ]
    rows = [
        (row.day, row.model or "(all)", _where(row), *_cells(row.ledger, row.provider, measures))
        for row in said.rows
    ]
    rows.append(("total", "", "", *_cells(said.ledger, said.export, measures)))
    aligned(("DAY", "MODEL", "", *heads), rows, 3)
    for note in said.notes:
        output.note(note)
    if said.apart.unpriced:
        output.note(f"{said.apart.unpriced:,} calls of these have no known price here")
    if said.apart.open_pico_usd:
        output.note(
            f"{usd(said.apart.open_pico_usd)} is reserved here for calls that have not ended"
        )
    if said.apart.estimated_pico_usd:
        output.note(f"{usd(said.apart.estimated_pico_usd)} of the cost here is estimated")
    over = sum([bool(row.over) for row in said.rows])
    word = f"{over} of {len(said.rows)} lines differ by more" if over else "no line differs by more"
    output.aside(f"{word} than {said.tolerance * 100:g} %")


def _where(row: Compared) -> str:
    if row.provider is None:
        return "only here" if row.over else ""
    if row.ledger is None:
        return "only there" if row.over else ""
    return "differs" if row.over else ""


def _cells(ours: Sums | None, theirs: Sums | None, measures: list[Measure]) -> list[str]:
    cells: list[str] = []
    for name in measures:
        here, there = (getattr(one, name, None) for one in (ours, theirs))
        tell = usd if name == "cost_pico_usd" else output.count
        cells += [tell(here), tell(there), tell((here or 0) - (there or 0))]
    return cells
