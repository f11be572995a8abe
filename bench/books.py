"""What the ledger, budgets, metrics and the cache add to a request: CPU time in process, no socket.

``python bench/books.py``. Each row is the least of many rounds, taken in turn, so that the machine's drift
hits all alike; what the ledger's writer does meanwhile, in this process, is among it. ``--against TREE``
runs the same request through another checkout as well, such as one of before. A miss is a question that
nobody has asked.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import itertools
import tempfile
from pathlib import Path

from staying_up import ASKED, HOST, KEY, MUCH, Memory, ask, elsewhere, least_of, show

from modelway.gateway.app import Gateway
from modelway.gateway.authorise import open_keys
from modelway.opening import open_engine

PLAIN = {"providers": {"openai": HOST}, "models": {"m": "openai/gpt-4o-mini"}}
BUDGET = {"name": "all", "limit_usd": 1_000_000, "per": "total"}
SEVERAL = [
    BUDGET,
    {"name": "keys", "key": "*", "limit_usd": 100_000, "per": "month"},
    {"name": "models", "model": "*", "limit_usd": 100_000, "per": "day"},
    {"name": "tenants", "tenant": "*", "limit_usd": 100_000, "per": "month"},
]
NO_LEDGER = {"ledger": {"enabled": False}}
LEDGER = {"ledger": {"enabled": True}}
METRICS = {"metrics": {"enabled": True}}
CACHE = {"cache": {"enabled": True}}
SETTINGS = {
    "nothing": PLAIN,
    "metrics": {**PLAIN, **METRICS},
    "a budget": {**PLAIN, "budgets": [BUDGET], **NO_LEDGER},
    "four budgets": {**PLAIN, "budgets": SEVERAL, **NO_LEDGER},
    "ledger": {**PLAIN, **LEDGER},
    "cache, a miss": {**PLAIN, **CACHE},
    "cache, a hit": {**PLAIN, **CACHE},
    "budget, ledger, metrics, cache (a miss)": {
        **PLAIN,
        "budgets": [BUDGET],
        **LEDGER,
        **METRICS,
        **CACHE,
    },
    "all of it, limits, four budgets": {
        "providers": {"openai": {**HOST, "limits": MUCH}},
        "models": {"m": "openai/gpt-4o-mini"},
        "tenants": {"local": {"limits": MUCH}},
        "budgets": SEVERAL,
        **LEDGER,
        **METRICS,
        **CACHE,
    },
}
BEGINS, WHY, ENDS = ASKED.partition(b"Why? Why? ")
NUMBERS = itertools.count(10 ** (len(WHY) - 1))


async def ask_anew(gateway):
    """The question, as long as ever, with a number in it that was in none before."""
    await ask(gateway, b"%b%d%b" % (BEGINS, next(NUMBERS), ENDS))


async def measure(names, rounds, requests, state):
    """The least CPU time of a request, in microseconds, by what is configured."""
    gateways, opened = {}, []
    for number, name in enumerate(names):
        environment = {"MODELWAY_STATE": str(state / str(number))}
        opened.append(
            await open_engine(SETTINGS[name], environment=environment, transport=Memory())
        )
        keys, _ = open_keys(state / "keys", [KEY])
        misses = "cache" in SETTINGS[name] and not name.endswith("hit")
        asks = ask_anew if misses else ask
        gateways[name] = functools.partial(asks, Gateway(opened[-1].engine, keys))
        for _ in range(1000):
            await gateways[name]()
        await asyncio.sleep(0.1)
    least = await least_of(gateways, rounds, requests)
    for one in opened:
        await one.aclose()
    return least


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--json", action="store_true")
    said = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as state:
        if said.against is not None:
            found["before"] = elsewhere(said.against, said.rounds, said.requests)
        found |= asyncio.run(measure(SETTINGS, said.rounds, said.requests, Path(state)))
    show(found, said.json)


if __name__ == "__main__":
    main()
