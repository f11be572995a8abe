"""What a user says of models against, or beyond, what comes with modelway.

A mapping of ``provider/model``, ``provider/*`` or ``model`` to facts; a price stands alone or with
its conditions, or is by the hour; a discount is on the catalogue's::

    house/qwen3: {context_tokens: 40960, tools: true, price: {input: 0.2, output: 0.6}}
    house/big:   {price: {usd_per_hour: 2.5, concurrent: 8}}
    openai/*:    {discount: 0.15}
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from modelway.catalog.models import (
    MOST_USD,
    RATES,
    ModelInfo,
    PerHour,
    Tariff,
    amount_faults,
    clashes,
    faults,
)

_OURS = frozenset(["provider", "name", "sources", "version", "tariffs", "per_hour", "why_unpriced"])
_FACTS = frozenset(ModelInfo.__struct_fields__) - _OURS
_LABEL = "configuration"
_DIGITS = 8
_MOST_CONCURRENT = 1_000_000
_READ = ("cached", "cache_write", "cache_write_1h", "input_audio", "cached_audio", "output")
_WRITTEN = ("reasoning", "output_audio")


class Override(Struct, frozen=True, kw_only=True):
    """What is said of one model: fields of ``ModelInfo``, and prices in place of all others."""

    facts: dict[str, Any] = {}
    tariffs: tuple[Tariff, ...] = ()
    per_hour: PerHour | None = None
    discount: Decimal | None = None
    """The part of every price that is not paid."""
    version: str = _LABEL
    """With a checksum of the prices, where there are any: other prices have another version."""


class Overrides(Struct, frozen=True, kw_only=True):
    """All that is said, by name."""

    models: dict[str, Override] = {}

    def over(self, provider: str, model: str, info: ModelInfo | None) -> ModelInfo | None:
        """The row with what is said of it on top; a new one where there was none.

        A discount is on the price that holds without it, not on another discount.
        """
        if not self.models:
            return info
        less: Override | None = None
        for name in (f"{provider}/*", model, f"{provider}/{model}"):
            said = self.models.get(name)
            if said is None:
                continue
            info = _laid(said, info or ModelInfo(provider=provider, name=model))
            if said.discount is not None:
                less = said
            elif said.tariffs or said.per_hour:
                less = None
        return info if less is None or info is None else _reduced(less, info)


class Fault(str):
    """What is wrong, in words that name the model."""

    __slots__ = ("message", "path")

    message: str
    """The same without the model."""
    path: tuple[str | int, ...]
    """Where: names from the mapping's top downwards."""

    @classmethod
    def at(cls, path: tuple[str | int, ...], message: str) -> Fault:
        fault = cls(f"{path[0]}: {message}" if path else message)
        fault.path, fault.message = path, message
        return fault


class Reading(NamedTuple):
    """Overrides that are good, and what was wrong with those that were not."""

    overrides: Overrides
    problems: tuple[Fault, ...] = ()


class _FaultError(Exception):
    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.path = path


def read(said: object, last_good: Overrides = Overrides()) -> Reading:  # noqa: B008 - frozen
    """The overrides in a mapping; all of ``last_good``, and why, where any of it is at fault."""
    if not isinstance(said, Mapping):
        fault = Fault.at((), "the models' overrides must be a mapping of names to facts")
        return Reading(last_good, (fault,))
    models: dict[str, Override] = {}
    found: list[Fault] = []
    for name, facts in said.items():
        try:
            models[str(name)] = _override(facts)
        except _FaultError as fault:
            found.append(Fault.at((str(name), *fault.path), str(fault)))
        except (msgspec.ValidationError, ValueError, TypeError) as error:
            found.append(Fault.at((str(name),), str(error)))
    return Reading(last_good, tuple(found)) if found else Reading(Overrides(models=models))


def read_json(data: bytes, last_good: Overrides = Overrides()) -> Reading:  # noqa: B008 - frozen
    """The same of a JSON file's bytes."""
    import json  # noqa: PLC0415 - rarely needed; msgspec reads a number without a type as a float

    try:
        said = json.loads(data, parse_float=Decimal)
    except ValueError as error:
        fault = Fault.at((), f"the models' overrides are not JSON: {error}")
        return Reading(last_good, (fault,))
    return read(said, last_good)


def _override(said: object) -> Override:
    if not isinstance(said, Mapping):
        raise TypeError("expected facts, such as {context_tokens: 8192, price: {input: 0.2}}")
    facts = dict(said)
    price, discount = facts.pop("price", None), facts.pop("discount", None)
    unknown = set(facts) - _FACTS
    if unknown:
        known = ", ".join(sorted([*_FACTS, "price", "discount"]))
        first = sorted(map(str, unknown))
        raise _FaultError(f"unknown: {', '.join(first)}; there are {known}", first[0])
    checked = msgspec.convert(facts, ModelInfo)
    if checked.surcharge_usd is not None:
        _check_amount("surcharge_usd", checked.surcharge_usd, "surcharge_usd")
    per_hour, tariffs = _price(price)
    less = None if discount is None else _discount(discount)
    if less is not None and (tariffs or per_hour):
        raise _FaultError("a price or a discount on the catalogue's, not both", "discount")
    stated = {name: getattr(checked, name) for name in facts}
    return Override(
        facts=stated,
        tariffs=tariffs,
        per_hour=per_hour,
        discount=less,
        version=_version(tariffs, per_hour, less, checked.surcharge_usd),
    )


def _price(said: Any) -> tuple[PerHour | None, tuple[Tariff, ...]]:
    if isinstance(said, Mapping) and "usd_per_hour" in said:
        return _per_hour(said), ()
    listed = isinstance(said, (list, tuple))
    prices = list(said) if listed else [] if said is None else [said]
    tariffs: list[Tariff] = []
    for number, one in enumerate(prices):
        place = ("price", number) if listed else ("price",)
        try:
            tariff = msgspec.convert(one, Tariff)
        except msgspec.ValidationError as error:
            raise _FaultError(str(error), *place) from None
        for name, message in _faults(tariff):
            raise _FaultError(message, *place, *[name] * bool(name))
        tariffs.append(tariff)
    for first, second in clashes(tariffs):
        message = f"prices {first + 1} and {second + 1} hold at the same time, for the same service"
        raise _FaultError(message, "price", second)
    return None, tuple(tariffs)


def _faults(tariff: Tariff) -> Iterator[tuple[str, str]]:
    """What is wrong with a price, and with which of its classes where it is one."""
    for name in RATES:
        price = getattr(tariff, name)
        if price is not None:
            yield from [(name, fault) for fault in amount_faults(name, price)]
    yield from [("", fault) for fault in faults(tariff)]
    for whole, parts in (("input", _READ), ("output", _WRITTEN)):
        stated = [part for part in parts if getattr(tariff, part) is not None]
        if stated and getattr(tariff, whole) is None:
            yield stated[0], f"a price of {stated[0]} and none of {whole}"


def _per_hour(said: Mapping[str, Any]) -> PerHour:
    try:
        hourly = msgspec.convert(dict(said), PerHour)
    except msgspec.ValidationError as error:
        raise _FaultError(str(error), "price") from None
    _check_amount("usd_per_hour", hourly.usd_per_hour, "price", "usd_per_hour")
    if not 1 <= hourly.concurrent <= _MOST_CONCURRENT:
        message = f"concurrent is {hourly.concurrent}: how many calls it answers at once"
        raise _FaultError(message, "price", "concurrent")
    return hourly


def _discount(said: Any) -> Decimal:
    try:
        part: Decimal = msgspec.convert(said, Decimal)
    except msgspec.ValidationError as error:
        raise _FaultError(str(error), "discount") from None
    if not part.is_finite() or not 0 < part < 1:
        raise _FaultError(f"the discount is {part}: 0.15 is 15 % less", "discount")
    if part != round(part, _DIGITS):
        raise _FaultError(f"the discount has more than {_DIGITS} decimals", "discount")
    return part


def _check_amount(name: str, amount: Decimal, *path: str) -> None:
    if not amount.is_finite() or not 0 <= amount <= MOST_USD:
        raise _FaultError(f"{name} is {amount}: 0 to {MOST_USD} USD", *path)


def _version(*prices: object) -> str:
    if not any(prices):
        return _LABEL
    written = msgspec.json.encode(prices)
    return f"{_LABEL}:{hashlib.sha256(written).hexdigest()[:_DIGITS]}"


def _laid(said: Override, info: ModelInfo) -> ModelInfo:
    fields = dict(said.facts)
    if said.tariffs:
        fields |= {"tariffs": said.tariffs, "per_hour": None, "why_unpriced": ""}
    if said.per_hour is not None:
        fields |= {"tariffs": (), "per_hour": said.per_hour, "why_unpriced": ""}
    version = f"{info.version} + {said.version}" if info.version else said.version
    sources = info.sources | dict.fromkeys(fields, _LABEL)
    return replace(info, **fields, sources=sources, version=version)


def _reduced(said: Override, info: ModelInfo) -> ModelInfo:
    """The row at a part of its prices; exact, for both have few decimals."""
    assert said.discount is not None  # noqa: S101 - it is one with a discount
    left = 1 - said.discount
    tariffs = [
        replace(
            tariff,
            **{
                name: price * left for name in RATES if (price := getattr(tariff, name)) is not None
            },
        )
        for tariff in info.tariffs
    ]
    return replace(info, tariffs=tuple(tariffs))
