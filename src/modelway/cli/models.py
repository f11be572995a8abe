"""``modelway models``: what can be asked, by the names to ask for it."""

from __future__ import annotations

import asyncio
import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

from modelway.catalog.models import ModelInfo, Tariff
from modelway.catalog.models_find import find
from modelway.catalog.pricing import tariff_for
from modelway.cli import output
from modelway.cli.options import Config, Json
from modelway.client import Client
from modelway.config.resolve import default_model
from modelway.config.settings import Route, Settings
from modelway.errors import ConfigError, LLMError
from modelway.opening import only_named
from modelway.types import ModelListing


def models(
    provider: str | None = None,
    *,
    config: Config = None,
    json: Json = False,
) -> int:
    """List the models that can be asked, by the names to ask for.

    First those that the configuration names, then what each provider serves now.

    For example:
        modelway models
        modelway models openai
        modelway models --json | jq -r '.[].name'

    Parameters
    ----------
    provider
        Only this one's.
    """
    return asyncio.run(_models(provider, config, json=json))


async def _models(provider: str | None, config: Path | None, *, json: bool) -> int:
    async with Client(config) as client:
        settings = await client.settings()
        names = [provider] if provider else _usable(settings)
        routes = [] if provider else list(settings.routes.values())
        if not names and not routes:
            raise ConfigError(
                "no provider can be asked: set a key, such as OPENAI_API_KEY, start a local "
                "server, or look at the simulator with: modelway models simulator"
            )
        answers = await asyncio.gather(*[_listed(client, name) for name in names])
    failed = [answer for answer in answers if isinstance(answer, LLMError)]
    if provider and failed:
        raise failed[0]
    listed = [one for answer in answers if isinstance(answer, tuple) for one in answer]
    rows = [
        *[_of_route(route) for route in routes],
        *[_of_model(one, _catalogued(settings, one)) for one in listed],
    ]
    if json:
        output.show_json(rows)
    else:
        _show(rows, default_model(settings))
    for error in failed:
        output.complain(error)
    return 1 if failed and not rows else 0


def _usable(settings: Settings) -> list[str]:
    """The providers to ask; those that are only there to be named, if somebody did."""
    return [
        name for name, one in settings.providers.items() if not one.problem and not only_named(one)
    ]


async def _listed(client: Client, provider: str) -> tuple[ModelListing, ...] | LLMError:
    try:
        return await client.list_models(provider)
    except LLMError as error:
        return error


def _of_route(route: Route) -> dict[str, Any]:
    told = [deployment.id for deployment in route.deployments]
    if route.fallbacks:
        told.append(f"else {', '.join(route.fallbacks)}")
    return {"name": route.name, "is": ", ".join(told) or route.problem or "no deployment"}


def _catalogued(settings: Settings, model: ModelListing) -> ModelInfo | None:
    provider = settings.providers.get(model.provider or "")
    return None if provider is None else find(provider.row, model.id, None, settings.overrides)


def _of_model(model: ModelListing, info: ModelInfo | None) -> dict[str, Any]:
    """What the provider says now, else what the catalogue says."""
    known = info or ModelInfo()
    today = tariff_for(known, at=dt.datetime.now(dt.UTC)) or Tariff()
    facts = {
        "name": f"{model.provider}/{model.id}",
        "provider": model.provider,
        "id": model.id,
        "context_tokens": model.context_tokens or known.context_tokens,
        "max_output_tokens": model.max_output_tokens or known.max_output_tokens,
        "input_usd_per_million": _plain(today.input),
        "output_usd_per_million": _plain(today.output),
        "size_bytes": model.size_bytes,
        "quantization": model.quantization,
        "owner": model.owner,
    }
    return {name: fact for name, fact in facts.items() if fact is not None}


def _plain(price: Decimal | None) -> str | None:
    return None if price is None else f"{price.normalize():f}"


def _show(rows: list[dict[str, Any]], default: str | None) -> None:
    output.table(
        ("MODEL", "WINDOW", "OUTPUT", "$/M IN", "$/M OUT", ""),
        [
            (
                row["name"] + (" *" if row["name"] == default else ""),
                output.count(row.get("context_tokens")),
                output.count(row.get("max_output_tokens")),
                row.get("input_usd_per_million", ""),
                row.get("output_usd_per_million", ""),
                row.get("is") or _size(row),
            )
            for row in rows
        ],
    )
    if default:
        output.aside(f"* answers when no model is named: {default}")


def _size(row: dict[str, Any]) -> str:
    size = row.get("size_bytes")
    told = [] if size is None else [f"{size / 1e9:.1f} GB"]
    return ", ".join([*told, *([row["quantization"]] if "quantization" in row else [])])
