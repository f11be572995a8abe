"""Leases, a cache and records of one process, on one event loop."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Sequence

from modelway.clock import SystemClock
from modelway.ports import Clock, Grant, Pool, Record, Spent
from modelway.store import Store
from modelway.store.counting import counted_until, part, wait_s
from modelway.store.names import to_bytes

CACHE_BYTES = 64 * 1024 * 1024
ENTRY_BYTES = 200
"""What a cached value takes beyond its key's and its own bytes: objects, and places in tables."""
MOST_RECORDS = 10_000


class _Counts:
    """What counts against one pool."""

    __slots__ = ("grants", "total", "used")

    def __init__(self) -> None:
        self.grants: dict[int, tuple[float, int]] = {}
        """Those that are not settled: until when they count, and how much."""
        self.used: dict[float, int] = {}
        """Until when it counts, and how much."""
        self.total = 0

    def ending(self) -> list[tuple[float, int]]:
        return sorted([*self.grants.values(), *self.used.items()])


class MemoryLeases:
    """Pools by name; one of which nothing counts any more is not there."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._pools: dict[str, _Counts] = {}
        self._ids = itertools.count(1)
        self._ends: list[tuple[float, int, str]] = []
        """A heap of what ends: (until, grant, pool), or minus a number for a bucket. Those that have
        gone before their end are left in it, until they are too many."""
        self._most_ends = 64

    async def take(
        self, pool: Pool, want: int, *, least: int = 1, share: int = 1, spent: Sequence[Spent] = ()
    ) -> Grant:
        now = self._clock.monotonic()
        self._drop_ended(now)
        if spent:
            self._settle(pool, spent, now)
        counts = self._pools.get(pool.name)
        total = counts.total if counts is not None else 0
        left = pool.limit - total
        amount = part(left, want, least, share)
        if amount:
            grant = next(self._ids)
            if counts is None:
                counts = self._pools[pool.name] = _Counts()
            until = now + pool.life_s + pool.window_s
            counts.grants[grant] = (until, amount)
            counts.total += amount
            self._will_end(until, grant, pool.name)
            return Grant(amount, grant, left - amount)
        if left >= least:
            return Grant(0, 0, max(left, 0))
        ending = counts.ending() if counts is not None else ()
        return Grant(0, 0, max(left, 0), wait_s(now, least - left, ending))

    async def settle(self, pool: Pool, spent: Sequence[Spent]) -> None:
        now = self._clock.monotonic()
        self._drop_ended(now)
        self._settle(pool, spent, now)

    async def renew(self, pool: Pool, grants: Sequence[int]) -> Sequence[int]:
        now = self._clock.monotonic()
        self._drop_ended(now)
        counts = self._pools.get(pool.name)
        if counts is None:
            return ()
        until = now + pool.life_s + pool.window_s
        there = [grant for grant in dict.fromkeys(grants) if grant in counts.grants]
        for grant in there:
            counts.grants[grant] = (until, counts.grants[grant][1])
            self._will_end(until, grant, pool.name)
        return there

    async def aclose(self) -> None:
        """Nothing is held."""

    def _settle(self, pool: Pool, spent: Sequence[Spent], now: float) -> None:
        counts = self._pools.get(pool.name)
        if counts is None:
            return
        for grant, used, ago_s in spent:
            held = counts.grants.pop(grant, None)
            if held is None:
                continue
            counts.total -= held[1]
            until = counted_until(now, ago_s, pool.window_s)
            if used <= 0 or until <= now:
                continue
            counts.total += used
            if until in counts.used:
                counts.used[until] += used
            else:
                counts.used[until] = used
                self._will_end(until, -next(self._ids), pool.name)
        self._drop_empty(pool.name, counts)

    def _drop_ended(self, now: float) -> None:
        ends = self._ends
        while ends and ends[0][0] <= now:
            until, grant, name = heapq.heappop(ends)
            counts = self._pools.get(name)
            if counts is None:
                continue
            if grant < 0:
                counts.total -= counts.used.pop(until, 0)
            elif grant in counts.grants and counts.grants[grant][0] == until:
                counts.total -= counts.grants.pop(grant)[1]
            self._drop_empty(name, counts)

    def _drop_empty(self, name: str, counts: _Counts) -> None:
        if not counts.grants and not counts.used:
            del self._pools[name]

    def _will_end(self, until: float, grant: int, name: str) -> None:
        if math.isinf(until):
            return
        heapq.heappush(self._ends, (until, grant, name))
        if len(self._ends) > self._most_ends:
            self._ends = [
                *[(until, grant, name) for name, grant, until in self._open()],
                *[(until, -next(self._ids), name) for name, until in self._buckets()],
            ]
            heapq.heapify(self._ends)
            self._most_ends = 64 + 2 * len(self._ends)

    def _open(self) -> list[tuple[str, int, float]]:
        return [
            (name, grant, until)
            for name, counts in self._pools.items()
            for grant, (until, _) in counts.grants.items()
            if until < math.inf
        ]

    def _buckets(self) -> list[tuple[str, float]]:
        return [
            (name, until)
            for name, counts in self._pools.items()
            for until in counts.used
            if until < math.inf
        ]


class MemoryCache:
    """Values up to so many bytes in all; the one not asked for longest goes first."""

    def __init__(self, clock: Clock | None = None, *, most_bytes: int = CACHE_BYTES) -> None:
        self._clock = clock or SystemClock()
        self._most_bytes = most_bytes
        self._bytes = 0
        self._values: OrderedDict[str, tuple[bytes, float, int]] = OrderedDict()

    async def get(self, key: str) -> bytes | None:
        kept = self._values.get(key)
        if kept is None:
            return None
        value, until, _ = kept
        if until <= self._clock.monotonic():
            self._drop(key)
            return None
        self._values.move_to_end(key)
        return value

    async def put(self, key: str, value: bytes, *, life_s: float) -> None:
        self._drop(key)
        size = len(to_bytes(key)) + len(value) + ENTRY_BYTES
        if size > self._most_bytes or life_s <= 0:
            return
        self._values[key] = (bytes(value), self._clock.monotonic() + life_s, size)
        self._bytes += size
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._values)))

    async def drop(self, key: str) -> None:
        self._drop(key)

    async def aclose(self) -> None:
        """Nothing is held."""

    def _drop(self, key: str) -> None:
        kept = self._values.pop(key, None)
        if kept is not None:
            self._bytes -= kept[2]


class MemoryRecords:
    """Streams, each of the newest ``most`` records: a watcher that is slower than that loses some."""

    def __init__(self, clock: Clock | None = None, *, most: int = MOST_RECORDS) -> None:
        self._clock = clock or SystemClock()
        self._most = most
        self._streams: dict[str, deque[tuple[Record, float]]] = {}
        self._last_id = 0
        self._time = 0.0
        self._added = asyncio.Event()
        self._closed = False

    async def append(
        self, stream: str, entries: Sequence[tuple[str, bytes]], *, life_s: float | None = None
    ) -> int:
        kept = self._streams.setdefault(stream, deque(maxlen=self._most))
        now = self._clock.monotonic()
        while kept and kept[0][1] <= now:
            kept.popleft()
        until = math.inf if life_s is None else now + life_s
        self._time = max(self._time, self._clock.time())
        for key, data in entries:
            self._last_id += 1
            kept.append((Record(self._last_id, key, self._time, bytes(data)), until))
        self._tell()
        return self._last_id

    async def query(
        self,
        stream: str,
        *,
        key: str | None = None,
        after: int = 0,
        limit: int = 1000,
        newest: bool = False,
    ) -> list[Record]:
        found: list[Record] = []
        now = self._clock.monotonic()
        for record, until in reversed(self._streams.get(stream, ())):
            if record.id <= after or (newest and len(found) >= limit):
                break
            if until > now and (key is None or record.key == key):
                found.append(record)
        found.reverse()
        return found[:limit]

    async def watch(self, stream: str, *, after: int | None = None) -> AsyncIterator[list[Record]]:
        seen = self._last_id if after is None else after
        while not self._closed:
            added = self._added
            records = await self.query(stream, after=seen)
            if records:
                seen = records[-1].id
                yield records
            else:
                await added.wait()

    async def aclose(self) -> None:
        """Ends every watch."""
        self._closed = True
        self._tell()

    def _tell(self) -> None:
        added, self._added = self._added, asyncio.Event()
        added.set()


def open_memory(clock: Clock | None = None, *, cache_bytes: int = CACHE_BYTES) -> Store:
    """A store of this process alone, which ends with it."""
    clock = clock or SystemClock()
    records = MemoryRecords(clock)
    return Store(
        MemoryLeases(clock), MemoryCache(clock, most_bytes=cache_bytes), records, records.aclose
    )
