"""What a call of a store costs: CPU µs of this process, and µs until the answer is there.

    python bench/stores.py [URL ...]

Without a URL: in memory, and in a SQLite file of a temporary directory. Other URLs are of servers that
run; what they do costs them CPU time too, which is not seen here.
"""

from __future__ import annotations

import asyncio
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from modelway.ports import Leases, Pool, Spent
from modelway.store import Store
from modelway.store.opening import open_store

ROUNDS = 7
LOADED = 240
"""Buckets and open grants of a pool that is busy: as many as a window has of the former."""


async def measure(work: Callable[[], Awaitable[object]], calls: int) -> tuple[float, float]:
    """The median of some rounds of so many calls, one after another: CPU and elapsed µs of a call."""
    cpu_us, wall_us = [], []
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(calls):
            await work()
        cpu_us.append((time.process_time() - cpu) / calls * 1e6)
        wall_us.append((time.perf_counter() - wall) / calls * 1e6)
    return statistics.median(cpu_us), statistics.median(wall_us)


async def fill(leases: Leases, pool: Pool) -> None:
    for number in range(LOADED):
        grant = await leases.take(pool, 1)
        await leases.settle(pool, [Spent(grant.id, 1, number * pool.window_s / LOADED)])
    for _ in range(LOADED):
        await leases.take(pool, 1)


async def rows(store: Store, calls: int) -> list[tuple[str, float, float]]:
    leases, many = store.leases, 10**12
    name = f"bench {time.time_ns()}"
    fresh = Pool(f"{name} fresh", many, 60.0, 3600.0)
    busy = Pool(f"{name} busy", many, 3600.0, 3600.0)
    full = busy._replace(name=f"{name} full", limit=2 * LOADED)
    held = Pool(f"{name} held", many, 0.0, 3600.0)
    money = Pool(f"{name} money", many, math.inf, 3600.0)
    for pool in (busy, full):
        await fill(leases, pool)
    spent: list[Spent] = []

    async def lease(pool: Pool) -> None:
        """As a sender does: what became of the last lease goes with the next question."""
        grant = await leases.take(pool, 20, spent=spent)
        spent[:] = [Spent(grant.id, 15)]

    async def hold() -> None:
        grant = await leases.take(held, 1)
        await leases.settle(held, [Spent(grant.id, 0)])

    value = bytes(2000)
    await store.cache.put(name, value, life_s=3600.0)
    found: list[tuple[str, float, float]] = []
    for title, work in (
        ("take, and settle the last one", lambda: lease(fresh)),
        (f"the same, {2 * LOADED} counts in the pool", lambda: lease(busy)),
        ("the same, for money", lambda: lease(money)),
        ("take, then settle", hold),
        (f"a refusal, {2 * LOADED} counts in the pool", lambda: leases.take(full, 1)),
        ("put 2 KB", lambda: store.cache.put(name, value, life_s=3600.0)),
        ("get 2 KB", lambda: store.cache.get(name)),
        ("append a record of 100 bytes", lambda: store.records.append(name, [("k", value[:100])])),
    ):
        spent.clear()
        found.append((title, *await measure(work, calls)))
    return found


async def main(urls: list[str]) -> None:
    for url in urls:
        scheme = url.partition(":")[0]
        store = await open_store(url, timeout_s=10.0)
        try:
            print(f"\n{scheme:<44} CPU µs    µs")
            for title, cpu_us, wall_us in await rows(store, 5000 if scheme == "memory" else 500):
                print(f"  {title:<42} {cpu_us:6.1f} {wall_us:6.1f}")
        finally:
            await store.aclose()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(
            main(sys.argv[1:] or ["memory:", f"sqlite://{Path(directory) / 'bench.sqlite'}"])
        )
