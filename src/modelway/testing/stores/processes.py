"""What a store promises to several real processes: checks that start some, given its URL.

Each is a plain function, and takes a second or two. A script that calls one has the usual
``if __name__ == "__main__"``, as its processes begin as new ones.
"""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import random
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from modelway.clock import SystemClock
from modelway.ports import Pool, Record, Spent
from modelway.store import Store
from modelway.store.opening import open_store
from modelway.testing.stores.rates import Spend, spend_together, within_the_rate
from modelway.testing.stores.records import ascending
from modelway.testing.stores.subject import fresh, same, true

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext

PROCESSES = 4
_TIMEOUT_S = 10.0
"""More than a store needs on a machine where every processor is busy."""

_Work = Callable[[Store, int], Coroutine[Any, Any, Any]]


def _context() -> SpawnContext | ForkServerContext:
    """Of processes that share nothing with this one; the modules that they need are read once."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def together(url: str, work: _Work, *, processes: int = PROCESSES) -> list[Any]:
    """The same work at the same time in so many processes, each with a store of its own."""
    context = _context()
    with ProcessPoolExecutor(processes, mp_context=context) as pool, context.Manager() as manager:
        barrier = manager.Barrier(processes)
        futures = [pool.submit(_one, url, work, number, barrier) for number in range(processes)]
        return [future.result() for future in futures]


def _one(url: str, work: _Work, number: int, barrier: Any) -> Any:
    async def main() -> Any:
        try:
            store = await open_store(url, timeout_s=_TIMEOUT_S)
        except BaseException:
            barrier.abort()  # the others need not wait
            raise
        try:
            barrier.wait(60)
            return await work(store, number)
        finally:
            await store.aclose()

    return asyncio.run(main())


# ---------------------------------------------------------------- the whole, once


class _Taken(NamedTuple):
    ids: list[int]
    amounts: list[int]


def given_once(url: str) -> None:
    """Whoever asks, together they are given the whole pool, and not one more."""
    pool = Pool(fresh("money"), 1000, math.inf, 3600.0)
    taken: list[_Taken] = together(url, partial(_take_all, pool))
    same(sum([sum(each.amounts) for each in taken]), pool.limit, "all of it, once")
    ids = [grant for each in taken for grant in each.ids]
    same(len(set(ids)), len(ids), "ids are of one grant each, for all processes")
    true(all(each.ids for each in taken), "each was given some")


async def _take_all(pool: Pool, store: Store, number: int) -> _Taken:
    chance = random.Random(number)  # noqa: S311
    taken = _Taken([], [])
    while True:
        grant = await store.leases.take(pool, chance.randint(1, 9), share=16)
        if not grant.amount:
            return taken
        taken.ids.append(grant.id)
        taken.amounts.append(grant.amount)
        if chance.random() < 0.2:  # half of it comes back
            half = grant.amount // 2
            await store.leases.settle(pool, [Spent(grant.id, half), Spent(grant.id, 0)])
            taken.amounts[-1] = half
        await asyncio.sleep(0.001)


# ---------------------------------------------------------------- rates


def never_over_the_rate(url: str) -> None:
    """By the clock of the spenders, which all processes of a machine share."""
    pools = [Pool(fresh("rate"), limit, 0.5, life_s) for limit, life_s in ((10, 0.2), (500, 0.4))]
    for pool, *spends in zip(pools, *together(url, partial(_spend, pools)), strict=True):
        every: list[Spend] = [each for of in spends for each in of]
        within_the_rate(every, pool)
        spent = sum([each.amount for each in every])
        true(spent * 10 >= pool.limit, f"only {spent} were spent, in three windows: {pool}")


async def _spend(pools: list[Pool], store: Store, number: int) -> list[list[Spend]]:
    leases, clock = [store.leases], SystemClock()
    return await asyncio.gather(
        *[spend_together(leases, pool, clock, senders=3, for_s=1.5, seed=number) for pool in pools]
    )


# ---------------------------------------------------------------- records


def records_in_one_order(url: str) -> None:
    """What each process adds, all watch in the same order, without a gap."""
    stream, batches = fresh("stream"), 25
    seen: list[list[Record]] = together(url, partial(_add_and_watch, stream, batches))
    for got in seen:
        ascending(got)
        same(got, seen[0], "all see the same")
    same(len(seen[0]), PROCESSES * batches * 3, "everything was seen")


async def _add_and_watch(stream: str, batches: int, store: Store, number: int) -> list[Record]:
    async def watch() -> list[Record]:
        got: list[Record] = []
        async for records in store.records.watch(stream, after=0):
            got += records
            if len(got) >= PROCESSES * batches * 3:
                break
        return got

    watcher = asyncio.ensure_future(watch())
    for batch in range(batches):
        entries = [(f"{number}", f"{batch}.{n}".encode()) for n in range(3)]
        await store.records.append(stream, entries)
        await asyncio.sleep(0.002)
    async with asyncio.timeout(60):
        return await watcher


# ---------------------------------------------------------------- death


def killed_processes_harm_nobody(url: str) -> None:
    """One that is killed in the middle leaves counted what it may have taken, and the rest works."""
    context = _context()
    pool = Pool(fresh("killed"), 10**9, math.inf, 3600.0)
    for kill_after_s in (0.01, 0.05, 0.1):
        ours, theirs = context.Pipe(duplex=False)
        victim = context.Process(target=_take_and_tell, args=(url, pool, theirs))
        victim.start()
        theirs.close()
        told = ours.recv()  # it is at work
        time.sleep(kill_after_s)
        victim.kill()
        victim.join()
        while True:
            try:
                told = ours.recv()
            except (EOFError, OSError):  # OSError: it was killed within a word
                break
        ours.close()
        left = asyncio.run(_left(url, pool))
        counted = pool.limit - left
        true(told <= counted <= told + 2, f"it told of {told}, and {counted} count")
        pool = pool._replace(name=fresh("killed"))


def _take_and_tell(url: str, pool: Pool, pipe: Any) -> None:
    async def main() -> None:
        store = await open_store(url, timeout_s=_TIMEOUT_S)
        taken = 0
        while True:
            taken += (await store.leases.take(pool, 1)).amount
            pipe.send(taken)

    asyncio.run(main())


async def _left(url: str, pool: Pool) -> int:
    store = await open_store(url, timeout_s=_TIMEOUT_S)
    try:
        return (await store.leases.take(pool, 0)).left
    finally:
        await store.aclose()


CHECKS: tuple[Callable[[str], None], ...] = (
    given_once,
    never_over_the_rate,
    records_in_one_order,
    killed_processes_harm_nobody,
)
"""Every one, from a URL that ``open_store`` takes."""
