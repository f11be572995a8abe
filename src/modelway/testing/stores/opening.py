"""What opening a store promises: one that is down keeps nobody from starting."""

from __future__ import annotations

from modelway.testing.stores.leases import all_of, left, money
from modelway.testing.stores.subject import Contract, Subject, comes_back, is_down, opened, same


async def opened_while_it_is_gone(subject: Subject) -> None:
    if subject.outage is None:
        return
    pool = money(10)
    async with subject.outage():
        store = await subject.open()
        await is_down(lambda: store.leases.take(pool, 1))
        await is_down(lambda: store.cache.put(pool.name, b"x", life_s=60.0))
        await is_down(lambda: store.records.append(pool.name, [("k", b"x")]))
    try:
        await comes_back(lambda: store.leases.renew(pool, [1]))
        await comes_back(lambda: store.cache.put(pool.name, b"y", life_s=60.0))
        await comes_back(lambda: store.records.query(pool.name))
        await all_of(store.leases, pool)
        async with opened(subject) as other:
            same(await left(other.leases, pool), 0, "what the others share")
            same(await other.cache.get(pool.name), b"y", "what the others share")
    finally:
        await store.aclose()


CONTRACTS: tuple[Contract, ...] = (Contract("gone when it is opened", opened_while_it_is_gone),)
