"""What ``Records`` promise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from modelway.ports import Record, Records
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

DAY_S = 86_400.0


def said(records: Sequence[Record]) -> list[tuple[str, bytes]]:
    return [(record.key, record.data) for record in records]


def ascending(records: Sequence[Record]) -> None:
    ids = [record.id for record in records]
    true(ids == sorted(set(ids)), f"ids grow: {ids}")
    times = [record.time for record in records]
    true(times == sorted(times), f"times do not go back: {times}")


async def watched(watch: AsyncIterator[list[Record]], wanted: int) -> list[Record]:
    """The first so many that it brings."""
    got: list[Record] = []
    async with asyncio.timeout(PATIENCE_S):
        async for records in watch:
            true(records, "a batch is of something")
            got += records
            if len(got) >= wanted:
                break
    return got


# ---------------------------------------------------------------- what was added


async def in_the_order_added(subject: Subject) -> None:
    async with opened(subject) as store, opened(subject) as other:
        stream = fresh()
        same(await store.records.query(stream), [], "a stream that nothing was added to")
        entries = [(f"k{n % 3}", str(n).encode()) for n in range(10)]
        ids = [
            await (store, other)[n % 2].records.append(stream, entries[n : n + 2])
            for n in range(0, 10, 2)
        ]
        got = await other.records.query(stream)
        same(said(got), entries, "everything, the oldest first")
        same([record.id for record in got[1::2]], ids, "an append tells its last one's id")
        true(abs(got[0].time - subject.clock.time()) < DAY_S, f"Unix seconds: {got[0].time}")
        ascending(got)
        await store.records.append(stream, [])
        same(len(await store.records.query(stream)), 10, "nothing adds nothing")


async def questions(subject: Subject) -> None:
    async with opened(subject) as store:
        stream = fresh()
        entries = [(f"k{n % 3}", str(n).encode()) for n in range(12)]
        await store.records.append(stream, entries)
        every = await store.records.query(stream)
        third, middle = every[3].id, every[6].id
        for options, wanted in (
            ({"after": third}, every[4:]),
            ({"after": every[-1].id}, []),
            ({"limit": 5}, every[:5]),
            ({"limit": 5, "newest": True}, every[-5:]),
            ({"limit": 100, "newest": True}, every),
            ({"limit": 5, "after": third}, every[4:9]),
            ({"limit": 5, "after": middle, "newest": True}, every[7:]),
            ({"limit": 2, "after": middle, "newest": True}, every[-2:]),
            ({"key": "k1"}, every[1::3]),
            ({"key": "k1", "limit": 2}, every[1:5:3]),
            ({"key": "k1", "limit": 2, "newest": True}, every[7::3]),
            ({"key": "k1", "after": third}, every[4::3]),
            ({"key": "none"}, []),
        ):
            same(await store.records.query(stream, **options), wanted, f"asked for {options}")


async def streams_are_apart(subject: Subject) -> None:
    async with opened(subject) as store:
        start = fresh()
        for name in ODD_NAMES:
            await store.records.append(start + name, [("k", name.encode())])
            got = said(await store.records.query(start + name))
            same(got, [("k", name.encode())], f"the stream {name!r} is another's")


async def any_key_and_bytes(subject: Subject) -> None:
    async with opened(subject) as store:
        stream = fresh()
        entries = [(name, name.encode() + bytes(range(256))) for name in ODD_NAMES]
        entries += [("", b""), ("large", bytes(range(256)) * 1000)]
        await store.records.append(stream, entries)
        same(said(await store.records.query(stream)), entries, "the same keys and bytes")
        for name in ODD_NAMES[1:]:
            got = said(await store.records.query(stream, key=name))
            same(got, [entry for entry in entries if entry[0] == name], f"the key {name!r}")
        for name in REFUSABLE_NAMES:
            try:
                await store.records.append(stream, [("k", b"before"), (name, b"odd")])
            except REFUSALS:
                same(len(await store.records.query(stream)), len(entries), "all or none")
            else:
                same(said(await store.records.query(stream, key=name)), [(name, b"odd")], "its key")
                entries += [("k", b"before"), (name, b"odd")]


async def records_end(subject: Subject) -> None:
    async with opened(subject) as store:
        stream = fresh()
        await store.records.append(stream, [("k", b"short")], life_s=0.05)
        last = await store.records.append(stream, [("k", b"stays")])
        await store.records.append(stream, [("k", b"longer")], life_s=DAY_S)
        await subject.clock.sleep(0.1)
        same(
            said(await store.records.query(stream)),
            [("k", b"stays"), ("k", b"longer")],
            "one of three has ended",
        )
        same(len(await store.records.query(stream, limit=2)), 2, "the ended one takes no place")
        await store.records.append(stream, [("k", b"only")], life_s=0.05)
        await subject.clock.sleep(0.1)
        true(
            await store.records.append(stream, [("k", b"new")]) > last + 1, "ids are not used anew"
        )


# ---------------------------------------------------------------- many at once


async def nothing_below_what_was_seen(subject: Subject) -> None:
    """A reader who goes on after the last id that he saw misses none, and sees batches whole."""
    async with opened(subject) as store, opened(subject) as other:
        stream, writers, batches, size = fresh(), 8, 12, 4
        done = asyncio.Event()

        async def write(number: int) -> None:
            for batch in range(batches):
                entries = [(f"{number}.{batch}", str(n).encode()) for n in range(size)]
                await (store, other)[number % 2].records.append(stream, entries)

        async def read(records: Records) -> list[Record]:
            seen: list[Record] = []
            while True:
                ended = done.is_set()
                seen += await records.query(stream, after=seen[-1].id if seen else 0)
                for key in {record.key for record in seen}:
                    count = len([record for record in seen if record.key == key])
                    same(count, size, f"the batch {key} is seen whole or not")
                if ended:
                    return seen
                await asyncio.sleep(0)

        readers = [asyncio.ensure_future(read(each.records)) for each in (store, other)]
        await asyncio.gather(*[write(number) for number in range(writers)])
        done.set()
        every = await store.records.query(stream)
        same(len(every), writers * batches * size, "everything was added")
        ascending(every)
        for reader in readers:
            same(await reader, every, "everything was seen, in order")


# ---------------------------------------------------------------- watching


async def watch_brings_all(subject: Subject) -> None:
    """Every one, in order, to each that watches, however slow."""
    async with opened(subject) as store, opened(subject) as other:
        stream = fresh()
        first = await store.records.append(stream, [("k", b"0")])
        await store.records.append(stream, [("k", b"1")])

        async def slow(records: Records, after: int) -> list[Record]:
            got: list[Record] = []
            async with asyncio.timeout(PATIENCE_S):
                async for batch in records.watch(stream, after=after):
                    got += batch
                    if got[-1].data == b"last":
                        return got
                    await asyncio.sleep(0.02)
            return got

        watchers = [
            asyncio.ensure_future(slow(records, after))
            for records, after in (
                (store.records, 0),
                (other.records, first),
                (store.records, first),
            )
        ]
        for number in range(2, 60):
            await (store, other)[number % 2].records.append(stream, [("k", str(number).encode())])
            await asyncio.sleep(0.005)
        await other.records.append(fresh(), [("k", b"of another stream")])
        await store.records.append(stream, [("k", b"59"), ("k", b"last")])
        every = await store.records.query(stream)
        same(await watchers[0], every, "from the first")
        same(await watchers[1], every[1:], "after the first, at another handle")
        same(await watchers[2], every[1:], "after the first")


async def watch_many_records(subject: Subject) -> None:
    async with opened(subject) as store:
        stream = fresh()
        entries = [("k", str(n).encode()) for n in range(2500)]
        await store.records.append(stream, entries)
        got = await watched(store.records.watch(stream, after=0), 2500)
        same(said(got), entries, "more than a query brings at once")


async def watch_from_now_on(subject: Subject) -> None:
    async with opened(subject) as store, opened(subject) as other:
        stream = fresh()
        await store.records.append(stream, [("k", b"old")])
        watcher = asyncio.ensure_future(watched(store.records.watch(stream), 1))
        number = 0
        async with asyncio.timeout(PATIENCE_S):
            while not watcher.done():
                number += 1
                await other.records.append(stream, [("k", str(number).encode())])
                await asyncio.wait([watcher], timeout=0.05)
        same(b"old" in [record.data for record in await watcher], False, "what was there before")


async def watch_is_prompt(subject: Subject) -> None:
    async with opened(subject) as store, opened(subject) as other:
        stream = fresh()
        last = await store.records.append(stream, [("k", b"0")])
        loop = asyncio.get_running_loop()
        delays: list[float] = []
        for _ in range(3):
            watcher = asyncio.ensure_future(watched(store.records.watch(stream, after=last), 1))
            await asyncio.sleep(0.05)
            since = loop.time()
            last = await other.records.append(stream, [("k", b"1")])
            await watcher
            delays.append(loop.time() - since)
        true(sorted(delays)[1] < 1.0, f"seen within a second, by the clock of the loop: {delays}")


async def watch_can_be_left(subject: Subject) -> None:
    """A watcher that is cancelled leaves nothing behind, and the store works on."""
    async with opened(subject) as store:
        stream = fresh()
        before = asyncio.all_tasks()
        watchers = [
            asyncio.ensure_future(watched(store.records.watch(stream), 1)) for _ in range(20)
        ]
        await asyncio.sleep(0.05)
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        await store.records.append(stream, [("k", b"1")])
        same(said(await store.records.query(stream)), [("k", b"1")], "it works on")
        mine = {task for task in asyncio.all_tasks() - before if task in watchers}
        same(mine, set(), "no task is left")


async def gone_and_back(subject: Subject) -> None:
    if subject.outage is None:
        return
    async with opened(subject) as store:
        stream = fresh()
        last = await store.records.append(stream, [("k", b"0")])
        watcher = asyncio.ensure_future(watched(store.records.watch(stream, after=last), 2))
        await store.records.append(stream, [("k", b"1")])
        async with subject.outage():
            await is_down(lambda: store.records.append(stream, [("lost", b"x")]))
            await is_down(lambda: store.records.query(stream))
            await asyncio.sleep(0.3)
            true(not watcher.done() or not watcher.exception(), "a watcher waits for the store")
        await comes_back(lambda: store.records.append(stream, [("k", b"2")]))
        got = [entry for entry in said(await watcher) if entry[0] == "k"]
        same(
            got[:2],
            [("k", b"1"), ("k", b"2")][: len(got)],
            "what was added meanwhile is not missed",
        )


CONTRACTS: tuple[Contract, ...] = (
    Contract("in the order added", in_the_order_added),
    Contract("questions", questions),
    Contract("streams are apart by any name", streams_are_apart),
    Contract("keys are any text, data any bytes", any_key_and_bytes),
    Contract("records end", records_end),
    Contract("nothing comes below what was seen", nothing_below_what_was_seen),
    Contract("a watch brings all", watch_brings_all),
    Contract("a watch brings many", watch_many_records),
    Contract("a watch is from now on", watch_from_now_on),
    Contract("a watch is prompt", watch_is_prompt),
    Contract("a watch can be left", watch_can_be_left),
    Contract("gone and back", gone_and_back),
)
