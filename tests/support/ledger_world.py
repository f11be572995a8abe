"""A ledger whose store fails as it is told, and what to write into one."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import asynccontextmanager

from modelway.errors import StoreDownError
from modelway.ledger.holding import new_owner
from modelway.ledger.journal import SEGMENT_BYTES, Journal
from modelway.ledger.ledger import Ledger
from modelway.ledger.orphans import Orphans
from modelway.ledger.shipping import Backlog
from modelway.ledger.values import LedgerRow, LedgerSettings
from modelway.policies.budget.values import Draw
from modelway.ports import Pool
from support.hand_clock import HandClock
from support.ledger_rows import MemoryLedger, row

SECRET = bytes(range(32))
SETTINGS = LedgerSettings()
POOL = Pool("budget/all/2026-11", 10**15, math.inf, 60.0)


class FailingLedger(MemoryLedger):
    """Adds nothing while it is ``down``; ``asked`` counts how often it was asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.asked = 0
        self.closed = False

    async def add(self, rows: Sequence[LedgerRow]) -> None:
        self.asked += 1
        if self.down:
            raise StoreDownError("the store sleeps")
        await super().add(rows)

    async def aclose(self) -> None:
        self.closed = True


class Given(dict):
    """What was given back: (pool, grant) → used."""

    down = False

    async def __call__(self, pool, spent):
        if self.down:
            raise StoreDownError("the budgets sleep")
        for one in spent:
            self[pool.name, one.grant] = one.used


def made(
    directory,
    store,
    *,
    settings=SETTINGS,
    clock=None,
    given=None,
    segment_bytes=SEGMENT_BYTES,
    secret=SECRET,
) -> Ledger:
    """A ledger in this directory, its segments so long."""
    directory.mkdir(exist_ok=True)
    journal = Journal(
        directory, new_owner("test"), secret, node="test", segment_bytes=segment_bytes
    )
    orphans = Orphans(directory, secret, store, given)
    backlog = Backlog(store, secret, orphans.set_aside)
    return Ledger(settings, store, journal, orphans, backlog, clock=clock or HandClock())


def die(ledger: Ledger) -> None:
    """As a kill would: the lock is let go, and nothing is said to anybody."""
    for task in ledger._tasks:
        task.cancel()
    ledger._tasks = []
    ledger._journal.close()
    for closed in ledger._unsynced:
        os.close(closed.descriptor)
    ledger._unsynced = []


def spending(number: int, grant: int = 1, reserved: int = 100, **said) -> LedgerRow:
    """A row whose attempt drew on a grant."""
    draws = (Draw(POOL.name, grant, reserved),)
    return row(number, reserved_pico_usd=reserved, draws=draws, **said)


@asynccontextmanager
async def running(*arguments, **options):
    """A ledger that was started, and is closed."""
    ledger = made(*arguments, **options)
    await ledger.start()
    try:
        yield ledger
    finally:
        await ledger.aclose()
