"""A CSV of anybody's, whose columns are said; without a word, those of ``modelway cost export``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from modelway.errors import ConfigError
from modelway.ledger.reconcile.reading import Cells, table
from modelway.ledger.reconcile.values import Export, Line

COLUMNS = (
    *("day", "model", "provider", "requests", "input_tokens", "output_tokens", "cached_tokens"),
    *("cost_usd", "cache"),
)
"""What can be read. Only ``day`` must be there, and one of what is compared. ``provider`` and
``cache`` leave lines out: those of other providers, and those that no provider was asked for."""
_COMPARED = ("input_tokens", "output_tokens", "cached_tokens", "cost_usd")
_NONE: Mapping[str, str] = {}


def mapping(said: str) -> dict[str, str]:
    """``day=Date,cost_usd=Amount``: our names to those in the file. ConfigError for what is none."""
    found: dict[str, str] = {}
    for pair in said.split(","):
        ours, equals, theirs = pair.partition("=")
        if not equals or ours.strip() not in COLUMNS or not theirs.strip():
            raise ConfigError(
                f"--columns {pair!r} is not NAME=COLUMN, where NAME is one of: {', '.join(COLUMNS)}"
            )
        found[ours.strip()] = theirs.strip()
    return found


def read(text: str, name: str, provider: str, columns: Mapping[str, str] = _NONE) -> Export:
    """A table. FileFaultError, with the place, for a column that is said and not there, and others."""
    at = {ours: columns.get(ours, ours) for ours in COLUMNS}

    def lacks(there: Mapping[str, int]) -> str:
        missing = [theirs for theirs in (*columns.values(), at["day"]) if theirs not in there]
        if not missing and any(at[one] in there for one in _COMPARED):
            return ""
        what = repr(missing[0]) if missing else f"of {', '.join(_COMPARED)}"
        return (
            f"there is no column {what}; there are: {', '.join(there)}. Say which is which: "
            "--columns day=…,model=…,cost_usd=…"
        )

    rows = table(text, name, lacks)
    return Export(lines=tuple(_lines(rows, at, provider)))


def _lines(rows: Iterator[Cells], at: Mapping[str, str], provider: str) -> Iterator[Line]:
    for row in rows:
        if row.text(at["cache"]) or row.text(at["provider"]) not in {"", provider}:
            continue
        yield Line(
            day=row.day(at["day"]),
            model=row.text(at["model"]),
            requests=row.number(at["requests"]),
            input_tokens=row.number(at["input_tokens"]),
            output_tokens=row.number(at["output_tokens"]),
            cached_tokens=row.number(at["cached_tokens"]),
            cost_pico_usd=row.usd(at["cost_usd"]),
        )
