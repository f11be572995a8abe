"""What limits cost a request: CPU time of admit and done, and round trips to the store.

``python bench/limits.py``. CPU is this process's own, the best of several rounds; round trips are
counted on a clock that is moved by hand, at four fifths of the limit, for one process and for four.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import itertools
import random
import time

from modelway.call import Limits
from modelway.clock import SystemClock
from modelway.policies.limits import Limiter, Queueing, Subject
from modelway.store.memory import MemoryLeases

ALL = Limits(
    requests_per_minute=10**8, tokens_per_minute=10**11, requests_per_day=10**10, concurrent=10_000
)
THREE = Limits(requests_per_minute=10**8, tokens_per_minute=10**11, concurrent=10_000)
SUBJECTS = {
    1: [Subject("provider", "acme", Limits(requests_per_minute=10**8))],
    3: [
        Subject("provider", "acme", Limits(requests_per_minute=10**8, tokens_per_minute=10**11)),
        Subject("deployment", "acme/one", Limits(concurrent=10_000)),
    ],
    6: [Subject("provider", "acme", THREE), Subject("deployment", "acme/one", THREE)],
    8: [Subject("provider", "acme", ALL), Subject("deployment", "acme/one", ALL)],
}
HEADERS = (
    *[(f"x-header-{number}".encode(), b"a value") for number in range(12)],
    (b"x-ratelimit-limit-requests", b"10000"),
    (b"x-ratelimit-limit-tokens", b"2000000"),
    (b"x-ratelimit-remaining-requests", b"9990"),
    (b"x-ratelimit-remaining-tokens", b"1999000"),
    (b"x-ratelimit-reset-requests", b"60ms"),
    (b"x-ratelimit-reset-tokens", b"30ms"),
)


async def cpu_us(meters: int, requests: int, open_at_once: int) -> float:
    """CPU µs of admit and done, with what refills cost spread over them."""
    limiter = Limiter(MemoryLeases(), SystemClock(), queueing=Queueing())
    gate = limiter.gate(SUBJECTS[meters], learns=True)
    tickets = [gate.admit(1000) or await gate.enter(1000, wait=True) for _ in range(open_at_once)]
    before = time.process_time()
    for number in range(requests):
        ticket = gate.admit(1000) or await gate.enter(1000, wait=True)
        tickets.append(ticket)
        tickets[number].done(700)
        if number % 100 == 0:
            await asyncio.sleep(0)
    spent = time.process_time() - before
    for ticket in tickets[requests:]:
        ticket.done(None)
    await limiter.aclose()
    return spent / requests * 1e6


async def learn_us(requests: int) -> float:
    limiter = Limiter(MemoryLeases(), SystemClock(), queueing=Queueing())
    gate = limiter.gate(SUBJECTS[3], learns=True)
    before = time.process_time()
    for _ in range(requests):
        gate.learn(200, HEADERS)
    spent = time.process_time() - before
    await limiter.aclose()
    return spent / requests * 1e6


class HandClock:
    """Time goes by in ``advance`` only."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._numbers = itertools.count()

    def monotonic(self) -> float:
        return self.now

    time = monotonic

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._numbers), woken))
        await woken.wait()

    async def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while self._sleepers and self._sleepers[0][0] <= end:
            self.now, _, woken = heapq.heappop(self._sleepers)
            woken.set()
            for _ in range(6):
                await asyncio.sleep(0)
        self.now = end


class Counted:
    def __init__(self, leases: MemoryLeases) -> None:
        self._leases = leases
        self.trips = 0

    async def take(self, *of, **more):
        self.trips += 1
        return await self._leases.take(*of, **more)

    async def settle(self, *of):
        self.trips += 1
        await self._leases.settle(*of)

    async def renew(self, *of):
        self.trips += 1
        return await self._leases.renew(*of)

    async def aclose(self) -> None: ...


async def round_trips(limit: int, load: float, processes: int, seconds: float) -> float:
    """Round trips in 1,000 requests, once the first window is over."""
    clock = HandClock()
    store = Counted(MemoryLeases(clock))
    limiters = [
        Limiter(store, clock, queueing=Queueing(max_wait_s=1e6, size=10**6))
        for _ in range(processes)
    ]
    subject = Subject("provider", "acme", Limits(requests_per_minute=limit))
    chance = random.Random(5)
    sent = waiting = 0

    async def one(gate):
        nonlocal sent, waiting
        waiting += 1
        ticket = gate.admit(1) or await gate.enter(1, wait=True)
        waiting -= 1
        sent += 1
        ticket.done(None)

    gates = [limiter.gate([subject], learns=False) for limiter in limiters]
    tasks = set()

    async def run(ends: float) -> None:
        while clock.now < ends:
            if waiting < 100:
                task = asyncio.create_task(one(chance.choice(gates)))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                await asyncio.sleep(0)
            await clock.advance(chance.expovariate(limit / 60 * load))

    await run(clock.now + 60)
    sent, store.trips = 0, 0
    await run(clock.now + seconds)
    trips = store.trips / sent * 1000
    for task in tasks:
        task.cancel()
    closing = asyncio.gather(*[limiter.aclose() for limiter in limiters])
    await clock.advance(1.0)
    await closing
    return trips


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print("| meters | CPU µs of admit and done |\n|---|---|")
    for meters in SUBJECTS:
        rounds = [
            asyncio.run(cpu_us(meters, arguments.requests, 50)) for _ in range(arguments.rounds)
        ]
        print(f"| {meters} | {min(rounds):.2f} |", flush=True)
    rounds = [asyncio.run(learn_us(arguments.requests)) for _ in range(arguments.rounds)]
    print(f"\nlearn, of an answer with 18 headers: {min(rounds):.2f} µs\n")
    print("| limit | load | processes | round trips in 1,000 requests |\n|---|---|---|---|")
    for limit, load, processes in itertools.product((500, 50_000), (0.5, 0.8, 1.5), (1, 4)):
        trips = asyncio.run(round_trips(limit, load, processes, 60 if limit > 1000 else 300))
        print(f"| {limit:,} | {load:.0%} | {processes} | {trips:.0f} |", flush=True)


if __name__ == "__main__":
    main()
