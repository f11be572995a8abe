"""Several real processes on one budget, over each store: at the last cent, and while they are killed."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import subprocess
import sys
import time
from collections import deque
from contextlib import closing, contextmanager
from sqlite3 import connect

import pytest

from modelway.policies.budget.vault import HUGE
from modelway.ports import Pool
from modelway.store.opening import open_store
from support import budget_process
from support.budget_process import read
from support.servers_valkey import ValkeyServer

POOL = "budget/b//total"
PROCESSES = 4
HEARD_S = 2.5
"""Within 1 s, on a machine that has nothing else to do."""
NUMBERS = itertools.count()


@contextmanager
def sqlite(folder, _):
    path = folder / "store.sqlite"

    def unsettled():
        with closing(connect(path)) as file:
            query = "select coalesce(sum(amount), 0) from counts where pool = ? and held = 1"
            return file.execute(query, (POOL.encode(),)).fetchone()[0]

    yield f"sqlite:{path}", unsettled


@contextmanager
def valkey(_folder, _):
    with ValkeyServer() as server:
        yield server.url, lambda: asyncio.run(unsettled_on(server.url))


async def unsettled_on(url):
    """In the pool's hash grants are named by numbers, and amounts written in halves."""
    store = await open_store(url)
    key = b"modelway:{pool/%b}:counts" % POOL.encode()
    found = await store.leases._servers.call("HGETALL", key)
    await store.aclose()
    grants = [value for name, value in zip(found[::2], found[1::2], strict=True) if name.isdigit()]
    return sum([(int(high) << 31) + int(low) for high, low in [one.split(b":") for one in grants]])


@contextmanager
def postgres(folder, request):
    server = request.getfixturevalue("postgres")
    name = f"budget_{next(NUMBERS)}"
    server.ask(f"create database {name}")

    def unsettled():
        query = f"select coalesce(sum(amount), 0) from modelway.grants where pool = '{POOL}'"
        return int(server.ask(query, name)[0][0])

    yield server.url(name), unsettled


@pytest.fixture(params=[sqlite, valkey, postgres], ids=lambda one: one.__name__)
def store(request, tmp_path):
    with request.param(tmp_path, request) as opened:
        yield opened


class Running:
    """Processes, those that were killed too."""

    def __init__(self, url, folder, **said):
        self.said = {"url": url, "dead": [], "exact": False, **said}
        self.folder = folder
        self.journals = []
        self.alive = {}

    def begin(self, *dead):
        journal = self.folder / f"{len(self.journals)}.journal"
        self.journals.append(journal)
        process = subprocess.Popen(
            [sys.executable, budget_process.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        said = {
            **self.said,
            "journal": str(journal),
            "dead": [str(one) for one in dead],
            "seed": len(self.journals),
        }
        process.stdin.write(json.dumps(said) + "\n")
        process.stdin.flush()
        self.alive[journal] = process
        return process

    def go(self, *processes):
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("\n")
            process.stdin.close()

    def kill(self, journal):
        process = self.alive.pop(journal)
        process.kill()
        process.wait()
        process.stdout.close()

    def end(self):
        refused = 0
        for process in self.alive.values():
            refused += int(process.stdout.read())
            process.stdout.close()
            assert process.wait(30) == 0
        self.alive = {}
        return refused

    def kill_all(self):
        for journal in list(self.alive):
            self.kill(journal)


@contextmanager
def running(url, folder, **said):
    processes = Running(url, folder, **said)
    try:
        yield processes
    finally:
        processes.kill_all()


async def total(url):
    store = await open_store(url, timeout_s=5.0)
    left = (await store.leases.take(Pool(POOL, HUGE, float("inf"), 1.0), 0)).left
    await store.aclose()
    return HUGE - left


def calls(journals):
    """By call: when it began, what it reserved, when it was settled, and for what."""
    found = {}
    for journal in journals:
        for at, what, *rest in read(journal):
            if what == "intent":
                found[rest[0]] = [at, rest[1], None, rest[1]]
            elif what == "settled":
                found[rest[0]][2:] = [at, rest[1]]
    return list(found.values())


def budget(limit):
    return [{"name": "b", "limit_pico_usd": limit, "period": "total"}]


def test_two_hundred_at_the_last_cent(store, tmp_path):
    """So many as there is money for, to the last; and no more."""
    url, _ = store
    said = {"reserved": [1000, 1000], "exact": True, "takes_s": 0.01}
    with running(url, tmp_path, budgets=budget(37_500), callers=50, calls=50, **said) as processes:
        processes.go(*[processes.begin() for _ in range(PROCESSES)])
        assert processes.end() == PROCESSES * 50 - 37
        assert len(calls(processes.journals)) == 37
    assert asyncio.run(total(url)) == 37_000


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param(10**9, id="passed"),
        pytest.param(10**15, id="ample", marks=pytest.mark.exhaustive),
    ],
)
def test_whatever_dies(limit, store, tmp_path):
    url, unsettled = store
    said = {"reserved": [1, 2 * 10**6], "takes_s": 0.03, "excess": 0.1, "seconds": 2.0}
    chance = random.Random(limit)
    with running(
        url, tmp_path, budgets=budget(limit), callers=30, calls=10**9, **said
    ) as processes:
        processes.go(*[processes.begin() for _ in range(PROCESSES)])
        for _ in range(2):
            time.sleep(0.2 + 0.4 * chance.random())
            victim = chance.choice(list(processes.alive))
            processes.kill(victim)
            processes.go(processes.begin(victim))
        processes.end()
        made = calls(processes.journals)
        assert len(made) > 200
        if limit == 10**15:
            assert any(settled is None for _, _, settled, _ in made), "some died under way"
        check_order(made, limit)
        # what was taken in the moment of a death, and nobody wrote down, is written off as spent
        assert asyncio.run(total(url)) - unsettled() == sum([cost for *_, cost in made])
        held_back = sum([min(reserved, cost) for _, reserved, _, cost in made])
        assert held_back <= limit


def check_order(made, limit):
    """Whenever one was let through, there was room for it; but for what had just been billed beyond."""
    begun = [(at, 0, reserved, 0) for at, reserved, _, _ in made]
    ended = [
        (settled, 1, cost - reserved, max(0, cost - reserved))
        for _, reserved, settled, cost in made
        if settled is not None
    ]
    counted, recent, recent_sum = 0, deque(), 0
    for at, is_end, change, excess in sorted([*begun, *ended]):
        while recent and recent[0][0] < at - HEARD_S:
            recent_sum -= recent.popleft()[1]
        counted += change
        if is_end:
            recent.append((at, excess))
            recent_sum += excess
        else:
            assert counted - recent_sum <= limit


def test_thresholds_are_told_once_for_all_processes(tmp_path):
    said = {"reserved": [1000, 1000], "exact": True, "takes_s": 0.02, "seconds": 4.0}
    url = f"sqlite:{tmp_path / 'store.sqlite'}"
    with running(
        url, tmp_path, budgets=budget(600_000), callers=3, calls=10**9, **said
    ) as processes:
        processes.go(*[processes.begin() for _ in range(PROCESSES)])
        processes.end()
        lines = itertools.chain.from_iterable([read(journal) for journal in processes.journals])
        told = [tuple(rest) for _, what, *rest in lines if what == "alert"]
    assert sorted([percent for kind, percent in told if kind == "threshold"]) == [50, 80, 100]
    assert len([kind for kind, _ in told if kind == "refused"]) == 1
