"""OpenAI's usage and costs: pages of its API, and the CSV that its dashboard exports."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from modelway.ledger.reconcile.reading import (
    Cells,
    Moment,
    Tokens,
    documents,
    is_json,
    pico,
    table,
)
from modelway.ledger.reconcile.values import Export, Line

HOW = (
    "GET /v1/organization/usage/completions?group_by=model, or /v1/organization/costs?"
    "group_by=line_item, with an admin key; or the export of the usage page"
)
"""Source: https://platform.openai.com/docs/api-reference/usage, 2026-11-21."""
_DAY_S = 86_400


class _Amount(Struct, frozen=True):
    value: Decimal
    """It comes as a number, or as text with all its decimals."""
    currency: str = "usd"

    def __post_init__(self) -> None:
        if pico(self.value) is None or self.currency.casefold() != "usd":
            raise ValueError(f"{self.value} {self.currency} is no amount of USD")


class _Result(Struct, frozen=True):
    """Of usage, or of costs. Source: https://platform.openai.com/docs/api-reference/usage/costs_object
    and /completions_object, 2026-11-21.
    """

    model: str | None = None
    """With ``group_by=model``."""
    num_model_requests: Tokens | None = None
    input_tokens: Tokens | None = None
    """Cached ones included."""
    output_tokens: Tokens | None = None
    input_cached_tokens: Tokens | None = None
    amount: _Amount | None = None
    line_item: str | None = None
    """With ``group_by=line_item``."""


class _Bucket(Struct, frozen=True):
    start_time: Moment
    end_time: Moment
    results: tuple[_Result, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.end_time - self.start_time <= _DAY_S:
            raise ValueError("end_time is not within a day of start_time: ask for bucket_width=1d")


class _Page(Struct, frozen=True):
    data: tuple[_Bucket, ...]
    has_more: bool = False


def read(text: str, name: str) -> Export:
    """A file of either kind. FileFaultError, with the place, for what is neither."""
    return _json(text, name) if is_json(text) else _csv(text, name)


def model_of(line_item: str) -> str:
    """The model that a line of a bill is about; the whole of it where it is about none.

    ``gpt-4o-mini-2024-07-18, cached input``; ``evals | gpt-4o-mini-2024-07-18, input``;
    ``gpt-audio-mini-2025-12-15 audio, input``.
    Source: https://cookbook.openai.com/examples/completions_usage_api, 2026-11-21.
    """
    item, comma, _ = line_item.rpartition(",")
    words = item.rpartition("|")[2].split()
    return words[0] if comma and words else line_item


def _json(text: str, name: str) -> Export:
    pages = documents(text, name, _Page)
    buckets = [bucket for page in pages for bucket in page.data]
    notes: list[str] = []
    if pages and pages[-1].has_more:
        notes.append("the last page says that there are more: what they hold is missing here")
    return Export(
        lines=tuple([_line(bucket, one) for bucket in buckets for one in bucket.results]),
        since=_time(min([one.start_time for one in buckets])) if buckets else None,
        until=_time(max([one.end_time for one in buckets])) if buckets else None,
        notes=tuple(notes),
    )


def _line(bucket: _Bucket, result: _Result) -> Line:
    return Line(
        day=_time(bucket.start_time).date(),
        model=model_of(result.line_item) if result.line_item else result.model or "",
        requests=result.num_model_requests,
        input_tokens=result.input_tokens,
        output_tokens=result.output_tokens,
        cached_tokens=result.input_cached_tokens,
        cost_pico_usd=pico(result.amount.value) if result.amount else None,
    )


def _time(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _csv(text: str, name: str) -> Export:
    """The columns are those of the API; days without any use have empty cells.

    Source: https://help.openai.com/en/articles/8554956-understanding-your-api-usage, which names the
    export and not its columns, 2026-11-21.
    """
    return Export(lines=tuple([_of_row(row) for row in table(text, name, _lacks)]))


def _lacks(columns: Mapping[str, int]) -> str:
    if "start_time" in columns and ("amount_value" in columns or "input_tokens" in columns):
        return ""
    return (
        "there is no column start_time, or neither amount_value nor input_tokens; what can be read "
        f"is: {HOW}; anything else with --format generic"
    )


def _of_row(row: Cells) -> Line:
    if row.text("amount_currency").casefold() not in {"", "usd"}:
        raise row.fault("amount_currency", f"{row.text('amount_currency')!r} is not USD")
    item = row.text("line_item")
    return Line(
        day=row.day("start_time"),
        model=model_of(item) if item else row.text("model"),
        requests=row.number("num_model_requests"),
        input_tokens=row.number("input_tokens"),
        output_tokens=row.number("output_tokens"),
        cached_tokens=row.number("input_cached_tokens"),
        cost_pico_usd=row.usd("amount_value"),
    )
