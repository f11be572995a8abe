"""A day's traffic over six deployments, by each strategy: ``python bench/day.py`` (about a minute).

Nothing is sent. An event loop of its own, with a clock of its own, drives the routing functions, the
breakers, the gates (blocks that a provider's 429 asks for) and the verdicts on retries that the engine
has. Prices are the catalogue's; the rest of the world is in ``day_world.py``.
"""

import argparse
import asyncio
import datetime as dt
import heapq
import itertools
import math
import random
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from day_page import page
from day_plot import plot
from day_world import HOUR_S, SERVERS, TROUBLES, attempt, traffic

from modelway.config.load import load
from modelway.config.resolve import resolve
from modelway.errors import LimitExceededError
from modelway.facts import Facts
from modelway.observe.seen import Seen
from modelway.policies.breaker import Breaker, BreakerSettings
from modelway.policies.breaker.breaker import Around
from modelway.policies.limits import Limiter, Limits, Queueing, Subject, Ticket
from modelway.policies.retry import RetryBudget, decide
from modelway.policies.routing import Given, chooser
from modelway.store.memory import MemoryLeases
from modelway.tracks import Track

DOCS = Path(__file__).parent.parent / "docs"
DAY = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
SPECS = (
    "ordered",
    "random",
    "round_robin",
    "least_busy",
    "latency",
    "cheapest",
    "cost_optimised",
    "capability",
    "local_first",
    "hybrid",
    "local_if_sensitive | by_size",
)
BOUNDED = ", bounded"
"""Where the local server has ``limits: {concurrent: 4}``, so that what is too much for it goes on."""
DAYS = (
    *[(spec, False) for spec in SPECS],
    *[(spec, True) for spec in ("cheapest", "local_first", "hybrid")],
)


class Clock:
    """Moved by the simulation. The wall clock begins at the day's midnight."""

    def __init__(self):
        self.now = 0.0
        self.events = []
        self._numbers = itertools.count()

    def at(self, when, work, *arguments):
        heapq.heappush(self.events, (when, next(self._numbers), work, arguments))

    async def run(self, more):
        """What is to happen, in order, while there is more; what limits do by themselves in between."""
        while more():
            self.now, _, work, arguments = heapq.heappop(self.events)
            doing = work(*arguments)
            if doing is not None:
                await doing
            await asyncio.sleep(0)

    def monotonic(self):
        return self.now

    def time(self):
        return DAY.timestamp() + self.now

    async def sleep(self, seconds):
        """Of the limiter, which looks after its leases now and then."""
        woken = asyncio.get_running_loop().create_future()
        self.at(self.now + seconds, wake, woken)
        await woken


def wake(woken):
    if not woken.done():
        woken.set_result(None)


class Alone:
    """Of one process: whoever asks may probe."""

    async def claim(self, deployment):
        del deployment
        return "mine"

    def free(self, deployment, grant):
        raise AssertionError(deployment, grant)


class Outcome(NamedTuple):
    at: float
    took_s: float
    answered_by: int
    """The server's place; -1: none."""
    leaked: bool


class Try(NamedTuple):
    """One attempt of a question."""

    track: Track
    number: int
    ticket: Ticket
    took_s: float


class Day:
    """One strategy's day."""

    def __init__(self, spec, seed, *, bounded=False):
        deployments = [
            {"provider": server.provider, "model": server.model}
            | ({"limits": {"concurrent": server.at_once}} if bounded and server.at_once else {})
            for server in SERVERS
        ]
        config = {
            "providers": {
                name: {} if name == "ollama" else {"api_key": "not-a-key"}
                for name in sorted({server.provider for server in SERVERS})
            },
            "models": {"assistant": {"strategy": spec, "deployments": deployments}},
        }
        settings = load(config, environment={})
        self.clock = Clock()
        facts = Facts(settings, self.clock)
        self.limiter = Limiter(MemoryLeases(self.clock), self.clock, queueing=Queueing())
        self.opened = Counter()
        around = Around(self.clock, "day", Alone(), BreakerSettings, self._changed)
        self.tracks = tuple(
            [
                Track(
                    one,
                    Seen(),
                    facts,
                    Breaker(one.id, around),
                    self.limiter.gate(
                        [Subject("deployment", one.id, one.limits or Limits())], learns=True
                    ),
                )
                for one in resolve(settings, "assistant").deployments
            ]
        )
        self.places = {id(track): place for place, track in enumerate(self.tracks)}
        self.chooser = chooser(spec, Given(now=self.clock.time))
        self.chance = random.Random(seed)
        self.retries = RetryBudget()
        self.numbers = itertools.count()
        self.waiting = set()
        self.outcomes = []
        self.attempts = 0
        self.cost_pico_usd = 0

    def _changed(self, change, ours):
        if ours and change.after == "open":
            self.opened[change.deployment] += 1

    async def run(self, questions):
        for asked in questions:
            self.clock.at(asked.at, self._ask_next, Walk(self, asked))
        await self.clock.run(lambda: len(self.outcomes) < len(questions))
        await self.limiter.aclose()
        return self

    async def _ask_next(self, walk):
        """Ask who is next, now or when a turn to repeat has come; as the engine's dispatch does."""
        asked, now = walk.asked, self.clock.now
        for track in walk.order:
            if any(filtering(asked, track) for filtering in self.chooser.filters):
                continue
            if await self._asked(walk, track, 1):
                return
        if walk.repeats and walk.repeats[0][0] > now:
            self.clock.at(walk.repeats[0][0], self._ask_next, walk)
        elif walk.repeats:
            _, _, number, track = heapq.heappop(walk.repeats)
            if not self.retries.spend() or not await self._asked(walk, track, number):
                await self._ask_next(walk)
        elif walk.held:
            _, _, track = heapq.heappop(walk.held)
            self.waiting.add(task := asyncio.create_task(self._wait_for(walk, track)))
            task.add_done_callback(self.waiting.discard)
        else:
            self._over(walk, -1)

    async def _asked(self, walk, track, number, *, waits=False):
        """Ask, where its breaker and its limits allow it; what limits hold back may have to wait."""
        breaker, gate = track.breaker, track.gate
        probe = False
        if not breaker.closed:
            claimed = await breaker.claim()
            if claimed == "refused":
                return False
            probe = claimed == "probe"
        ticket = gate.admit(0)
        if ticket is None:
            try:
                ticket = await gate.enter(0, wait=waits)
            except LimitExceededError as error:
                if probe:
                    breaker.left()
                if not waits:
                    until = self.clock.now + (error.retry_after_s or 0.0)
                    heapq.heappush(walk.held, (until, next(self.numbers), track))
                return False
        self._ask(walk, track, number, ticket)
        return True

    async def _wait_for(self, walk, track):
        if not await self._asked(walk, track, 1, waits=True):
            await self._ask_next(walk)

    def _ask(self, walk, track, number, ticket):
        self.attempts += 1
        track.seen.open_requests += 1
        place = self.places[id(track)]
        if walk.asked.sensitive and not track.deployment.provider.local:
            walk.leaked = True
        hour = self.clock.now / HOUR_S
        took_s, error = attempt(place, walk.asked, track.seen.open_requests, hour)
        self.clock.at(
            self.clock.now + took_s, self._answered, walk, Try(track, number, ticket, took_s), error
        )

    async def _answered(self, walk, made, error):
        track, now = made.track, self.clock.now
        seen = track.seen
        made.ticket.done(None)
        seen.open_requests -= 1
        if error is None:
            seen.answers.observe(made.took_s, now)
            track.breaker.succeeded()
            self.cost_pico_usd += track.price(walk.asked.input_tokens, walk.asked.written) or 0
            self._over(walk, self.places[id(track)])
            return
        track.breaker.failed(error)
        if error.status == 429:
            track.gate.learn(429, ((b"retry-after", b"%.3f" % (error.retry_after_s or 0)),))
        verdict = decide(error, made.number, track.deployment.backoff, self.chance.random())
        if verdict.action == "again":
            due = (now + verdict.delay_s, next(self.numbers), made.number + 1, track)
            heapq.heappush(walk.repeats, due)
        await self._ask_next(walk)

    def _over(self, walk, place):
        took_s = self.clock.now - walk.asked.at
        self.retries.earn()
        self.outcomes.append(Outcome(walk.asked.at, took_s, place, walk.leaked))


class Walk:
    """One question's way through the candidates."""

    def __init__(self, day, asked):
        self.asked = asked
        self.order = self._ranked(day)
        self.repeats = []
        self.held = []
        self.leaked = False

    def _ranked(self, day):
        """Lazily: ranked by what is known when it is asked."""
        yield from day.chooser.rank(self.asked, day.tracks, day.chance)


# ---------------------------------------------------------------- what came of it


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else math.nan


def row(spec, day):
    """The figures of one strategy."""
    answered = [one for one in day.outcomes if one.answered_by >= 0]
    took = [one.took_s for one in answered]
    in_trouble = [
        one.took_s
        for one in answered
        if any(each.begins_h <= one.at / HOUR_S < each.ends_h for each in TROUBLES)
    ]
    total = len(day.outcomes)
    shares = Counter(one.answered_by for one in answered)
    return {
        "strategy": spec,
        "usd": day.cost_pico_usd / 10**12,
        "p50": quantile(took, 0.5),
        "p99": quantile(took, 0.99),
        "p99_trouble": quantile(in_trouble, 0.99),
        "failed": total - len(answered),
        "attempts": day.attempts / total,
        "opened": sum(day.opened.values()),
        "leaked": sum(one.leaked for one in day.outcomes),
        "shares": [shares[place] / total for place in range(len(SERVERS))],
        "half_hours": [
            quantile(
                [one.took_s for one in answered if number <= one.at / HOUR_S * 2 < number + 1], 0.95
            )
            for number in range(48)
        ],
    }


DEFAULTS = {"requests": 20_000, "seed": 7}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=DEFAULTS["requests"])
    parser.add_argument("--seed", type=int, default=DEFAULTS["seed"])
    parser.add_argument("--print", action="store_true", help="write nothing")
    options = parser.parse_args()
    questions = traffic(options.requests, random.Random(options.seed))
    rows = []
    for spec, bounded in DAYS:
        day = Day(spec, options.seed, bounded=bounded)
        asyncio.run(day.run(questions))
        rows.append(row(spec + (BOUNDED if bounded else ""), day))
    command = "python bench/day.py"
    if (options.requests, options.seed) != tuple(DEFAULTS.values()):
        command += f" --requests {options.requests} --seed {options.seed}"
    made_by = (
        f"`{command}`: seed {options.seed}, {options.requests:,} requests, prices of {DAY:%Y-%m-%d}"
    )
    written = page(rows, made_by, [track.usual_price for track in day.tracks])
    if options.print:
        print(written)
        return
    (DOCS / "strategies-day.md").write_text(written, "utf-8")
    troubles = [(one.begins_h, one.ends_h, f"{one.model}: {one.kind}") for one in TROUBLES]
    (DOCS / "strategies-day.svg").write_text(plot(rows, troubles), "utf-8")


if __name__ == "__main__":
    main()
