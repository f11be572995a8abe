"""What processes tell each other of their breakers, and whose turn it is to probe.

What is told goes out before a probe's claim is given back, and who gets the claim reads first: so no
second probe goes out on old news.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Literal, NamedTuple

import msgspec

from modelway.errors import StoreDownError
from modelway.policies.breaker.values import BreakerChange, BreakerSettings
from modelway.ports import Clock, Grant, Leases, Pool, Record, Records, Spent

STREAM = "breakers"
EVERY = "*"
"""The key of what is said of all breakers."""

_HERE = ""
"""The key of a process that begins to listen: its record's time is now, by the store's clock."""
_AGAIN_S = 1.0
"""Until a store that is down is tried again."""
_MOST_KEYS = 10_000


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a record holds. ``by`` is of one process alone, whatever its node is called."""

    by: str
    change: BreakerChange


_SAID = msgspec.json.Decoder(_Said)


class _Due(NamedTuple):
    """Something for the store, of no use after a time."""

    until: float
    data: bytes = b""


class Shared:
    """Raises nothing for a store that is down: then each process is on its own."""

    def __init__(
        self,
        settings: Callable[[], BreakerSettings],
        clock: Clock,
        *,
        leases: Leases,
        records: Records,
        hear: Callable[[BreakerChange, float], None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._leases = leases
        self._records = records
        self._self = os.urandom(8).hex()
        self._hear = hear
        self._news: dict[str, _Due] = {}
        self._freed: dict[tuple[str, int], _Due] = {}
        self._known: dict[str, int] = {}
        """The newest record of each key: older ones come too late."""
        self._seen: int | None = None
        self._sending = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flushing: asyncio.Task[None] | None = None
        self._taking: set[asyncio.Task[Grant]] = set()

    async def start(self) -> None:
        """Hear what is open elsewhere, and from now on what happens."""
        with contextlib.suppress(StoreDownError):
            await self._join()
        self._run(self._listen())

    async def aclose(self) -> None:
        """Stop listening; what is still to be said is tried once more."""
        await asyncio.gather(*self._taking, return_exceptions=True)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.flush()

    # ------------------------------------------------------------ the probe's claim

    async def claim(self, deployment: str) -> Grant | Literal["mine", "theirs"]:
        """The one probe of all processes; ``mine`` where the store is down."""
        try:
            grant = await self._take(self._pool(deployment))
            if not grant.amount:
                return "theirs"
        except StoreDownError:
            return "mine"
        if self._seen is not None:
            with contextlib.suppress(StoreDownError):
                self._read(await self._records.query(STREAM, key=deployment, after=self._seen))
        return grant

    async def _take(self, pool: Pool) -> Grant:
        """As the store gives it; what comes for a caller who has gone is given back."""
        taking = asyncio.ensure_future(self._leases.take(pool, 1))
        self._taking.add(taking)
        taking.add_done_callback(self._taking.discard)
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            taking.add_done_callback(partial(self._unwanted, pool.name))
            raise

    def _unwanted(self, pool: str, taken: asyncio.Task[Grant]) -> None:
        if not taken.cancelled() and taken.exception() is None and taken.result().amount:
            self.free(pool.removeprefix("probe:"), taken.result())

    def free(self, deployment: str, grant: Grant) -> None:
        """Give a claim back, after what is to be said."""
        until = self._clock.monotonic() + self._settings().probe_s
        self._freed[deployment, grant.id] = _Due(until)
        self._wake()

    def _pool(self, deployment: str) -> Pool:
        return Pool(f"probe:{deployment}", 1, 0.0, self._settings().probe_s)

    # ------------------------------------------------------------ telling

    def say(self, key: str, change: BreakerChange) -> None:
        """Soon; of each key the last word is enough."""
        until = self._clock.monotonic() + self._settings().open_s
        self._news.pop(key, None)
        self._news[key] = _Due(until, msgspec.json.encode(_Said(by=self._self, change=change)))
        self._wake()

    async def flush(self) -> bool:
        """Say it now. False where the store is down: then it is still to be said."""
        async with self._sending:
            news, self._news = self._news, {}
            freed, self._freed = self._freed, {}
            try:
                if news:
                    await self._append([(key, due.data) for key, due in news.items()])
                    news = {}
                for deployment, grant in freed:
                    await self._leases.settle(self._pool(deployment), (Spent(grant, 0),))
            except BaseException as error:
                self._news = news | self._news
                self._freed = freed | self._freed
                if isinstance(error, StoreDownError):
                    return False
                raise
        return True

    async def _append(self, entries: Sequence[tuple[str, bytes]]) -> None:
        last = await self._records.append(STREAM, entries, life_s=self._settings().open_s)
        for key, _ in entries:
            self._is_newest(key, last)

    def _wake(self) -> None:
        if self._flushing is None:
            self._flushing = self._run(self._flush_all())

    async def _flush_all(self) -> None:
        try:
            while self._news or self._freed:
                if not await self.flush():
                    await self._clock.sleep(_AGAIN_S)
                    now = self._clock.monotonic()
                    self._news = {key: due for key, due in self._news.items() if due.until > now}
                    self._freed = {key: due for key, due in self._freed.items() if due.until > now}
        finally:
            self._flushing = None

    def _run(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # ------------------------------------------------------------ listening

    async def _join(self) -> None:
        last = await self._records.append(STREAM, [(_HERE, b"")], life_s=self._settings().open_s)
        self._read(await self._records.query(STREAM, newest=True))
        self._seen = last

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(StoreDownError):
                if self._seen is None:
                    await self._join()
                async for records in self._records.watch(STREAM, after=self._seen):
                    self._read(records)
                    self._seen = records[-1].id
            await self._clock.sleep(_AGAIN_S)

    def _read(self, records: Sequence[Record]) -> None:
        """Hear what the others say of each key, as far as it is newer than what is known."""
        now = max([record.time for record in records], default=0.0)
        for record in records:
            if record.key == _HERE or not self._is_newest(record.key, record.id):
                continue
            with contextlib.suppress(msgspec.MsgspecError):  # of a version that says it otherwise
                said = _SAID.decode(record.data)
                if said.by != self._self:
                    self._hear(said.change, now - record.time)

    def _is_newest(self, key: str, id_: int) -> bool:
        if id_ <= max(self._known.get(key, 0), self._known.get(EVERY, 0)):
            return False
        if len(self._known) >= _MOST_KEYS:
            self._known.clear()
        self._known[key] = id_
        return True
