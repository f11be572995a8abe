"""What segments say when they are read in order: rows, what is still open, and what grants were used."""

from __future__ import annotations

from modelway.ledger.reading import Segment
from modelway.ledger.records import Begun, Granted, Returned
from modelway.ledger.values import Intent, LedgerRow, Settlement
from modelway.ports import Pool, Spent

KILLED = "Killed"
"""As the error of an attempt whose process died before it was settled."""


class Replay:
    """Of one owner. What a segment carries over replaces what those before it said."""

    def __init__(self) -> None:
        self._open: dict[str, Intent] = {}
        self._grants: dict[tuple[str, int], tuple[Pool, int]] = {}
        self.begun: Begun | None = None
        """Of the segment read last; ``None``: it does not carry over all that was open."""

    def read(self, segment: Segment) -> list[LedgerRow]:
        """The rows that are settled in it. Raises TamperedError before it believes any of it."""
        entries = list(segment.entries())
        self.begun = None
        rows = []
        for entry in entries:
            match entry:
                case Intent():
                    self._open[entry.id] = entry
                case Settlement():
                    intent = self._open.pop(entry.id, None)
                    if intent is not None:
                        rows.append(LedgerRow(intent=intent, settlement=entry))
                        self._charge(intent, entry.cost_pico_usd)
                case Granted():
                    self._grants[entry.pool.name, entry.grant] = entry.pool, entry.used
                case Returned():
                    self._grants.pop((entry.pool, entry.grant), None)
                case Begun():
                    self.begun = entry
        return rows

    def end(self) -> list[LedgerRow]:
        """The rows that nobody will settle any more, at their reservation."""
        rows = [
            LedgerRow(intent=intent, settlement=given_up(intent)) for intent in self._open.values()
        ]
        for intent in self._open.values():
            self._charge(intent, None)
        self._open.clear()
        return rows

    def spent(self) -> list[tuple[Pool, list[Spent]]]:
        """What became of each grant that was not returned."""
        pools: dict[str, tuple[Pool, list[Spent]]] = {}
        for (name, grant), (pool, used) in self._grants.items():
            pools.setdefault(name, (pool, []))[1].append(Spent(grant, used))
        return list(pools.values())

    def _charge(self, intent: Intent, cost_pico_usd: int | None) -> None:
        """Each pool has the whole cost, or what was reserved of it where nobody knows better."""
        for pool, grant, reserved in intent.draws:
            if (pool, grant) in self._grants:
                whose, used = self._grants[pool, grant]
                used += reserved if cost_pico_usd is None else cost_pico_usd
                self._grants[pool, grant] = whose, used


def given_up(intent: Intent) -> Settlement:
    """Nobody knows better than what was reserved, where that was known."""
    reserved = intent.reserved_pico_usd
    return Settlement(
        id=intent.id,
        cost_pico_usd=reserved,
        basis="unknown" if reserved is None else "reserved",
        error=KILLED,
    )
