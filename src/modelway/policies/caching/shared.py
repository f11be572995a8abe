"""What processes keep together: in a store that may be slow, away, or written to by others.

None of that is an error here: what cannot be had at once, or was not written by us, is not there.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Coroutine, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from modelway.errors import LLMError
from modelway.ports import Cache, Clock

MOST_WAIT_S = 0.05
"""How long a call waits for the store at most."""
_PAUSE_S = 1.0
"""How long a store that did not answer is left alone."""
_MOST_WRITES = 64
"""At once; what would be one more is not written."""
_MOST_WRITE_S = 5.0
_SKEW_S = 60.0
"""By how much the clock of another machine may be ahead."""
_SEAL_BYTES = 32
_PLACE = "answers:"

_encode = msgspec.msgpack.Encoder().encode


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
        self._rests_until = 0.0
        self._down = False
        self._writes: set[asyncio.Task[None]] = set()

    async def find(self, names: Sequence[bytes]) -> Found | None:
        """The first of these that is there, within a bounded time."""
        if self._clock.monotonic() < self._rests_until:
            return None
        try:
            async with asyncio.timeout(MOST_WAIT_S):
                for name in names:
                    place = self._place(name)
                    found = self._read(name, place, await self._cache.get(place))
                    if found is not None:
                        break
        except (LLMError, OSError) as error:
            self._failed(error)
            return None
        self._answered()
        return found

    def put(self, name: bytes, data: bytes, life_s: float) -> None:
        """Write in the background; not where too much is being written already."""
        if len(self._writes) >= _MOST_WRITES or self._clock.monotonic() < self._rests_until:
            return
        place = self._place(name)
        value = _encode(_Written(data, self._clock.time(), life_s))
        value = self._seal(place, value) + value
        self._start(self._cache.put(place, value, life_s=life_s))

    async def aclose(self) -> None:
        """Wait for what is being written; the store stays open."""
        if self._writes:
            await asyncio.wait(self._writes)

    def _start(self, write: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._written(write))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    async def _written(self, write: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(_MOST_WRITE_S):
                await write
        except (LLMError, OSError) as error:
            self._failed(error)
        else:
            self._answered()

    def _place(self, name: bytes) -> str:
        """Who reads the store cannot tell from it what was asked."""
        return _PLACE + hashlib.blake2b(name, key=self._secret, digest_size=32).hexdigest()

    def _seal(self, place: str, value: bytes) -> bytes:
        sealed = hashlib.blake2b(
            key=self._secret, digest_size=_SEAL_BYTES, person=b"modelway answer"
        )
        sealed.update(place.encode())
        sealed.update(value)
        return sealed.digest()

    def _read(self, name: bytes, place: str, value: bytes | None) -> Found | None:
        if value is None:
            return None
        seal, value = value[:_SEAL_BYTES], value[_SEAL_BYTES:]
        if not hmac.compare_digest(seal, self._seal(place, value)):
            return None
        try:
            written = _decode(value)
        except (msgspec.DecodeError, RecursionError):
            return None
        age_s = self._clock.time() - written.time_s
        if not -_SKEW_S < age_s < written.life_s:
            return None
        return Found(name, written.data, max(age_s, 0.0), written.life_s)

    def _failed(self, error: Exception) -> None:
        self._rests_until = self._clock.monotonic() + _PAUSE_S
        if not self._down:
            self._down = True
            logging.getLogger("modelway").warning(
                "the cache does without its store, which does not answer: %s",
                error or f"not within {MOST_WAIT_S:g} s",
            )

    def _answered(self) -> None:
        if self._down:
            self._down = False
            logging.getLogger("modelway").info("the cache has its store again")
