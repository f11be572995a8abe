"""What a user says of models against, or beyond, what comes with modelway.

A mapping of ``provider/model``, ``provider/*`` or ``model`` to facts; a price stands alone or with
its conditions::

    house/qwen3: {context_tokens: 40960, tools: true, price: {input: 0.2, output: 0.6}}
    ollama/*:    {price: {input: 0.01, output: 0.02}}
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from modelway.catalog.models import ModelInfo, Tariff, faults

_OURS = frozenset(["provider", "name", "sources", "version", "tariffs", "why_unpriced"])
_FACTS = frozenset(ModelInfo.__struct_fields__) - _OURS
_LABEL = "configuration"


class Override(Struct, frozen=True, kw_only=True):
    """What is said of one model: fields of ``ModelInfo``, and tariffs in place of all others."""

    facts: dict[str, Any] = {}
    tariffs: tuple[Tariff, ...] = ()


class Overrides(Struct, frozen=True, kw_only=True):
    """All that is said, by name."""

    models: dict[str, Override] = {}

    def over(self, provider: str, model: str, info: ModelInfo | None) -> ModelInfo | None:
        """The row with what is said of it on top; a new one where there was none."""
        if not self.models:
            return info
        for name in (f"{provider}/*", model, f"{provider}/{model}"):
            said = self.models.get(name)
            if said is not None:
                info = _laid(said, info or ModelInfo(provider=provider, name=model))
        return info


class Reading(NamedTuple):
    """Overrides that are good, and what was wrong with those that were not."""

    overrides: Overrides
    problems: tuple[str, ...] = ()


def read(said: object, last_good: Overrides = Overrides()) -> Reading:  # noqa: B008 - frozen
    """The overrides in a mapping; all of ``last_good``, and why, where any of it is at fault."""
    if not isinstance(said, Mapping):
        return Reading(last_good, ("the models' overrides must be a mapping of names to facts",))
    models: dict[str, Override] = {}
    problems: list[str] = []
    for name, facts in said.items():
        try:
            models[str(name)] = _override(facts)
        except (msgspec.ValidationError, ValueError, TypeError) as error:
            problems.append(f"{name}: {error}")
    if problems:
        return Reading(last_good, tuple(problems))
    return Reading(Overrides(models=models))


def read_json(data: bytes, last_good: Overrides = Overrides()) -> Reading:  # noqa: B008 - frozen
    """The same of a JSON file's bytes."""
    import json  # noqa: PLC0415 - rarely needed; msgspec reads a number without a type as a float

    try:
        said = json.loads(data, parse_float=Decimal)
    except ValueError as error:
        return Reading(last_good, (f"the models' overrides are not JSON: {error}",))
    return read(said, last_good)


def _override(said: object) -> Override:
    if not isinstance(said, Mapping):
        raise TypeError("expected facts, such as {context_tokens: 8192, price: {input: 0.2}}")
    facts = dict(said)
    price = facts.pop("price", None)
    unknown = set(facts) - _FACTS
    if unknown:
        known = ", ".join(sorted([*_FACTS, "price"]))
        raise ValueError(f"unknown: {', '.join(sorted(map(str, unknown)))}; there are {known}")
    checked = msgspec.convert(facts, ModelInfo)
    prices = price if isinstance(price, (list, tuple)) else [] if price is None else [price]
    tariffs = msgspec.convert(prices, tuple[Tariff, ...])
    for tariff in tariffs:
        if fault := next(faults(tariff), None):
            raise ValueError(fault)
    return Override(facts={name: getattr(checked, name) for name in facts}, tariffs=tariffs)


def _laid(said: Override, info: ModelInfo) -> ModelInfo:
    fields = dict(said.facts)
    if said.tariffs:
        fields |= {"tariffs": said.tariffs, "why_unpriced": ""}
    version = f"{info.version} + {_LABEL}" if info.version else _LABEL
    sources = info.sources | dict.fromkeys(fields, _LABEL)
    return replace(info, **fields, sources=sources, version=version)
