"""Leases in a file: a row for every grant that is out and every bucket of what was used."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from modelway.ports import Grant, Pool, Spent
from modelway.store.counting import counted_until, part, wait_s
from modelway.store.names import to_bytes
from modelway.store.sqlite.file import SqliteFile
from modelway.store.sqlite.machine import Now

_MOST_DROPPED = 500
"""Rows that one call clears away, so that none pays for all."""
_MOST = 2**63 - 1
_DROP_ENDED = f"""
DELETE FROM counts WHERE id IN
(SELECT id FROM counts WHERE until <= ? ORDER BY until LIMIT {_MOST_DROPPED})
"""  # noqa: S608
_TOTAL = """
SELECT total(amount >> 32), total(amount & 0xffffffff) FROM counts WHERE pool = ? AND until > ?
"""
"""In halves, each of which a float holds exactly: whole amounts may add up past what SQLite adds."""
_ENDING = "SELECT until, amount FROM counts WHERE pool = ? AND until > ? ORDER BY until"
_GIVE = "INSERT INTO counts (pool, until, amount, held) VALUES (?, ?, ?, 1)"
_TAKE_BACK = "DELETE FROM counts WHERE id = ? AND pool = ? AND held = 1 AND until > ?"
_ADD = f"""
UPDATE counts SET amount = amount + min(?, {_MOST} - amount)
WHERE pool = ? AND until = ? AND held = 0
"""  # noqa: S608
_BEGIN = "INSERT INTO counts (pool, until, amount, held) VALUES (?, ?, ?, 0)"
_RENEW = "UPDATE counts SET until = ? WHERE id = ? AND pool = ? AND held = 1 AND until > ?"


class SqliteLeases:
    """Pools of all processes that open the file. An amount over 2**63 - 1 is taken for that."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    async def take(
        self, pool: Pool, want: int, *, least: int = 1, share: int = 1, spent: Sequence[Spent] = ()
    ) -> Grant:
        def work(connection: sqlite3.Connection, now: Now) -> Grant:
            moment, name = now.awake_s, to_bytes(pool.name)
            _settle(connection, pool, spent, moment)
            connection.execute(_DROP_ENDED, (moment,))
            high, low = connection.execute(_TOTAL, (name, moment)).fetchone()
            left = min(pool.limit, _MOST) - (int(high) << 32) - int(low)
            amount = part(left, want, least, share)
            if amount:
                until = moment + pool.life_s + pool.window_s
                given = connection.execute(_GIVE, (name, until, amount))
                return Grant(amount, given.lastrowid or 0, left - amount)
            if left >= least:
                return Grant(0, 0, max(left, 0))
            ending = connection.execute(_ENDING, (name, moment))
            return Grant(0, 0, max(left, 0), wait_s(moment, least - left, ending))

        return await self._file.write(work)

    async def settle(self, pool: Pool, spent: Sequence[Spent]) -> None:
        if spent:
            await self._file.write(lambda on, now: _settle(on, pool, spent, now.awake_s))

    async def renew(self, pool: Pool, grants: Sequence[int]) -> Sequence[int]:
        def work(connection: sqlite3.Connection, now: Now) -> list[int]:
            moment, name = now.awake_s, to_bytes(pool.name)
            until = moment + pool.life_s + pool.window_s
            return [
                grant
                for grant in dict.fromkeys(grants)
                if abs(grant) <= _MOST
                and connection.execute(_RENEW, (until, grant, name, moment)).rowcount
            ]

        return await self._file.write(work) if grants else []

    async def aclose(self) -> None:
        await self._file.aclose()


def _settle(
    connection: sqlite3.Connection, pool: Pool, spent: Sequence[Spent], moment: float
) -> None:
    name = to_bytes(pool.name)
    for grant, used, ago_s in spent:
        if abs(grant) > _MOST:
            continue
        if not connection.execute(_TAKE_BACK, (grant, name, moment)).rowcount:
            continue
        until = counted_until(moment, ago_s, pool.window_s)
        if used <= 0 or until <= moment:
            continue
        amount = min(used, _MOST)
        if not connection.execute(_ADD, (amount, name, until)).rowcount:
            connection.execute(_BEGIN, (name, until, amount))
