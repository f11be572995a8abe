"""Candidates of equal rank, inside which a strategy chooses: of one priority, in use or in reserve."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import accumulate, chain
from typing import Any, Protocol, TypeAlias, TypeVar

from modelway.ports import Asked, Candidate

_MOST_ROUTES = 128
"""Sequences of candidates whose tiers are remembered; past it the memory starts anew."""
_MOST_KEPT = 512
"""Orders of one tier that are remembered; past it the memory starts anew."""
_MINUTE_S = 60.0
"""Prices change at whole minutes, UTC: at midnight, or at a tariff's hours."""

Key: TypeAlias = Callable[[Candidate], Any]
Now: TypeAlias = Callable[[], float]
"""Unix time, in seconds."""
_Kept = TypeVar("_Kept")


class Tier:
    """Candidates in the order written, with what is worked out of them once."""

    __slots__ = ("_kept", "_minute", "candidates", "cumulative", "inverses", "total")

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self.candidates = tuple(candidates)
        weights = [one.deployment.weight for one in self.candidates]
        self.cumulative = list(accumulate(weights))
        self.total = self.cumulative[-1]
        even = len(set(weights)) == 1 or not all(weights)
        self.inverses = None if even else [1.0 / weight for weight in weights]
        """``None`` where all weights are the same."""
        self._minute = -1
        self._kept: dict[Hashable, Any] = {}

    def kept(self, what: Hashable, now: Now, make: Callable[[Tier], _Kept]) -> _Kept:
        """What ``make`` gives for this tier, made once in each minute: it may depend on prices."""
        minute = int(now() // _MINUTE_S)
        if minute != self._minute or len(self._kept) >= _MOST_KEPT:
            self._minute = minute
            self._kept = {}
        found: _Kept | None = self._kept.get(what)
        if found is None:
            found = self._kept[what] = make(self)
        return found


class Within(Protocol):
    """Orders one tier, lazily."""

    def __call__(self, asked: Asked, tier: Tier, chance: random.Random) -> Iterator[Candidate]: ...


def by_priority(candidate: Candidate) -> Any:
    """The lower number before the higher, and weight 0 as the reserve of each."""
    deployment = candidate.deployment
    return deployment.priority, deployment.weight == 0.0


def split(candidates: Iterable[Candidate], key: Key) -> list[Tier]:
    """Tiers by rising key, each in the order written."""
    groups: dict[Any, list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(key(candidate), []).append(candidate)
    return [Tier(groups[rank]) for rank in sorted(groups)]


class Splitting:
    """Remembers the tiers of a tuple of candidates for as long as it is the same tuple.

    What it remembers follows from its key, and moves nothing: a copy shares it.
    """

    def __init__(self, key: Key = by_priority) -> None:
        self._key = key
        self._known: dict[int, tuple[Sequence[Candidate], list[Tier]]] = {}

    def of(self, candidates: Sequence[Candidate]) -> list[Tier]:
        found = self._known.get(id(candidates))  # which is held, so that its id stays its own
        if found is not None:
            return found[1]
        tiers = split(candidates, self._key)
        if type(candidates) is tuple:
            if len(self._known) >= _MOST_ROUTES:
                self._known.clear()
            self._known[id(candidates)] = (candidates, tiers)
        return tiers

    def __deepcopy__(self, memo: dict[int, Any]) -> Splitting:
        return self


class Tiered:
    """A ``Strategy`` that keeps to priorities, or to another key, and orders each tier by ``within``."""

    def __init__(self, within: Within, key: Key = by_priority) -> None:
        self._within = within
        self._splitting = Splitting(key)

    def __call__(
        self, asked: Asked, candidates: Sequence[Candidate], chance: random.Random
    ) -> Iterable[Candidate]:
        tiers = self._splitting.of(candidates)
        if len(tiers) == 1:
            return self._within(asked, tiers[0], chance)
        return chain.from_iterable(self._within(asked, tier, chance) for tier in tiers)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tiered:
        twin = copy.copy(self)
        twin._within = copy.deepcopy(self._within, memo)  # noqa: SLF001 - its own
        return twin


def price_or_last(price: int | None) -> float:
    """A price to sort by: what is not known comes last, and is never 0."""
    return math.inf if price is None else price
