"""One pool of a budget in this process: slices that it holds, who waits for more, and what is billed."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, NamedTuple

from modelway.errors import BudgetExceededError, StoreDownError
from modelway.policies.budget import words
from modelway.policies.budget.periods import Span, life_s, window_s
from modelway.policies.budget.pools import About, pool_name
from modelway.policies.budget.slices import Slice
from modelway.policies.budget.values import Budget, GrantNotes
from modelway.policies.budget.vault import AGAIN_S, HUGE, Vault
from modelway.ports import Clock, Grant, Pool, Spent

SHARE = 8
"""A slice takes no more than this part of what is left, so that the others find something too."""
SCARCE = 20
"""Usual reservations' worth of a pool, below which nothing is taken ahead of need."""
_REST_S = 0.25
"""For so long it is taken for granted that there is no more than the store has just said."""
_BUSY_S, _CALM_S = 1.0, 4.0
"""Slices that last less become larger, those that last longer smaller."""
_IDLE_TICKS = 3
_MOST_SPARE = 16
_MOST_UNTOLD = 1000
"""Settlements that are kept for a store that is away; it counts the others in full."""


class Means(NamedTuple):
    """What all accounts of a process share."""

    vault: Vault
    clock: Clock
    spawn: Callable[[Coroutine[Any, Any, None]], object]
    active: dict[Account, None]
    """Those that hold something, or have something to be told."""
    notes: Callable[[], GrantNotes | None]
    passed: Callable[[Account, int, int], None]
    """Told, with its total and the excess, when one was closed here."""
    refused: Callable[[Account], None]


class Waiter(NamedTuple):
    pico_usd: int
    answer: asyncio.Future[Slice | None]


class _Ended(NamedTuple):
    """A settlement that the store is to be told."""

    grant: int
    used: int
    at: float
    noted: bool = True


class Account:
    """All of it is synchronous but ``_work``, of which at most one runs at a time."""

    def __init__(self, budget: Budget, about: About, span: Span, means: Means) -> None:
        self.about = about
        self.begins, self.ends = span.begins, span.ends
        self.name = pool_name(budget, about, span.name)
        self.means = means
        self._nothing = Slice(self, 0, 0, -math.inf)
        self._nothing.room = -1
        self.part = self._nothing
        """What is spent of now."""
        self.slices: dict[int, Slice] = {}
        """All that are not settled, by their grants."""
        self._spare: list[Slice] = []
        """Not the current one, and something came back."""
        self.closed = False
        self.left: int | None = None
        """What the store has said is left."""
        self._ended: list[_Ended] = []
        self._waiting: deque[Waiter] = deque()
        self._owed = 0
        """Billed without a grant, and not booked yet."""
        self._short: list[Slice] = []
        """More was billed of these than they have, and that is not booked yet."""
        self._excess = 0
        self._unsure = False
        """Whether the limit may have been passed."""
        self._flush = False
        self._ahead_wanted = False
        self._ahead = 0
        self._unit = 0
        """What a reservation is, on average."""
        self._asked_at = self._again_at = -math.inf
        self._working = False
        self._seen = (0, 0)
        self._idle_ticks = 0
        self._limit_by(budget)

    def _limit_by(self, budget: Budget) -> None:
        self.budget = budget
        self.hard = budget.hard
        self.limit = min(budget.limit_pico_usd, HUGE)
        limit = self.limit if self.hard else HUGE
        self.pool = Pool(self.name, limit, window_s(budget), life_s(budget))

    def adopt(self, budget: Budget, span: Span) -> None:
        """Another limit from now on; what is held within the old one goes back."""
        if budget == self.budget:
            return
        self.begins, self.ends = span.begins, span.ends
        self._limit_by(budget)
        self._again_at = -math.inf
        self.left = None
        self.let_go()
        if self.closed:
            self.closed = self.hard
            self.look_again()

    # ------------------------------------------------------------ on the path of requests

    def draw(self, pico_usd: int) -> Slice | None:
        """Reserve so much here, where there is a slice with it."""
        part = self.part
        if part.room < pico_usd:
            found = self.find(pico_usd)
            if found is None:
                return None
            part = found
        part.room -= pico_usd
        part.open += pico_usd
        if part.room < part.low:
            self.look_ahead(part)
        return part

    def find(self, pico_usd: int) -> Slice | None:
        """A slice with room for this, beside the current one."""
        for part in self._spare:
            if part.room >= pico_usd:
                return part
        return None

    def look_ahead(self, part: Slice) -> None:
        """Ask for more before it is needed."""
        part.low = 0
        self._ahead_wanted = True
        self._kick()

    def touched(self, part: Slice) -> None:
        """Something of it was settled, and it is not the current one, or more was billed than it has."""
        if part.room < 0:
            self._billed_over(part)
        if not part.open:
            self._end(part)
        elif part.room > 0 and not self._frozen and part not in self._spare:
            self._spare.append(part)
            del self._spare[:-_MOST_SPARE]

    def owe(self, pico_usd: int) -> None:
        """So much was billed of which nothing was reserved here."""
        if pico_usd <= 0:
            return
        self._owed += pico_usd
        self._excess += pico_usd
        self._doubt()

    async def acquire(self, pico_usd: int) -> Slice | None:
        """Reserve so much, out of the store if need be. ``None``: a soft budget counts it later.

        BudgetExceededError where the budget refuses.
        """
        part = self.draw(pico_usd)
        if part is not None:
            return part
        if self.closed and not self._unsure:
            raise self.closed_error()
        now = self.means.clock.monotonic()
        if now < self._again_at and self.left is not None and pico_usd > self.left:
            raise self._exceeded(pico_usd)
        self._unit += (pico_usd - self._unit) // 8 if self._unit else pico_usd
        waiter = Waiter(pico_usd, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._kick()
        try:
            return await waiter.answer
        except asyncio.CancelledError:
            answer = waiter.answer
            if answer.done() and not answer.cancelled() and answer.exception() is None:
                give_back(answer.result(), pico_usd)
            raise

    @property
    def blocked(self) -> str:
        """Why nothing at all would be let through."""
        if not self.hard:
            return ""
        if self.closed:
            return self.closed_error().message
        fresh = self.left == 0 and self.means.clock.monotonic() < self._again_at
        return self._exceeded(1).message if fresh and not self.room else ""

    @property
    def room(self) -> int:
        """What may be reserved here without asking."""
        return max(self.part.room, 0) + sum([part.room for part in self._spare])

    @property
    def held(self) -> int:
        """Reserved for open calls, and held for others."""
        return sum([max(part.room, 0) + part.open for part in self.slices.values()])

    # ------------------------------------------------------------ slices

    def _granted(self, grant: Grant, asked_at: float, *, ahead: bool) -> None:
        part = Slice(self, grant.id, grant.amount, asked_at)
        self.slices[grant.id] = part
        self._displace()
        self.part = part
        if ahead:
            part.low = grant.amount // 4
        if self._scarce:
            part.watched = True
        if self._frozen:
            self._displace()

    def _displace(self) -> None:
        """The current slice is not spent any more, but for what comes back of it."""
        part = self.part
        if part is self._nothing:
            return
        self.part = self._nothing
        part.watched = True
        part.low = 0
        if not part.open:
            self._end(part)
        elif part.room > 0:
            self._spare.append(part)
            del self._spare[:-_MOST_SPARE]

    def let_go(self) -> None:
        """Give back what is not reserved, and spend no more of the rest."""
        self._displace()
        self._spare.clear()

    def _end(self, part: Slice) -> None:
        """To be settled."""
        if part is self.part:
            self.part = self._nothing
        if self.slices.pop(part.grant, None) is None:
            return
        if part in self._spare:
            self._spare.remove(part)
        now = self.means.clock.monotonic()
        self._ended.append(_Ended(part.grant, max(part.used, 0), now))
        self._ended += [_Ended(grant, 0, now) for grant in part.covers]
        self._again_at = -math.inf
        if self._scarce or self._frozen or self._waiting:
            self._flush = True
            self._kick()

    @property
    def _scarce(self) -> bool:
        return self.left is not None and self.left < SCARCE * self._unit

    # ------------------------------------------------------------ more was billed

    @property
    def _frozen(self) -> bool:
        """Nothing is reserved until it is known whether the limit was passed."""
        return self.closed or (self.hard and self._unsure)

    def _billed_over(self, part: Slice) -> None:
        if part is self.part:
            self._displace()
        over = -part.room - part.covered
        if over <= 0 or part in self._short:
            return
        self._excess += over
        if part.open:
            self._short.append(part)
        self._doubt()

    def _doubt(self) -> None:
        self._unsure = True
        if self.hard:
            self.let_go()
        self._kick()

    def look_again(self) -> None:
        """Whether the limit is passed still."""
        self._unsure = True
        self._kick()

    def close(self) -> None:
        """Nothing is let through until there is something left."""
        if self.hard and not self.closed:
            self.closed = True
            self.let_go()
            self._flush = True
            self._kick()

    async def _book(self) -> None:
        """One thing that was billed beyond what was granted; then how the pool stands."""
        if self._owed:
            owed = self._owed
            grant = await self._take(HUGE, owed, least=owed, noted=False)
            self._owed -= owed
            now = self.means.clock.monotonic()
            self._ended.append(_Ended(grant.id, owed, now, noted=False))
        elif self._short:
            await self._cover(self._short[-1])
            self._short.pop()
        else:
            self._judge(await self._total())

    async def _cover(self, part: Slice) -> None:
        """Let it count at once, though its grant is settled only when its last call is."""
        over = -part.room - part.covered
        if over <= 0 or part.grant not in self.slices:
            return
        grant = await self._take(HUGE, over, least=over)
        if part.grant in self.slices:
            part.covers.append(grant.id)
            part.covered += grant.amount
        else:
            self._ended.append(_Ended(grant.id, 0, self.means.clock.monotonic()))

    def _judge(self, total: int) -> None:
        self._unsure = bool(self._owed or self._short)
        excess, self._excess = self._excess, 0
        self.left = max(0, self.pool.limit - total)
        if self.closed:
            self.closed = total >= self.limit
        elif self.hard and excess and total > self.limit:
            self.close()
            self.means.passed(self, total, excess)
        if not self._frozen:
            parts = [part for part in self.slices.values() if part.room > 0 and part.open]
            self._spare = [part for part in parts if part is not self.part][-_MOST_SPARE:]

    # ------------------------------------------------------------ the store

    def _kick(self) -> None:
        self.means.active[self] = None
        if not self._working:
            self._working = True
            self.means.spawn(self._work())

    async def _work(self) -> None:
        try:
            while await self._step():
                pass
        except StoreDownError as error:
            self._without_store(error)
        except BaseException as error:
            self._answer_all(error)
            raise
        finally:
            self._working = False

    async def _step(self) -> bool:
        if self._unsure:
            await self._book()
        elif self._waiting:
            await self._serve()
        elif self._ahead_wanted:
            await self._take_ahead()
        elif self._flush and self._ended:
            await self._tell()
        else:
            self._flush = False
            return False
        return True

    async def _serve(self) -> None:
        """Hand out what there is; else more, for all who wait, the first of them at least."""
        if self.closed:
            self._answer_all(self.closed_error())
            return
        self._hand_out()
        if not self._waiting:
            return
        self._displace()
        first = self._waiting[0]
        wanted = sum([waiter.pico_usd for waiter in self._waiting])
        self._judge_pace(wanted)
        ahead = 0 if self._scarce else self._ahead
        asked_at = self._asked_at
        grant = await self._take(
            self.pool.limit, min(wanted + ahead, HUGE), least=first.pico_usd, share=SHARE
        )
        self.left = grant.left
        if grant.amount:
            self._granted(grant, asked_at, ahead=ahead > 0)
            if not self._frozen:
                self._hand_out()
            return
        self._again_at = self.means.clock.monotonic() + _REST_S
        self._refuse(grant.left)

    async def _take_ahead(self) -> None:
        self._ahead_wanted = False
        self._judge_pace(self._unit)
        if self._scarce or self._frozen or not self._ahead:
            return
        asked_at = self._asked_at
        least = max(1, min(self._unit, self._ahead))
        grant = await self._take(self.pool.limit, self._ahead, least=least, share=SHARE)
        self.left = grant.left
        if grant.amount:
            self._granted(grant, asked_at, ahead=True)

    def _judge_pace(self, wanted: int) -> None:
        """Take so much ahead that a slice lasts a second or a few."""
        now = self.means.clock.monotonic()
        lasted_s, self._asked_at = now - self._asked_at, now
        if lasted_s < _BUSY_S:
            self._ahead = max(2 * self._ahead, wanted)
        elif lasted_s > _CALM_S:
            self._ahead //= 2
        self._ahead = min(self._ahead, HUGE // 4)

    async def _take(
        self, limit: int, want: int, *, least: int, share: int = 1, noted: bool = True
    ) -> Grant:
        said = self._say()
        try:
            grant = await self.means.vault.take(
                self.pool._replace(limit=limit),
                want,
                least=least,
                share=share,
                spent=self._spent(said),
            )
        except BaseException:
            self._unsay(said)
            raise
        self._returned(said)
        notes = self.means.notes()
        if grant.amount and noted and notes is not None:
            notes.granted(self.pool, grant.id, grant.amount)
        return grant

    async def _total(self) -> int:
        said = self._say()
        try:
            total = await self.means.vault.total(self.pool, self._spent(said))
        except BaseException:
            self._unsay(said)
            raise
        self._returned(said)
        return total

    async def _tell(self) -> None:
        said = self._say()
        try:
            await self.means.vault.settle(self.pool, self._spent(said))
        except BaseException:
            self._unsay(said)
            raise
        self._returned(said)

    def _say(self) -> list[_Ended]:
        """What the store has not heard, handed over to who tells it."""
        said, self._ended = self._ended, []
        self._flush = False
        return said

    def _unsay(self, said: list[_Ended]) -> None:
        self._ended = [*said, *self._ended][-_MOST_UNTOLD:]

    def _spent(self, said: Iterable[_Ended]) -> list[Spent]:
        now = self.means.clock.monotonic()
        return [Spent(one.grant, one.used, max(0.0, now - one.at)) for one in said]

    def _returned(self, said: Iterable[_Ended]) -> None:
        notes = self.means.notes()
        if notes is not None:
            for one in said:
                if one.noted:
                    notes.returned(self.name, one.grant)

    # ------------------------------------------------------------ who waits

    def _hand_out(self) -> None:
        waiting = self._waiting
        while waiting:
            waiter = waiting[0]
            if not waiter.answer.done():
                part = self.draw(waiter.pico_usd)
                if part is None:
                    return
                waiter.answer.set_result(part)
            waiting.popleft()

    def _refuse(self, left: int) -> None:
        """Those who need more than there is."""
        still: deque[Waiter] = deque()
        for waiter in self._waiting:
            if waiter.answer.done():
                continue
            if waiter.pico_usd <= left:
                still.append(waiter)
            elif self.hard:
                waiter.answer.set_exception(self._exceeded(waiter.pico_usd))
            else:
                waiter.answer.set_result(None)
        self._waiting = still
        if self.hard:
            self.means.refused(self)

    def _without_store(self, error: StoreDownError) -> None:
        again_s = AGAIN_S if error.retry_after_s is None else error.retry_after_s
        self._ahead_wanted = False
        while self._waiting:
            waiter = self._waiting.popleft()
            if waiter.answer.done():
                continue
            if self.hard:
                refusal = words.store_down(self.budget, self.about, waiter.pico_usd, again_s)
                refusal.__cause__ = error
                waiter.answer.set_exception(refusal)
            else:
                waiter.answer.set_result(None)

    def _answer_all(self, error: BaseException) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.answer.done():
                waiter.answer.set_exception(error)

    def _exceeded(self, asked: int) -> BudgetExceededError:
        return words.exceeded(
            self.budget,
            self.about,
            left=self.left or 0,
            asked=asked,
            now=self.means.clock.time(),
            ends=self.ends,
        )

    def closed_error(self) -> BudgetExceededError:
        return words.closed(self.budget, self.about, now=self.means.clock.time(), ends=self.ends)

    # ------------------------------------------------------------ upkeep

    async def tick(self, now: float, wall: float) -> None:
        """Every second or so, while something is held or is to be told."""
        part = self.part
        if part is not self._nothing and self._is_idle(part, now, wall):
            self._displace()
        if self.closed:
            self._unsure = True
        if self._unsure or self._ended:
            self._flush = True
            self._kick()
        old = [
            grant
            for grant, part in self.slices.items()
            if now - part.since > self.pool.life_s / 2 and self.budget.period == "rolling"
        ]
        if old:
            await self.means.vault.renew(self.pool, old)
            for grant in old:
                if grant in self.slices:
                    self.slices[grant].since = now

    def _is_idle(self, part: Slice, now: float, wall: float) -> bool:
        seen = (part.grant, part.room)
        self._idle_ticks = self._idle_ticks + 1 if seen == self._seen and not part.open else 0
        self._seen = seen
        if not self.begins <= wall < self.ends:
            return True
        if self.budget.period == "rolling" and now - part.since > self.pool.window_s / 240:
            return True
        return self._idle_ticks >= _IDLE_TICKS

    @property
    def at_rest(self) -> bool:
        return not (
            self.slices or self._ended or self._owed or self._unsure or self.closed or self._working
        )

    def give_back(self) -> None:
        """All that is not reserved, now."""
        self.let_go()
        self._flush = True
        if self._unsure or self._ended:
            self._kick()


def give_back(part: Slice | None, pico_usd: int) -> None:
    """Undo a draw."""
    if part is not None:
        part.open -= pico_usd
        part.room += pico_usd
        if part.watched or part.room < 0:
            part.holder.touched(part)
