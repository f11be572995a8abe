"""The law of rates: what is spent of grants in any window is never more than the pool's limit."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from typing import NamedTuple

from modelway.ports import Clock, Grant, Leases, Pool, Spent
from modelway.testing.stores.subject import true


class Spend(NamedTuple):
    """One use of a grant, by the spender's monotonic clock."""

    at_s: float
    amount: int


def most_in_a_window(spends: Iterable[Spend], window_s: float) -> int:
    """The most that is in any span of that length, which holds one of its two ends."""
    ordered = sorted(spends)
    most = held = first = 0
    for at_s, amount in ordered:
        held += amount
        while ordered[first].at_s <= at_s - window_s:
            held -= ordered[first].amount
            first += 1
        most = max(most, held)
    return most


def within_the_rate(spends: Iterable[Spend], pool: Pool) -> None:
    most = most_in_a_window(spends, pool.window_s)
    true(most <= pool.limit, f"{most} spent within {pool.window_s} s, of {pool.limit}: {pool}")


async def spend(
    leases: Leases, pool: Pool, clock: Clock, chance: random.Random, *, for_s: float
) -> list[Spend]:
    """One sender at work, who dies, forgets, is late and repeats himself; what he spent."""
    spends: list[Spend] = []
    owed: list[Spent] = []
    end = clock.monotonic() + for_s
    while clock.monotonic() < end:
        asked = clock.monotonic()
        want = chance.randint(1, max(1, pool.limit // 2))
        grant = await leases.take(pool, want, share=chance.choice((1, 2, 4)), spent=owed)
        owed = [*owed] if chance.random() < 0.2 else []  # says it twice
        if not grant.amount:
            await clock.sleep(min(grant.wait_s, pool.window_s / 4))
            continue
        used = await _use(grant, asked + pool.life_s, pool, clock, chance)
        spends += used
        fate = chance.random()
        if fate < 0.2:
            continue  # died
        if fate < 0.4:  # late
            await clock.sleep(pool.life_s * 2 * chance.random())
        ago_s = clock.monotonic() - used[-1].at_s if used else 0.0
        owed.append(Spent(grant.id, sum([each.amount for each in used]), ago_s))
        if fate > 0.7:
            await leases.settle(pool, owed)
    return spends


async def _use(
    grant: Grant, until: float, pool: Pool, clock: Clock, chance: random.Random
) -> list[Spend]:
    """Some or all of the grant, in parts, while it may be used."""
    spends: list[Spend] = []
    left = grant.amount
    while left and chance.random() < 0.9:
        now = clock.monotonic()
        if now >= until:
            break
        amount = chance.randint(1, left)
        left -= amount
        spends.append(Spend(now, amount))
        if chance.random() < 0.5:
            await clock.sleep(pool.life_s * chance.random() / 2)
    return spends


async def spend_together(
    handles: Iterable[Leases], pool: Pool, clock: Clock, *, senders: int, for_s: float, seed: int
) -> list[Spend]:
    """So many senders at each handle at the same time; what they all spent."""
    together = await asyncio.gather(
        *[
            spend(leases, pool, clock, random.Random(f"{seed} {at} {number}"), for_s=for_s)  # noqa: S311
            for at, leases in enumerate(handles)
            for number in range(senders)
        ]
    )
    return [each for spends in together for each in spends]
