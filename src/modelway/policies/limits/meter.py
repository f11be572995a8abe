"""One limit of one subject in this process: who waits at it, and when it is asked for more."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple

from modelway.errors import LimitExceededError, StoreDownError
from modelway.policies.limits.alarm import Alarm
from modelway.policies.limits.guard import AGAIN_S, Guarded
from modelway.policies.limits.line import Line, Place, Waiter
from modelway.policies.limits.slices import Slice
from modelway.policies.limits.values import LimitStatus, Subject
from modelway.ports import Pool

SHARE = 4
"""A grant takes no more than this part of what is left, so that the others find something too."""
SCARCE = 20
"""Requests' worth of a pool, below which nothing is taken ahead of need."""

_TICK_S = 0.001
_FULL = "and its queue is full"

_UNITS = {
    "requests_per_minute": "requests a minute",
    "tokens_per_minute": "tokens a minute",
    "requests_per_day": "requests a day",
    "concurrent": "open requests",
}


class Means(NamedTuple):
    """What all meters of a process share."""

    store: Guarded
    monotonic: Callable[[], float]
    time: Callable[[], float]
    alarm: Alarm
    spawn: Callable[[Coroutine[Any, Any, None]], object]
    size: Callable[[], int]
    """How many may wait at one limit."""


class Meter(ABC):
    """What is common to rates, open requests, and what a provider has told.

    All of it is synchronous but ``_work``, of which at most one runs at a time.
    """

    def __init__(self, subject: Subject, name: str, limit: int, means: Means) -> None:
        self.kind = subject.kind
        self.subject = subject.name
        self.name = name
        self.limit = limit
        self.means = means
        self.weighs = name == "tokens_per_minute"
        self.line = Line(weighs=self.weighs)
        self.part = Slice(self)
        self.again_at = -math.inf
        """Before this the store is not asked again: it has said that there is not enough."""
        self.closed = False
        self._working = False
        self._rings_at = math.inf

    # ------------------------------------------------------------ for gates

    @abstractmethod
    def ready(self, cost: int, now: float, place: Place | None, /) -> bool:
        """Whether so much may be spent now by a newcomer, or by who has that place; looks ahead."""

    def hint(self, cost: int, now: float) -> None:  # noqa: B027 - not all need to
        """Somebody who waits elsewhere will need this too."""

    def relax(self, now: float) -> None:  # noqa: B027 - not all need to
        """Somebody who was refused elsewhere does not need it."""

    @abstractmethod
    def expected_s(self, need: int, now: float, /) -> float:
        """About how long until so much more can be spent here; 0: now."""

    @abstractmethod
    def statuses(self, now: float, configured: frozenset[str], /) -> list[LimitStatus]:
        """How it stands; what was told of limits that are ``configured`` is theirs to say."""

    def change(self, limit: int) -> None:
        """Another limit from now on."""
        self.limit = limit
        self.again_at = -math.inf

    def cost(self, tokens: int) -> int:
        return tokens if self.weighs else 1

    def waits_s(self, waiter: Waiter, now: float) -> float:
        """About how long until it comes to this one."""
        ahead = self.line.cost_ahead(waiter.place)
        return self.expected_s(ahead + self.line.needs(waiter), now)

    # ------------------------------------------------------------ the line

    def join(self, waiter: Waiter, now: float) -> None:
        """Wait here. Refused (in its future) where that is known to be in vain."""
        if self.closed:
            waiter.refuse(LimitExceededError("modelway is closing", code="closing"))
            return
        if now < self.again_at and (self._hopeless(waiter, now) or self._crowded_out(waiter, now)):
            return
        self.line.add(waiter)
        waiter.meter = self
        self.part.soon = -math.inf
        self.kick(now)
        self.ring(min(waiter.until, self.again_at if now < self.again_at else math.inf))

    def left_by(self, waiter: Waiter) -> None:
        self.line.remove(waiter)
        waiter.meter = None
        if self.closed:
            return
        if self.line:
            self.ring(self.means.monotonic())  # the next one may need less
        else:
            self.watch()

    def pump(self, now: float) -> None:
        """Let those go who can, in their order."""
        for waiter in self.line:
            if waiter.meter is not self:
                continue
            if not self.ready(self.line.needs(waiter), now, waiter.place):
                return
            waiter.gate.serve(waiter, now)

    def watch(self) -> None:
        """Let the fast path spend again, where nobody waits."""
        self.part.soon = -math.inf if self.line else self.part.due

    def judge(self, now: float) -> None:
        """Refuse those who would wait in vain, or are too many, now that they have to wait."""
        for waiter in self.line:
            if waiter.meter is self and not waiter.judged:
                self._hopeless(waiter, now)
        while len(self.line) > self.means.size():
            last = self.line.last
            last.refuse(self.refusal(self.waits_s(last, now), _FULL))

    def _hopeless(self, waiter: Waiter, now: float) -> bool:
        waiter.judged = True
        wait_s = self.waits_s(waiter, now)
        if waiter.wait and now + wait_s <= waiter.until:
            return False
        waiter.refuse(self.refusal(wait_s))
        for meter in waiter.gate.meters:
            meter.relax(now)
        return True

    def _crowded_out(self, waiter: Waiter, now: float) -> bool:
        """Whether the line is full, and none in it gives way to one that comes before."""
        if len(self.line) < self.means.size():
            return False
        if self.line and waiter.place < self.line.last.place:
            last = self.line.last
            last.refuse(self.refusal(self.waits_s(last, now), _FULL))
            return False
        waiter.refuse(self.refusal(self.waits_s(waiter, now), _FULL))
        return True

    def refuse_all(self, error: Callable[[], Exception]) -> None:
        for waiter in self.line:
            waiter.refuse(error())

    def refusal(self, wait_s: float, why: str = "") -> LimitExceededError:
        """What it says to who is refused."""
        unit = _UNITS.get(self.name, self.name.replace("_", " "))
        also = f" {why}" if why else ""
        again = "" if math.isinf(wait_s) else f" in {max(wait_s, 0.001):.3g} s"
        return LimitExceededError(
            f"{self.kind} {self.subject} is at its limit of {self.limit} {unit}{also}: "
            f"try again{again}, or raise limits.{self.name}",
            code=self.name,
            retry_after_s=None if math.isinf(wait_s) else round(max(wait_s, 0.001), 3),
        )

    # ------------------------------------------------------------ upkeep

    def kick(self, now: float) -> None:
        """Ask the store, unless it is being asked or has just refused."""
        if not self._working and not self.closed and now >= self.again_at:
            self._working = True
            self.means.spawn(self._work_once())

    def ring(self, when: float) -> None:
        """Have ``tick`` called at that time, or before."""
        if when < self._rings_at and not self.closed:
            self._rings_at = when
            self.means.alarm.at(when, partial(self._rung, when))

    @abstractmethod
    def touched(self, part: Slice, back: int, /) -> None:
        """Something was given back, or corrected, that the fast path cannot see to."""

    @abstractmethod
    def tick(self, now: float) -> float:
        """Do what is due; when that is next."""

    async def aclose(self) -> None:  # noqa: B027 - not all need to
        """Give back all that is held."""

    async def _work(self) -> None:  # noqa: B027 - not all need to
        """One round trip, and what follows from its answer."""

    async def _work_once(self) -> None:
        try:
            await self._work()
        except StoreDownError as error:
            self._down(error)
        except Exception as error:
            fault = error
            self.refuse_all(lambda: fault)
            raise
        finally:
            self._working = False
        self._look_after()

    def _down(self, error: StoreDownError) -> None:
        """Limits are closed while the store is away."""
        self.again_at = -math.inf
        self.refuse_all(
            lambda: LimitExceededError(
                f"the limits of {self.kind} {self.subject} cannot be looked up, because the store "
                f"is away, and limits are set to refuse then: {error.message}",
                code="store_down",
                retry_after_s=AGAIN_S,
            )
        )

    def _rung(self, when: float) -> None:
        if when == self._rings_at:  # else it has been set anew, to an earlier time
            self._rings_at = math.inf
            self._look_after()

    def _look_after(self) -> None:
        if self.closed:
            return
        now = self.means.monotonic()
        due = self.tick(now)
        if self.line:
            self.pump(now)
            for waiter in self.line:
                if waiter.meter is self and waiter.until <= now and waiter.wait:
                    waiter.refuse(self.refusal(max(self.waits_s(waiter, now), 0.0)))
            self.kick(now)
            due = min(due, self.again_at if now < self.again_at else math.inf)
            due = min([due, *[waiter.until for waiter in self.line if waiter.wait]])
        if not math.isinf(due):
            self.ring(max(due, now + _TICK_S))


def pool_name(meter: Meter) -> str:
    return f"limit:{meter.kind}:{meter.subject}:{meter.name}"


def pool(meter: Meter, window_s: float, life_s: float) -> Pool:
    return Pool(pool_name(meter), meter.limit, window_s, life_s)
