"""What a provider's export says, and how far the ledger is from it."""

from __future__ import annotations

import datetime as dt
from typing import Literal, TypeAlias

from msgspec import Struct

from modelway.ledger.values import Group

Measure: TypeAlias = Literal["input_tokens", "output_tokens", "cached_tokens", "cost_pico_usd"]
MEASURES: tuple[Measure, ...] = ("input_tokens", "output_tokens", "cached_tokens", "cost_pico_usd")
"""What is compared, as far as the export has it."""


class Line(Struct, frozen=True, kw_only=True):
    """What an export says of a model on a day, or of a part of that. ``None``: it does not say."""

    day: dt.date
    model: str = ""
    """``""``: of all models together."""
    requests: int | None = None
    input_tokens: int | None = None
    """Those from a prompt cache and written to it included, as in ``Usage``."""
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cost_pico_usd: int | None = None


class Export(Struct, frozen=True, kw_only=True):
    """A file, as it was read."""

    lines: tuple[Line, ...]
    since: dt.datetime | None = None
    """What it covers, empty days included, where it says that; else the days that it names."""
    until: dt.datetime | None = None
    notes: tuple[str, ...] = ()
    """What else is to be known of it."""


class Sums(Struct, frozen=True, kw_only=True):
    """Of one side. ``None``: not said."""

    requests: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cost_pico_usd: int | None = None


class Compared(Struct, frozen=True, kw_only=True):
    """Both sides of a model on a day."""

    day: str
    model: str
    ledger: Sums | None
    """``None``: the ledger has nothing of it."""
    provider: Sums | None
    """``None``: the provider has nothing of it."""
    over: tuple[Measure, ...]
    """What differs by more than the tolerance."""


class Drift(Struct, frozen=True, kw_only=True):
    """How far the ledger is from the export."""

    provider: str
    since: float
    until: float
    tolerance: float
    rows: tuple[Compared, ...]
    """In order of days."""
    ledger: Sums
    export: Sums
    over: bool
    """Whether any row is over the tolerance."""
    apart: Group
    """All of the ledger's rows: what of them is open, estimated or of unknown price."""
    notes: tuple[str, ...] = ()
