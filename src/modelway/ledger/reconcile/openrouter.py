"""OpenRouter's activity: what its API says of the last 30 whole days, in UTC."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from msgspec import Struct

from modelway.ledger.reconcile.reading import Tokens, documents, pico
from modelway.ledger.reconcile.values import Export, Line

HOW = "GET /api/v1/activity, with a management key"
"""Source: https://openrouter.ai/docs/api-reference/analytics/get-activity, 2026-11-21."""


class _Item(Struct, frozen=True):
    """Source: https://openrouter.ai/docs/client-sdks/python/components/activityitem, 2026-11-21."""

    date: str
    model: str
    usage: Decimal
    """In USD, of credits; what was billed to keys of one's own elsewhere is not in it."""
    requests: Tokens | None = None
    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    byok_usage_inference: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        _day(self.date)
        if pico(self.usage) is None:
            raise ValueError(f"usage: {self.usage} is no amount of USD")


class _Activity(Struct, frozen=True):
    data: tuple[_Item, ...]


def read(text: str, name: str) -> Export:
    """The answer of its API. FileFaultError, with the place, for what is none."""
    items = [item for activity in documents(text, name, _Activity) for item in activity.data]
    notes: tuple[str, ...] = ()
    if any(item.byok_usage_inference for item in items):
        notes = ("what was billed to keys of your own at other providers is not compared",)
    return Export(lines=tuple([_line(item) for item in items]), notes=notes)


def _day(said: str) -> dt.date:
    """The day, which some answers write with a time behind it."""
    return dt.date.fromisoformat(said[: len("2026-11-21")])


def _line(item: _Item) -> Line:
    return Line(
        day=_day(item.date),
        model=item.model,
        requests=item.requests,
        input_tokens=item.prompt_tokens,
        output_tokens=item.completion_tokens,
        cost_pico_usd=pico(item.usage),
    )
