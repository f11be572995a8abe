"""A limit of open requests: permits that are held as long as one is, and renewed meanwhile."""

from __future__ import annotations

import math

from modelway.errors import StoreDownError
from modelway.policies.limits.line import Place
from modelway.policies.limits.meter import SCARCE, SHARE, Means, Meter, pool
from modelway.policies.limits.slices import Slice
from modelway.policies.limits.values import LimitStatus, Subject
from modelway.ports import Grant, Pool, Spent

_ASK_AGAIN_S = 0.05
"""Nobody tells when a permit comes free elsewhere."""
_LOOK_S = 1.0
_LINGER_S = 0.05
"""How long a free permit stays here when there are few: the next request may want it."""
_TURN_S = 1.0
"""How long a permit of few is handed on among those who wait here, before others may have it."""
_GAP_S = 0.01


class OpenMeter(Meter):
    """Permits are alike: ``part.room`` is what is held beyond those in use, below zero too.

    Grants are the store's way of counting them, and each is given back whole; one that is too large
    for that is exchanged for a smaller one.
    """

    def __init__(
        self, subject: Subject, name: str, limit: int, life_s: float, means: Means
    ) -> None:
        super().__init__(subject, name, limit, means)
        self._life_s = life_s
        self._grants: dict[int, tuple[int, float]] = {}
        """Amount, and when it was asked for."""
        self._renewed_at = -math.inf
        self._left: int | None = None
        self._told_at = -math.inf
        self._hinted = 0
        self._peak = 0
        self._pace = 0.0
        """Requests that end in a second."""
        self._looked_at = -math.inf
        self._counted_at = -math.inf
        """Since when the ends are counted."""
        self._shrinks_at = math.inf
        self.part.settled = False
        self.part.due = math.inf

    @property
    def held(self) -> int:
        return sum([amount for amount, _ in self._grants.values()])

    @property
    def in_use(self) -> int:
        return self.held - self.part.room

    # ------------------------------------------------------------ for gates

    def ready(self, cost: int, now: float, place: Place | None) -> bool:
        if self.line and (place is None or self.line.ahead(place)):
            return False
        if now >= self.part.fence:
            self._lapse()
        self.watch()
        return self.part.room >= cost

    def change(self, limit: int) -> None:
        super().change(limit)
        self._left = 0  # as if there were few: what is free goes back
        self._shrinks_at = self.means.monotonic()
        self.ring(self._shrinks_at)
        self.watch()

    def watch(self) -> None:
        watched = self.line or self._scarce() or not self._grants
        self.part.soon = -math.inf if watched else self.part.fence

    def hint(self, cost: int, now: float) -> None:
        if now >= self.again_at:
            self._hinted += cost
            self.kick(now)

    def expected_s(self, need: int, now: float) -> float:
        if self.part.room >= need:
            return 0.0
        if not self.line and now >= self.again_at:
            return 0.0
        return need / self._pace if self._pace > 0 else max(0.0, self.again_at - now)

    def statuses(self, now: float, _configured: frozenset[str], /) -> list[LimitStatus]:
        current = self.in_use
        if self._left is not None and now < self._told_at + self._life_s:
            current = max(current, self.limit - self._left - max(self.part.room, 0))
        current = min(current, self.limit)
        return [
            LimitStatus(
                kind=self.kind,
                subject=self.subject,
                name=self.name,
                current=current,
                limit=self.limit,
                remaining=self.limit - current,
                reset_s=0.0,
            )
        ]

    # ------------------------------------------------------------ permits

    def touched(self, _part: Slice, _back: int, /) -> None:
        now = self.means.monotonic()
        if self.line:
            if not self._takes_turns(now):
                self.pump(now)
        elif self.part.room > 0 and self._scarce():
            self._shrinks_at = min(self._shrinks_at, now + _LINGER_S)
            self.ring(self._shrinks_at)

    def tick(self, now: float) -> float:
        if now >= self.part.fence:
            self._lapse()
        if now >= self._looked_at + _LOOK_S:
            self._look(now)
        if now >= self._shrinks_at:
            self._shrinks_at = math.inf
            self._shrink()
        if self._grants and now >= self._renewed_at + self._life_s / 3 and not self._working:
            self._working = True
            self.means.spawn(self._renew())
        if not self._grants and not self.part.room:
            return math.inf
        return min(self._looked_at + _LOOK_S, self._shrinks_at)

    async def aclose(self) -> None:
        self.closed = True
        grants, self._grants = self._grants, {}
        await self.means.store.settle(self._pool(), [Spent(grant, 0) for grant in grants])

    def _look(self, now: float) -> None:
        """Once a second: the pace, and whether fewer would do."""
        if self._counted_at == -math.inf:
            self._counted_at, self.part.ended = now, 0
        elapsed_s = max(now - self._counted_at, _LOOK_S / 2)
        if self.part.ended:
            pace = self.part.ended / elapsed_s
            self._pace = pace if self._pace <= 0 else (self._pace + pace) / 2
            self._counted_at, self.part.ended = now, 0
        else:  # a second in which nothing ends does not mean that nothing ends
            self._pace = min(self._pace, 1 / elapsed_s)
        self._looked_at = now
        in_use = self.in_use
        self._peak = max(in_use, (self._peak + in_use) // 2)
        self._shrinks_at = min(self._shrinks_at, now)

    def _lapse(self) -> None:
        """What could not be renewed is not ours any more."""
        self.part.room -= self.held
        self._grants.clear()
        self.part.fence = math.inf

    def _takes_turns(self, now: float) -> bool:
        """Let other processes have a permit that those who wait here have had for long."""
        if not self._scarce():
            return False
        for grant, (amount, since) in self._grants.items():
            if amount <= self.part.room and now >= since + _TURN_S:
                self._give_back([grant])
                self.again_at = now + _GAP_S
                self.ring(self.again_at)
                return True
        return False

    def _shrink(self) -> None:
        """Give back what is not needed."""
        if self.line or self._working:
            return
        wanted = 0 if self._scarce() else self._peak + self._peak // 4
        spare = min(self.part.room, self.held - wanted)
        if spare <= 0:
            return
        fitting = []
        for grant, (amount, _) in sorted(self._grants.items(), key=lambda one: -one[1][0]):
            if amount <= spare:
                fitting.append(grant)
                spare -= amount
        if fitting:
            self._give_back(fitting)
        elif spare >= max(2, self.held // 4):
            self._working = True
            self.means.spawn(self._exchange(spare))

    def _give_back(self, grants: list[int]) -> None:
        for grant in grants:
            self.part.room -= self._grants.pop(grant)[0]
        self.means.spawn(self._settle(grants))
        self.watch()

    # ------------------------------------------------------------ the store

    async def _work(self) -> None:
        self.pump(self.means.monotonic())
        queued = len(self.line) + self._hinted
        self._hinted = 0
        room = self.part.room
        if room >= queued:
            return
        least = max(1, 1 - room)
        spare = 0 if self._scarce() else max(1, self.in_use // 4)
        asked_at = self.means.monotonic()
        want = max(least, queued - room + spare)
        grant = await self.means.store.take(self._pool(), want, least=least, share=SHARE, spent=())
        self._answered(grant, asked_at)

    def _answered(self, grant: Grant, asked_at: float) -> None:
        now = self.means.monotonic()
        self._left = grant.left
        self._told_at = now
        if grant.amount:
            self._hold(grant, asked_at)
        else:
            most_s = _ASK_AGAIN_S if not self._grants else _ASK_AGAIN_S * 5
            self.again_at = now + min(max(grant.wait_s, _GAP_S), most_s)
        self.watch()
        self.pump(now)
        if self.line and not grant.amount:
            self.judge(now)

    def _hold(self, grant: Grant, asked_at: float) -> None:
        if not self._grants:
            self._renewed_at = asked_at
            self.part.fence = asked_at + self._life_s
        self._grants[grant.id] = (grant.amount, asked_at)
        self.part.room += grant.amount
        if self._looked_at == -math.inf:
            self._looked_at = asked_at
        self.ring(self._looked_at + _LOOK_S)

    async def _renew(self) -> None:
        asked_at = self.means.monotonic()
        grants = list(self._grants)
        try:
            there = set(await self.means.store.renew(self._pool(), grants))
        except StoreDownError:
            return  # they hold until their end, and may be renewed before it
        finally:
            self._working = False
        for grant in grants:
            if grant not in there and grant in self._grants:
                self.part.room -= self._grants.pop(grant)[0]
        self._renewed_at = asked_at
        self.part.fence = asked_at + self._life_s
        self.watch()
        self._look_after()

    async def _exchange(self, spare: int) -> None:
        """All grants for one that is so much less."""
        old, keep = list(self._grants), self.held - spare
        self.part.room -= spare  # not to be spent meanwhile
        asked_at = self.means.monotonic()
        try:
            grant = await self.means.store.take(
                self._pool(), keep, least=keep, share=1, spent=[Spent(one, 0) for one in old]
            )
        finally:
            self._working = False
            self.part.room += spare
        for one in old:
            self.part.room -= self._grants.pop(one, (0, 0.0))[0]
        if grant.amount:
            self._hold(grant, asked_at)
        self.watch()
        self._look_after()

    async def _settle(self, grants: list[int]) -> None:
        await self.means.store.settle(self._pool(), [Spent(grant, 0) for grant in grants])

    def _scarce(self) -> bool:
        return self._left is not None and self._left < min(SCARCE, max(1, self.limit // 4))

    def _pool(self) -> Pool:
        return pool(self, 0.0, self._life_s)
