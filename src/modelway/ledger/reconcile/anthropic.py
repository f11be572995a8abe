"""Anthropic's usage and cost reports: pages of its admin API."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from modelway.ledger.reconcile.reading import Tokens, documents, pico
from modelway.ledger.reconcile.values import Export, Line

HOW = (
    "GET /v1/organizations/usage_report/messages?group_by[]=model, or "
    "/v1/organizations/cost_report?group_by[]=description, with an admin key"
)
"""Source: https://platform.claude.com/docs/en/build-with-claude/usage-cost-api, 2026-11-21."""
_Time: TypeAlias = Annotated[dt.datetime, Meta(tz=True)]


class _Written(Struct, frozen=True):
    ephemeral_5m_input_tokens: Tokens = 0
    ephemeral_1h_input_tokens: Tokens = 0


class _Result(Struct, frozen=True):
    """Of usage, whose input is cut into parts that do not overlap; or of costs.

    Source: https://platform.claude.com/docs/en/api/admin-api/usage-cost/get-messages-usage-report and
    /get-cost-report, 2026-11-21.
    """

    model: str | None = None
    uncached_input_tokens: Tokens | None = None
    cache_read_input_tokens: Tokens = 0
    cache_creation: _Written = _Written()
    output_tokens: Tokens | None = None
    amount: Decimal | None = None
    """In cents, with decimals: ``"123.45"`` is 1.2345 USD."""
    currency: str = "USD"
    description: str | None = None

    def __post_init__(self) -> None:
        if self.amount is None and self.uncached_input_tokens is None:
            raise ValueError(
                f"neither amount nor uncached_input_tokens; what can be read is: {HOW}"
            )
        if self.amount is not None and (
            pico(self.amount) is None or self.currency.casefold() != "usd"
        ):
            raise ValueError(f"{self.amount} {self.currency} is no amount in cents of USD")


class _Bucket(Struct, frozen=True):
    starting_at: _Time
    ending_at: _Time
    results: tuple[_Result, ...] = ()

    def __post_init__(self) -> None:
        if not dt.timedelta() < self.ending_at - self.starting_at <= dt.timedelta(days=1):
            raise ValueError(
                "ending_at is not within a day of starting_at: ask for bucket_width=1d"
            )


class _Page(Struct, frozen=True):
    data: tuple[_Bucket, ...]
    has_more: bool = False


def read(text: str, name: str) -> Export:
    """Pages of either report. FileFaultError, with the place, for what is none."""
    pages = documents(text, name, _Page)
    buckets = [bucket for page in pages for bucket in page.data]
    lines = [_line(bucket, result) for bucket in buckets for result in bucket.results]
    notes: list[str] = []
    if pages and pages[-1].has_more:
        notes.append("the last page says that there are more: what they hold is missing here")
    if any(line.cost_pico_usd is not None for line in lines):
        notes.append("a cost report leaves out what is billed as priority tier")
    return Export(
        lines=tuple(lines),
        since=min([one.starting_at for one in buckets], default=None),
        until=max([one.ending_at for one in buckets], default=None),
        notes=tuple(notes),
    )


def _line(bucket: _Bucket, result: _Result) -> Line:
    day = bucket.starting_at.astimezone(dt.UTC).date()
    if result.amount is not None:
        model = result.model or result.description or ""
        return Line(day=day, model=model, cost_pico_usd=pico(result.amount.scaleb(-2)))
    written = result.cache_creation
    return Line(
        day=day,
        model=result.model or "",
        input_tokens=(result.uncached_input_tokens or 0)
        + result.cache_read_input_tokens
        + written.ephemeral_5m_input_tokens
        + written.ephemeral_1h_input_tokens,
        output_tokens=result.output_tokens,
        cached_tokens=result.cache_read_input_tokens,
    )
