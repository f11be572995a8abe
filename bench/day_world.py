"""What the simulated day is made of: six servers, their troubles, the tasks, and who asks when.

Latencies, loads and troubles are made up. Chance is drawn with each question, so that all strategies
meet the same.
"""

import math
from typing import NamedTuple

from modelway.call import Call
from modelway.errors import APITimeoutError, OverloadedError, RateLimitError

HOUR_S = 3600.0
FIRST_BYTE_S = 60.0
BACKGROUND_FAULTS = 0.002


class Server(NamedTuple):
    """How a deployment is taken to behave."""

    provider: str
    model: str
    start_s: float
    """Before its first token, with nothing to read."""
    read_per_s: float
    write_per_s: float
    at_once: int = 0
    """So many at the same time, the others wait; 0: any number."""


SERVERS = (
    Server("anthropic", "claude-opus-4-8", 1.6, 8_000, 55),
    Server("openai", "gpt-5.5", 2.2, 10_000, 70),
    Server("anthropic", "claude-sonnet-4-5", 1.1, 8_000, 65),
    Server("gemini", "gemini-3-flash-preview", 0.6, 20_000, 150),
    Server("openai", "gpt-4o-mini", 0.5, 15_000, 100),
    Server("ollama", "qwen3", 0.3, 2_000, 40, at_once=4),
)
QUEUE = 16
"""Requests that a server lets wait, where it takes so many at once; then it answers 503."""


class Trouble(NamedTuple):
    model: str
    kind: str
    begins_h: float
    ends_h: float


TROUBLES = (
    Trouble("gemini-3-flash-preview", "50 times slower", 9.0, 10.5),
    Trouble("claude-sonnet-4-5", "429 storm", 13.0, 14.0),
    Trouble("gpt-4o-mini", "outage", 17.0, 17.75),
)


class Task(NamedTuple):
    share: float
    read: int
    """Tokens, the median; and so on."""
    written: int
    cap: int
    difficulty: str = "moderate"
    coding_heavy: bool = False
    sensitive: bool = False


TASKS = {
    "question": Task(0.45, 300, 120, 400, "simple"),
    "writing": Task(0.20, 800, 450, 1_500),
    "generation": Task(0.15, 2_500, 700, 2_500, coding_heavy=True),
    "debugging": Task(0.10, 5_000, 900, 4_000, "complex", coding_heavy=True),
    "document": Task(0.07, 25_000, 600, 2_000),
    "sensitive": Task(0.03, 600, 200, 800, sensitive=True),
}


CALL = Call(id="day", model="assistant")


class Asked:
    """A question as strategies see it, with what becomes of it at each server."""

    call = CALL
    request = None
    needs = frozenset()
    budget_pico_usd = None

    def __init__(self, at, category, task, chance):
        self.at = at
        self.category = category
        self.difficulty = task.difficulty
        self.coding_heavy = task.coding_heavy
        self.sensitive = task.sensitive
        self.input_tokens = max(20, round(task.read * chance.lognormvariate(0, 0.6)))
        self.output_tokens = task.cap
        self.written = min(task.cap, max(5, round(task.written * chance.lognormvariate(0, 0.5))))
        self.noise = [
            chance.lognormvariate(0, 0.3) * (4.0 if chance.random() < 0.01 else 1.0)
            for _ in SERVERS
        ]
        self.luck = [chance.random() for _ in SERVERS]


def traffic(requests, chance):
    """Questions in order of time: quiet at night, two humps by day, and six bursts of five minutes."""
    bursts = [chance.uniform(8.0, 20.0) for _ in range(6)]

    def rate(hour):
        day = (
            0.25 + math.exp(-(((hour - 10.5) / 2.2) ** 2)) + math.exp(-(((hour - 15.5) / 2.8) ** 2))
        )
        return day * (5.0 if any(0 <= hour - begun < 1 / 12 for begun in bursts) else 1.0)

    times = []
    while len(times) < requests:
        hour = chance.uniform(0, 24)
        if chance.random() * 7.5 < rate(hour):
            times.append(hour * HOUR_S)
    kinds = list(TASKS)
    shares = [task.share for task in TASKS.values()]
    drawn = chance.choices(kinds, shares, k=requests)
    return [
        Asked(at, kind, TASKS[kind], chance) for at, kind in zip(sorted(times), drawn, strict=True)
    ]


def attempt(place, asked, busy, hour):
    """(seconds, error) of asking a server that has so many open, this one included."""
    server = SERVERS[place]
    luck = asked.luck[place]
    trouble = next(
        (
            one
            for one in TROUBLES
            if one.model == server.model and one.begins_h <= hour < one.ends_h
        ),
        None,
    )
    kind = trouble.kind if trouble else ""
    if kind == "429 storm" and luck < 0.9:
        return 0.2, RateLimitError("slow down", status=429, retry_after_s=5.0)
    if kind == "outage":
        if luck < 0.5:
            return 0.1, OverloadedError("out", status=503)
        return FIRST_BYTE_S, APITimeoutError("silence", code="first_byte")
    if luck > 1 - BACKGROUND_FAULTS:
        return 0.5, OverloadedError("a bad moment", status=503)
    took_s = server.start_s + asked.input_tokens / server.read_per_s
    took_s = (took_s + asked.written / server.write_per_s) * asked.noise[place]
    if server.at_once:
        if busy > server.at_once + QUEUE:
            return 0.05, OverloadedError("the queue is full", status=503)
        took_s *= max(1.0, busy / server.at_once)
    if kind == "50 times slower":
        took_s *= 50
    if took_s > FIRST_BYTE_S:
        return FIRST_BYTE_S, APITimeoutError("silence", code="first_byte")
    return took_s, None
