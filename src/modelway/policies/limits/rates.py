"""A limit of requests or tokens in a window: slices of a pool, spent here for a short while each."""

from __future__ import annotations

import math

from modelway.errors import StoreDownError
from modelway.policies.limits.history import History
from modelway.policies.limits.line import Place
from modelway.policies.limits.meter import SCARCE, SHARE, Means, Meter, pool
from modelway.policies.limits.slices import Slice
from modelway.policies.limits.values import LimitStatus, Subject
from modelway.ports import Grant, Pool, Spent

_UNSAID = 1000
"""Of what is still to be told to a store that is away, the newest; it counts the others in full."""


class RateMeter(Meter):
    """Requests, each one, or tokens, by estimates that are corrected as long as their slice is open.

    A slice may be spent for ``life_s`` from before it was asked for. Its end tells the store what was
    used, and when last. A slice of tokens of which little is left stays unsettled until its requests
    are done, or half a window has gone by, so that what they did not use is given back.
    """

    def __init__(
        self, subject: Subject, name: str, limit: int, window_s: float, means: Means
    ) -> None:
        super().__init__(subject, name, limit, means)
        self.window_s = window_s
        self.life_s = min(1.0, window_s / 60)
        self._hold_s = window_s / 2 if self.weighs else self.life_s * 2
        self._history = History(window_s)
        self._rate = 0.0
        """What is used in a second, while there is demand."""
        self._unit = 1.0
        """What a request needs, on average."""
        self._hinted = 0
        self._most_hinted = 0
        self._left: int | None = None
        self._told_at = -math.inf
        self._others = 0
        """What others hold and have used, when that was told."""
        self._ready_at = -math.inf
        self._owed = 0
        """Used beyond what was held, and not told yet."""
        self._cap: int | None = None
        """Of what is left, what a provider would take until ``_cap_until``."""
        self._cap_until = -math.inf
        self._open: list[Slice] = []
        """Not spent any more, but not all done."""
        self._ended: list[Slice] = []
        self._unsaid: list[tuple[int, int, float]] = []
        """(grant, used, last) of what the store has not heard."""
        self._settle_at = math.inf
        self._settling = False

    # ------------------------------------------------------------ for gates

    def ready(self, cost: int, now: float, place: Place | None) -> bool:
        if self.weighs:
            self._unit += (cost - self._unit) / 8
        if self.line and (place is None or self.line.ahead(place)):
            return False
        part = self.part
        if now >= part.fence:
            self._retire(now)
            return cost <= 0
        if now >= part.due:
            part.due = part.fence
            self._look_ahead(now)
        if part.room < cost and part.kept:
            part.room += part.kept
            part.kept = 0
            self._look_ahead(now)
        self.watch()
        return part.room >= cost

    def hint(self, cost: int, now: float) -> None:
        if now >= self.again_at:
            self._hinted += cost
            self._most_hinted = max(self._most_hinted, cost)
            self.kick(now)

    def relax(self, now: float) -> None:
        if not self.line and self._scarce() and self.part.left > 0:
            self._retire(now)

    def expected_s(self, need: int, now: float) -> float:
        known = self.limit if self._left is None else self._left
        if self._cap is None and need <= known and not self._scarce():
            return 0.0
        rounds, rest = divmod(max(need - 1, 0), max(self.limit, 1))
        capped = self._cap is not None and need > self.part.left + self._cap
        told_s = self._ready_at if now < self.again_at else -math.inf
        told_s = max(told_s, self._cap_until if capped else -math.inf) - now
        missing = min(need, rest + 1) - self._remaining(now)
        free_s = self._history.free_in_s(missing, now, self.limit) if missing > 0 else 0.0
        return rounds * self.window_s + max(0.0, told_s, free_s)

    def statuses(self, now: float, _configured: frozenset[str], /) -> list[LimitStatus]:
        remaining = self._remaining(now)
        told_s = self._told_at + self.window_s - now if self._others else 0.0
        live = [part.last + self.window_s - now for part in self._live() if part.used]
        return [
            LimitStatus(
                kind=self.kind,
                subject=self.subject,
                name=self.name,
                current=self.limit - remaining,
                limit=self.limit,
                remaining=remaining,
                reset_s=max([self._history.reset_s(now), told_s, 0.0, *live]),
            )
        ]

    def change(self, limit: int) -> None:
        super().change(limit)
        self._retire(self.means.monotonic())
        self._left = None
        self.kick(self.means.monotonic())

    def heeds(self, remaining: int) -> bool:
        """Whether it may be less than we think is left; ``learn`` knows."""
        return remaining < self.limit and remaining < self.part.left + (self._left or 0)

    def learn(self, remaining: int, for_s: float, now: float) -> None:
        """A provider says that so much is left: less than we think → no more for a while."""
        if self._cap is not None and now >= self._cap_until:
            self._cap = None
        ours = self._remaining(now) if self._cap is None else self.part.left + self._cap
        if remaining >= ours:
            return
        if self.part.left > remaining:
            self._retire(now)
        self._cap = max(0, remaining - self.part.left)
        self._cap_until = now + for_s

    # ------------------------------------------------------------ slices

    def touched(self, part: Slice, back: int) -> None:
        if part is self.part:
            if self.line and back > 0:
                self.pump(self.means.monotonic())
        elif part.settled:
            if back < 0:
                self._charge(-back)
        elif not part.open and part in self._open:
            self._open.remove(part)
            self._end(part)

    def tick(self, now: float) -> float:
        if now >= self.part.fence:
            self._retire(now)
        for part in [part for part in self._open if now >= part.asked_at + 0.9 * self._hold_s]:
            self._open.remove(part)
            self._end(part)
        if now >= self._settle_at and not self._settling:
            self._settle_at = math.inf
            if self._ended or self._unsaid:
                self._settling = True
                self.means.spawn(self._settle())
        settle_at = math.inf if self._settling else self._settle_at
        due = [settle_at, *[part.asked_at + 0.9 * self._hold_s for part in self._open]]
        if not self.part.settled:
            due.append(self.part.fence)
        return min(due)

    async def aclose(self) -> None:
        self._retire(self.means.monotonic())
        self._ended += self._open
        self._open = []
        self.closed = True
        await self._settle()

    def _live(self) -> list[Slice]:
        return [self.part, *self._open, *self._ended]

    def _charge(self, tokens: int) -> None:
        if self.part.settled:
            self._owed += tokens
        else:
            self.part.room -= tokens

    def _retire(self, now: float) -> None:
        """The current slice is spent no more."""
        part = self.part
        if part.settled:
            return
        part.soon = -math.inf
        elapsed_s = max(now - part.asked_at, self.life_s / 4)
        self._rate += (max(part.used, 0) / elapsed_s - self._rate) / 2
        self.part = Slice(self)
        if part.open and part.left <= part.amount // 8:
            self._open.append(part)
            self.ring(part.asked_at + 0.9 * self._hold_s)
        else:
            self._end(part)

    def _end(self, part: Slice) -> None:
        """To be settled: with the next question, or soon without one."""
        self._ended.append(part)
        now = self.means.monotonic()
        wait_s = 0.0 if self._scarce() else self.life_s / 4
        if part.left <= 0:
            wait_s = self.life_s  # there is nothing in it for others
        self._settle_at = min(self._settle_at, now + wait_s)
        self.ring(self._settle_at)

    # ------------------------------------------------------------ the store

    async def _work(self) -> None:
        now = self.means.monotonic()
        if self.line:
            self._retire(now)  # it does not do for the first of them, whom nobody may pass
        want, least = self._wanted(now)
        if want < least:
            self._capped(now)
            return
        self._hinted = self._most_hinted = 0
        said = self._say()
        asked_at = self.means.monotonic()
        try:
            grant = await self.means.store.take(
                self._pool(), want, least=least, share=SHARE, spent=self._spent(said, asked_at)
            )
        except BaseException:
            self._unsaid = [*said, *self._unsaid][-_UNSAID:]
            self._settle_at = asked_at + 1.0
            raise
        self._answered(grant, asked_at)

    def _wanted(self, now: float) -> tuple[int, int]:
        queued = self.line.cost + self._hinted
        least = max(1, self.line.needs(self.line.first) if self.line else self._most_hinted)
        if self._scarce():
            share = (self._left or 0) // SHARE
            want = self.line.cost_within(share) if self.line else self._hinted
        else:
            want = queued + int(self._demand(now) * self.life_s)
        want = max(want, least)
        if self._cap is not None and now >= self._cap_until:
            self._cap = None
        return want if self._cap is None else min(want, self._cap), least

    def _demand(self, now: float) -> float:
        used = max(self.part.used, 0)
        return max(self._rate, used / max(now - self.part.asked_at, self.life_s / 4))

    def _capped(self, now: float) -> None:
        """A provider has said that it would not take this."""
        self._ready_at = self._cap_until
        self.again_at = min(self._cap_until, now + self.life_s)
        self._hinted = self._most_hinted = 0
        self.judge(now)

    def _answered(self, grant: Grant, asked_at: float) -> None:
        now = self.means.monotonic()
        if grant.amount:
            self._retire(now)
            part = self.part = Slice(self, grant.id, grant.amount, asked_at)
            # Before the store's own end in any case; a slow answer is good for a while all the same.
            fence = max(asked_at + self.life_s, now + self.life_s / 4)
            part.fence = min(fence, asked_at + 2 * self.life_s)
            part.due = asked_at + 0.7 * (part.fence - asked_at)
            part.kept = grant.amount // (8 if self.weighs else 4)
            part.room -= part.kept + self._owed
            self._owed = 0
            if self._cap is not None:
                self._cap -= grant.amount
            self._ready_at = -math.inf
            self.ring(part.fence)
        else:
            self._ready_at = now + min(grant.wait_s, self.window_s)
        self._left = grant.left
        self._told_at = now
        mine = self._history.total(now) + sum(max(part.used, 0) for part in self._live())
        self._others = max(0, self.limit - grant.left - mine - max(self.part.left, 0))
        self.watch()
        self.pump(now)
        self._go_on(grant, now)

    def _go_on(self, grant: Grant, now: float) -> None:
        """Ask again at once where that brings something, else rest."""
        if not self.line:
            return
        first = self.line.first
        needs = self.line.needs(first)
        rest_s = self.life_s / 10
        enough = needs if not first.wait else max(needs, self.limit / self.window_s * rest_s)
        if grant.amount and grant.left + max(self.part.left, 0) >= enough:
            return  # `_work_once` `_look_after` asks
        wait_s = grant.wait_s if not grant.amount else rest_s
        self.again_at = now + min(max(wait_s, rest_s), self.life_s)
        self.judge(now)

    def _look_ahead(self, now: float) -> None:
        """Ask before it is needed, where demand is such that it will be."""
        if not self._scarce() and self._demand(now) * self.life_s >= self._unit:
            self.kick(now)

    def _scarce(self) -> bool:
        return self._left is not None and self._left < SCARCE * self._unit

    def _remaining(self, now: float) -> int:
        used = self._history.total(now) + sum(max(part.used, 0) for part in self._live())
        if now < self._told_at + self.window_s:
            used += self._others
        return max(0, self.limit - used)

    def _pool(self) -> Pool:
        return pool(self, self.window_s, self._hold_s)

    def _say(self) -> list[tuple[int, int, float]]:
        """What the store has not heard, handed over to who tells it."""
        for part in self._ended:
            part.settled = True
            used = max(part.used, 0)
            self._history.add(part.last, used)
            self._unsaid.append((part.grant, used, part.last))
            if self._cap is not None:
                self._cap += max(part.left, 0)
        said, self._ended, self._unsaid = self._unsaid, [], []
        self._settle_at = math.inf
        return said

    @staticmethod
    def _spent(said: list[tuple[int, int, float]], now: float) -> list[Spent]:
        return [
            Spent(grant, used, max(0.0, now - last) if used else 0.0) for grant, used, last in said
        ]

    async def _settle(self) -> None:
        said = self._say()
        try:
            await self.means.store.settle(self._pool(), self._spent(said, self.means.monotonic()))
        except StoreDownError:
            self._unsaid = [*said, *self._unsaid][-_UNSAID:]
            self._settle_at = self.means.monotonic() + 1.0
        finally:
            self._settling = False
        self._look_after()
