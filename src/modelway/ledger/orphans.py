"""Journals whose process died: their rows go to the store, what their grants have left to the budgets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from modelway.errors import StoreDownError
from modelway.ledger.holding import hold, owners, segments
from modelway.ledger.reading import Segment, TamperedError, read_segment
from modelway.ledger.replay import Replay
from modelway.ledger.values import LedgerRow, LedgerStore
from modelway.ports import Pool, Spent

GiveBack: TypeAlias = Callable[[Pool, Sequence[Spent]], Awaitable[None]]
GROUP_ROWS = 2000
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
        self.refused = 0
        """Segments that did not verify, and were set aside."""

    async def adopt(self, own: str) -> int:
        """Replay the journals of all who died; how many. StoreDownError: those that are left wait."""
        adopted = 0
        for owner in await asyncio.to_thread(lambda: list(owners(self._directory))):
            held = None if owner == own else hold(self._directory, owner)
            if held is None:
                continue
            done = False
            try:
                done = await self._replay(owner)
                adopted += done
            finally:
                held.let_go(remove=done)
        return adopted

    async def _replay(self, owner: str) -> bool:
        """Whether nothing of it is left."""
        replay, trusted = Replay(), True
        before: tuple[Path, Segment] | None = None
        for _, path in segments(self._directory, owner):
            try:
                segment = await asyncio.to_thread(read_segment, path, self._secret)
                rows = await asyncio.to_thread(replay.read, segment)
            except TamperedError as error:
                trusted = False
                self.set_aside(path, str(error))
                continue
            except OSError as error:
                _log.error("the ledger's journal %s cannot be read: %s", path, error.strerror)
                return False
            await self._add(rows)
            if replay.begun is not None:
                trusted = True
                self._finish(before, replay.begun.before_bytes)
                before = None
            if segment.torn_bytes:
                _log.warning(
                    "the ledger's journal %s ends in %d bytes of an entry that was never wholly "
                    "written: they are dropped",
                    path,
                    segment.torn_bytes,
                )
            before = path, segment
        await self._add(replay.end())
        if trusted and self._give_back is not None:
            for pool, spent in replay.spent():
                await self._give_back(pool, spent)
        for _, path in segments(self._directory, owner):
            path.unlink()
        return True

    async def _add(self, rows: Sequence[LedgerRow]) -> None:
        for start in range(0, len(rows), GROUP_ROWS):
            await self._store.add(rows[start : start + GROUP_ROWS])

    def _finish(self, before: tuple[Path, Segment] | None, bytes_: int) -> None:
        """Its rows are in the store, and what was open in it is carried over."""
        if before is None:
            return
        path, segment = before
        if segment.whole_bytes < bytes_:
            self.set_aside(path, f"it has {segment.whole_bytes} bytes of {bytes_}: its end was cut")
        else:
            path.unlink()

    def set_aside(self, path: Path, why: str) -> None:
        """It stays for who wants to look into it, under a name that is not read again."""
        self.refused += 1
        aside = path.with_name(path.name + ".refused")
        path.replace(aside)
        _log.error(
            "the ledger's journal %s is refused and set aside as %s: %s. What it said is not in the "
            "ledger, and budgets count what its process held as spent",
            path,
            aside.name,
            why,
        )


__all__ = ["GROUP_ROWS", "GiveBack", "Orphans", "StoreDownError"]
