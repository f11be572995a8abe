"""What the two sources of the catalogue of models say, read as data: no line of theirs is run.

genai-prices holds its data as Python literals, litellm as JSON.
"""

from __future__ import annotations

import ast
import datetime as dt
import json
import re
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

GENAI_DATA = "genai_prices/data.py"
LITELLM_DATA = "litellm/model_prices_and_context_window_backup.json"

RATE_OF_GENAI = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cached",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "input_audio",
    "cache_audio_read_mtok": "cached_audio",
    "output_audio_mtok": "output_audio",
    "output_reasoning_mtok": "reasoning",
    "requests_kcount": "calls",
    "rerank_searches_kcount": "searches",
}
RATE_OF_LITELLM = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "input_cost_per_audio_token": "input_audio",
    "cache_read_input_audio_token_cost": "cached_audio",
    "output_cost_per_audio_token": "output_audio",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_query": "searches",
}
_SUFFIX = re.compile(r"^(.*?)(?:_above_(\d+)k_tokens)?(?:_(batches|flex|priority))?$")
_SERVICE = {None: "standard", "batches": "batch", "flex": "flex", "priority": "priority"}

Tariffs = list[dict[str, Any]]


def _read(wheel: Path, name: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(name).decode()


# ---------------------------------------------------------------- genai-prices


def genai(wheel: Path) -> dict[str, list[dict[str, Any]]]:
    """Provider → its models, as dictionaries of the fields that theirs have."""
    for statement in ast.parse(_read(wheel, GENAI_DATA)).body:
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            return {each["id"]: each["models"] for each in _literal(statement.value)}
    raise SystemExit(f"{wheel.name}: no list of providers in {GENAI_DATA}")


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.List() | ast.Tuple():
            return [_literal(each) for each in node.elts]
        case ast.Dict():
            return {
                _literal(key): _literal(value)
                for key, value in zip(node.keys, node.values, strict=True)
                if key is not None
            }
        case ast.Attribute(attr="utc" | "UTC"):
            return "UTC"
        case ast.Call():
            name = ast.unparse(node.func).rpartition(".")[2]
            arguments = [_literal(each) for each in node.args]
            if name == "Decimal":
                return Decimal(arguments[0])
            if name == "date":
                return dt.date(*arguments)
            if name == "time":
                return dt.time(*arguments)
            fields = {each.arg: _literal(each.value) for each in node.keywords}
            return {"kind": name, **fields}
        case _:
            raise SystemExit(f"genai-prices: not understood: {ast.unparse(node)[:80]}")


def matches(clause: dict[str, Any], name: str) -> bool:
    """Whether the model's own rule accepts this name."""
    low = name.lower()
    match clause["kind"]:
        case "ClauseEquals":
            return low == str(clause["equals"]).lower()
        case "ClauseStartsWith":
            return low.startswith(str(clause["starts_with"]).lower())
        case "ClauseEndsWith":
            return low.endswith(str(clause["ends_with"]).lower())
        case "ClauseContains":
            return str(clause["contains"]).lower() in low
        case "ClauseRegex":
            return bool(re.search(str(clause["regex"]), low))
        case "ClauseOr":
            return any(matches(each, name) for each in clause["or_"])
        case "ClauseAnd":
            return all(matches(each, name) for each in clause["and_"])
        case kind:
            raise SystemExit(f"genai-prices: unknown rule {kind}")


def exact_names(clause: dict[str, Any]) -> list[str]:
    """The names that the rule lists one by one, or as the beginning of others."""
    if clause["kind"] == "ClauseEquals":
        return [str(clause["equals"])]
    if clause["kind"] == "ClauseStartsWith":
        return [str(clause["starts_with"]).rstrip("-@:")]
    if clause["kind"] == "ClauseOr":
        return [name for each in clause["or_"] for name in exact_names(each)]
    return []


def genai_tariffs(model: dict[str, Any]) -> Tariffs:
    """Standard prices by their dates, then the variants; ones by the hour before those without."""
    prices = model.get("prices") or []
    dated = prices if isinstance(prices, list) else [{"prices": prices}]
    found: Tariffs = []
    since: dt.date | None = None
    for each in dated:
        constraint = each.get("constraint") or {}
        hours: list[str] = []
        if constraint.get("kind") == "StartDateConstraint":
            since = constraint["start_date"]
        elif constraint.get("kind") == "TimeOfDateConstraint":
            hours = [f"{constraint['start_time']:%H:%M}-{constraint['end_time']:%H:%M}"]
        found += _of_genai(each["prices"], {"since": since, "hours": hours})
    changed = len({each["since"] for each in found}) > 1
    for variant in model.get("price_variants") or []:
        service = _service(variant["when"])
        if service is None:
            continue
        start = (variant.get("constraint") or {}).get("start_date")
        # The day on which the source began to note a variant, where the price never changed.
        found += _of_genai(
            variant["prices"], {"since": start if changed else None, "service": service}
        )
    return _one_price_apiece(_joined_hours(found))


def _service(when: dict[str, str]) -> str | None:
    if when == {"processing": "batch"}:
        return "batch"
    tier = when.get("service_tier") if len(when) == 1 else None
    return tier if tier in {"flex", "priority"} else None


def _of_genai(prices: dict[str, Any], conditions: dict[str, Any]) -> Tariffs:
    rates = {RATE_OF_GENAI[key]: price for key, price in prices.items() if key in RATE_OF_GENAI}
    if _image_output(prices):
        rates.pop("output", None)
    thresholds = {
        tier["start"]
        for price in rates.values()
        if isinstance(price, dict)
        for tier in price["tiers"]
    }
    return [
        {**conditions, "over_tokens": over, **{k: _at(p, over) for k, p in rates.items()}}
        for over in sorted({0, *thresholds})
    ]


def _image_output(prices: dict[str, Any]) -> bool:
    """Answers of text and images, billed apart, which a count of output tokens does not tell."""
    return "output_image_mtok" in prices and prices["output_image_mtok"] != prices.get(
        "output_mtok"
    )


def _at(price: Any, over: int) -> Decimal:
    if not isinstance(price, dict):
        return price
    found = price["base"]
    for tier in sorted(price["tiers"], key=lambda tier: tier["start"]):
        if tier["start"] <= over:
            found = tier["price"]
    return found


def _joined_hours(tariffs: Tariffs) -> Tariffs:
    """One tariff for several spans of the day with the same prices."""
    found: Tariffs = []
    for each in tariffs:
        plain = {**each, "hours": None}
        same = [one for one in found if {**one, "hours": None} == plain]
        if same and each.get("hours") and same[0].get("hours"):
            same[0]["hours"] += each["hours"]
        else:
            found.append(each)
    return found


def _one_price_apiece(tariffs: Tariffs) -> Tariffs:
    """The last of those under the same conditions, and no change that changes nothing."""
    last: dict[tuple[Any, ...], dict[str, Any]] = {}
    for each in tariffs:
        last[conditions_of(each)] = each
    return list(last.values())


def conditions_of(tariff: dict[str, Any]) -> tuple[Any, ...]:
    return (
        tariff.get("service") or "standard",
        tariff.get("since"),
        tariff.get("over_tokens") or 0,
        tuple(tariff.get("hours") or ()),
    )


# ---------------------------------------------------------------- litellm


def litellm(wheel: Path) -> dict[str, dict[str, Any]]:
    """Name → what is said of the model; numbers as decimals."""
    models: dict[str, dict[str, Any]] = json.loads(_read(wheel, LITELLM_DATA), parse_float=Decimal)
    models.pop("sample_spec", None)
    return models


def litellm_tariffs(model: dict[str, Any]) -> Tariffs:
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for key, price in model.items():
        _put(found, key, price, 0)
    for tier in model.get("tiered_pricing") or []:
        if "range" in tier:
            for key, price in tier.items():
                _put(found, key, price, int(tier["range"][0]))
    for (service, over), rates in found.items():
        if over:  # what a tier does not change stays
            found[service, over] = {**found.get((service, 0), {}), **rates}
    tariffs = [
        {"service": service, "over_tokens": over, **rates}
        for (service, over), rates in sorted(found.items(), key=str)
        if rates
    ]
    peak = model.get("off_peak_pricing")
    return tariffs + ([*_off_peak(peak)] if peak else [])


def _put(found: dict[tuple[str, int], dict[str, Any]], key: str, price: Any, over: int) -> None:
    parsed = _SUFFIX.match(key)
    if parsed is None or parsed[1] not in RATE_OF_LITELLM or not isinstance(price, (Decimal, int)):
        return
    rate = RATE_OF_LITELLM[parsed[1]]
    # Here 0 is what nobody wrote down as often as what is free.
    if price:
        over = int(parsed[2]) * 1000 if parsed[2] else over
        per = 1000 if rate == "searches" else 10**6
        found.setdefault((_SERVICE[parsed[3]], over), {})[rate] = Decimal(price) * per


def _off_peak(said: dict[str, Any]) -> Tariffs:
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for key, price in said.items():
        _put(found, key, price, 0)
    windows = []
    for window in said.get("windows") or []:
        hours = window["hours_utc"]
        hours = [hours] if isinstance(hours, str) else hours
        windows.append({"hours": hours, "days": window.get("weekdays") or []})
    return [{**window, **rates} for window in windows for rates in found.values()]
