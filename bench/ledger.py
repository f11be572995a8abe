"""What the ledger costs: CPU µs of an intent and its settlement, rows a second, and reports of many rows.

    python bench/ledger.py [--quick] [hot] [pace] [report]

hot     intend and settle, in the process that sends: encoded, sealed, written
pace    5,000 rows a second for a minute, shipped to SQLite meanwhile: CPU share, memory, the longest wait
report  1,000,000 rows of a month in SQLite: groups by what reports are by
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import statistics
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

from modelway.clock import SystemClock
from modelway.ledger.ledger import Ledger
from modelway.ledger.opening import open_ledger
from modelway.ledger.store.sqlite import open_sqlite_ledger
from modelway.ledger.values import Intent, LedgerRow, LedgerSettings, Settlement, Where
from modelway.policies.budget.values import Draw
from modelway.ports import Pool

DAYS = 30
INTENT_BYTES, SETTLEMENT_BYTES = bytes(330), bytes(122)
BEGAN = 1_790_812_800.0
"""2026-10-01, in UTC."""
POOLS = [Pool(f"budget/{name}/2026-10", 10**15, float("inf"), 60.0) for name in ("all", "team")]


class World:
    """20 models, 200 keys of 20 teams, 5 users each; few of each make most of the calls."""

    def __init__(self, seed: int = 1) -> None:
        self._chance = random.Random(seed)
        self.number = 0

    def few(self, most: int) -> int:
        return int(most * self._chance.random() ** 3)

    def row(self, moment: float) -> tuple[Intent, Settlement]:
        chance = self._chance
        self.number += 1
        key = self.few(200)
        user = key * 5 + self.few(5)
        model = (key * 7 + self.few(4)) % 20
        id_ = f"{chance.getrandbits(128):032x}.1"
        reserved = chance.randrange(10**6, 10**10)
        fails = chance.random() < 0.02
        intent = Intent(
            id=id_,
            time=moment,
            tenant=f"tenant-{key % 5}",
            key=f"key-{key}",
            team=f"team-{key % 20}",
            user=f"user-{user}",
            tags=(f"feature-{key % 7}",) if key % 3 else (),
            operation="chat",
            stream=bool(key % 2),
            asked=f"route-{model % 6}",
            deployment=f"provider-{model % 5}/model-{model}#1",
            provider=f"provider-{model % 5}",
            model=f"model-{model}",
            reserved_pico_usd=reserved,
            price_version="2026-10-01",
            same=chance.getrandbits(60),
            draws=tuple([Draw(pool.name, 7, reserved) for pool in POOLS]),
        )
        settlement = Settlement(
            id=id_,
            cost_pico_usd=0 if fails else reserved // 3,
            basis="free" if fails else "catalogue",
            took_s=chance.random() * 3,
            first_s=chance.random() if key % 2 else None,
            error="RateLimitError" if fails else "",
            input_tokens=chance.randrange(10_000),
            output_tokens=chance.randrange(2_000),
            cached_tokens=chance.randrange(1_000),
            price_version="2026-10-01",
        )
        return intent, settlement


async def opened(directory: str) -> Ledger:
    ledger = await open_ledger(
        LedgerSettings(), state=Path(directory), clock=SystemClock(), node="bench"
    )
    for pool in POOLS:
        ledger.granted(pool, 7, 10**14)
    return ledger


async def hot(quick: bool) -> None:
    world = World()
    rows = [world.row(BEGAN + number) for number in range(5_000 if quick else 20_000)]
    both, intends, writes = [], [], []
    with tempfile.TemporaryDirectory() as directory:
        ledger = await opened(directory)
        intend, settle = ledger.intend, ledger.settle
        descriptor = os.open(Path(directory) / "bare", os.O_WRONLY | os.O_CREAT)
        for start in range(0, len(rows), 500):
            some = rows[start : start + 500]
            began = time.process_time()
            for intent, settlement in some:
                intend(intent)
                settle(settlement)
            both.append((time.process_time() - began) / len(some) * 1e6)
            began = time.process_time()
            for intent, _ in some:
                intend(intent)
            intends.append((time.process_time() - began) / len(some) * 1e6)
            for _, settlement in some:
                settle(settlement)
            began = time.process_time()
            for _ in some:
                os.write(descriptor, INTENT_BYTES)
                os.write(descriptor, SETTLEMENT_BYTES)
            writes.append((time.process_time() - began) / len(some) * 1e6)
            await ledger.flush()
        await ledger.aclose()
        os.close(descriptor)
    print("CPU us                                   median    least")
    for title, found in (
        ("intend and settle, two budgets", both),
        ("of which intend", intends),
        ("two bare writes of as many bytes", writes),
    ):
        print(f"  {title:<38} {statistics.median(found):6.2f}   {min(found):6.2f}")


async def pace(quick: bool) -> None:
    rate, lasts_s = 5_000, 6 if quick else 60
    world = World()
    rows = [world.row(0.0) for _ in range(rate)]
    begun = time.time()
    waits, late, memory = array("f"), 0.0, []
    with tempfile.TemporaryDirectory() as directory:
        ledger = await opened(directory)
        await ledger.start()
        wall, cpu = time.perf_counter(), time.process_time()
        sent = 0
        while sent < rate * lasts_s:
            due = int((time.perf_counter() - wall) * rate)
            late = max(late, (due - sent) / rate)
            for intent, settlement in again(rows, sent, min(due, rate * lasts_s)):
                before = time.perf_counter()
                ledger.intend(intent)
                waits.append(time.perf_counter() - before)
                ledger.settle(settlement)
            sent = max(sent, min(due, rate * lasts_s))
            if len(memory) < (time.perf_counter() - wall):
                memory.append(resident_mib())
            await asyncio.sleep(0.002)
        await ledger.flush()
        spent = time.process_time() - cpu
        took = time.perf_counter() - wall
        (total,) = await ledger.store.groups((), Where(since=begun - 1e9))
        await ledger.aclose()
    print(f"{total.attempts:,} of {sent:,} rows in {took:.1f} s, all of them in SQLite")
    print(
        f"  CPU {spent / took:.0%} of one core ({spent / sent * 1e6:.0f} us a row, making them included)"
    )
    waits = sorted(waits)
    shares = (0.5, 0.99, 0.999, 0.9999)
    told = [round(waits[int(len(waits) * one)] * 1e6) for one in shares]
    print(
        f"  us until an intent is written, at {shares} of them: {told}, at most {waits[-1] * 1e6:.0f}"
    )
    print(f"  the loop was late by {late * 1e3:.0f} ms at most")
    print(
        f"  resident MiB by quarter: {[round(memory[at * (len(memory) - 1) // 4]) for at in range(5)]}"
    )


def again(
    rows: Sequence[tuple[Intent, Settlement]], start: int, end: int
) -> Iterator[tuple[Intent, Settlement]]:
    """As new ones, made of what was made before."""
    for number in range(start, end):
        old, settled = rows[number % len(rows)]
        id_ = f"{number:032x}.1"
        intent = Intent(
            **{name: getattr(old, name) for name in _KEPT}, id=id_, time=BEGAN + number / 5_000
        )
        yield (
            intent,
            Settlement(
                id=id_,
                cost_pico_usd=settled.cost_pico_usd,
                basis=settled.basis,
                took_s=settled.took_s,
                error=settled.error,
                input_tokens=settled.input_tokens,
                output_tokens=settled.output_tokens,
            ),
        )


_KEPT = [name for name in Intent.__struct_fields__ if name not in {"id", "time"}]


def resident_mib() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * resource.getpagesize() / 2**20


async def report(quick: bool) -> None:
    many = 100_000 if quick else 1_000_000
    world = World()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "ledger.db"
        store = await open_sqlite_ledger(path)
        cpu = 0.0
        for start in range(0, many, 2000):
            made = [
                world.row(BEGAN + (start + number) * DAYS * 86_400 / many) for number in range(2000)
            ]
            began = time.process_time()
            await store.add([LedgerRow(intent=one, settlement=other) for one, other in made])
            cpu += time.process_time() - began
        size = path.stat().st_size / 2**20
        print(f"{many:,} rows: {cpu / many * 1e6:.1f} CPU us each to add, {size:.0f} MiB")
        print("groups by                                     CPU s   wall s   groups")
        month = Where(since=BEGAN, until=BEGAN + DAYS * 86_400)
        odd = Where(since=BEGAN + 4321, until=BEGAN + DAYS * 86_400 - 1234)
        for by, where, zone in (
            *[((name,), month, "UTC") for name in ("model", "day", "key", "team", "user", "tag")],
            ((), month, "UTC"),
            (("day", "model"), month, "UTC"),
            (("model", "key", "team"), month, "UTC"),
            (("model",), odd, "UTC"),
            (("model",), Where(equal={"team": ("team-3",)}), "UTC"),
            (("day",), month, "Europe/Berlin"),
            (("day", "model"), month, "America/New_York"),
            (("month", "team"), month, "Asia/Kolkata"),
            (("hour",), month, "UTC"),
        ):
            cpu, wall = time.process_time(), time.perf_counter()
            found = await store.groups(by, where, time_zone=zone)
            said = f"{', '.join(by) or 'nothing'}{'' if zone == 'UTC' else ' in ' + zone}"
            if where is odd:
                said += " (not whole days)"
            print(
                f"  {said:<42} {time.process_time() - cpu:6.2f} {time.perf_counter() - wall:8.2f}"
                f" {len(found):8}"
            )
        await store.aclose()


async def main(asked: list[str]) -> None:
    quick = "--quick" in asked
    for name, work in (("hot", hot), ("pace", pace), ("report", report)):
        if name in asked or not [one for one in asked if one != "--quick"]:
            print(f"\n{name}")
            await work(quick)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
