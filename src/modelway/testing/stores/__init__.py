"""What a store promises, as checks that anyone can run over their own, whole or one port of it.

    @pytest.mark.parametrize("contract", CONTRACTS, ids=str)
    async def test_my_store(contract, subject):
        await contract.check(subject)

``subject`` is a ``Subject``: how to open the store. Who wrote one port only opens a ``Store`` with
others' beside it, and runs that port's contracts. ``processes`` has the checks of several processes.
"""

from __future__ import annotations

from modelway.testing.stores import cache, lease_ends, leases, opening, records
from modelway.testing.stores.subject import Contract, SteppedClock, Subject

LEASES = (*leases.CONTRACTS, *lease_ends.CONTRACTS)
CACHE, RECORDS = cache.CONTRACTS, records.CONTRACTS
CONTRACTS: tuple[Contract, ...] = (
    *[Contract(f"store: {each.name}", each.check) for each in opening.CONTRACTS],
    *[Contract(f"leases: {each.name}", each.check) for each in LEASES],
    *[Contract(f"cache: {each.name}", each.check) for each in CACHE],
    *[Contract(f"records: {each.name}", each.check) for each in RECORDS],
)
"""Every promise by name."""

__all__ = ["CACHE", "CONTRACTS", "LEASES", "RECORDS", "Contract", "SteppedClock", "Subject"]
