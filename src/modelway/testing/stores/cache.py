"""What a ``Cache`` promises."""

from __future__ import annotations

import asyncio

from modelway.testing.stores.subject import (
    ODD_NAMES,
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

LONG_S = 3600.0


async def values_are_kept(subject: Subject) -> None:
    async with opened(subject) as store, opened(subject) as other:
        key = fresh()
        same(await store.cache.get(key), None, "nothing was put")
        await store.cache.drop(key)
        await store.cache.put(key, b"one", life_s=LONG_S)
        same(await other.cache.get(key), b"one", "what another put")
        await other.cache.put(key, b"two", life_s=LONG_S)
        same(await store.cache.get(key), b"two", "the last one that was put")
        await store.cache.drop(key)
        same(await other.cache.get(key), None, "it was dropped")


async def any_bytes(subject: Subject) -> None:
    large = bytes(range(256)) * 4096
    async with opened(subject) as store:
        for value in (b"", b"\x00", bytes(range(256)), "🙂".encode(), b"\xff\xfe", b"1", large):
            key = fresh()
            await store.cache.put(key, value, life_s=LONG_S)
            same(await store.cache.get(key), value, "the same bytes")
            await store.cache.drop(key)


async def any_key(subject: Subject) -> None:
    async with opened(subject) as store:
        start, kept = fresh(), []
        for name in ODD_NAMES:
            await store.cache.put(start + name, name.encode(), life_s=LONG_S)
            kept.append(name)
        for name in REFUSABLE_NAMES:
            same(await _refusable(store.cache.get(start + name)), None, f"{name!r} is another")
            await _refusable(store.cache.put(start + name, b"odd", life_s=LONG_S))
        for name in kept:
            same(await store.cache.get(start + name), name.encode(), f"{name!r} is another")


async def values_end(subject: Subject) -> None:
    async with opened(subject) as store:
        short, long, again = fresh(), fresh(), fresh()
        since = subject.clock.monotonic()
        await store.cache.put(short, b"short", life_s=0.5)
        await store.cache.put(again, b"again", life_s=0.5)
        await store.cache.put(long, b"long", life_s=LONG_S)
        got = await store.cache.get(short)
        if subject.clock.monotonic() < since + 0.5:
            same(got, b"short", "it has not ended")
        await store.cache.put(again, b"again", life_s=LONG_S)
        await subject.clock.sleep(0.55)
        same(await store.cache.get(short), None, "it has ended")
        same(await store.cache.get(long), b"long", "it has not")
        same(await store.cache.get(again), b"again", "put again it lives anew")
        await store.cache.put(long, b"short", life_s=0.05)
        await subject.clock.sleep(0.1)
        same(await store.cache.get(long), None, "put again it lives anew, shorter too")


async def bytes_are_bounded(subject: Subject) -> None:
    if subject.cache_bytes is None:
        return
    async with opened(subject) as store:
        start, size = fresh(), subject.cache_bytes // 10
        for number in range(30):
            await store.cache.put(f"{start}{number}", bytes(size), life_s=LONG_S)
        sizes = [len(await store.cache.get(f"{start}{n}") or b"") for n in range(30)]
        true(sum(sizes) <= subject.cache_bytes, f"{sum(sizes)} of {subject.cache_bytes} bytes")
        true(sizes[-1] and sizes[-5], "the last ones that were put are there")
        await store.cache.put(f"{start}29", b"x", life_s=LONG_S)
        await store.cache.put(f"{start}28", bytes(subject.cache_bytes + 1), life_s=LONG_S)
        same(await store.cache.get(f"{start}28"), None, "one that is too large is not kept")
        same(await store.cache.get(f"{start}29"), b"x", "nor does it throw out the others")


async def whole_values_under_concurrency(subject: Subject) -> None:
    async with opened(subject) as store, opened(subject) as other:
        key, values = fresh(), [bytes([n]) * 20_000 for n in range(8)]

        async def put(number: int) -> None:
            for _ in range(5):
                await (store, other)[number % 2].cache.put(key, values[number], life_s=LONG_S)
                got = await (store, other)[(number + 1) % 2].cache.get(key)
                true(got in values, "a value is read whole")

        await asyncio.gather(*[put(number) for number in range(8)])


async def gone_and_back(subject: Subject) -> None:
    if subject.outage is None:
        return
    async with opened(subject) as store:
        key = fresh()
        async with subject.outage():
            await is_down(lambda: store.cache.get(key))
            await is_down(lambda: store.cache.put(key, b"x", life_s=LONG_S))
            await is_down(lambda: store.cache.drop(key))
        await comes_back(lambda: store.cache.put(key, b"y", life_s=LONG_S))
        same(await store.cache.get(key), b"y", "it works again")


async def _refusable(work: object) -> object:
    try:
        return await work  # type: ignore[misc]
    except REFUSALS:
        return None


CONTRACTS: tuple[Contract, ...] = (
    Contract("values are kept", values_are_kept),
    Contract("values are any bytes", any_bytes),
    Contract("keys are any text", any_key),
    Contract("values end", values_end),
    Contract("bytes are bounded", bytes_are_bounded),
    Contract("values are read whole", whole_values_under_concurrency),
    Contract("gone and back", gone_and_back),
)
