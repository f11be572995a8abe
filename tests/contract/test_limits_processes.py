"""Several processes on one store: never more than the limit in any window, and nearly all of it.

Run as a program it is one of the processes: it sends as fast as it may, and writes down when.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modelway.call import Limits
from modelway.clock import SystemClock
from modelway.policies.limits import Limiter, Queueing, Subject
from modelway.store.opening import open_store

WINDOWS = 3
SENDERS = 40
"""Requests that each process has open, or waiting."""


async def send(
    url: str, name: str, limit: int, window_s: float, pace_s: float, tokens: int
) -> array.array:
    store = await open_store(url, timeout_s=5.0)
    queueing = Queueing(max_wait_s=10 * window_s)
    limiter = Limiter(store.leases, SystemClock(), queueing=queueing, minute_s=window_s)
    limits = Limits(tokens_per_minute=limit) if tokens else Limits(requests_per_minute=limit)
    gate = limiter.gate([Subject("provider", name, limits)], learns=True)
    sent = array.array("d")
    print("ready", flush=True)
    begins = float(sys.stdin.readline())
    ends = begins + WINDOWS * window_s

    async def sender() -> None:
        while time.monotonic() < ends:
            ticket = gate.admit(tokens) or await gate.enter(tokens, wait=True)
            sent.append(time.monotonic())
            ticket.done(None)
            await asyncio.sleep(pace_s)

    await asyncio.sleep(max(0.0, begins - time.monotonic()))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ends - time.monotonic()):
            await asyncio.gather(*[sender() for _ in range(SENDERS)])
    await limiter.aclose()
    await store.aclose()
    return sent


def senders(
    url: str, limit: int, window_s: float, paces_s: tuple[float, ...], folder: Path, tokens: int = 0
) -> tuple[list[float], float]:
    """When they sent, all of them together; and when they began."""
    processes = []
    for number, pace_s in enumerate(paces_s):
        command = [sys.executable, __file__, url, folder.name, str(limit), str(window_s)]
        command += [str(pace_s), str(tokens), str(folder / f"{number}.times")]
        processes.append(
            subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        )
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    begins = time.monotonic() + 0.1
    for process in processes:
        process.stdin.write(f"{begins}\n")
        process.stdin.close()
    codes = [process.wait(timeout=30 + 10 * window_s) for process in processes]
    for process in processes:
        process.stdout.close()
    assert codes == [0] * len(processes)
    times = array.array("d")
    for number in range(len(processes)):
        times.frombytes((folder / f"{number}.times").read_bytes())
    return sorted(times), begins


def most_in_any_window(times: list[float], window_s: float) -> int:
    most = first = 0
    for index, at in enumerate(times):
        while times[first] <= at - window_s:
            first += 1
        most = max(most, index - first + 1)
    return most


def check(times: list[float], begins: float, limit: int, window_s: float) -> None:
    assert most_in_any_window(times, window_s) <= limit
    used = sum(1 for at in times if at < begins + WINDOWS * window_s)
    print(f"{used / (WINDOWS * limit):.3f} used of {limit} in {window_s} s")
    if limit >= 100:
        assert used >= 0.95 * WINDOWS * limit


BALANCED = (0.0, 0.0, 0.0, 0.0)
SKEWED = (0.0, 0.05, 0.5, 0.5)
QUICK = [
    pytest.param(10, 1.0, SKEWED, id="10-skewed"),
    pytest.param(500, 2.0, BALANCED, id="500-balanced"),
]
LARGE = pytest.param(15_000, 2.0, SKEWED, id="15000-skewed")
SLOW = [
    pytest.param(50_000, 6.0, SKEWED, id="50000-skewed", marks=pytest.mark.exhaustive),
    pytest.param(10, 2.0, BALANCED, id="10-balanced", marks=pytest.mark.exhaustive),
    pytest.param(500, 3.0, SKEWED, id="500-skewed", marks=pytest.mark.exhaustive),
    pytest.param(50_000, 6.0, BALANCED, id="50000-balanced", marks=pytest.mark.exhaustive),
    pytest.param(50_000, 9.0, SKEWED, id="50000-skewed-long", marks=pytest.mark.exhaustive),
]


@pytest.fixture(scope="module")
def valkey():
    from support.servers_valkey import ValkeyServer

    with ValkeyServer() as server:
        yield server.url


@pytest.fixture(scope="module")
def postgres():
    from support.servers_postgres import postgres_server

    with postgres_server() as server:
        server.ask("create database limits")
        yield server.url("limits")


@pytest.mark.parametrize(("limit", "window_s", "paces_s"), [*QUICK, LARGE, *SLOW])
def test_processes_on_one_file(limit, window_s, paces_s, tmp_path):
    times, begins = senders(f"sqlite://{tmp_path}/state.db", limit, window_s, paces_s, tmp_path)
    check(times, begins, limit, window_s)


@pytest.mark.parametrize(("limit", "window_s", "paces_s"), [QUICK[1], *SLOW])
def test_processes_on_valkey(limit, window_s, paces_s, tmp_path, valkey):
    times, begins = senders(valkey, limit, window_s, paces_s, tmp_path)
    check(times, begins, limit, window_s)


@pytest.mark.parametrize(("limit", "window_s", "paces_s"), [QUICK[1], *SLOW])
def test_processes_on_postgres(limit, window_s, paces_s, tmp_path, postgres):
    times, begins = senders(postgres, limit, window_s, paces_s, tmp_path)
    check(times, begins, limit, window_s)


def test_tokens_are_exact_on_the_estimates(tmp_path):
    tokens, limit, window_s = 70, 20_000, 2.0
    url = f"sqlite://{tmp_path}/state.db"
    times, begins = senders(url, limit, window_s, BALANCED, tmp_path, tokens)
    check(times, begins, limit // tokens, window_s)


if __name__ == "__main__":
    url, name, limit, window_s, pace_s, tokens, path = sys.argv[1:]
    sent = asyncio.run(send(url, name, int(limit), float(window_s), float(pace_s), int(tokens)))
    Path(path).write_bytes(sent.tobytes())
