"""What ``Leases`` promise: when what was taken ends, and the law of rates."""

from __future__ import annotations

import asyncio

from modelway.ports import Pool, Spent
from modelway.testing.stores.leases import LONG_S, WINDOW_S, all_of, held, left, rate
from modelway.testing.stores.rates import spend_together, within_the_rate
from modelway.testing.stores.subject import Contract, SteppedClock, Subject, opened, same, true


async def wait_is_enough(subject: Subject) -> None:
    """Who waits as long as he was told, and nobody else asks, is given what he asked for."""
    async with opened(subject) as store:

        async def waited_for(pool: Pool) -> None:
            since = subject.clock.monotonic()
            await all_of(store.leases, pool)
            refused = await store.leases.take(pool, 10, least=10)
            lasts = pool.life_s + pool.window_s
            if subject.clock.monotonic() < since + lasts:
                same(refused.amount, 0, "it is all out")
                true(0 < refused.wait_s <= lasts + 0.01, f"it lasts {lasts} s: {refused}")
            if refused.amount:  # the machine stood still for longer than that
                return
            await subject.clock.sleep(refused.wait_s)
            same((await store.leases.take(pool, 10, least=10)).amount, 10, "after the wait")

        await asyncio.gather(waited_for(rate()), waited_for(held(10, WINDOW_S)))


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


async def ended_is_unknown(subject: Subject) -> None:
    """Though nobody has asked since: a word that comes too late takes nothing and adds nothing."""
    async with opened(subject) as store:
        pools = (rate(10, 0.2, 0.1), held(10, 0.3))
        grants = [await all_of(store.leases, pool) for pool in pools]
        await subject.clock.sleep(0.35)
        for pool, grant in zip(pools, grants, strict=True):
            longer = pool._replace(window_s=LONG_S)
            await store.leases.settle(longer, [Spent(grant.id, 10)])
            same(await left(store.leases, longer), 10, "it no longer counted")


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


async def never_over_the_rate(subject: Subject, *, for_s: float = 0.75) -> None:
    """Senders at two handles who lose, repeat and delay what they say."""
    async with opened(subject) as store, opened(subject) as other:

        async def law(limit: int, life_s: float) -> None:
            pool = rate(limit, 0.25, life_s)
            spends = await spend_together(
                (store.leases, other.leases),
                pool,
                subject.clock,
                senders=4,
                for_s=for_s,
                seed=limit,
            )
            within_the_rate(spends, pool)
            spent = sum([each.amount for each in spends])
            if not isinstance(subject.clock, SteppedClock):  # its lives may end while a store works
                true(
                    spent * 10 >= limit,
                    f"only {spent} were spent, in {for_s} s, of {limit} in a quarter",
                )

        await asyncio.gather(law(10, 0.1), law(500, 0.25), law(3, 0.02))


CONTRACTS: tuple[Contract, ...] = (
    Contract("the wait is enough", wait_is_enough),
    Contract("the wait is for as many ends as are needed", wait_for_enough_to_end),
    Contract("what was used counts for a window", used_counts_for_a_window),
    Contract("what was used long ago is over", used_long_ago_is_over),
    Contract("a grant that has ended is unknown", ended_is_unknown),
    Contract("a renewed grant lives on", renewed_lives_on),
    Contract("never over the rate", never_over_the_rate),
)
