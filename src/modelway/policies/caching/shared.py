"""What processes keep together: in a store that may be slow, away, or written to by others.

None of that is an error here: what cannot be had at once, or was not written by us, is not there.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import math
from collections.abc import Awaitable, Sequence
from typing import NamedTuple

import msgspec
from msgspec import Struct

from modelway.errors import LLMError
from modelway.ports import Cache, Clock

MOST_WAIT_S = 0.05
"""How long a call waits for the store at most."""
FRESH_S = 1.0
"""How old what is known of others' clearing may be; and how long a store that failed is left alone."""
_MOST_WRITES = 64
"""At once; what would be one more is not written."""
_MOST_WRITE_S = 5.0
_SKEW_S = 60.0
"""By how much the clock of another machine may be ahead."""
_MARGIN_S = 1.0
"""What is not older than a clearing by more than this is taken for older."""
_MOST_TENANTS = 10_000
_SEAL_BYTES = 32
_ALL = b"all"

_encode = msgspec.msgpack.Encoder().encode
_log = logging.getLogger("modelway")


class Found(NamedTuple):
    name: bytes
    data: bytes
    age_s: float
    life_s: float


class _Written(Struct, frozen=True, array_like=True):
    data: bytes
    time_s: float
    life_s: float


_decode = msgspec.msgpack.Decoder(_Written).decode


class Shared:
    """Entries by name, each sealed with the installation's secret together with its name."""

    def __init__(self, cache: Cache, clock: Clock, secret: bytes) -> None:
        self._cache = cache
        self._clock = clock
        self._secret = hashlib.sha256(secret).digest() if secret else b""
        self._rests_until = -math.inf
        self._down = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._cleared: dict[str, tuple[float, float]] = {}
        """By tenant: when it was looked for last, and up to when all is cleared; monotonic."""
        self._looks: dict[str, asyncio.Task[None]] = {}

    # ------------------------------------------------------------ entries

    async def find(self, tenant: str, names: Sequence[bytes]) -> Found | None:
        """The first of these that is there, within a bounded time."""
        if self._clock.monotonic() < self._rests_until:
            return None
        try:
            async with asyncio.timeout(MOST_WAIT_S):
                found = await self._first(tenant, names)
        except (LLMError, OSError) as error:
            self._failed(error)
            return None
        self._answered()
        return found

    def put(self, name: bytes, data: bytes, life_s: float) -> None:
        """Write in the background; not where too much is being written already."""
        if len(self._tasks) < _MOST_WRITES and self._clock.monotonic() >= self._rests_until:
            self._start(self._write(b"answer", name, data, life_s))

    async def aclose(self) -> None:
        """Wait for what is being written; the store stays open."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _first(self, tenant: str, names: Sequence[bytes]) -> Found | None:
        uncleared_s = self._clock.monotonic() - self.cleared_s(tenant)
        for name in names:
            written = await self._read(b"answer", name)
            if written is None:
                continue
            age_s = self._clock.time() - written.time_s
            if not -_SKEW_S < age_s < written.life_s or age_s >= uncleared_s:
                continue
            return Found(name, written.data, max(age_s, 0.0), written.life_s)
        return None

    # ------------------------------------------------------------ clearing

    async def clear(self, tenant: str | None, life_s: float) -> None:
        """Let nothing serve that was written up to now; StoreDownError where that cannot be said."""
        which = _ALL if tenant is None else _one(tenant)
        await self._write(b"cleared", which, b"", life_s)
        self._cleared.clear()

    def cleared_s(self, tenant: str) -> float:
        """Up to when all is cleared, on the monotonic clock, as far as is known."""
        known = self._cleared.get(tenant)
        return -math.inf if known is None else known[1]

    def knows(self, tenant: str) -> bool:
        """Whether it has been found out lately what others have cleared; if not, ``look`` does."""
        now_s = self._clock.monotonic()
        known = self._cleared.get(tenant)
        return (known is not None and now_s - known[0] < FRESH_S) or now_s < self._rests_until

    async def look(self, tenant: str) -> None:
        """Find out what others have cleared, as far as that takes a moment; those who ask share it."""
        task = self._looks.get(tenant)
        if task is None:
            task = self._looks[tenant] = self._start(self._look(tenant))
            task.add_done_callback(lambda _: self._looks.pop(tenant))
        done, _ = await asyncio.wait((task,), timeout=MOST_WAIT_S)
        if not done:
            self._failed(TimeoutError())

    async def _look(self, tenant: str) -> None:
        now_s, until_s = self._clock.monotonic(), self.cleared_s(tenant)
        for which in (_ALL, _one(tenant)):
            written = await self._read(b"cleared", which)
            if written is not None:
                age_s = max(self._clock.time() - written.time_s, 0.0)
                until_s = max(until_s, now_s - age_s + _MARGIN_S)
        if len(self._cleared) >= _MOST_TENANTS:
            self._cleared.clear()
        self._cleared[tenant] = (now_s, until_s)

    # ------------------------------------------------------------ the store

    def _start(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self._done(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _done(self, work: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(_MOST_WRITE_S):
                await work
        except (LLMError, OSError) as error:
            self._failed(error)
        else:
            self._answered()

    async def _write(self, kind: bytes, name: bytes, data: bytes, life_s: float) -> None:
        place = self._place(kind, name)
        value = _encode(_Written(data, self._clock.time(), life_s))
        await self._cache.put(place, self._seal(place, value) + value, life_s=life_s)

    async def _read(self, kind: bytes, name: bytes) -> _Written | None:
        place = self._place(kind, name)
        value = await self._cache.get(place)
        if value is None:
            return None
        seal, value = value[:_SEAL_BYTES], value[_SEAL_BYTES:]
        if not hmac.compare_digest(seal, self._seal(place, value)):
            return None
        try:
            return _decode(value)
        except (msgspec.DecodeError, RecursionError):
            return None

    def _place(self, kind: bytes, name: bytes) -> str:
        """Who reads the store cannot tell from it what was asked."""
        digest = hashlib.blake2b(name, key=self._secret, person=kind, digest_size=32)
        return f"cache:{digest.hexdigest()}"

    def _seal(self, place: str, value: bytes) -> bytes:
        sealed = hashlib.blake2b(place.encode(), key=self._secret, digest_size=_SEAL_BYTES)
        sealed.update(value)
        return sealed.digest()

    def _failed(self, error: Exception) -> None:
        self._rests_until = self._clock.monotonic() + FRESH_S
        if not self._down:
            self._down = True
            why = str(error) or f"it did not answer within {MOST_WAIT_S:g} s"
            _log.warning("the cache does without its store: %s", why)

    def _answered(self) -> None:
        if self._down:
            self._down = False
            _log.info("the cache has its store again")


def _one(tenant: str) -> bytes:
    return b"=" + tenant.encode()
