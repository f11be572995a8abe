"""The ledger of one process: what it is about to spend is written down before, what it spent after."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque

from modelway.errors import StoreDownError
from modelway.ledger.journal import Closed, Journal
from modelway.ledger.orphans import Orphans
from modelway.ledger.records import Granted, Returned, cut
from modelway.ledger.shipping import Backlog
from modelway.ledger.values import Intent, LedgerSettings, LedgerStore, Settlement, Where
from modelway.ports import Clock, Pool

MOST_PENDING = 10_000
"""Settlements that wait in memory for a journal that cannot be written."""
_ADOPT_S = 5.0
_RETAIN_S = 3600.0
_TICK_S = 1.0
_SLOWEST_S = 10.0
_DAY_S = 86_400.0
_GOES_ON = {
    "journal": "its journal can be written",
    "sync": "its journal is synced",
    "store": "the store takes rows",
    "adopt": "the store takes rows of processes that died",
}
_log = logging.getLogger("modelway")


class _Held:
    """A grant that was not returned yet."""

    __slots__ = ("amount", "pool", "used")

    def __init__(self, pool: Pool, amount: int) -> None:
        self.pool = pool
        self.amount = amount
        self.used = 0


class Ledger:
    """Used from one event loop. ``intend``, ``settle`` and the notes of grants wait for nothing."""

    def __init__(
        self,
        settings: LedgerSettings,
        store: LedgerStore,
        journal: Journal,
        orphans: Orphans,
        backlog: Backlog,
        *,
        clock: Clock,
    ) -> None:
        self.store = store
        self._settings = settings
        self._journal = journal
        self._write_down = journal.append
        self._orphans = orphans
        self._backlog = backlog
        self._clock = clock
        self._open: dict[str, Intent] = {}
        self._grants: dict[tuple[str, int], _Held] = {}
        self._pending: deque[Settlement] = deque()
        self._lost = 0
        self._unsynced: list[Closed] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._said: set[str] = set()
        self._closed = False
        self.write()

    @property
    def unwritten(self) -> int:
        """Settlements that the journal did not take: they are in memory only, or were lost with it."""
        return len(self._pending) + self._lost

    @property
    def refused(self) -> int:
        """Segments of journals that did not verify, and were set aside."""
        return self._orphans.refused

    # ------------------------------------------------------------ on the path of requests

    def intend(self, intent: Intent) -> None:
        """Write down an attempt, before it is sent. StoreDownError: it must not be, where money counts."""
        kept = intent
        try:
            try:
                self._write_down(intent)
            except (ValueError, OverflowError):
                kept = cut(intent)
                self._write_down(kept)
        except OSError as error:
            raise StoreDownError(
                f"the ledger's journal cannot be written: {error.strerror}; the operator is to free "
                "some space, or to see to its disk",
                code="journal",
            ) from error
        self._open[intent.id] = kept

    def settle(self, settlement: Settlement) -> None:
        """Write down what became of it, once: a second time, or without an intent, says nothing."""
        intent = self._open.pop(settlement.id, None)
        if intent is None:
            return
        try:
            self._write_down(settlement)
        except OSError:
            self._put_off(settlement)
        except (ValueError, OverflowError):
            settlement = cut(settlement)
            self._put_off(settlement)
        self._backlog.put((intent, settlement))
        cost = settlement.cost_pico_usd
        for draw in intent.draws:
            held = self._grants.get(draw[:2])
            if held is not None:  # each pool has the whole cost
                held.used += draw[2] if cost is None else cost

    def granted(self, pool: Pool, grant: int, amount: int) -> None:
        """A part of a budget is ours. One that cannot be written down counts as spent if we die."""
        self._grants[pool.name, grant] = _Held(pool, amount)
        self._note(Granted(pool=pool, grant=grant, amount=amount))

    def returned(self, pool: str, grant: int) -> None:
        """Its rest was given back; if this cannot be written down it is again, which does nothing."""
        if self._grants.pop((pool, grant), None) is not None:
            self._note(Returned(pool=pool, grant=grant))

    def _note(self, entry: Granted | Returned) -> None:
        try:
            try:
                self._write_down(entry)
            except (ValueError, OverflowError):
                self._write_down(cut(entry))
        except OSError as error:
            self._say("journal", "the ledger's journal cannot be written: %s", error.strerror)

    def _put_off(self, settlement: Settlement) -> None:
        if len(self._pending) >= MOST_PENDING:
            self._lost += 1
        else:
            self._pending.append(settlement)

    # ------------------------------------------------------------ beside it

    async def start(self) -> None:
        """Ship, sync, adopt the journals of who died, and delete what is old, until it is closed."""
        if not self._tasks:
            works = [self._write_loop(), self._sync_loop(), self._ship_loop(), self._adopt_loop()]
            if self._settings.keep_days is not None:
                works.append(self._retain_loop(self._settings.keep_days * _DAY_S))
            self._tasks = [asyncio.create_task(work) for work in works]

    async def flush(self) -> None:
        """All that is settled so far is in the store. StoreDownError: it waits in the journal."""
        await self._backlog.ship()

    async def adopt(self) -> int:
        """Replay the journals of all who died; how many."""
        return await self._orphans.adopt()

    async def aclose(self) -> None:
        """Ship what is settled, and stop. What the store does not take is left to another process."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._closed:
            return
        self._closed = True
        self._catch_up()
        try:
            await self.flush()
        except StoreDownError as error:
            _log.warning(
                "what the ledger has not shipped waits in %s: %s", self._journal.path, error
            )
        else:
            left = self._open or self._grants or self._pending
            if self._journal.has_begun and not left:
                self._journal.path.unlink(missing_ok=True)
        finally:
            self._journal.close()
            for closed in self._unsynced:
                os.close(closed.descriptor)
            await self.store.aclose()

    def write(self) -> None:
        """What is due of the journal: what it did not take before, and another segment."""
        self._catch_up()
        large = self._backlog.is_large
        if not self._pending and (large or self._journal.needs_another):
            self._rotate(forget=large)

    def _catch_up(self) -> None:
        try:
            while self._pending:
                self._write_down(self._pending[0])
                self._pending.popleft()
        except OSError as error:
            self._say("journal", "the ledger's journal cannot be written: %s", error.strerror)
        else:
            self._unsay("journal")

    def _rotate(self, *, forget: bool) -> None:
        grants = [
            Granted(pool=held.pool, grant=grant, amount=held.amount, used=held.used)
            for (_, grant), held in self._grants.items()
        ]
        try:
            closed = self._journal.begin([*self._open.values(), *grants], self._clock.time())
        except OSError as error:
            self._say("journal", "the ledger's journal cannot go on: %s", error.strerror)
            return
        if closed is not None:
            self._unsynced.append(closed)
            self._backlog.close(closed.path, forget=forget)

    async def _write_loop(self) -> None:
        while True:
            await self._clock.sleep(_TICK_S)
            try:
                self.write()
            except Exception:  # noqa: BLE001  # one that is known to nobody ends nothing
                _log.exception("the ledger's journal")

    async def _sync_loop(self) -> None:
        while True:
            await self._clock.sleep(self._settings.sync_s or _TICK_S)
            closed, self._unsynced = self._unsynced, []
            descriptors = [one.descriptor for one in closed]
            try:
                if self._settings.sync_s:
                    descriptors.append(self._journal.duplicate())
                await asyncio.to_thread(_end, descriptors, sync=self._settings.sync_s > 0)
                self._unsay("sync")
            except OSError as error:
                self._say("sync", "the ledger's journal cannot be synced: %s", error.strerror)

    async def _ship_loop(self) -> None:
        pause_s = self._settings.ship_s
        while True:
            await self._clock.sleep(pause_s)
            try:
                await self.flush()
            except StoreDownError as error:
                pause_s = min(pause_s * 2, max(_SLOWEST_S, self._settings.ship_s))
                self._say("store", "the ledger waits in its journal for the store: %s", error)
            except Exception:  # noqa: BLE001  # one that is known to nobody ends nothing
                pause_s = _SLOWEST_S
                _log.exception("the ledger cannot be shipped")
            else:
                pause_s = self._settings.ship_s
                self._unsay("store")

    async def _adopt_loop(self) -> None:
        while True:
            try:
                if adopted := await self.adopt():
                    _log.warning(
                        "journals of processes that died are in the ledger now: %d", adopted
                    )
                self._unsay("adopt")
            except StoreDownError as error:
                self._say("adopt", "journals of processes that died wait for the store: %s", error)
            except Exception:  # noqa: BLE001  # one that is known to nobody ends nothing
                _log.exception("journals of processes that died cannot be replayed")
            await self._clock.sleep(_ADOPT_S)

    async def _retain_loop(self, keep_s: float) -> None:
        while True:
            wall, awake = self._clock.time(), self._clock.monotonic()
            await self._clock.sleep(_RETAIN_S)
            set_s = (self._clock.time() - wall) - (self._clock.monotonic() - awake)
            if abs(set_s) > _DAY_S:  # a clock that was just set wrong deletes nothing
                continue
            try:
                await self.store.remove(Where(until=self._clock.time() - keep_s))
            except StoreDownError as error:
                self._say("store", "the ledger waits in its journal for the store: %s", error)
            except Exception:  # noqa: BLE001  # one that is known to nobody ends nothing
                _log.exception("old rows cannot be deleted from the ledger")

    def _say(self, what: str, message: str, detail: object) -> None:
        if what not in self._said:
            self._said.add(what)
            _log.error(message, detail)

    def _unsay(self, what: str) -> None:
        if what in self._said:
            self._said.discard(what)
            _log.warning("the ledger goes on: %s", _GOES_ON[what])


def _end(descriptors: list[int], *, sync: bool) -> None:
    """Close them, once they are on disk."""
    try:
        for descriptor in descriptors:
            if sync:
                os.fsync(descriptor)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
