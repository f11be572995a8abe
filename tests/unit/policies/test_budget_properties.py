"""What holds of budgets whatever calls, clocks, reloads, deaths and outages come in what order."""

import asyncio
from collections import Counter
from typing import NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st

from modelway.errors import BudgetExceededError
from support.budget_world import World, budget, turns

LIMIT = 1000
PROCESSES = 3

amounts = st.integers(1, 400)
which = st.integers(0, PROCESSES - 1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), which, amounts),
        st.tuples(st.just("reserve"), which, amounts),
        st.tuples(st.just("settle"), which, st.integers(0, 100)),
        st.tuples(st.just("settle"), which, st.integers(0, 100)),
        st.tuples(st.just("unknown"), which, st.just(0)),
        st.tuples(st.just("release"), which, st.just(0)),
        st.tuples(st.just("excess"), which, amounts),
        st.tuples(st.just("advance"), which, st.sampled_from([0.3, 2.0, 6.0])),
        st.tuples(st.just("jump"), which, st.sampled_from([-3, -1, 1, 2])),
        st.tuples(st.just("raise_or_lower"), which, st.sampled_from([100, 700, 1000, 3000])),
        st.tuples(st.just("die"), which, st.just(0)),
        st.tuples(st.just("away"), which, st.just(0)),
    ),
    max_size=40,
)
DAY_S = 86_400.0


class Oracle:
    """Each pool: what is reserved and what did cost, by whoever."""

    def __init__(self):
        self.world = World(budget(LIMIT, period="day"))
        self.limit = LIMIT
        self.open = []
        """(process, hold)"""
        self.costs = []
        """(process, draw, cost)"""

    def counted(self, pool):
        reserved = [
            draw.pico_usd for _, hold in self.open for draw in hold.draws if draw.pool == pool
        ]
        return sum(reserved) + sum([cost for _, draw, cost in self.costs if draw.pool == pool])

    async def run(self, steps):
        for _ in range(PROCESSES):
            await self.world.process()
        for name, number, value in steps:
            process = self.world.processes[number]
            await getattr(self, name)(process, value)
            await turns()
        await self.come_to_rest()

    async def reserve(self, process, amount):
        hold = process.purse().reserve(amount)
        if hold is None:
            try:
                hold = await process.enter(amount)
            except BudgetExceededError:
                return
        (draw,) = hold.draws
        assert draw.pico_usd == amount
        self.open.append((process, hold))
        assert self.counted(draw.pool) <= self.limit

    def _oldest(self, process):
        for one in self.open:
            if one[0] is process:
                self.open.remove(one)
                return one[1]
        return None

    async def _settle(self, process, settle, cost):
        hold = self._oldest(process)
        if hold is None:
            return
        settle(hold)
        hold.settle(7)  # again: ignored
        self.costs.append((process, hold.draws[0], cost(hold)))

    async def settle(self, process, percent):
        def cost(hold):
            return hold.pico_usd * percent // 100

        await self._settle(process, lambda hold: hold.settle(cost(hold)), cost)

    async def unknown(self, process, _):
        await self._settle(process, lambda hold: hold.settle(None), lambda hold: hold.pico_usd)

    async def release(self, process, _):
        await self._settle(process, lambda hold: hold.release(), lambda _: 0)

    async def excess(self, process, more):
        if self.world.store.away:
            return  # the others cannot hear of it then
        cost = lambda hold: hold.pico_usd + more  # noqa: E731
        await self._settle(process, lambda hold: hold.settle(cost(hold)), cost)
        await self.world.clock.advance(1.0)

    async def advance(self, _, seconds):
        await self.world.clock.advance(seconds)

    async def jump(self, _, days):
        self.world.clock.jump_s += days * DAY_S

    async def raise_or_lower(self, _, limit):
        self.limit = limit
        for process in self.world.processes:
            process.budgets.adopt([budget(limit, period="day")])

    async def die(self, process, _):
        """Its calls are counted at their reservations, once somebody reads its journal."""
        place = self.world.processes.index(process)
        process.die()
        for one in [one for one in self.open if one[0] is process]:
            self.open.remove(one)
            self.costs.append((process, one[1].draws[0], one[1].pico_usd))
        self.world.store.away = False
        self.world.processes[place] = heir = await self._new()
        mine = [(draw, cost) for whose, draw, cost in self.costs if whose is process]
        await process.replayed_by(heir, mine)

    async def _new(self):
        made = await self.world.process(budget(self.limit, period="day"))
        self.world.processes.pop()
        return made

    async def away(self, _process, _):
        self.world.store.away = not self.world.store.away

    async def come_to_rest(self):
        """All is settled and given back: then the store has what calls did cost, to the last unit."""
        self.world.store.away = False
        for process in self.world.processes:
            while any(one[0] is process for one in self.open):
                await self.settle(process, 50)
        await self.world.clock.advance(45.0)  # what one that died has said to hold lives for 30
        pools = {draw.pool for _, draw, _ in self.costs}
        for pool in pools:
            assert await self.world.total(pool) == self.counted(pool)
        await self.all_that_is_left_can_be_reserved()
        for process in self.world.processes:
            (status,) = await process.budgets.statuses()
            assert status.reserved_pico_usd == 0
            assert status.remaining_pico_usd == max(0, self.limit - status.spent_pico_usd)
        await self.world.aclose()
        for pool in pools:
            assert await self.world.total(pool) == self.counted(pool)
        assert not any(process.notes.out for process in self.world.processes)

    async def all_that_is_left_can_be_reserved(self):
        process = self.world.processes[0]
        (status,) = await process.budgets.statuses()
        left = self.limit - status.spent_pico_usd
        assert await process.refused(max(left, 0) + 1) in {"budget", "closed"}
        if left > 0:
            (await process.enter(left)).release()
            await self.world.clock.advance(6.0)


@settings(max_examples=120, deadline=None)
@given(steps)
@example([("reserve", 0, 400), ("reserve", 0, 400), ("excess", 0, 400), ("reserve", 1, 100)])
@example([("reserve", 0, 400), ("die", 0, 0), ("reserve", 1, 400), ("reserve", 2, 400)])
def test_budgets_hold(steps):
    asyncio.run(Oracle().run(steps))


# ---------------------------------------------------------------- many at once

HEARD_S = 1.5
"""Within 1 s, and what the store takes to be told."""


class Call(NamedTuple):
    process: int
    begins_s: float
    reserved: int
    lasts_s: float
    percent: int
    """Of its reservation, that it costs."""
    patience_s: float | None


times_s = st.sampled_from([0.0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.3, 1.1, 2.5])
calls = st.builds(
    Call,
    process=which,
    begins_s=times_s,
    reserved=amounts,
    lasts_s=times_s,
    percent=st.one_of(st.integers(0, 100), st.sampled_from([100, 150, 400])),
    patience_s=st.one_of(st.none(), times_s),
)


class Crowd:
    """Calls that go on at the same time, with a store that takes its time to answer."""

    def __init__(self, periods):
        self.budgets = [
            budget(LIMIT * (at + 1), name=f"b{at}", period=period, rolling_s=said)
            for at, (period, said) in enumerate(periods)
        ]
        self.world = World(*self.budgets, latency_s=0.02)
        self.counted = Counter()
        self.excesses = []

    async def run(self, calls):
        for _ in range(PROCESSES):
            await self.world.process()
        tasks = [asyncio.ensure_future(self.one(call)) for call in calls]
        for _ in range(60):
            await self.world.clock.advance(0.1)
        assert all(task.done() for task in tasks)
        await asyncio.gather(*tasks)
        await self.world.clock.advance(20.0)
        for pool, total in self.counted.items():
            assert await self.world.total(pool) == total
        assert not any(process.notes.out for process in self.world.processes)
        await self.world.aclose()

    async def one(self, call):
        await self.world.clock.sleep(call.begins_s)
        purse = self.world.processes[call.process].purse()
        hold = purse.reserve(call.reserved) or await self.entered(purse, call)
        if hold is None:
            return
        assert len(hold.draws) == len(self.budgets)
        for draw in hold.draws:
            self.counted[draw.pool] += call.reserved
            self.check(draw.pool)
        await self.world.clock.sleep(call.lasts_s)
        cost = call.reserved * call.percent // 100
        self.excesses.append((self.world.clock.now, max(0, cost - call.reserved)))
        for draw in hold.draws:
            self.counted[draw.pool] += cost - call.reserved
        hold.settle(cost)

    async def entered(self, purse, call):
        """``None``: it was refused, or nobody waited for it any more."""
        entering = asyncio.ensure_future(purse.enter(call.reserved))
        if call.patience_s is not None:
            leaves = asyncio.ensure_future(self.world.clock.sleep(call.patience_s))
            await asyncio.wait({entering, leaves}, return_when=asyncio.FIRST_COMPLETED)
            leaves.cancel()
            entering.cancel()
        try:
            return await entering
        except (BudgetExceededError, asyncio.CancelledError):
            return None

    def check(self, pool):
        limit = next(one.limit_pico_usd for one in self.budgets if f"/{one.name}/" in pool)
        since = self.world.clock.now - HEARD_S
        recent = sum([excess for at, excess in self.excesses if at >= since])
        assert self.counted[pool] - recent <= limit


PERIODS = st.sampled_from([("total", None), ("month", None), ("rolling", 7200.0)])


@settings(max_examples=120, deadline=None)
@given(st.lists(calls, max_size=30), st.lists(PERIODS, min_size=1, max_size=3))
def test_budgets_hold_while_many_call_at_once(calls, periods):
    asyncio.run(Crowd(periods).run(calls))
