"""Prices rows again that the catalogue priced, or could not: by the prices in force now, for then."""

from __future__ import annotations

import datetime as dt
from typing import Protocol, TypeAlias, cast, get_args

from msgspec import Struct

from modelway.catalog.models import ModelInfo, Service
from modelway.catalog.pricing import Cost, Unpriced, cost
from modelway.ledger.values import Intent, LedgerRow, LedgerStore, Settlement, Where
from modelway.types import Usage

AGAIN = ("catalogue", "received", "unknown")
"""The bases whose cost follows from tokens and prices. What a provider told, what was free, and what
is counted at its reservation do not."""
_TOKENS = tuple([name for name in Usage.__struct_fields__ if name in Settlement.__struct_fields__])
_SERVICES = frozenset(get_args(Service))

_New: TypeAlias = tuple[str, int, str]
"""A row's id, its cost and the version of the prices."""


class Prices(Protocol):
    """Who knows what an attempt was of: its model's row in the catalogue, with what overrides it."""

    def __call__(self, intent: Intent) -> ModelInfo | None: ...


class Rerated(Struct, frozen=True, kw_only=True):
    """What came of pricing again. Sums are of all rows that were priced again, changed or not."""

    rows: int
    changed: int
    """Of those, whose cost or price version is another now; those that had none are among them."""
    priced: int
    """Of the changed, those that had no price before."""
    unpriced: int
    """That have no price now: they stay as they were."""
    old_pico_usd: int
    new_pico_usd: int
    versions: tuple[str, ...]
    """Of the prices that the rows have now."""
    dry_run: bool


async def rerate(
    store: LedgerStore, where: Where, prices: Prices, *, dry_run: bool = False
) -> Rerated:
    """Price these rows again; what has no price now keeps what it had. Doing it twice changes nothing."""
    rows = changed = priced = unpriced = old = new = 0
    versions: set[str] = set()
    async for batch in store.rows(where):
        written: list[_New] = []
        for row in batch:
            if row.settlement is None or row.settlement.basis not in AGAIN:
                continue
            found = _again(row, prices(row.intent))
            if isinstance(found, Unpriced):
                unpriced += 1
                continue
            before = row.settlement.cost_pico_usd
            rows += 1
            old += before or 0
            new += found.total_pico_usd
            versions.add(found.version)
            if (before, version_of(row)) != (found.total_pico_usd, found.version):
                written.append((row.intent.id, found.total_pico_usd, found.version))
                priced += row.settlement.basis == "unknown"
        changed += len(written)
        if written and not dry_run:
            await store.rerate(written)
    return Rerated(
        rows=rows,
        changed=changed,
        priced=priced,
        unpriced=unpriced,
        old_pico_usd=old,
        new_pico_usd=new,
        versions=tuple(sorted(versions)),
        dry_run=dry_run,
    )


def version_of(row: LedgerRow) -> str:
    """Of the prices that a row has."""
    settled = row.settlement.price_version if row.settlement else ""
    return settled or row.intent.price_version


def usage_of(settlement: Settlement) -> Usage:
    """The tokens of a row, as they were when it was priced."""
    return Usage(**{name: getattr(settlement, name) for name in _TOKENS})


def at(intent: Intent) -> dt.datetime:
    """When it was asked for: the prices of that moment are the ones."""
    return dt.datetime.fromtimestamp(intent.time, dt.UTC)


def service_of(intent: Intent) -> Service | None:
    """The terms, where they are some that prices are known by."""
    return cast("Service", intent.service) if intent.service in _SERVICES else None


def _again(row: LedgerRow, info: ModelInfo | None) -> Cost | Unpriced:
    service = service_of(row.intent)
    if service is None or row.settlement is None:
        return Unpriced(reason=f"no prices are known by {row.intent.service!r}")
    return cost(usage_of(row.settlement), info, at=at(row.intent), service=service)
