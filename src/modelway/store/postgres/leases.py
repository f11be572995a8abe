"""Leases on PostgreSQL: a step is one function there, under a lock on the pool's name."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ports import Grant, Pool, Spent
from modelway.store.postgres.connections import Connections
from modelway.store.postgres.names import stored
from modelway.store.postgres.sweeping import Sweeper

_TAKE = "select * from modelway.take($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
_SETTLE = "select modelway.settle($1, $2, $3, $4, $5, $6)"
_RENEW = "select modelway.renew($1, $2, $3, $4, $5)"
_MOST = 2**63 - 1


class PostgresLeases:
    """``Leases``. Amounts over 9.2e18 (nine million dollars in pico-dollars) are taken for that."""

    def __init__(self, connections: Connections, sweeper: Sweeper) -> None:
        self._connections = connections
        self._sweeper = sweeper

    async def take(
        self, pool: Pool, want: int, *, least: int = 1, share: int = 1, spent: Sequence[Spent] = ()
    ) -> Grant:
        rows = await self._connections.step(
            _TAKE,
            stored(pool.name),
            _bounded(pool.limit),
            pool.window_s,
            pool.life_s,
            _bounded(want),
            _bounded(least),
            max(_bounded(share), 1),
            *_columns(spent),
        )
        self._sweeper.now_and_then()
        return Grant(*rows[0])

    async def settle(self, pool: Pool, spent: Sequence[Spent]) -> None:
        if spent:
            await self._connections.step(
                _SETTLE, stored(pool.name), pool.window_s, *_columns(spent)
            )

    async def renew(self, pool: Pool, grants: Sequence[int]) -> Sequence[int]:
        ids = [grant for grant in dict.fromkeys(grants) if 0 < grant <= _MOST]
        if not ids:
            return []
        rows = await self._connections.step(
            _RENEW, stored(pool.name), pool.window_s, pool.life_s, ids
        )
        there = {row[0] for row in rows}
        return [grant for grant in ids if grant in there]

    async def aclose(self) -> None:
        """The connections are the store's, which closes them."""


def _columns(spent: Sequence[Spent]) -> tuple[list[int], list[int], list[float]]:
    """Of each grant what is said first."""
    once: dict[int, Spent] = {}
    for each in spent:
        once.setdefault(_bounded(each.grant), each)
    return (
        list(once),
        [_bounded(each.used) for each in once.values()],
        [max(each.ago_s, 0.0) for each in once.values()],
    )


def _bounded(number: int) -> int:
    return min(max(number, 0), _MOST)
