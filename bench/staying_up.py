"""What limits, breakers and routing add to a request: CPU time in process, no socket.

``python bench/staying_up.py``. Each row is the least of many rounds, taken in turn, so that the machine's
drift hits all alike. ``--against TREE`` runs the same requests through another checkout as well, such as
one of before (``git worktree add /tmp/before COMMIT``).
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import gc
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from modelway.gateway.app import Gateway
from modelway.gateway.authorise import open_keys
from modelway.opening import open_engine

KEY = "sk-bench-0123456789abcdef"
MUCH = {"requests_per_minute": 10**9, "tokens_per_minute": 10**12, "concurrent": 10**6}
HOST = {"like": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key": KEY}
TWO = [{"model": f"openai/{name}", "weight": 1} for name in ("gpt-4o", "gpt-4o-mini")]
SETTINGS = {
    "nothing configured": {"providers": {"openai": HOST}, "models": {"m": "openai/gpt-4o-mini"}},
    "limits of a provider": {
        "providers": {"openai": {**HOST, "limits": MUCH}},
        "models": {"m": "openai/gpt-4o-mini"},
    },
    "two deployments by weight": {
        "providers": {"openai": HOST},
        "models": {"m": {"strategy": "weighted", "deployments": TWO}},
    },
    "limits of provider and tenant, two by weight": {
        "providers": {"openai": {**HOST, "limits": MUCH}},
        "models": {"m": {"strategy": "weighted", "deployments": TWO}},
        "tenants": {"local": {"limits": MUCH}},
    },
}
SAID = {"role": "assistant", "content": "Twelve."}
ANSWER = json.dumps(
    {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": SAID, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
    }
).encode()
ASKED = json.dumps(
    {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": "Why? " * 160}]}
).encode()
PATH = "/v1/chat/completions"
SCOPE = {
    "type": "http",
    "method": "POST",
    "path": PATH,
    "raw_path": PATH.encode(),
    "query_string": b"",
    "root_path": "",
    "headers": [
        (b"authorization", f"Bearer {KEY}".encode()),
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(ASKED)),
    ],
}


class Answer:
    status = 200
    headers = ((b"content-type", b"application/json"), (b"x-request-id", b"r1"))

    async def read(self):
        return ANSWER

    async def aclose(self):
        pass


class Memory:
    async def send(self, _request):
        return Answer()

    async def aclose(self):
        pass


async def ask(gateway, body=ASKED):
    """One request; another ``body`` is as long as the usual one."""

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        assert message.get("status", 200) == 200, message

    await gateway(SCOPE, receive, send)


async def measure(names, rounds, requests):
    """The least CPU time of a request, in microseconds, by what is configured."""
    gateways, opened = {}, []
    for name in names:
        opened.append(await open_engine(SETTINGS[name], environment={}, transport=Memory()))
        with tempfile.TemporaryDirectory() as state:
            keys, _ = open_keys(Path(state), [KEY])
        gateways[name] = Gateway(opened[-1].engine, keys)
        for _ in range(1000):
            await ask(gateways[name])
    asks = {name: functools.partial(ask, gateway) for name, gateway in gateways.items()}
    least = await least_of(asks, rounds, requests)
    for one in opened:
        await one.aclose()
    return least


async def least_of(asks, rounds, requests):
    """The least CPU time of each, in microseconds: taken in turn, so that drift hits all alike."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)  # as the gateway has it
    least = dict.fromkeys(asks, float("inf"))
    for _ in range(rounds):
        for name, asked in asks.items():
            before = time.process_time()
            for _ in range(requests):
                await asked()
            spent = (time.process_time() - before) / requests * 1e6
            least[name] = min(least[name], spent)
            await asyncio.sleep(0)
    return least


def elsewhere(tree, rounds, requests):
    """The same request, with nothing configured, in another checkout."""
    command = [sys.executable, __file__, "--json", "--rounds", str(rounds), "--only-first"]
    command += ["--requests", str(requests)]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(tree / "src")}, capture_output=True, check=True
    )
    return json.loads(done.stdout)["nothing configured"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only-first", action="store_true")
    said = parser.parse_args()
    names = list(SETTINGS)[:1] if said.only_first else list(SETTINGS)
    found = {}
    for _ in range(1 if said.json else 3):
        if said.against is not None:
            spent = elsewhere(said.against, said.rounds, said.requests)
            found["before"] = min(spent, found.get("before", spent))
        for name, spent in asyncio.run(measure(names, said.rounds, said.requests)).items():
            found[name] = min(spent, found.get(name, spent))
    show(found, said.json)


def show(found, as_json):
    """Each, and how much more it is than the first."""
    if as_json:
        print(json.dumps(found))
        return
    first = next(iter(found.values()))
    for name, spent in found.items():
        print(f"{name:46} {spent:6.1f} µs  {spent - first:+6.1f}")


if __name__ == "__main__":
    main()
