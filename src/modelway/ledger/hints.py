"""What would have cost less, by the ledger's own rows: exact figures, each for one change alone.

Hints about the same rows exclude each other, so they are never added up. What a row cost and what it
would have cost are both by the prices in force for its time.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple, Protocol, TypeAlias

from msgspec import Struct

from modelway.catalog.models import ModelInfo
from modelway.ledger.values import Intent

Kind: TypeAlias = Literal[
    "tiering", "exact_cache", "prompt_cache", "shorter", "batch", "self_hosting"
]


class Assumed(Struct, frozen=True, kw_only=True):
    """What hints assume, as far as somebody may say it otherwise."""

    cache_life_s: float = 3600.0
    """How long answers are kept."""
    shared_part: float = 1.0
    """Of the shorter of two inputs of one key to one model: the part that both begin with."""
    answer_tokens: int = 1000
    """The longest answer."""
    usd_per_hour: Decimal | None = None
    """What a machine of one's own costs, on which everything runs."""
    usd_per_million: Decimal | None = None
    """Or what a million tokens, read or made, cost there."""


class Proof(Struct, frozen=True, kw_only=True):
    """A row that says so."""

    id: str
    time: float
    model: str
    cost_pico_usd: int
    saved_pico_usd: int


class Hint(Struct, frozen=True, kw_only=True):
    """What one change would have saved."""

    kind: Kind
    about: str
    """Whose rows: ``provider/model``, or ``""`` for those of several."""
    to: str
    """What would be used instead, where it is a model."""
    saved_pico_usd: int
    cost_pico_usd: int
    """Of these rows, by the same prices."""
    rows: int
    assumption: str
    """In one sentence."""
    proofs: tuple[Proof, ...] = ()
    """Those of the rows that would have saved the most."""


class Candidate(NamedTuple):
    """A model that the work of others could be given to."""

    name: str
    info: ModelInfo


class Prices(Protocol):
    """Who knows what an attempt was of: its model in the catalogue, with what overrides it."""

    def __call__(self, intent: Intent) -> ModelInfo | None: ...


class Candidates(Protocol):
    """Who could do the work of a model."""

    def __call__(self, provider: str, model: str) -> Sequence[Candidate]: ...


class Saving(NamedTuple):
    """What one change would have saved on one row; below 0: what it would have cost on top."""

    kind: Kind
    about: str
    to: str
    proof: Proof


class Sums:
    """Savings by kind, by whose rows they are, and by what is used instead."""

    def __init__(self, proofs: int) -> None:
        self._most_proofs = proofs
        self._sums: dict[tuple[Kind, str, str], _Sum] = {}

    def add(self, saving: Saving) -> None:
        key = saving.kind, saving.about, saving.to
        found = self._sums.get(key)
        if found is None:
            found = self._sums[key] = _Sum()
        found.rows += 1
        found.cost += saving.proof.cost_pico_usd
        found.saved += saving.proof.saved_pico_usd
        if self._most_proofs:
            entry = saving.proof.saved_pico_usd, found.rows, saving.proof
            if len(found.proofs) < self._most_proofs:
                heapq.heappush(found.proofs, entry)
            else:
                heapq.heappushpop(found.proofs, entry)

    def hints(self, said: dict[Kind, str]) -> list[Hint]:
        """The best of each kind and model, those that save the most first; ``said``: assumptions."""
        best: dict[tuple[Kind, str], Hint] = {}
        for (kind, about, to), found in self._sums.items():
            there = best.get((kind, about))
            if found.saved > (there.saved_pico_usd if there else 0):
                best[kind, about] = Hint(
                    kind=kind,
                    about=about,
                    to=to,
                    saved_pico_usd=found.saved,
                    cost_pico_usd=found.cost,
                    rows=found.rows,
                    assumption=said[kind],
                    proofs=tuple([one[-1] for one in sorted(found.proofs, reverse=True)]),
                )
        return ordered(best.values())


class _Sum:
    """Of savings."""

    __slots__ = ("cost", "proofs", "rows", "saved")

    def __init__(self) -> None:
        self.cost = self.saved = self.rows = 0
        self.proofs: list[tuple[int, int, Proof]] = []


def ordered(found: Iterable[Hint]) -> list[Hint]:
    """Those that save the most first."""
    return sorted(found, key=lambda one: (-one.saved_pico_usd, one.kind, one.about))
