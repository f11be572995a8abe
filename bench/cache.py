"""What the exact cache costs a request: CPU time in process, no socket.

``python bench/cache.py``. Each figure is the least of many short rounds. A look-up stands beside the
hashing of its body alone, which no exact cache is without; a gateway that answers from what is kept,
beside the same gateway without a cache, whose provider answers at once from memory. The server's own cost
is in neither.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import json
import tempfile
import time
import tracemalloc
from pathlib import Path

from staying_up import ANSWER, HOST, KEY, PATH, Memory

from modelway.call import Body, Call, Deployment, Reply, Target
from modelway.catalog.load import providers
from modelway.clock import SystemClock
from modelway.dialects import dialect
from modelway.fold import unfold
from modelway.framing.fields import split
from modelway.gateway.app import Gateway
from modelway.gateway.authorise import open_keys
from modelway.messages import user
from modelway.opening import open_engine
from modelway.policies.caching.exact import ExactCache
from modelway.policies.caching.kept import Replay
from modelway.policies.caching.values import CacheSettings
from modelway.types import ChatRequest, Usage

WHERE = Deployment(
    id="p/m",
    provider=providers()["simulator"],
    dialect="openai-chat",
    target=Target(model="m"),
    base_url="http://127.0.0.1:1/v1",
)
USAGE = Usage(input_tokens=9, output_tokens=3)
VALUE = dialect("openai-chat").upstream["chat"].decode(ANSWER)
BATCHES = [[event] for event in unfold(VALUE)[:2] * 50 + unfold(VALUE)]
TAIL = 156
"""Bytes of a body beside its question."""


def body(size_bytes, number):
    """Of about this size, and unlike that of any other number."""
    said = [
        {"role": "system", "content": "Answer briefly."},
        {"role": "user", "content": f"{number:08d} " + "x" * (size_bytes - TAIL)},
    ]
    asked = {"model": "m", "messages": said, "temperature": 0.7, "max_tokens": 100}
    return json.dumps(asked, separators=(",", ":")).encode()


def call(size_bytes, number, *, stream=False):
    asked = body(size_bytes, number)
    return Call(
        id="1",
        model="m",
        stream=stream,
        body=Body(dialect="openai-chat", fields=split(asked), size_bytes=len(asked)),
    )


def typed(*, stream=False):
    request = ChatRequest(messages=(user("x" * 800),), max_tokens=100)
    return Call(id="1", model="m", stream=stream, request=request)


def cache():
    settings = CacheSettings(enabled=True, most_bytes=256 * 1024 * 1024)
    return ExactCache(settings, None, SystemClock(), deployment={"p/m": WHERE}.get)


def least_us(turn, times, rounds):
    """CPU µs of a turn, the least of the rounds; ``turn`` is an async function of a number."""

    async def one_round():
        before = time.process_time()
        for number in range(times):
            await turn(number)
        return (time.process_time() - before) / times * 1e6

    return min(asyncio.run(one_round()) for _ in range(rounds))


# ---------------------------------------------------------------- the cache by itself


def look_ups(times, rounds):
    """A look-up that finds nothing, and the hashing in it, by the size of the body."""
    for size_bytes in (1024, 10_240, 102_400):
        many = max(times * 1024 // size_bytes, 20)
        calls = [call(size_bytes, number) for number in range(200)]
        bodies = [body(size_bytes, number) for number in range(200)]
        kept = cache()

        async def look_up(number, calls=calls, kept=kept):
            asked = calls[number % 200]
            kept._near(asked, kept._names(asked))  # noqa: SLF001 - what a look-up is made of

        async def hashing(number, bodies=bodies):
            hashlib.sha256(bodies[number % 200]).digest()

        async def nothing(number):
            pass

        empty = least_us(nothing, many, rounds)
        spent, hashed = [least_us(one, many, rounds) - empty for one in (look_up, hashing)]
        told = f"look-up, nothing found, {size_bytes // 1024} KiB"
        print(f"{told:46} {spent:6.1f} µs, {spent - hashed:.1f} beyond its hashing")


def hits(times, rounds):
    """The whole middleware, where the answer is kept."""
    for told, asked, made in (
        ("hit, a client's bytes", call(1024, 0), lambda: {"body": ANSWER}),
        ("hit, decoded", typed(), lambda: {"value": VALUE}),
        (
            f"hit, a stream of {len(BATCHES)} batches",
            typed(stream=True),
            lambda: {"events": Replay([list(batch) for batch in BATCHES], USAGE)},
        ),
    ):
        kept = cache()

        async def inner(_, made=made):
            return Reply(deployment=WHERE, usage=USAGE, **made())

        async def hit(_, kept=kept, asked=asked, inner=inner):
            reply = await kept(asked, inner)
            if reply.events is not None:
                async for _batch in reply.events:
                    pass

        asyncio.run(hit(0))
        assert kept.stats().entries == 1
        print(f"{told:46} {least_us(hit, times // 10, rounds):6.1f} µs")


def entries(number):
    """What an entry takes of this process's memory, by the count of the allocator and by our own."""
    kept = cache()

    async def inner(_):
        return Reply(deployment=WHERE, body=bytes(ANSWER), usage=USAGE)

    async def fill():
        for each in range(number):
            await kept(call(1024, each), inner)

    tracemalloc.start()
    asyncio.run(fill())
    taken = tracemalloc.get_traced_memory()[0] / number
    tracemalloc.stop()
    counted = kept.stats().bytes / number
    print(f"an entry of {len(ANSWER)} B takes {taken:,.0f} B, and counts {counted:,.0f}")


# ---------------------------------------------------------------- in a gateway


async def gateways(times, rounds):
    """Requests through a gateway without a cache, with hits, and with misses that are then kept."""
    config = {"providers": {"openai": HOST}, "models": {"m": "openai/gpt-4o-mini"}}
    made = {}
    for told, more in (("without", {}), ("a hit", {"cache": True}), ("a miss", {"cache": True})):
        opened = await open_engine({**config, **more}, environment={}, transport=Memory())
        with tempfile.TemporaryDirectory() as state:
            keys, _ = open_keys(Path(state), [KEY])
        made[told] = (opened, Gateway(opened.engine, keys))
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)  # as the gateway has it
    least = dict.fromkeys(made, float("inf"))
    numbers = iter(range(10**9))
    for _ in range(rounds):
        for told, (_, gateway) in made.items():
            bodies = [body(1024, 0 if told == "a hit" else next(numbers)) for _ in range(times)]
            await ask(gateway, body(1024, 0))
            before = time.process_time()
            for asked in bodies:
                await ask(gateway, asked)
            spent = (time.process_time() - before) / times * 1e6
            least[told] = min(least[told], spent)
    for opened, _ in made.values():
        await opened.aclose()
    for told, spent in least.items():
        print(f"{'gateway, ' + told:46} {spent:6.1f} µs  {spent - least['without']:+6.1f}")


async def ask(gateway, asked):
    scope = {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"authorization", f"Bearer {KEY}".encode()),
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(asked)),
        ],
    }

    async def receive():
        return {"type": "http.request", "body": asked, "more_body": False}

    async def send(message):
        assert message.get("status", 200) == 200, message

    await gateway(scope, receive, send)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=150)
    said = parser.parse_args()
    look_ups(said.times, said.rounds)
    hits(said.times, said.rounds)
    entries(20 * said.times)
    asyncio.run(gateways(said.times // 10, said.rounds))


if __name__ == "__main__":
    main()
