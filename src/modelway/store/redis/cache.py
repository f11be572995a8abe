"""A cache, with a bound of its own: a server that throws out by itself would take leases too."""

from __future__ import annotations

import math

from modelway.store.names import to_bytes
from modelway.store.redis.servers import Servers, read_script

ENTRY_BYTES = 300
"""What a cached value takes beyond its key's and its own bytes: places in the server's tables."""
_TAG = b"modelway:{cache}:"
_LONGEST_S = 10 * 365 * 86400.0


class RedisCache:
    """Values by key, up to so many bytes in all; the one put longest ago goes first.

    What has ended counts towards the bytes until it is the oldest.
    """

    def __init__(self, servers: Servers, *, most_bytes: int) -> None:
        self._servers = servers
        self._most_bytes = most_bytes
        self._put = read_script("cache_put.lua")

    async def get(self, key: str) -> bytes | None:
        value: bytes | None = await self._servers.call("GET", _named(key))
        return value

    async def put(self, key: str, value: bytes, *, life_s: float) -> None:
        name = _named(key)
        size = 2 * len(name) + len(value) + ENTRY_BYTES
        life_ms = math.ceil(min(life_s, _LONGEST_S) * 1000)
        if size > self._most_bytes:
            value = b""  # it will not be kept: only what was there before goes
        await self._servers.run(
            self._put,
            [name, _TAG + b"order", _TAG + b"sizes"],
            [value, life_ms, size, self._most_bytes],
        )

    async def drop(self, key: str) -> None:
        await self.put(key, b"", life_s=0)

    async def aclose(self) -> None:
        await self._servers.aclose()


def _named(key: str) -> bytes:
    return b"%bv:%b" % (_TAG, to_bytes(key))
