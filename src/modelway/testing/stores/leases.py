"""What ``Leases`` promise: how much is given, and what comes back."""

from __future__ import annotations

import asyncio
import math

from modelway.ports import Grant, Leases, Pool, Spent
from modelway.testing.stores.subject import (
    ODD_NAMES,
    PATIENCE_S,
    REFUSABLE_NAMES,
    REFUSALS,
    Contract,
    Subject,
    comes_back,
    fresh,
    is_down,
    opened,
    same,
    true,
)

WINDOW_S = 0.5
"""Of rates that are waited for."""
LONG_S = 3600.0
"""A life or a window of which no test sees the end."""


def money(limit: int = 100) -> Pool:
    return Pool(fresh("money"), limit, math.inf, LONG_S)


def held(limit: int = 10, life_s: float = LONG_S) -> Pool:
    return Pool(fresh("held"), limit, 0.0, life_s)


def rate(limit: int = 10, window_s: float = WINDOW_S, life_s: float = WINDOW_S / 2) -> Pool:
    return Pool(fresh("rate"), limit, window_s, life_s)


async def left(leases: Leases, pool: Pool) -> int:
    return (await leases.take(pool, 0)).left


async def all_of(leases: Leases, pool: Pool) -> Grant:
    grant = await leases.take(pool, pool.limit)
    same(grant.amount, pool.limit, "an untouched pool is given whole")
    return grant


# ---------------------------------------------------------------- how much is given


async def given_until_none_is_left(subject: Subject) -> None:
    async with opened(subject) as store:
        for pool in (money(), held(100), rate(100, LONG_S, LONG_S)):
            grants = [await store.leases.take(pool, 30) for _ in range(5)]
            same([grant.amount for grant in grants], [30, 30, 30, 10, 0], "amounts")
            same([grant.left for grant in grants], [70, 40, 10, 0, 0], "what is left")
            same(len({grant.id for grant in grants[:4]}), 4, "ids are of one grant each")
            same([grant.wait_s for grant in grants[:4]], [0.0] * 4, "who got some need not wait")
            true(grants[4].wait_s > 0, "who got nothing waits")


async def least_or_nothing(subject: Subject) -> None:
    async with opened(subject) as store:
        pool = money(10)
        await store.leases.take(pool, 7)
        refused = await store.leases.take(pool, 9, least=4)
        same((refused.amount, refused.left), (0, 3), "3 are left where 4 are the least")
        same(refused.wait_s, math.inf, "what is spent for ever does not come back")
        same((await store.leases.take(pool, 9, least=3)).amount, 3, "3 are left, and enough")
        same((await store.leases.take(held(10), 20, least=11)).wait_s, math.inf, "over the limit")
        same((await store.leases.take(money(0), 1)).wait_s, math.inf, "nothing of nothing")


async def parts_shrink(subject: Subject) -> None:
    async with opened(subject) as store:
        pool, rest = money(1000), 1000
        for _ in range(12):
            grant = await store.leases.take(pool, 600, least=20, share=4)
            wanted = max(20, rest // 4)
            rest -= wanted
            same((grant.amount, grant.left), (wanted, rest), "a quarter of what is left")
        small = await store.leases.take(pool, 3, least=1, share=4)
        same(small.amount, 3, "no more than was wanted")


async def asking_takes_nothing(subject: Subject) -> None:
    async with opened(subject) as store:
        pool = money(5)
        for _ in range(3):
            same(await store.leases.take(pool, 0), Grant(0, 0, 5), "an untouched pool")
        grant = await all_of(store.leases, pool)
        asked = await store.leases.take(pool, 0)
        same((asked.amount, asked.left), (0, 0), "a pool that is taken")
        asked = await store.leases.take(pool, 0, spent=[Spent(grant.id, 2)])
        same(asked, Grant(0, 0, 3), "asking settles too")


async def limit_of_the_last_call(subject: Subject) -> None:
    async with opened(subject) as store, opened(subject) as other:
        pool = money(10)
        await all_of(store.leases, pool)
        more, less = pool._replace(limit=15), pool._replace(limit=4)
        same((await other.leases.take(more, 10)).amount, 5, "a limit that was raised")
        refused = await store.leases.take(less, 1)
        same((refused.amount, refused.left), (0, 0), "a limit that was lowered below what is out")
        same(await left(store.leases, pool._replace(limit=16)), 1, "raised again")


async def large_amounts_are_exact(subject: Subject) -> None:
    """Pico-dollars: a million of them times a million is a dollar."""
    async with opened(subject) as store:
        pool = money(10**18 + 1)
        grant = await store.leases.take(pool, 10**18 - 1)
        same((grant.amount, grant.left), (10**18 - 1, 2), "to the last one")
        same((await store.leases.take(pool, 1)).left, 1, "to the last one")
        await store.leases.settle(pool, [Spent(grant.id, 2**53 + 1)])
        same(await left(store.leases, pool), 10**18 - 2**53 - 1, "what was used, to the last one")


async def pools_are_apart(subject: Subject) -> None:
    async with opened(subject) as store:
        start = fresh()
        for name in ODD_NAMES:
            pool = Pool(start + name, 3, LONG_S, LONG_S)
            same((await store.leases.take(pool, 2)).left, 1, f"the pool {name!r} is another's")
        for name in REFUSABLE_NAMES:
            pool = Pool(start + name, 3, LONG_S, LONG_S)
            try:
                same((await store.leases.take(pool, 2)).left, 1, f"the pool {name!r}")
            except REFUSALS:
                continue


async def many_at_once(subject: Subject) -> None:
    """Whoever asks, together they are given the whole, and not one more."""
    async with opened(subject) as store, opened(subject) as other:
        for pool in (money(100), held(100), rate(100, LONG_S, LONG_S)):
            grants = await asyncio.gather(
                *[(store, other)[n % 2].leases.take(pool, 7, share=1 + n % 3) for n in range(80)]
            )
            got = [grant for grant in grants if grant.amount]
            rest = await store.leases.take(pool, 100)
            same(sum([grant.amount for grant in got]) + rest.amount, 100, "all of it, once")
            same(len({grant.id for grant in got}), len(got), "ids are of one grant each")


# ---------------------------------------------------------------- giving back


async def unused_comes_back(subject: Subject) -> None:
    async with opened(subject) as store, opened(subject) as other:
        for pool in (money(), rate(100, LONG_S, LONG_S)):
            grant = await all_of(store.leases, pool)
            await other.leases.settle(pool, [Spent(grant.id, 30)])
            same(await left(store.leases, pool), 70, "30 of 100 were used")
        pool = held(100)
        grant = await all_of(store.leases, pool)
        await other.leases.settle(pool, [Spent(grant.id, 100)])
        same(await left(store.leases, pool), 100, "nothing remains of what was only held")


async def settled_once(subject: Subject) -> None:
    async with opened(subject) as store, opened(subject) as other:
        pool, stranger = money(), money()
        first = await store.leases.take(pool, 40)
        theirs = await store.leases.take(stranger, 40)
        await asyncio.gather(
            *[each.leases.settle(pool, [Spent(first.id, 10)] * 2) for each in (store, other) * 5]
        )
        await store.leases.settle(pool, [Spent(first.id, 90), Spent(theirs.id, 0)])
        await store.leases.settle(pool, [Spent(2**40, 50), Spent(0, 50), Spent(-1, 50)])
        await store.leases.settle(pool, [Spent(first.id + n, 0) for n in range(-20, 20)])
        await store.leases.settle(pool, [])
        same(await left(store.leases, pool), 90, "one grant, of which 10 were used")
        same(await left(store.leases, stranger), 60, "a grant is settled in its own pool only")


async def ids_are_never_used_anew(subject: Subject) -> None:
    ids: list[int] = []
    for pool in (money(), held(), money()):
        for _ in range(3):
            async with opened(subject) as store:
                ids.append((await store.leases.take(pool, 1)).id)
                await store.leases.settle(pool, [Spent(ids[-1], 0)])
    same(len(set(ids)), 9, f"a late word about a grant is not of a later one: {ids}")


async def settled_while_taking(subject: Subject) -> None:
    async with opened(subject) as store:
        pool = money(10)
        first = await all_of(store.leases, pool)
        second = await store.leases.take(pool, 10, spent=[Spent(first.id, 4)])
        same((second.amount, second.left), (6, 0), "what comes back can be taken at once")
        again = await store.leases.take(pool, 10, spent=[Spent(first.id, 0), Spent(second.id, 5)])
        same(again.amount, 1, "a grant that was settled is ignored, others are not")
        for pool, ago_s in ((held(10), 0.0), (rate(10, 5.0, LONG_S), 6.0)):
            first = await all_of(store.leases, pool)
            second = await store.leases.take(pool, 10, spent=[Spent(first.id, 10, ago_s)])
            same(
                second.amount,
                10,
                "nor does what was used, where it no longer counts, stand in its way",
            )


async def many_settled_together(subject: Subject) -> None:
    async with opened(subject) as store:
        pool = money(300)
        grants = [await store.leases.take(pool, 2) for _ in range(150)]
        await store.leases.settle(pool, [Spent(grant.id, 1) for grant in grants])
        same(await left(store.leases, pool), 150, "half of each was used")


async def more_used_than_granted(subject: Subject) -> None:
    async with opened(subject) as store:
        pool = money(100)
        grant = await store.leases.take(pool, 10)
        await store.leases.settle(pool, [Spent(grant.id, 150)])
        refused = await store.leases.take(pool, 1)
        same((refused.amount, refused.left), (0, 0), "a debt is never shown as less than nothing")
        same(await left(store.leases, pool._replace(limit=160)), 10, "but it is a debt")


async def settled_late(subject: Subject) -> None:
    """After its end a grant counts whole, until somebody says how much it was."""
    async with opened(subject) as store:
        pool = rate(100, LONG_S, 0.05)
        grant = await all_of(store.leases, pool)
        await subject.clock.sleep(0.1)
        same(await left(store.leases, pool), 0, "nobody said that it was not used")
        await store.leases.settle(pool, [Spent(grant.id, 1, 0.08)])
        same(await left(store.leases, pool), 99, "one was used")


# ---------------------------------------------------------------- faults


async def gone_and_back(subject: Subject) -> None:
    if subject.outage is None:
        return
    async with opened(subject) as store:
        pool = money(10)
        grant = await store.leases.take(pool, 4)
        async with subject.outage():
            await is_down(lambda: store.leases.take(pool, 1))
            await is_down(lambda: store.leases.settle(pool, [Spent(grant.id, 4)]))
            await is_down(lambda: store.leases.renew(pool, [grant.id]))
        await comes_back(lambda: store.leases.renew(pool, [grant.id]))
        await store.leases.settle(pool, [Spent(grant.id, 3)])
        true(5 <= await left(store.leases, pool) <= 7, "what counted before still counts")


async def cancelled_takes_do_no_harm(subject: Subject) -> None:
    """At its worst what a cancelled call took is counted; the next call works."""
    async with opened(subject) as store:
        pool = held(1000)
        for delay_s in (0.0, 0.0005, 0.002):
            tasks = [asyncio.ensure_future(store.leases.take(pool, 1)) for _ in range(20)]
            await asyncio.sleep(delay_s)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(PATIENCE_S):
            same((await store.leases.take(pool, 900)).amount, 900, "it goes on")
            true(40 <= await left(store.leases, pool) <= 100, "each counted once at most")


CONTRACTS: tuple[Contract, ...] = (
    Contract("given until none is left", given_until_none_is_left),
    Contract("the least or nothing", least_or_nothing),
    Contract("parts shrink with what is left", parts_shrink),
    Contract("asking takes nothing", asking_takes_nothing),
    Contract("the limit is the last call's", limit_of_the_last_call),
    Contract("large amounts are exact", large_amounts_are_exact),
    Contract("pools are apart by any name", pools_are_apart),
    Contract("many at once are given the whole once", many_at_once),
    Contract("what was not used comes back", unused_comes_back),
    Contract("a grant is settled once, in its pool", settled_once),
    Contract("ids are never used anew", ids_are_never_used_anew),
    Contract("taking settles first", settled_while_taking),
    Contract("many are settled together", many_settled_together),
    Contract("more used than granted is a debt", more_used_than_granted),
    Contract("a late word still counts", settled_late),
    Contract("gone and back", gone_and_back),
    Contract("cancelled calls do no harm", cancelled_takes_do_no_harm),
)
