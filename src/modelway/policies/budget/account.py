"""One pool of a budget in this process: what is taken of the store's, and what it is told."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple

from modelway.errors import BudgetExceededError, StoreDownError
from modelway.policies.budget import words
from modelway.policies.budget.line import Line
from modelway.policies.budget.periods import Span, life_s, window_s
from modelway.policies.budget.pools import About, pool_name
from modelway.policies.budget.slices import NOTHING, Slice, Slices
from modelway.policies.budget.teller import Teller
from modelway.policies.budget.values import Budget, GrantNotes
from modelway.policies.budget.vault import AGAIN_S, HUGE, Vault
from modelway.ports import Clock, Pool

SHARE = 8
"""A slice takes no more than this part of what is left, so that the others find something too."""
SCARCE = 20
"""Usual reservations' worth of a pool, below which nothing is taken ahead of need."""
_REST_S = 0.25
"""For so long it is taken for granted that there is no more than the store has just said."""
_LOOK_S = 1.0
"""Between two looks at whether a closed one is to be opened."""
_BUSY_S, _CALM_S = 1.0, 4.0
"""Slices that last less become larger, those that last longer smaller."""
_IDLE_TICKS = 3
_STEPS = 240
"""Of a rolling period, by which a store counts."""


class Means(NamedTuple):
    """What all accounts of a process share."""

    vault: Vault
    clock: Clock
    spawn: Callable[[Coroutine[Any, Any, None]], object]
    active: dict[Account, None]
    """Those that hold something, or have something to be told."""
    notes: Callable[[], GrantNotes | None]
    passed: Callable[[Account, int], None]
    """Told, with the excess, when one was closed here."""
    refused: Callable[[Account], None]


class Account(Slices):
    """All of it is synchronous but ``_work``, of which at most one runs at a time."""

    def __init__(self, budget: Budget, about: About, span: Span, means: Means) -> None:
        teller = Teller(means.vault, means.clock.monotonic, means.notes)
        super().__init__(pool_name(budget, about, span.name), teller)
        self.about = about
        self.means = means
        self.closed = False
        """Nothing is let through, because more was billed than there is."""
        self.left: int | None = None
        """What the store has said is left."""
        self._line = Line()
        self._owed = 0
        """Billed without a grant, and not booked yet."""
        self._short: list[Slice] = []
        """More was billed of these than they have, and that is not booked yet."""
        self._excess = 0
        self._doubts = self._doubts_over = 0
        """Times at which the limit may have been passed, and of which that is known since."""
        self._looked_at = -math.inf
        self._flush = self._ahead_wanted = self._working = False
        self._ahead = 0
        self._unit = 0
        """What a reservation is, on average."""
        self._asked_at = self._again_at = -math.inf
        self._seen = (0, 0)
        self._idle_ticks = 0
        self._limit_by(budget, span)

    def _limit_by(self, budget: Budget, span: Span) -> None:
        self.budget = budget
        self.begins, self.ends = span.begins, span.ends
        self.hard = budget.hard
        self.limit = min(budget.limit_pico_usd, HUGE)
        limit = self.limit if self.hard else HUGE
        self.pool = Pool(self.name, limit, window_s(budget), life_s(budget))
        self._endless = self.pool._replace(limit=HUGE)

    def adopt(self, budget: Budget, span: Span) -> None:
        """Another limit from now on; what is held within the old one goes back."""
        if budget == self.budget:
            return
        self._limit_by(budget, span)
        self.ask_again()
        self.left = None
        self.let_go()
        if self.closed:
            self.closed = self.hard
            self._looked_at = -math.inf

    # ------------------------------------------------------------ for purses

    async def acquire(self, pico_usd: int) -> Slice | None:
        """Reserve so much, out of the store if need be. ``None``: a soft budget counts it later.

        BudgetExceededError where the budget refuses.
        """
        part = self.draw(pico_usd)
        if part is not None:
            return part
        now = self.now()
        if self.closed and not self._unsure:
            if now < self._looked_at + _LOOK_S:
                raise self.closed_error()
            self._doubts += 1
        if now < self._again_at and self.left is not None and pico_usd > self.left:
            raise self._exceeded(pico_usd)
        self._unit += (pico_usd - self._unit) // 8 if self._unit else pico_usd
        self._kick()
        return await self._line.join(pico_usd)

    def owe(self, pico_usd: int) -> None:
        """So much was billed of which nothing was reserved here."""
        if pico_usd > 0:
            self._owed += pico_usd
            self._doubt(pico_usd)

    @property
    def blocked(self) -> str:
        """Why nothing at all would be let through."""
        if not self.hard:
            return ""
        now = self.now()
        if self.closed:
            return self.closed_error().message if now < self._looked_at + _LOOK_S else ""
        if self.left == 0 and now < self._again_at and not self.room:
            return self._exceeded(1).message
        return ""

    def closed_error(self) -> BudgetExceededError:
        return words.closed(self.budget, self.about, now=self.means.clock.time(), ends=self.ends)

    def _exceeded(self, asked: int) -> BudgetExceededError:
        return words.exceeded(
            self.budget,
            self.about,
            left=(self.left or 0) + self.room,
            asked=asked,
            now=self.means.clock.time(),
            ends=self.ends,
        )

    async def total(self) -> int:
        """All that counts against it, for all processes."""
        return await self.teller.total(self.pool)

    def ask_again(self) -> None:
        """There may be more than the store has just said."""
        self._again_at = -math.inf

    def now(self) -> float:
        return self.means.clock.monotonic()

    # ------------------------------------------------------------ for slices

    @property
    def frozen(self) -> bool:
        """Nothing is reserved while it is not known whether the limit was passed."""
        return self.closed or (self.hard and self._unsure)

    def look_ahead(self, part: Slice) -> None:
        part.low = 0
        self._ahead_wanted = True
        self._kick()

    def billed_over(self, part: Slice) -> None:
        if part not in self._short:
            if part.open:
                self._short.append(part)
            self._doubt(-part.room - part.covered)

    def has_ended(self) -> None:
        self.ask_again()
        if self._scarce or self.frozen or self._line:
            self._flush = True
            self._kick()

    @property
    def _unsure(self) -> bool:
        """Whether the limit may have been passed."""
        return self._doubts > self._doubts_over

    @property
    def _scarce(self) -> bool:
        return self.left is not None and self.left < SCARCE * self._unit

    # ------------------------------------------------------------ more was billed

    def _doubt(self, excess: int) -> None:
        self._excess += excess
        self._doubts += 1
        if self.hard:
            self.let_go()
        self._kick()

    def close(self) -> None:
        """Nothing is let through until there is something left."""
        if self.hard:
            self.closed = True
            self.let_go()
            if self.teller:
                self._flush = True
                self._kick()

    async def _book(self) -> None:
        """One thing that was billed beyond what was granted; or how the pool stands after that."""
        if self._owed:
            owed = self._owed
            grant = await self.teller.take(self._endless, owed, least=owed, noted=False)
            self._owed -= owed
            self.teller.end(grant.id, owed, noted=False)
        elif self._short:
            await self._cover(self._short[-1])
        else:
            doubts = self._doubts
            total = await self.total()
            if doubts == self._doubts:
                self._doubts_over = doubts
                self._judge(total)

    async def _cover(self, part: Slice) -> None:
        """Let it count at once, though its grant is settled only when its last call is.

        So that whoever replays a journal need not know: what was used of a grant is what its calls did
        cost, and nothing was used of a cover.
        """
        over = -part.room - part.covered
        if over > 0 and part.grant in self.slices:
            grant = await self.teller.take(self._endless, over, least=over)
            part.covered += over
            if part.grant in self.slices:
                part.covers.append(grant.id)
            else:
                self.teller.end(grant.id, 0)
        self._short.remove(part)

    def _judge(self, total: int) -> None:
        """It is known how it stands."""
        self._looked_at = self.now()
        self.left = max(0, self.pool.limit - total)
        excess, self._excess = self._excess, 0
        if self.closed:
            self.closed = total >= self.limit
        elif self.hard and excess and total > self.limit:
            self.close()
            self.means.passed(self, excess)
        if not self.frozen:
            self.offer_again()

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
            self._ahead_wanted = False
            self._line.refuse(partial(self._store_down, error))
        except BaseException as error:
            refusal = error
            self._line.refuse(lambda _: refusal)
            raise
        finally:
            self._working = False

    async def _step(self) -> bool:
        """The next thing to be done, where there is one."""
        if self._unsure and (self.hard or not self._line):
            await self._book()
        elif self._line:
            await self._serve()
        elif self._ahead_wanted:
            await self._take_ahead()
        elif self._flush and self.teller:
            self._flush = False
            self.left = max(0, self.pool.limit - await self.total())
        else:
            self._flush = False
            return False
        return True

    async def _serve(self) -> None:
        """Hand out what there is; else get more, for all who wait, for the first of them at least."""
        if self.closed:
            self._line.refuse(lambda _: self.closed_error())
            return
        self._line.hand_out(self.draw)
        if not self._line:
            return
        self.displace()
        part = 0 if self._scarce else (self.left or 0) // SHARE
        wanted = want = self._line.within(part)
        self._judge_pace(wanted)
        if wanted + self._ahead <= part and wanted == self._line.within(HUGE):
            want += self._ahead
        # all of them or none: a rest in which nobody fits is lost until the others' calls are over
        if await self._more(min(want, HUGE), wanted):
            if not self.frozen:
                self._line.hand_out(self.draw)
        elif wanted == self._line.first:
            self._again_at = self.now() + _REST_S
            refusal = self._exceeded if self.hard else lambda _: None
            self._line.refuse(refusal, above=min(self.left or 0, wanted - 1))
            self.means.refused(self)

    async def _take_ahead(self) -> None:
        self._ahead_wanted = False
        self._judge_pace(self._unit)
        if self._ahead and not self._scarce and not self.frozen:
            await self._more(self._ahead, max(1, min(self._unit, self._ahead)))

    async def _more(self, want: int, least: int) -> bool:
        """Another slice; False: there is not so much."""
        asked_at = self._asked_at
        grant = await self.teller.take(self.pool, want, least=least, share=SHARE)
        self.left = grant.left
        if not grant.amount:
            return False
        part = Slice(self, grant.id, grant.amount, asked_at)
        if self._scarce:
            part.watched = True
        elif self._ahead:
            part.low = grant.amount // 4
        self.put(part)
        return True

    def _judge_pace(self, wanted: int) -> None:
        """Take so much ahead that a slice lasts a second or a few."""
        now = self.now()
        lasted_s, self._asked_at = now - self._asked_at, now
        if lasted_s < _BUSY_S:
            self._ahead = min(max(2 * self._ahead, wanted), HUGE // 4)
        elif lasted_s > _CALM_S:
            self._ahead //= 2

    def _store_down(self, error: StoreDownError, asked: int) -> BudgetExceededError | None:
        if not self.hard:
            return None
        again_s = AGAIN_S if error.retry_after_s is None else error.retry_after_s
        refusal = words.store_down(self.budget, self.about, asked, again_s)
        refusal.__cause__ = error
        return refusal

    # ------------------------------------------------------------ upkeep

    async def tick(self, now: float) -> None:
        """Every second or so, while something is held or is to be told."""
        if self.part is not NOTHING and self._is_over(self.part, now):
            self.displace()
        if self._unsure or self.teller:
            self._flush = True
            self._kick()
        if self.budget.period == "rolling":
            await self._renew(now)

    def give_back(self) -> None:
        """All that is not reserved, now."""
        self.let_go()
        self._flush = True
        if self._unsure or self.teller:
            self._kick()

    @property
    def at_rest(self) -> bool:
        return not (self.slices or self.teller or self._unsure or self._working)

    def _is_over(self, part: Slice, now: float) -> bool:
        """Whether the current slice is to go back: nobody spends it, or it counts as of too late."""
        seen = (part.grant, part.room)
        self._idle_ticks = self._idle_ticks + 1 if seen == self._seen and not part.open else 0
        self._seen = seen
        if self._idle_ticks >= _IDLE_TICKS:
            return True
        return self.budget.period == "rolling" and now - part.since > self.pool.window_s / _STEPS

    async def _renew(self, now: float) -> None:
        """Let grants live on whose calls take that long."""
        old = [part for part in self.slices.values() if now - part.since > self.pool.life_s / 2]
        grants = [grant for part in old for grant in (part.grant, *part.covers)]
        if grants:
            await self.means.vault.renew(self.pool, grants)
            for part in old:
                part.since = now
