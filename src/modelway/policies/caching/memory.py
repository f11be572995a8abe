"""What is kept in this process: so many bytes, of which those go first that nobody asked for longest."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

ENTRY_BYTES = 500
"""What an entry takes beyond its answer's bytes: its name, itself, and its place in the table."""


class Entry(NamedTuple):
    """``made_s`` is of the monotonic clock."""

    data: bytes
    tenant: str
    made_s: float
    life_s: float


class Memory:
    """Entries by name."""

    def __init__(self, most_bytes: int) -> None:
        self.bytes = 0
        self._most_bytes = most_bytes
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, name: bytes, now_s: float) -> Entry | None:
        """One whose life is not over."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        if now_s - entry.made_s >= entry.life_s:
            self.drop(name)
            return None
        self._entries.move_to_end(name)
        return entry

    def put(self, name: bytes, entry: Entry) -> None:
        """Keep it in the place of what was kept by this name; not one that is larger than all may be."""
        self.drop(name)
        size_bytes = len(entry.data) + ENTRY_BYTES
        if size_bytes > self._most_bytes:
            return
        self._entries[name] = entry
        self.bytes += size_bytes
        if self.bytes > self._most_bytes:
            self.fit(self._most_bytes)

    def drop(self, name: bytes) -> None:
        entry = self._entries.pop(name, None)
        if entry is not None:
            self.bytes -= len(entry.data) + ENTRY_BYTES

    def fit(self, most_bytes: int) -> None:
        """Keep no more than this from now on."""
        self._most_bytes = most_bytes
        while self.bytes > most_bytes:
            self.drop(next(iter(self._entries)))

    def clear(self, tenant: str | None) -> int:
        """Forget what is a tenant's, or all; how many entries that were."""
        names = [
            name
            for name, entry in self._entries.items()
            if tenant is None or entry.tenant == tenant
        ]
        for name in names:
            self.drop(name)
        return len(names)
