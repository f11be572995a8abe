"""Vectors in this process: a matrix for each space, looked through from end to end.

Bounded by entries of a tenant and by bytes of all. Of a tenant, what was asked for longest ago goes
first; where there are too many bytes, of the tenant that has the most.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from modelway.ports import Clock

_Matrix: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

ENTRY_BYTES = 1500
"""What an entry takes beyond its question, its answer and its vector, where it is alone in its space."""
_AT_ONCE = 2_000_000
"""Numbers that are looked through in less than half a millisecond; more are, by a thread."""
_NUMBER_BYTES = 4


class Found(NamedTuple):
    similarity: float
    question: str
    data: bytes
    age_s: float


class _Entry:
    __slots__ = ("data", "life_s", "made_s", "question", "row", "size", "space")

    def __init__(
        self, space: _Space, question: str, data: bytes, made_s: float, life_s: float
    ) -> None:
        self.space = space
        self.question = question
        self.data = data
        self.made_s = made_s
        self.life_s = life_s
        self.row = -1
        """In its space; -1: it is there no more."""
        vector_bytes = 2 * _NUMBER_BYTES * space.dimension  # a matrix has room for as many again
        self.size = ENTRY_BYTES + vector_bytes + 4 * len(question) + len(data)


class _Space:
    """Rows and entries, side by side; those that are there come first."""

    def __init__(self, name: tuple[str, bytes, int]) -> None:
        self.name = name
        self.tenant, _, self.dimension = name
        self.entries: list[_Entry] = []
        self.by_question: dict[str, _Entry] = {}
        self.rows: _Matrix = np.empty((0, self.dimension), np.float32)

    def add(self, entry: _Entry, vector: _Matrix) -> None:
        count = len(self.entries)
        if count == len(self.rows):
            self._resize(count + count // 2 + 1)
        self.rows[count] = vector
        entry.row = count
        self.entries.append(entry)
        self.by_question[entry.question] = entry

    def remove(self, entry: _Entry) -> None:
        """The last one takes its place."""
        last = self.entries.pop()
        if last is not entry:
            self.rows[entry.row] = self.rows[last.row]
            self.entries[entry.row] = last
            last.row = entry.row
        entry.row = -1
        del self.by_question[entry.question]
        count = len(self.entries)
        if len(self.rows) > 2 * count + 2:
            self._resize(count + count // 2 + 1)

    def _resize(self, capacity: int) -> None:
        rows = np.empty((capacity, self.dimension), np.float32)
        count = min(len(self.rows), capacity, len(self.entries))
        rows[:count] = self.rows[:count]
        self.rows = rows


class MemoryVectors:
    """``Vectors``. One event loop uses it."""

    def __init__(self, clock: Clock, *, most_entries: int, most_bytes: int) -> None:
        self.bytes = 0
        self._now = clock.monotonic
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        self._spaces: dict[tuple[str, bytes, int], _Space] = {}
        self._tenants: dict[str, OrderedDict[_Entry, None]] = {}
        self._held: dict[str, int] = {}
        """Bytes, by tenant."""

    def __len__(self) -> int:
        return sum([len(entries) for entries in self._tenants.values()])

    async def nearest(
        self, tenant: str, space: bytes, vector: Sequence[float], *, least: float, limit: int
    ) -> Sequence[Found]:
        found = self._spaces.get((tenant, space, len(vector)))
        if found is None:
            return ()
        asked = np.asarray(vector, np.float32)
        count = len(found.entries)
        if count * found.dimension <= _AT_ONCE:
            at = _over(found.rows[:count], asked, least)
            return self._alive([found.entries[row] for row in at], asked, least, limit)
        entries = list(found.entries)  # while the thread looks, rows may change their places
        at = await asyncio.to_thread(_over, found.rows[:count], asked, least)
        return self._alive([entries[row] for row in at], asked, least, limit)

    async def add(
        self,
        tenant: str,
        space: bytes,
        vector: Sequence[float],
        *,
        question: str,
        data: bytes,
        life_s: float,
    ) -> None:
        name = (tenant, space, len(vector))
        found = self._spaces.get(name)
        if found is not None and question in found.by_question:
            self._remove(found.by_question[question])
        if found is None or not found.entries:
            found = self._spaces[name] = _Space(name)
        entry = _Entry(found, question, data, self._now(), life_s)
        if entry.size > self._most_bytes or life_s <= 0 or self._most_entries < 1:
            if not found.entries:
                del self._spaces[name]
            return
        found.add(entry, np.asarray(vector, np.float32))
        mine = self._tenants.setdefault(tenant, OrderedDict())
        mine[entry] = None
        self.bytes += entry.size
        self._held[tenant] = self._held.get(tenant, 0) + entry.size
        self._bound(mine, tenant)

    async def drop(self, tenant: str | None = None) -> int:
        entries = [
            entry
            for name, mine in self._tenants.items()
            if tenant is None or name == tenant
            for entry in mine
        ]
        for entry in entries:
            self._remove(entry)
        return len(entries)

    def fit(self, most_entries: int, most_bytes: int) -> None:
        """Keep no more than this from now on."""
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        for tenant, mine in list(self._tenants.items()):
            self._bound(mine, tenant)

    async def aclose(self) -> None:
        await self.drop()

    def _alive(
        self, entries: Sequence[_Entry], asked: _Matrix, least: float, limit: int
    ) -> list[Found]:
        """Those whose life is not over, the nearest first."""
        near: list[tuple[float, _Entry]] = []
        now_s = self._now()
        for entry in entries:
            if entry.row < 0:
                continue
            if now_s - entry.made_s >= entry.life_s:
                self._remove(entry)
                continue
            similarity = min(float(entry.space.rows[entry.row] @ asked), 1.0)
            if similarity >= least:
                near.append((similarity, entry))
                if len(near) == limit:
                    break
        for _, entry in near:
            self._tenants[entry.space.tenant].move_to_end(entry)
        return [
            Found(similarity, entry.question, entry.data, now_s - entry.made_s)
            for similarity, entry in near
        ]

    def _bound(self, mine: OrderedDict[_Entry, None], tenant: str) -> None:
        while len(mine) > self._most_entries:
            self._remove(next(iter(mine)))
        while self.bytes > self._most_bytes:
            self._remove(next(iter(self._tenants[self._largest(tenant)])))

    def _largest(self, tenant: str) -> str:
        """Who gives way: the one who adds, where it has its share; else whoever has the most."""
        held = self._held
        if held.get(tenant, 0) * len(held) >= self.bytes:
            return tenant
        return max(held, key=lambda name: held[name])

    def _remove(self, entry: _Entry) -> None:
        space = entry.space
        space.remove(entry)
        if not space.entries:
            del self._spaces[space.name]
        mine = self._tenants[space.tenant]
        del mine[entry]
        self.bytes -= entry.size
        self._held[space.tenant] -= entry.size
        if not mine:
            del self._tenants[space.tenant], self._held[space.tenant]


def _over(rows: _Matrix, asked: _Matrix, least: float) -> list[int]:
    """The rows that are as near as that, the nearest first."""
    near = rows @ asked
    at = np.flatnonzero(near >= least)
    found: list[int] = at[np.argsort(-near[at])].tolist()
    return found
