"""Providers that misbehave as a test says, a client before them, and what must hold when all is over."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sized
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

import modelway
from modelway.engine import Engine
from modelway.errors import LLMError, StreamInterruptedError
from modelway.simulator.app import Simulator
from modelway.simulator.playing import SimulatedResponse, Step
from modelway.simulator.question import HeaderPairs
from modelway.simulator.script import Fault, Pace, Reply, Rule, Script, ScriptedError
from modelway.simulator.serve import serve
from modelway.state import State
from modelway.types import TextDelta
from support.sdk import until

Behave = Callable[[str], Reply]
"""A question's words → how it is answered this time."""

_WORDS = 12
"""Of an answer, so that its stream has as many events."""


class Arrival(NamedTuple):
    """A request as it came: by the upstream's own clock, and how it was answered."""

    at: float
    question: str
    reply: Reply

    @property
    def answered(self) -> bool:
        return self.reply.error is None and self.reply.fault is None


class Upstream(Simulator):
    """A provider that answers as ``behave`` says at the moment, and notes who asked when."""

    def __init__(self, name: str, behave: Behave | None = None) -> None:
        super().__init__(keep=1)
        self.name = name
        self.behave = behave or self.well
        self.arrived: list[Arrival] = []
        self.down = False
        """Whether it hangs up on everybody."""
        self.open = self.most_open = 0
        """Requests that are being answered, now and at once."""

    def answer(self, question: str) -> str:
        """The right one: it says who gave it, and to what."""
        return " ".join([f"{self.name}:{question}:{number}" for number in range(_WORDS)])

    def well(self, question: str) -> Reply:
        return Reply(text=self.answer(question))

    def slowly(self, latency_s: float) -> Behave:
        return lambda question: Reply(text=self.answer(question), pace=Pace(latency_s=latency_s))

    def paced(self, tokens_per_s: float) -> Behave:
        pace = Pace(tokens_per_s=tokens_per_s)
        return lambda question: Reply(text=self.answer(question), pace=pace)

    def faulty(self, **fault: Any) -> Behave:
        return lambda question: Reply(text=self.answer(question), fault=Fault(**fault))

    def handle(
        self, method: str, target: str, headers: HeaderPairs, body: bytes
    ) -> SimulatedResponse:
        if self.down:
            return SimulatedResponse(0, (), iter(()), dropped=True)
        if method == "POST":
            question = msgspec.json.decode(body)["messages"][-1]["content"]
            reply = self.behave(question)
            self.arrived.append(Arrival(time.monotonic(), question, reply))
            self.script = Script(rules=(Rule(reply=reply),))
            response = super().handle(method, target, headers, body)
            return response._replace(steps=self._played(response.steps))
        return super().handle(method, target, headers, body)

    def _played(self, steps: Iterator[Step]) -> Iterator[Step]:
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        return self._until_played(steps)

    def _until_played(self, steps: Iterator[Step]) -> Iterator[Step]:
        try:
            yield from steps
        finally:
            self.open -= 1

    @property
    def questions(self) -> list[str]:
        return [one.question for one in self.arrived]


def refuses(status: int, retry_after_s: float | None = None) -> Behave:
    """Always this status."""
    error = ScriptedError(status=status, retry_after_s=retry_after_s)
    return lambda question: Reply(error=error)


class World(NamedTuple):
    """A client, the engine that it has, and the providers by their names."""

    client: modelway.Client
    engine: Engine
    upstreams: Mapping[str, Upstream]

    @property
    def state(self) -> State:
        return self.engine.state


@contextlib.asynccontextmanager
async def world(
    *names: str, places: Mapping[str, str] | None = None, **config: Any
) -> AsyncIterator[World]:
    """Providers of these names behind the model ``m``, in this order; ``config`` is merged over that.

    ``places``: base URLs instead of an own simulator's. At the end all must be at rest, and when the
    client is closed nothing may be left.
    """
    upstreams = {name: Upstream(name) for name in names}
    providers: dict[str, Any] = {}
    more: dict[str, Any] = config.pop("providers", {})
    async with contextlib.AsyncExitStack() as serving:
        for name, upstream in upstreams.items():
            url = (places or {}).get(name) or await serving.enter_async_context(serve(upstream))
            providers[name] = {
                "like": "openai",
                "base_url": f"{url}/v1",
                "api_key": "none-is-asked",
            }
            providers[name] |= more.get(name, {})
        route = {"deployments": [f"{name}/{name}" for name in names]} | config.pop("route", {})
        settings = {"providers": providers, "models": {"m": route}, **config}
        async with leaving_nothing(), modelway.Client(settings, environment={}) as client:
            engine = await client._session.engine()
            yield World(client, engine, upstreams)
            await at_rest(engine)


# ---------------------------------------------------------------- asking


class Outcome(NamedTuple):
    """What a caller got of its one call: all that arrived, and why no more did."""

    question: str
    text: str
    error: LLMError | None = None


async def ask(world: World, question: str, **options: Any) -> Outcome:
    """Ask for a whole answer."""
    said = modelway.Options(**options)
    try:
        answer = await world.client.chat(question, model="m", options=said)
    except LLMError as error:
        return Outcome(question, "", error)
    return Outcome(question, answer.text)


async def follow(world: World, question: str, **options: Any) -> Outcome:
    """Ask for a stream, and read it to its end."""
    heard = ""
    failed: LLMError | None = None
    said = modelway.Options(**options)
    try:
        async with world.client.stream(question, model="m", options=said) as stream:
            async for event in stream:
                heard += event.text if isinstance(event, TextDelta) else ""
    except LLMError as error:
        failed = error
    if isinstance(failed, StreamInterruptedError) and heard:
        assert failed.partial is not None
        assert failed.partial.text == heard, "what it says to have had is what it had"
    return Outcome(question, heard, failed)


async def grows(items: Sized, by: int) -> None:
    """Wait until so many more are there."""
    wanted = len(items) + by
    await until(lambda: len(items) >= wanted, most_s=30)


# ---------------------------------------------------------------- when all is over


async def at_rest(engine: Engine) -> None:
    """Nothing is open, nobody waits, and all that was taken was given back."""
    try:
        await until(lambda: not unrest(engine.state), most_s=10)
    except AssertionError:
        raise AssertionError(f"it does not come to rest: {unrest(engine.state)}") from None
    stats = engine.stats()
    assert stats.open_requests == 0
    ended = stats.successful_requests + stats.failed_requests + stats.cancelled_requests
    assert ended == stats.total_requests, "each request ends once"


def unrest(state: State) -> list[str]:
    """What is still open."""
    found = [f"{id_} is asked" for id_, seen in state._seen.items() if seen.open_requests]
    for meter in state.limiter._meters.values():
        if meter.line:
            found.append(f"{meter.name}: somebody waits")
        if meter.name == "concurrent" and meter.in_use:
            found.append(f"{meter.subject}: {meter.in_use} are open")
        parts = [meter.part, *getattr(meter, "_open", ())]
        found += [f"{meter.name}: a ticket is open" for part in parts if part.open]
    return found


@contextlib.asynccontextmanager
async def leaving_nothing() -> AsyncIterator[None]:
    """No task and no file, socket or pipe, is left when the block ends."""
    tasks, files = asyncio.all_tasks(), open_files()
    yield
    try:
        await until(lambda: asyncio.all_tasks() <= tasks and open_files() <= files, most_s=10)
    except AssertionError:
        left = [repr(task) for task in asyncio.all_tasks() - tasks]
        raise AssertionError(f"{left} and {open_files() - files} files are left") from None


def open_files() -> int:
    """How many of this process."""
    return len([*Path("/dev/fd").iterdir()])
