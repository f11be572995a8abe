"""A process that spends as fast as it can, until somebody kills it.

    python ledger_process.py STATE NAME LEDGER_URL

What it did it writes into STATE/NAME.proof, a line each, after it was written down: ``I id reserved``,
``S id cost``. Its grants are real ones, of the store STATE/store.db.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import sys
import zlib
from pathlib import Path

from modelway.clock import SystemClock
from modelway.ledger import ledger as ledger_module
from modelway.ledger.opening import open_ledger
from modelway.ledger.values import Intent, LedgerSettings, Settlement
from modelway.policies.budget.values import Draw
from modelway.ports import Pool, Spent
from modelway.store.opening import open_store

POOL = Pool("budget/all", 2**50, math.inf, 3600.0)
GRANT = 5_000


def cost_of(id_: str) -> int | None:
    """Of an attempt: more than was reserved at times, and not known at others."""
    number = zlib.crc32(id_.encode())
    return None if number % 20 == 0 else number % 250


def reserved_for(id_: str) -> int:
    return 100 + zlib.crc32(id_.encode()) % 100


async def opened(state: Path, url: str):
    """A ledger that gives back to the store's pools, with short segments and little patience."""
    ledger_module._TICK_S = 0.02
    ledger_module._ADOPT_S = 0.1
    store = await open_store(f"sqlite://{state / 'store.db'}", timeout_s=20.0)
    ledger = await open_ledger(
        LedgerSettings(url=url or None, ship_s=0.05, sync_s=0.2),
        state=state,
        clock=SystemClock(),
        node="chaos",
        give_back=store.leases.settle,
    )
    ledger._journal._segment_bytes = 20_000
    return ledger, store


class Spender:
    def __init__(self, ledger, leases, name: str, proof: int, chance: random.Random) -> None:
        self.ledger = ledger
        self.leases = leases
        self.name = name
        self.proof = proof
        self.chance = chance
        self.numbers = iter(range(10**9))
        self.used: dict[int, int] = {}
        """What was used of grants that are ours."""

    async def spend(self) -> None:
        """A grant, some attempts of it, two of them at once, and back with the rest."""
        while True:
            grant = await self.leases.take(POOL, GRANT, least=GRANT)
            self.ledger.granted(POOL, grant.id, grant.amount)
            self.used[grant.id] = 0
            await asyncio.gather(*[self._some(grant.id) for _ in range(2)])
            await self.leases.settle(POOL, [Spent(grant.id, self.used.pop(grant.id))])
            self.ledger.returned(POOL.name, grant.id)

    async def _some(self, grant: int) -> None:
        for _ in range(self.chance.randrange(1, 20)):
            id_ = f"{self.name}-{next(self.numbers)}.1"
            reserved = reserved_for(id_)
            self.ledger.intend(intent_of(id_, grant))
            self._prove(f"I {id_} {reserved}")
            await asyncio.sleep(self.chance.choice((0, 0, 0.002)))
            cost = cost_of(id_)
            basis = "unknown" if cost is None else "catalogue"
            self.ledger.settle(Settlement(id=id_, cost_pico_usd=cost, basis=basis))
            self.used[grant] += reserved if cost is None else cost
            self._prove(f"S {id_} {cost}")

    def _prove(self, said: str) -> None:
        os.write(self.proof, f"{said}\n".encode())


def intent_of(id_: str, grant: int) -> Intent:
    reserved = reserved_for(id_)
    return Intent(
        id=id_,
        time=1_790_000_000.0 + zlib.crc32(id_.encode()) % 100_000,
        tenant="t",
        key="k",
        team="",
        user=id_.partition("-")[0],
        tags=("a", "b"),
        operation="chat",
        stream=False,
        asked="fast",
        deployment="d",
        provider="p",
        model="m",
        reserved_pico_usd=reserved,
        draws=(Draw(POOL.name, grant, reserved),),
    )


async def main(state: Path, name: str, url: str) -> None:
    ledger, store = await opened(state, url)
    await ledger.start()
    proof = os.open(state / f"{name}.proof", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    spender = Spender(ledger, store.leases, name, proof, random.Random(name))
    print("ready", flush=True)
    await asyncio.gather(*[spender.spend() for _ in range(3)])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
