"""The laws of limits, under any schedule: never too many, nothing lost, everybody comes to an end."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from modelway.call import Limits
from modelway.errors import LimitExceededError
from modelway.policies.limits import Subject
from support.limits_world import Shaky, provider, world

MINUTE_S = 6.0
SLACK = 1e-9

admits = st.tuples(st.just("admit"), st.integers(0, 2), st.integers(1, 60))
enters = st.tuples(
    st.just("enter"), st.integers(0, 2), st.integers(1, 60), st.integers(-1, 2), st.booleans()
)
ends = st.tuples(
    st.sampled_from(["done", "unsent", "cancel"]), st.integers(0, 30), st.integers(0, 90)
)
pauses = st.tuples(st.just("pause"), st.sampled_from([0.001, 0.02, 0.1, 0.5, 2.0, 7.0]))
deaths = st.tuples(st.just("die"), st.integers(0, 2))
weather = st.tuples(st.just("store"), st.booleans())
schedules = st.lists(st.one_of(admits, enters, enters, ends, pauses, pauses, deaths), max_size=60)
bad_schedules = st.lists(st.one_of(admits, enters, ends, pauses, pauses, weather), max_size=60)


class Run:
    """A schedule, played on three processes; and what was sent, as (when, estimate)."""

    def __init__(self, here, limits, when_down="closed"):
        self.here = here
        self.limits = limits
        self.subject = provider(**limits)
        self.stores = [Shaky(here.store.leases, here.clock, here.store.latency_s) for _ in range(3)]
        self.processes = [
            here.process(when_down=when_down, store=store, max_wait_s=8.0, size=20)
            for store in self.stores
        ]
        subjects = [self.subject, Subject("deployment", "acme/one", Limits(concurrent=9))]
        self.gates = [process.gate(subjects, learns=False) for process in self.processes]
        self.alive = [True] * 3
        self.sent = []
        self.open = {}
        self.most_open = 0
        self.waiting = []
        self.refused = []
        self.numbers = iter(range(10**6))

    def keep(self, which, ticket, tokens):
        self.sent.append([self.here.clock.monotonic(), tokens, True])
        self.open[next(self.numbers)] = (ticket, self.sent[-1], which)
        self.most_open = max(self.most_open, len(self.open))

    async def _enter(self, which, tokens, priority, wait):
        try:
            ticket = await self.gates[which].enter(tokens, priority=priority, wait=wait)
        except LimitExceededError as error:
            self.refused.append(error)
        else:
            self.keep(which, ticket, tokens)

    async def play(self, schedule):
        for step in schedule:
            await getattr(self, step[0])(*step[1:])
            await self.here.clock.advance(0.0)

    async def admit(self, which, tokens):
        ticket = self.gates[which].admit(tokens) if self.alive[which] else None
        if ticket is not None:
            self.keep(which, ticket, tokens)

    async def enter(self, which, *how):
        if self.alive[which]:
            self.waiting.append(asyncio.ensure_future(self._enter(which, *how)))
            self.waiting[-1].set_name(str(which))

    def one(self, number):
        numbers = sorted(self.open)
        return self.open.pop(numbers[number % len(numbers)]) if numbers else None

    async def done(self, number, used):
        if (one := self.one(number)) is not None:
            one[0].done(min(used, one[1][1]) if used % 3 else None)

    async def unsent(self, number, _):
        if (one := self.one(number)) is not None:
            one[0].unsent()
            one[1][2] = False

    async def cancel(self, number, _):
        if self.waiting:
            self.waiting[number % len(self.waiting)].cancel()

    async def pause(self, seconds):
        await self.here.clock.advance(seconds)

    async def store(self, away):
        for store, alive in zip(self.stores, self.alive, strict=True):
            store.away = away or not alive

    async def die(self, which):
        """It says nothing any more; what it had sent it had sent."""
        self.alive[which] = False
        self.stores[which].away = True
        self.processes[which]._means.alarm.close()
        for task in self.waiting:
            if task.get_name() == str(which):
                task.cancel()
        for number in [number for number, one in self.open.items() if one[2] == which]:
            del self.open[number]

    async def end(self):
        """Everything ends; nobody waits for ever."""
        await self.store(away=False)
        for _ in range(20):
            for ticket, *_ in self.open.values():
                ticket.done(None)
            self.open.clear()
            await self.here.clock.advance(1.0)
        assert all(task.done() for task in self.waiting)
        for task in self.waiting:
            assert task.cancelled() or task.exception() is None
        for error in self.refused:
            assert error.code in {*self.limits, "concurrent", "store_down"}
            assert error.retry_after_s is None or error.retry_after_s > 0

    def most(self, window_s, weigh):
        sent = [(at, weigh(tokens)) for at, tokens, real in self.sent if real]
        return max(
            [
                sum(amount for other, amount in sent if at - window_s + SLACK < other <= at)
                for at, _ in sent
            ],
            default=0,
        )


@given(schedules, st.sampled_from([1, 3, 25, 200]), st.sampled_from([0.0, 0.004]))
async def test_no_window_has_more_requests_than_the_limit(schedule, limit, latency_s):
    async with world(latency_s=latency_s, minute_s=MINUTE_S) as here:
        run = Run(here, {"requests_per_minute": limit})
        await run.play(schedule)
        await run.end()
        assert run.most(MINUTE_S, lambda _: 1) <= limit
        assert run.most_open <= 9


@given(schedules, st.sampled_from([60, 150, 2000]), st.sampled_from([0.0, 0.004]))
async def test_nothing_is_lost(schedule, limit, latency_s):
    limits = {"requests_per_minute": 40, "tokens_per_minute": limit, "concurrent": 5}
    async with world(latency_s=latency_s, minute_s=MINUTE_S) as here:
        run = Run(here, limits)
        await run.play(schedule)
        await run.end()
        await here.clock.advance(3 * MINUTE_S)
        assert run.most_open <= 5
        for name, most in limits.items():
            assert await here.left(run.subject, name, most, MINUTE_S) == most
        for gate, alive in zip(run.gates, run.alive, strict=True):
            if not alive:
                continue
            assert gate.blocked_s(1) == 0
            (gate.admit(1) or await here.soon(gate.enter(1, wait=True))).done(None)


@given(schedules, st.sampled_from([60, 150, 2000]))
async def test_tokens_are_exact_on_the_estimates(schedule, limit):
    async with world(latency_s=0.002, minute_s=MINUTE_S) as here:
        run = Run(here, {"tokens_per_minute": limit})
        steps = [step if step[0] != "done" else ("done", step[1], 0) for step in schedule]
        await run.play(steps)
        await run.end()
        assert run.most(MINUTE_S, lambda tokens: tokens) <= limit


@given(bad_schedules)
async def test_a_store_that_comes_and_goes_loses_nothing_and_lets_no_more_through(schedule):
    async with world(latency_s=0.002, minute_s=MINUTE_S) as here:
        run = Run(here, {"requests_per_minute": 12, "concurrent": 4})
        await run.play(schedule)
        await run.end()
        await here.clock.advance(3 * MINUTE_S)
        assert run.most(MINUTE_S, lambda _: 1) <= 12
        assert await here.left(run.subject, "requests_per_minute", 12, MINUTE_S) == 12
        assert await here.left(run.subject, "concurrent", 4, 0.0) == 4


@given(st.lists(st.tuples(st.integers(-2, 2), st.sampled_from([0.0, 3.0, 11.0])), max_size=12))
async def test_the_order_is_by_waiting_and_ten_seconds_a_level(arrivals):
    async with world() as here:
        gate = here.process(max_wait_s=1000).gate([provider(concurrent=1)], learns=False)
        held = await here.soon(gate.enter(0, wait=False))
        went, expected, waiting = [], [], []

        async def go(number, priority):
            ticket = await gate.enter(0, priority=priority, wait=True)
            went.append(number)
            return ticket

        for number, (priority, pause_s) in enumerate(arrivals):
            expected.append((here.clock.monotonic() - 10 * priority, number))
            waiting.append(asyncio.ensure_future(go(number, priority)))
            await here.clock.advance(pause_s)
        for _ in arrivals:
            held.done(None)
            await here.clock.advance(0.3)
            held = await waiting[went[-1]]
        held.done(None)
        assert went == [number for _, number in sorted(expected)]
