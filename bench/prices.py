"""What bounding and charging a call costs, in CPU µs: ``python bench/prices.py``.

A chat of 1 KB with a cap, as a gateway has it; one with tools and turns that are looked into; and the
charge for an ordinary usage. The least of several rounds, beside an empty loop.
"""

import json
import time

from modelway.bounds import Bound
from modelway.call import Body, Call
from modelway.clock import SystemClock
from modelway.config.load import load
from modelway.config.resolve import resolve
from modelway.facts import Facts
from modelway.framing.fields import split
from modelway.types import Usage

ROUNDS = 9
TIMES = 20_000
WORDS = "Why is the sky blue and the grass green? "
PLAIN = {
    "model": "gpt-4.1",
    "messages": [
        {"role": "system", "content": "You are a helpful assistant. " * 8},
        {"role": "user", "content": WORDS * 15},
    ],
    "max_tokens": 500,
    "temperature": 0.2,
    "stream": True,
}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
TURNS = [
    {"role": "user", "content": [{"type": "text", "text": WORDS * 10}]},
    {"role": "assistant", "content": None, "tool_calls": [{"id": "1", **TOOL}]},
    {"role": "tool", "tool_call_id": "1", "content": json.dumps([1, 2, 3])},
]


def call(body):
    raw = json.dumps(body).encode()
    said = Body(dialect="openai-chat", fields=split(raw), size_bytes=len(raw))
    return Call(id="1", model="gpt-4.1", body=said)


def least_us(work):
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(TIMES):
            work()
        found.append((time.process_time() - began) / TIMES * 1e6)
    return min(found)


def main():
    settings = load({"providers": {"openai": {"api_key": "not-a-key"}}}, environment={})
    facts = Facts(settings, SystemClock())
    where = resolve(settings, "openai/gpt-4.1").deployments[0]
    plain, turns = call(PLAIN), call({**PLAIN, "messages": TURNS, "tools": [TOOL] * 3})
    asked = Bound(plain)
    usage = Usage(input_tokens=250, output_tokens=100, cached_tokens=20)
    empty = least_us(lambda: None)
    for name, work in (
        ("what a plain chat of 1 KB may use", lambda: Bound(plain)),
        ("what one with tools and turns may use", lambda: Bound(turns)),
        ("the most that it may cost", lambda: facts.bound(asked, where)),
        ("what it cost", lambda: facts.charged(where, usage)),
        ("what one that was cut has cost", lambda: facts.partial(asked, where, 800)),
    ):
        print(f"{name:40} {least_us(work) - empty:6.2f} µs")


if __name__ == "__main__":
    main()
