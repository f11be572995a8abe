"""The load of ``modelway bench``, and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from modelway.client import Client
from modelway.errors import LLMError
from modelway.types import ChatResponse


class Load(NamedTuple):
    """What is asked, how often, and for how long at most."""

    model: str | None
    prompt: str
    max_tokens: int
    requests: int
    concurrency: int
    seconds: float
    stream: bool


class Figures:
    """What came of it so far."""

    def __init__(self) -> None:
        self.latencies_s: list[float] = []
        self.first_tokens_s: list[float] = []
        self.errors: Counter[str] = Counter()
        """Message → how often."""
        self.input_tokens = 0
        self.output_tokens = 0
        self.elapsed_s = 0.0
        self.cut = 0
        """Requests that were open when the time was over."""
        self.interrupted = False

    @property
    def answered(self) -> int:
        return len(self.latencies_s)

    def note(self, response: ChatResponse, elapsed_s: float) -> None:
        """One answer."""
        self.latencies_s.append(elapsed_s)
        if response.time_to_first_token_s is not None:
            self.first_tokens_s.append(response.time_to_first_token_s)
        self.input_tokens += response.usage.input_tokens or 0
        self.output_tokens += response.usage.output_tokens or 0

    @staticmethod
    def share(times_s: Sequence[float], part: float) -> float | None:
        """The time that this part of all stayed within (nearest rank); ``None`` without any."""
        if not times_s:
            return None
        return sorted(times_s)[max(0, math.ceil(part * len(times_s)) - 1)]

    def as_json(self, name: str, load: Load) -> dict[str, Any]:
        """All of it, for programs."""
        shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
        return {
            "deployment": name,
            "requests": load.requests,
            "concurrency": load.concurrency,
            "stream": load.stream,
            "answered": self.answered,
            "cut": self.cut,
            "interrupted": self.interrupted,
            "errors": self.errors,
            "elapsed_s": self.elapsed_s,
            "answers_per_s": self.answered / self.elapsed_s,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "output_tokens_per_s": self.output_tokens / self.elapsed_s,
            "latency_s": {key: self.share(self.latencies_s, at) for key, at in shares.items()},
            "first_token_s": {
                key: self.share(self.first_tokens_s, at) for key, at in shares.items()
            },
        }


async def measure(client: Client, load: Load) -> Figures:
    """Ask until enough has been asked or the time is over. Ctrl-C ends it with what there is."""
    figures = Figures()
    left = iter(range(load.requests))
    started = time.monotonic()
    askers = [
        asyncio.create_task(_ask(client, load, left, figures)) for _ in range(load.concurrency)
    ]
    try:
        _, late = await asyncio.wait(askers, timeout=load.seconds)
    except asyncio.CancelledError:
        figures.interrupted = True
        late = {asker for asker in askers if not asker.done()}
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
    figures.elapsed_s = time.monotonic() - started
    figures.cut = len(late)
    for asker in late:
        asker.cancel()
    for asker in askers:
        with contextlib.suppress(asyncio.CancelledError):
            await asker
    return figures


async def _ask(client: Client, load: Load, left: Iterator[int], figures: Figures) -> None:
    for _ in left:
        started = time.monotonic()
        try:
            response = await _answer(client, load)
        except LLMError as error:
            figures.errors[f"{type(error).__name__}: {error.message}"] += 1
        else:
            figures.note(response, time.monotonic() - started)


async def _answer(client: Client, load: Load) -> ChatResponse:
    if not load.stream:
        return await client.chat(load.prompt, model=load.model, max_tokens=load.max_tokens)
    async with client.stream(load.prompt, model=load.model, max_tokens=load.max_tokens) as stream:
        return await stream.collect()
