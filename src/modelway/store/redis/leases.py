"""Leases, each step of which is one script on the server."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from modelway.ports import Grant, Pool, Spent
from modelway.store.counting import BUCKETS
from modelway.store.names import to_bytes
from modelway.store.redis.servers import Servers, read_script

_LOW_BITS = 31
_LOW = (1 << _LOW_BITS) - 1
_MOST = (1 << 80) - 1
_MOST_SHARES = 1 << 22
"""More are counted as so many: the script's arithmetic is exact up to here."""
_MICROSECOND_S = 1e-6


class RedisLeases:
    """Pools by name, two keys each, which are gone some time after nothing counts any more."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._script = read_script("leases.lua")

    async def take(
        self, pool: Pool, want: int, *, least: int = 1, share: int = 1, spent: Sequence[Spent] = ()
    ) -> Grant:
        answer = await self._step(pool, want=want, least=least, share=share, spent=spent)
        grant, amount_high, amount_low, left_high, left_low, wait_us = answer[:6]
        return Grant(
            (amount_high << _LOW_BITS) + amount_low,
            grant,
            max(0, (left_high << _LOW_BITS) + left_low),
            # rounded up, so that who waits does not ask a moment early
            wait_us and (math.inf if wait_us < 0 else (wait_us + 1) * _MICROSECOND_S),
        )

    async def settle(self, pool: Pool, spent: Sequence[Spent]) -> None:
        if spent:
            await self._step(pool, spent=spent)

    async def renew(self, pool: Pool, grants: Sequence[int]) -> Sequence[int]:
        if not grants:
            return ()
        answer = await self._step(pool, renewed=dict.fromkeys(grants))
        return [int(grant) for grant in answer[6:]]

    async def aclose(self) -> None:
        await self._servers.aclose()

    async def _step(
        self,
        pool: Pool,
        *,
        want: int = 0,
        least: int = 0,
        share: int = 1,
        spent: Sequence[Spent] = (),
        renewed: Iterable[int] = (),
    ) -> list[int]:
        key = b"modelway:{pool/%b}" % to_bytes(pool.name)
        arguments: list[str | bytes | int] = [
            *_halves(pool.limit),
            _microseconds(pool.window_s),
            _microseconds(pool.window_s / BUCKETS) or 1,
            _microseconds(pool.life_s),
            *_halves(want),
            *_halves(least),
            max(1, min(share, _MOST_SHARES)),
            len(spent),
        ]
        for grant, used, ago_s in spent:
            arguments += (grant, *_halves(used), _microseconds(ago_s))
        arguments += renewed
        answer: list[int] = await self._servers.run(
            self._script, [b"%b:counts" % key, b"%b:ends" % key], arguments
        )
        return answer


def _halves(amount: int) -> tuple[int, int]:
    amount = min(amount, _MOST)
    return amount >> _LOW_BITS, amount & _LOW


def _microseconds(seconds: float) -> str | int:
    return "inf" if math.isinf(seconds) else max(0, round(seconds * 1_000_000))
