"""What the features that are seen say together: their weights, added up."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Sequence
from functools import cache

from modelway.policies.task.features import AMOUNTS
from modelway.policies.task.values import CATEGORIES, DIFFICULTIES
from modelway.policies.task.weights import TABLE

Feature = tuple[str, int]
"""A feature and how much of it is seen, in tenths."""

_REASONS = 4
_CLASSES = len(CATEGORIES) + len(DIFFICULTIES)
_LANE_BITS = 32
_LANES = struct.Struct(f"<{_CLASSES}I")
_BIAS = sum(1 << (_LANE_BITS * lane + _LANE_BITS - 1) for lane in range(_CLASSES))
"""Half a lane in each, so that none is below nothing when the sum is taken apart."""


class _Told(dict[Feature, int]):
    """What each feature says; one that the table does not have says nothing."""

    def __missing__(self, _: Feature) -> int:
        return 0


class Weights:
    """The table. A feature's weights for all classes are one number, so that one sum adds them all."""

    def __init__(self, table: str) -> None:
        lines = [line.split() for line in table.splitlines()[1:]]
        rows = {name: _centred(list(map(int, listed))) for name, *listed in lines}
        self._always = _BIAS + _packed(rows.pop("always"), max(AMOUNTS))
        self._told = _Told(
            {
                (name, amount): _packed(row, amount)
                for name, row in rows.items()
                for amount in AMOUNTS
            }
        )
        self._for = [
            _Told(
                {
                    (name, amount): row[place] * amount
                    for name, row in rows.items()
                    for amount in AMOUNTS
                }
            )
            for place in range(len(CATEGORIES))
        ]

    def points(self, seen: Iterable[Feature]) -> Sequence[int]:
        """For each category, then each difficulty, in thousandths; only their differences matter."""
        total = sum(map(self._told.__getitem__, seen), self._always)
        return _LANES.unpack(total.to_bytes(_LANES.size, "little"))

    def reasons(self, seen: Collection[Feature], category: int) -> tuple[str, ...]:
        """The features that spoke most for a category, above what they say for any."""
        told = self._for[category].__getitem__
        most = sorted(seen, key=told, reverse=True)[:_REASONS]
        return tuple([feature[0] for feature in most if told(feature) > 0])


@cache
def weights() -> Weights:
    return Weights(TABLE)


def _centred(row: list[int]) -> list[int]:
    """With a mean of 0 over the categories: what is said for any of them is said for none."""
    count = len(CATEGORIES)
    mean = sum(row[:count]) // count
    return [*(weight - mean for weight in row[:count]), *row[count:]]


def _packed(row: Sequence[int], amount: int) -> int:
    return sum(weight * amount << (_LANE_BITS * lane) for lane, weight in enumerate(row))
