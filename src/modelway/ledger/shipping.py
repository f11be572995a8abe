"""Rows on their way to the store, by the segment that they are written in: it goes when they are there."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from pathlib import Path

from modelway.ledger.orphans import GROUP_ROWS
from modelway.ledger.reading import TamperedError, read_segment
from modelway.ledger.replay import Replay
from modelway.ledger.values import Intent, LedgerRow, LedgerStore, Settlement

MOST_ROWS = 10_000
"""In memory; where the store takes none for longer, they are read from their segments later."""


class _Segment:
    def __init__(self, path: Path | None) -> None:
        self.path = path
        """``None``: it is the newest, which is written."""
        self.rows: deque[tuple[Intent, Settlement]] | None = deque()
        """``None``: they are read from the file."""


class Backlog:
    """What the store has not got yet, the oldest first."""

    def __init__(
        self, store: LedgerStore, secret: bytes, set_aside: Callable[[Path, str], None]
    ) -> None:
        self._store = store
        self._secret = secret
        self._set_aside = set_aside
        self._newest = _Segment(None)
        self._closed: deque[_Segment] = deque()
        self._shipping = asyncio.Lock()
        self.put = self._newest.rows.append  # type: ignore[union-attr]
        """Adds an intent and its settlement."""

    def __len__(self) -> int:
        """Rows in memory."""
        return sum([len(one.rows or ()) for one in (*self._closed, self._newest)])

    @property
    def is_large(self) -> bool:
        return len(self) > MOST_ROWS

    def close(self, path: Path, *, forget: bool) -> None:
        """The newest segment has a successor. ``forget``: its rows, and those before, are in files."""
        self._newest.path = path
        self._closed.append(self._newest)
        if forget:
            for one in self._closed:
                one.rows = None
        self._newest = _Segment(None)
        self.put = self._newest.rows.append  # type: ignore[union-attr]

    async def ship(self) -> None:
        """Bring to the store all that is settled by now. StoreDownError leaves the rest for later."""
        async with self._shipping:
            last = self._newest
            while self._closed:
                await self._ship(self._closed[0])
                done = self._closed.popleft()
                if done.path is not None:
                    with suppress(OSError):  # then another process finds it again, later
                        done.path.unlink(missing_ok=True)
                if done is last:
                    return
            await self._ship(self._newest)

    async def _ship(self, segment: _Segment) -> None:
        left = len(segment.rows or ())
        while segment.rows and (left > 0 or segment is not self._newest):
            group = list(islice(segment.rows, GROUP_ROWS))
            await self._store.add([LedgerRow(intent=one, settlement=other) for one, other in group])
            left -= len(group)
            for _ in group:
                if segment.rows:
                    segment.rows.popleft()
        if segment.rows is None and segment.path is not None:
            await self._ship_file(segment.path)

    async def _ship_file(self, path: Path) -> None:
        try:
            segment = await asyncio.to_thread(read_segment, path, self._secret)
            rows = await asyncio.to_thread(Replay().read, segment)
        except (TamperedError, OSError) as error:
            self._set_aside(path, str(error))
            return
        for start in range(0, len(rows), GROUP_ROWS):
            await self._store.add(rows[start : start + GROUP_ROWS])
