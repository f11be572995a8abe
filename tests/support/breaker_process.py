"""A process with breakers on a shared store, which does what it reads, one line at a time.

``fail NAME``: let it open; ``hear NAME STATE``: wait until it is so; ``claim NAME SECONDS HOW``: claim for
so long, again and again, with probes that end at once (``fails``, ``answers``) or do not (``hangs``).
Each prints a line of JSON with the system's monotonic time, which all processes have in common.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from modelway.clock import SystemClock
from modelway.errors import OverloadedError
from modelway.policies.breaker import Breakers, BreakerSettings
from modelway.store.opening import open_store

SETTINGS = BreakerSettings(failures=3, open_s=1.5, probe_s=20.0)
BUSY = OverloadedError("busy", status=503)
TICK_S = 0.005


async def main(url: str, node: str) -> None:
    store = await open_store(url, timeout_s=5.0)
    changed = asyncio.Event()
    breakers = Breakers(
        SETTINGS,
        SystemClock(),
        leases=store.leases,
        records=store.records,
        node=node,
        tell=lambda change: changed.set(),
    )
    await breakers.start()
    say("ready")
    loop = asyncio.get_running_loop()
    while words := (await loop.run_in_executor(None, sys.stdin.readline)).split():
        match words:
            case ["fail", name]:
                say(None)
                for _ in range(SETTINGS.failures):
                    breakers.of(name).failed(BUSY)
            case ["hear", name, state]:
                while breakers.of(name).status().state != state:
                    changed.clear()
                    await changed.wait()
                say(state)
            case ["claim", name, seconds, how]:
                say(await claims(breakers.of(name), float(seconds), how))
    await breakers.aclose()
    await store.aclose()


async def claims(breaker, seconds: float, how: str) -> list[str]:
    made = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        made.append(await breaker.claim())
        if made[-1] == "probe" and how == "fails":
            breaker.failed(BUSY)
        if made[-1] == "probe" and how == "answers":
            breaker.succeeded()
        await asyncio.sleep(TICK_S)
    return made


def say(value: object) -> None:
    print(json.dumps([time.monotonic(), value]), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
