"""Journals whose process died: their rows go to the store, what their grants have left to the budgets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from modelway.ledger.holding import orphaned, owners
from modelway.ledger.reading import Segment, TamperedError, read_segment
from modelway.ledger.replay import Replay
from modelway.ledger.values import LedgerRow, LedgerStore
from modelway.ports import Pool, Spent

GiveBack: TypeAlias = Callable[[Pool, Sequence[Spent]], Awaitable[None]]
GROUP_ROWS = 1000
_REFUSED = ".refused"
_log = logging.getLogger("modelway")


class Orphans:
    """Finds and replays them. Whatever fails is done again later, which doubles nothing."""

    def __init__(
        self, directory: Path, secret: bytes, store: LedgerStore, give_back: GiveBack | None
    ) -> None:
        self._directory = directory
        self._secret = secret
        self._store = store
        self._give_back = give_back
        self._said: set[str] = set()
        self.refused = 0
        """Segments that did not verify, and were set aside."""

    async def adopt(self) -> int:
        """Replay the journals of all who died; how many. StoreDownError: those that are left wait."""
        adopted = 0
        for owner in await asyncio.to_thread(owners, self._directory):
            with orphaned(self._directory, owner) as paths:
                if paths:
                    try:
                        await self._replay(owner, paths)
                        adopted += 1
                    except OSError as error:
                        self._say(f"{owner}: {error}")
        return adopted

    async def _replay(self, owner: str, paths: Sequence[Path]) -> None:
        """All of one owner's. A segment goes once the next one has carried over what was open in it."""
        replay, done = Replay(), list[tuple[Path, Segment]]()
        whole_from, is_next = "", True
        for path in paths:
            try:
                segment = await asyncio.to_thread(read_segment, path, self._secret)
                rows = await asyncio.to_thread(replay.read, segment)
            except TamperedError as error:
                self.set_aside(path, str(error))
                is_next = False
                continue
            await self._add(rows)
            if replay.begun is not None:
                self._remove(done, replay.begun.before_bytes if is_next else 0)
                whole_from = path.name
            is_next = True
            done.append((path, segment._replace(data=b"", places=[])))
        await self._add(replay.end())
        if self._give_back is not None and not self._refused_since(owner, whole_from):
            for pool, spent in replay.spent():
                await self._give_back(pool, spent)
        self._remove(done)

    def _refused_since(self, owner: str, name: str) -> bool:
        """Whether grants were used or returned in a segment that is not believed, now or earlier."""
        return any(path.name > name for path in self._directory.glob(f"{owner}.*{_REFUSED}"))

    async def _add(self, rows: Sequence[LedgerRow]) -> None:
        for start in range(0, len(rows), GROUP_ROWS):
            await self._store.add(rows[start : start + GROUP_ROWS])

    def _remove(self, done: list[tuple[Path, Segment]], last_bytes: int = 0) -> None:
        """Their rows are in the store. ``last_bytes``: how long the last was when it was left."""
        while done:
            path, segment = done.pop()
            if segment.whole_bytes < last_bytes:
                self.set_aside(
                    path, f"it has {segment.whole_bytes} bytes of {last_bytes}: its end was cut off"
                )
            else:
                path.unlink()
            last_bytes = 0
            if segment.torn_bytes:
                _log.warning(
                    "the ledger's journal %s ended in %d bytes of an entry that was never wholly "
                    "written: they are dropped",
                    path,
                    segment.torn_bytes,
                )

    def _say(self, what: str) -> None:
        if what not in self._said:
            self._said.add(what)
            _log.error("journals of a process that died cannot be replayed, of %s", what)

    def set_aside(self, path: Path, why: str) -> None:
        """It stays for who wants to look into it, under a name that is not read again."""
        self.refused += 1
        aside = path.with_name(path.name + _REFUSED)
        path.replace(aside)
        _log.error(
            "the ledger's journal %s is refused and set aside as %s: %s. What it said is not in the "
            "ledger, and budgets count what its process held as spent",
            path,
            aside.name,
            why,
        )
