"""The files of the catalogue as text: a line a model, so that a difference can be read."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
from model_sources import Tariffs, conditions_of

from modelway.catalog.models import RATES


def written(
    models: dict[str, dict[str, Any]], aliases: dict[str, str], version: str, made_from: str
) -> str:
    """A line a model, in order of their names."""
    kinds: list[dict[str, str]] = []
    lines = []
    for name, row in sorted(models.items()):
        sources = {field: row["_sources"][field] for field in row if field in row["_sources"]}
        if sources not in kinds:
            kinds.append(sources)
        stated = {k: v for k, v in row.items() if k != "_sources" and v not in (None, (), [])}
        if stated.get("mode") == "chat":
            del stated["mode"]
        if "tariffs" in stated:
            stated["tariffs"] = [_tariff(each) for each in _ordered(stated["tariffs"])]
        stated["source"] = kinds.index(sources)
        lines.append(f"{json.dumps(name)}:{_json(stated)}")
    aliases = [f"{json.dumps(k)}:{json.dumps(v)}" for k, v in sorted(aliases.items())]
    return (
        f'{{"version":{json.dumps(version)},"made_from":{json.dumps(made_from)},\n"sources":[\n'
        + ",\n".join([_json(each) for each in kinds])
        + '\n],\n"models":{\n'
        + ",\n".join(lines)
        + '\n},\n"aliases":{\n'
        + ",\n".join(aliases)
        + "\n}}\n"
    )


def _ordered(tariffs: Tariffs) -> Tariffs:
    return sorted(tariffs, key=lambda each: [str(part) for part in conditions_of(each)])


def _tariff(tariff: dict[str, Any]) -> dict[str, Any]:
    conditions = {k: v for k, v in tariff.items() if k not in RATES and v}
    if conditions.get("service") == "standard":
        del conditions["service"]
    return conditions | {rate: tariff[rate] for rate in RATES if tariff.get(rate) is not None}


def _json(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, dict):
        return "{" + ",".join([f"{json.dumps(k)}:{_json(v)}" for k, v in value.items()]) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([_json(each) for each in value]) + "]"
    return msgspec.json.encode(value).decode()
