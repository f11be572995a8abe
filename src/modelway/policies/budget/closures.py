"""What processes tell each other of budgets that were passed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
from collections.abc import Callable, Sequence

from modelway.errors import StoreDownError
from modelway.ports import Clock, Pool, Record, Records

STREAM = "budgets"
_AGAIN_S = 1.0
_MOST_KNOWN = 10_000
_log = logging.getLogger(__name__)


class Closures:
    """Pools that somebody has closed. A store that is down is waited for."""

    def __init__(
        self, records: Records, clock: Clock, node: str, hear: Callable[[str], None]
    ) -> None:
        self._records = records
        self._clock = clock
        self._self = f"{node} {os.urandom(8).hex()}".encode()
        """What a record holds: of this process alone, whatever its node is called."""
        self._hear = hear
        self._known: dict[str, None] = {}
        self._unsaid: dict[str, Pool] = {}
        self._seen: int | None = None
        self._listening: asyncio.Task[None] | None = None

    def __contains__(self, pool: str) -> bool:
        return pool in self._known

    def forget(self, pool: str) -> None:
        """It was opened."""
        self._known.pop(pool, None)

    def add(self, pool: Pool) -> None:
        """To be said to the others."""
        self._learn(pool.name)
        self._unsaid[pool.name] = pool

    async def flush(self) -> None:
        """Say what is to be said; StoreDownError: later."""
        for name, pool in list(self._unsaid.items()):
            life_s = None if math.isinf(pool.window_s) else pool.window_s
            await self._records.append(STREAM, [(name, self._self)], life_s=life_s)
            self._unsaid.pop(name, None)

    async def start(self) -> None:
        """Know what is closed, and hear of what is from now on."""
        with contextlib.suppress(StoreDownError):
            await self._join()
        self._listening = asyncio.create_task(self._listen())

    async def aclose(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        with contextlib.suppress(StoreDownError):
            await self.flush()

    async def _join(self) -> None:
        records = await self._records.query(STREAM, newest=True)
        self._read(records)
        self._seen = records[-1].id if records else 0

    async def _listen(self) -> None:
        while True:
            try:
                if self._seen is None:
                    await self._join()
                async for records in self._records.watch(STREAM, after=self._seen):
                    self._read(records)
                    self._seen = records[-1].id
            except StoreDownError:
                pass
            except Exception:  # noqa: BLE001 - who does not listen would spend what others have closed
                _log.exception("what other processes say of budgets could not be heard")
            await self._clock.sleep(_AGAIN_S)

    def _read(self, records: Sequence[Record]) -> None:
        for record in records:
            if record.data != self._self:
                self._learn(record.key)
                self._hear(record.key)

    def _learn(self, pool: str) -> None:
        self._known[pool] = None
        while len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]
