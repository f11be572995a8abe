"""What budgets cost a request: CPU time of finding the purse, reserving and settling.

``python bench/budgets.py``. CPU is this process's own, the best of several rounds, with what refills
cost spread over them; round trips are counted on a store in memory, at a steady load.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import deque

from modelway.clock import SystemClock
from modelway.policies.budget.budgets import Budgets
from modelway.policies.budget.values import Budget, Spender
from modelway.store.memory import open_memory

USD = 10**12
CENT = USD // 100
SPENDER = Spender(
    *("acme", "key-of-the-build", "platform", "ann@acme.example", ("ci", "nightly")),
    *("openai", "gpt-4o-mini", "fast", "openai/gpt-4o-mini"),
)
SCOPES = ({"key": "*"}, {"team": "*"}, {"tenant": "*", "provider": "*"}, {})
PERIODS = ("day", "month", "total", "week")


def some(number: int) -> list[Budget]:
    return [
        Budget(
            name=f"b{at}",
            limit_pico_usd=10**5 * USD,
            period=PERIODS[at],
            about=SCOPES[at],
            time_zone="Europe/Berlin",
        )
        for at in range(number)
    ]


async def opened(number: int) -> Budgets:
    store = open_memory()
    clock = SystemClock()
    return Budgets(
        some(number), store.leases, store.records, clock, node="bench", tell=lambda _: None
    )


async def reserve_and_settle_us(number: int, requests: int, open_at_once: int) -> float:
    """CPU µs of reserving and settling, the purse at hand."""
    budgets = await opened(number)
    purse = budgets.purse(SPENDER)
    holds = deque([await purse.enter(CENT) for _ in range(open_at_once)])
    before = time.process_time()
    for at in range(requests):
        hold = purse.reserve(CENT) or await purse.enter(CENT)
        holds.append(hold)
        holds.popleft().settle(CENT // 10)
        if at % 100 == 0:
            await asyncio.sleep(0)
    spent = time.process_time() - before
    for hold in holds:
        hold.settle(None)
    await budgets.aclose()
    return spent / requests * 1e6


async def purse_us(requests: int) -> float:
    budgets = await opened(4)
    budgets.purse(SPENDER)
    spenders = [Spender(*SPENDER) for _ in range(requests)]
    before = time.process_time()
    for spender in spenders:
        budgets.purse(spender)
    spent = time.process_time() - before
    await budgets.aclose()
    return spent / requests * 1e6


async def draws_us(number: int, requests: int) -> float:
    """CPU µs of saying what came of which grant, for the ledger."""
    budgets = await opened(number)
    hold = await budgets.purse(SPENDER).enter(CENT)
    before = time.process_time()
    for _ in range(requests):
        hold.draws  # noqa: B018 - it is made when it is read
    spent = time.process_time() - before
    hold.release()
    await budgets.aclose()
    return spent / requests * 1e6


class Counted:
    """Leases that count how often they are asked."""

    def __init__(self, leases) -> None:
        self.leases = leases
        self.trips = 0

    def __getattr__(self, name):
        self.trips += name in {"take", "settle", "renew"}
        return getattr(self.leases, name)


async def trips(limit_usd: float, per_second: int, seconds: float, processes: int) -> float:
    """Round trips in 1,000 requests of a cent that are answered after half a second."""
    store = open_memory()
    counted = Counted(store.leases)
    budget = Budget(name="b", limit_pico_usd=int(limit_usd * USD), period="total")
    made = [
        Budgets([budget], counted, store.records, SystemClock(), node="n", tell=lambda _: None)
        for _ in range(processes)
    ]
    done = 0

    async def call(budgets: Budgets) -> None:
        nonlocal done
        purse = budgets.purse(SPENDER)
        hold = purse.reserve(CENT) or await purse.enter(CENT)
        await asyncio.sleep(0.5)
        hold.settle(CENT // 10)
        done += 1

    tasks = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        tasks.append(asyncio.create_task(call(made[len(tasks) % processes])))
        await asyncio.sleep(1 / per_second)
    await asyncio.gather(*tasks)
    found = counted.trips / done * 1000
    for budgets in made:
        await budgets.aclose()
    return found


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0)
    said = parser.parse_args()
    rounds, requests = range(said.rounds), said.requests
    for number in (0, 1, 2, 4):
        best = min([await reserve_and_settle_us(number, requests, 50) for _ in rounds])
        print(f"{number} budgets: reserve and settle {best:.2f} CPU µs")
    print(f"purse of a known spender: {min([await purse_us(requests) for _ in rounds]):.2f} CPU µs")
    for number in (1, 4):
        best = min([await draws_us(number, requests) for _ in rounds])
        print(f"draws of {number} budgets: {best:.2f} CPU µs")
    for limit_usd, per_second, processes in (
        *((1000, 200, 1), (1000, 200, 4), (1000, 20, 1), (1000, 20, 4)),
        *((5, 200, 1), (5, 200, 4)),
    ):
        found = await trips(limit_usd, per_second, said.seconds, processes)
        print(
            f"{limit_usd} USD, {per_second} requests/s over {processes}: "
            f"{found:.0f} round trips in 1,000 requests"
        )


asyncio.run(main())
