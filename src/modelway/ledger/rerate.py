"""Prices rows again that prices had priced, or could not: by those in force now, for their own time."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from modelway.ledger.values import LedgerRow, LedgerStore, Settlement, Where
from modelway.types import Usage

AGAIN = ("catalogue", "unknown")
"""The bases whose cost follows from tokens and prices. Of what a provider told, what was free, what is
counted at its reservation and what was received of an answer that was cut, it does not."""
_TOKENS = tuple([name for name in Usage.__struct_fields__ if name in Settlement.__struct_fields__])


class Charges(Protocol):
    """Who knows what a row costs by the prices for its time, in pico-dollars, and their version."""

    def __call__(self, row: LedgerRow) -> tuple[int, str] | None:
        """``None`` where no price is known."""
        ...


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
    store: LedgerStore, where: Where, charges: Charges, *, dry_run: bool = False
) -> Rerated:
    """Price these rows again; what has no price now keeps what it had. Doing it twice changes nothing."""
    rows = changed = priced = unpriced = old = new = 0
    versions: set[str] = set()
    async for batch in store.rows(where):
        written: list[tuple[str, int, str]] = []
        for row in batch:
            if row.settlement is None or row.settlement.basis not in AGAIN:
                continue
            found = charges(row)
            if found is None:
                unpriced += 1
                continue
            before = row.settlement.cost_pico_usd
            rows += 1
            old += before or 0
            new += found[0]
            versions.add(found[1])
            if (before, version_of(row)) != found:
                written.append((row.intent.id, *found))
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
