"""What ``Leases`` promise."""

from __future__ import annotations

import asyncio
import math

from modelway.ports import Grant, Leases, Pool, Spent
from modelway.testing.stores.rates import spend_together, within_the_rate
from modelway.testing.stores.subject import (
    ODD_NAMES,
    PATIENCE_S,
    REFUSABLE_NAMES,
    REFUSALS,
    Contract,
    SteppedClock,
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


# ---------------------------------------------------------------- ends


async def wait_is_enough(subject: Subject) -> None:
    """Who waits as long as he was told, and nobody else asks, is given what he asked for."""
    async with opened(subject) as store:
        for pool in (rate(), held(10, WINDOW_S)):
            since = subject.clock.monotonic()
            await all_of(store.leases, pool)
            refused = await store.leases.take(pool, 10, least=10)
            lasts = pool.life_s + pool.window_s
            if subject.clock.monotonic() < since + lasts:
                same(refused.amount, 0, "it is all out")
                true(0 < refused.wait_s <= lasts + 0.01, f"it lasts {lasts} s: {refused}")
            if refused.amount:  # the machine stood still for longer than that
                continue
            await subject.clock.sleep(refused.wait_s)
            same((await store.leases.take(pool, 10, least=10)).amount, 10, "after the wait")


async def wait_for_enough_to_end(subject: Subject) -> None:
    """Of several that end one after another, it waits for as many as are needed."""
    async with opened(subject) as store:
        pool = held(10)
        since = subject.clock.monotonic()
        for life_s, amount in ((1.5, 2), (LONG_S, 2), (0.5, 2), (1.0, 2)):
            await store.leases.take(pool._replace(life_s=life_s), amount)
        took = subject.clock.monotonic() - since
        waits = [(await store.leases.take(pool, 10, least=n)).wait_s for n in (3, 5, 8, 9, 10)]
        if took < 0.4:
            took += subject.clock.monotonic() - since + 0.01
            for wait_s, end in zip(waits, (0.5, 1.0, 1.5, LONG_S, LONG_S), strict=True):
                true(end - took <= wait_s <= end + took, f"{end} s after, not {wait_s} s")


async def used_counts_for_a_window(subject: Subject) -> None:
    async with opened(subject) as store:
        pool = rate(10, WINDOW_S, LONG_S)
        grants = [(await store.leases.take(pool, 5)).id for _ in range(2)]
        last_use = subject.clock.monotonic()
        await subject.clock.sleep(WINDOW_S / 4)
        ago_s = subject.clock.monotonic() - last_use
        spent = [Spent(grants[0], 2, ago_s), Spent(grants[1], 4, ago_s)]
        asked = await store.leases.take(pool, 10, least=10, spent=spent)
        if subject.clock.monotonic() < last_use + WINDOW_S:
            same((asked.amount, asked.left), (0, 4), "six were used a moment ago")
            wanted = WINDOW_S - ago_s
            true(wanted - 0.3 <= asked.wait_s <= wanted * 1.01 + 0.01, f"not {asked.wait_s} s")
        if asked.amount:
            return
        await subject.clock.sleep(asked.wait_s)
        same((await store.leases.take(pool, 10, least=10)).amount, 10, "a window later")


async def used_long_ago_is_over(subject: Subject) -> None:
    async with opened(subject) as store:
        pool = rate(10, 5.0, LONG_S)
        grant = await all_of(store.leases, pool)
        await store.leases.settle(pool, [Spent(grant.id, 10, 6.0)])
        same(await left(store.leases, pool), 10, "used six seconds ago, of a window of five")


async def renewed_lives_on(subject: Subject) -> None:
    async with opened(subject) as store, opened(subject) as other:
        pool = held(10, WINDOW_S)
        since = subject.clock.monotonic()
        kept, lost, gone = [await store.leases.take(pool, 2) for _ in range(3)]
        await store.leases.settle(pool, [Spent(gone.id, 2)])
        there = await other.leases.renew(
            pool._replace(life_s=LONG_S), [kept.id, gone.id, 2**40, -1]
        )
        if subject.clock.monotonic() >= since + WINDOW_S:
            return
        same(list(there), [kept.id], "those that are there")
        same(list(await store.leases.renew(pool, [])), [], "none of none")
        same(list(await store.leases.renew(held(), [kept.id])), [], "it is not of that pool")
        await subject.clock.sleep(WINDOW_S * 1.1)
        same(await left(store.leases, pool), 8, "the one that was renewed still counts")
        same(list(await store.leases.renew(pool, [lost.id])), [], "one that has ended is not there")
        await store.leases.settle(pool, [Spent(kept.id, 0), Spent(lost.id, 5)])
        same(await left(store.leases, pool), 10, "it is settled like any other")


async def never_over_the_rate(subject: Subject) -> None:
    """Senders at two handles who lose, repeat and delay what they say."""
    async with opened(subject) as store, opened(subject) as other:

        async def law(limit: int, life_s: float) -> None:
            pool = rate(limit, 0.3, life_s)
            spends = await spend_together(
                (store.leases, other.leases), pool, subject.clock, senders=4, for_s=1.5, seed=limit
            )
            within_the_rate(spends, pool)
            spent = sum([each.amount for each in spends])
            if not isinstance(subject.clock, SteppedClock):  # its lives may end while a store works
                true(spent * 10 >= limit, f"only {spent} were spent, in five windows of {limit}")

        await asyncio.gather(law(10, 0.1), law(500, 0.25), law(3, 0.02))


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
    Contract("taking settles first", settled_while_taking),
    Contract("many are settled together", many_settled_together),
    Contract("more used than granted is a debt", more_used_than_granted),
    Contract("a late word still counts", settled_late),
    Contract("the wait is enough", wait_is_enough),
    Contract("the wait is for as many ends as are needed", wait_for_enough_to_end),
    Contract("what was used counts for a window", used_counts_for_a_window),
    Contract("what was used long ago is over", used_long_ago_is_over),
    Contract("a renewed grant lives on", renewed_lives_on),
    Contract("never over the rate", never_over_the_rate),
    Contract("gone and back", gone_and_back),
    Contract("cancelled calls do no harm", cancelled_takes_do_no_harm),
)
