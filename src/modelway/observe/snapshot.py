"""What has been measured up to a moment: values that add up over processes, and travel as bytes."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TypeAlias

import msgspec
from msgspec import Struct

from modelway.observe.sketch import merge as merge_buckets
from modelway.observe.sketch import octaves

Labels: TypeAlias = tuple[str, ...]
"""Values, in the order of their family's names."""


class Spread(Struct, kw_only=True):
    """How values are spread."""

    sum: float = 0.0
    octaves: dict[int, int] = {}
    """What is not of late, by the power of two that it is not above."""
    before: dict[int, int] = {}
    """Of late, until the last turn, by the bucket of a sketch."""
    recent: dict[int, int] = {}
    """Since then."""

    def add(self, other: Spread) -> None:
        self.sum += other.sum
        merge_buckets(self.octaves, other.octaves)
        merge_buckets(self.before, other.before)
        merge_buckets(self.recent, other.recent)

    def of_late(self) -> dict[int, int]:
        both = dict(self.before)
        merge_buckets(both, self.recent)
        return both

    def by_octave(self) -> dict[int, int]:
        """Everything, by the power of two that it is not above."""
        all_ = dict(self.octaves)
        octaves(all_, self.before)
        octaves(all_, self.recent)
        return all_


class Snapshot(Struct, kw_only=True):
    """By the names of ``families``."""

    counts: dict[str, dict[Labels, int]] = {}
    """Only ever more."""
    usd: dict[str, dict[Labels, Decimal]] = {}
    """Only ever more; exact."""
    spreads: dict[str, dict[Labels, Spread]] = {}
    open_requests: int = 0

    def add(self, other: Snapshot) -> None:
        for name, counted in other.counts.items():
            counts = self.counts.setdefault(name, {})
            for labels, count in counted.items():
                counts[labels] = counts.get(labels, 0) + count
        for name, spent in other.usd.items():
            sums = self.usd.setdefault(name, {})
            for labels, sum_ in spent.items():
                sums[labels] = sums.get(labels, Decimal(0)) + sum_
        for name, spread in other.spreads.items():
            spreads = self.spreads.setdefault(name, {})
            for labels, one in spread.items():
                spreads.setdefault(labels, Spread()).add(one)
        self.open_requests += other.open_requests

    def ended(self) -> Snapshot:
        """What stays of it when its process is gone."""
        spreads = {
            name: {
                labels: Spread(sum=one.sum, octaves=one.by_octave())
                for labels, one in spread.items()
            }
            for name, spread in self.spreads.items()
        }
        return Snapshot(counts=self.counts, usd=self.usd, spreads=spreads)


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Snapshot)


def encode(snapshot: Snapshot) -> bytes:
    return _ENCODER.encode(snapshot)


def decode(data: bytes) -> Snapshot:
    """``msgspec.MsgspecError`` for what is not one."""
    return _DECODER.decode(data)


def merged(snapshots: Iterable[Snapshot]) -> Snapshot:
    """All of them together."""
    together = Snapshot()
    for snapshot in snapshots:
        together.add(snapshot)
    return together
