"""A process that spends a budget on a shared store, and writes down what a ledger would.

Run as a program: it reads one line of JSON, replays the journals of those that died, says ``ready``, and
on the next line calls as fast as it may until it has nothing left to call, or its time is over.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from pathlib import Path

from modelway.clock import SystemClock
from modelway.errors import BudgetExceededError
from modelway.policies.budget.budgets import Budgets
from modelway.policies.budget.values import Budget, Spender
from modelway.ports import Pool, Spent
from modelway.store.opening import open_store

SPENDER = Spender("local", "k", "", "", (), "openai", "m", "m", "openai/m")


class Journal:
    """A line for each thing, in one unbuffered write; it is a ``GrantNotes``."""

    def __init__(self, path: Path):
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, *what):
        os.write(self._file, json.dumps([time.monotonic(), *what]).encode() + b"\n")

    def granted(self, pool, grant, amount):
        self.write("granted", list(pool), grant, amount)

    def returned(self, pool, grant):
        self.write("returned", pool, grant)


def read(path: Path):
    """Its lines; one that was cut is not there."""
    for line in path.read_bytes().split(b"\n")[:-1]:
        yield json.loads(line)


def outstanding(path: Path) -> list[tuple[Pool, Spent]]:
    """Grants that were not settled, and what was used of each."""
    pools, used, calls = {}, {}, {}
    for _, what, *rest in read(path):
        if what == "granted":
            pool, grant, _ = rest
            pools[pool[0], grant] = Pool(*pool)
        elif what == "returned":
            pools.pop(tuple(rest), None)
        elif what == "intent":
            call, _, draws = rest
            calls[call] = draws
            for pool, grant, amount in draws:
                used[pool, grant] = used.get((pool, grant), 0) + amount
        elif what == "settled":
            call, cost = rest
            for pool, grant, amount in calls[call]:
                used[pool, grant] += cost - amount
    return [(pool, Spent(key[1], used.get(key, 0))) for key, pool in pools.items()]


async def main(said) -> None:
    store = await open_store(said["url"], timeout_s=5.0)
    journal = Journal(Path(said["journal"]))
    budgets = Budgets(
        [Budget(**one) for one in said["budgets"]],
        store.leases,
        store.records,
        SystemClock(),
        node="node",
        tell=lambda alert: journal.write("alert", alert.kind, alert.percent),
        notes=journal,
    )
    await budgets.start()
    for path in said["dead"]:
        for pool, spent in outstanding(Path(path)):
            await budgets.settle_for(pool, [spent])
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.readline)
    refused = await calls(budgets, journal, said)
    await budgets.aclose()
    await store.aclose()
    print(json.dumps(refused), flush=True)


async def calls(budgets: Budgets, journal: Journal, said) -> int:
    chance = random.Random(said["seed"])
    ends = time.monotonic() + said.get("seconds", 60.0)
    left, refused, number = said["calls"], 0, 0

    async def caller():
        nonlocal left, refused, number
        while left > 0 and time.monotonic() < ends:
            left -= 1
            number += 1
            call, reserved = f"{said['journal']}#{number}", chance.randint(*said["reserved"])
            purse = budgets.purse(SPENDER)
            try:
                hold = purse.reserve(reserved) or await purse.enter(reserved)
            except BudgetExceededError:
                refused += 1
                await asyncio.sleep(chance.random() * said["takes_s"])
                continue
            journal.write("intent", call, reserved, hold.draws)
            await asyncio.sleep(chance.random() * said["takes_s"])
            cost = reserved if said["exact"] else chance.randint(0, reserved)
            if chance.random() < said.get("excess", 0.0):
                cost = reserved + chance.randint(1, reserved)
            journal.write("settled", call, cost)
            hold.settle(cost)

    await asyncio.gather(*[caller() for _ in range(said["callers"])])
    return refused


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.stdin.readline())))
