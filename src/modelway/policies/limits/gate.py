"""What stands before a deployment, or a caller: all the limits that a request must pass."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from modelway.errors import LimitExceededError
from modelway.policies.limits.line import Place, Waiter, place
from modelway.policies.limits.meter import Meter
from modelway.policies.limits.open import OpenMeter
from modelway.policies.limits.rates import RateMeter
from modelway.policies.limits.slices import Parts, Ticket
from modelway.policies.limits.told import Told
from modelway.policies.limits.values import Queueing
from modelway.ports import Headers


class Gate:
    """The limits of some subjects. It is cheap; its meters are shared with others of the subjects."""

    __slots__ = (
        "__weakref__",
        "_by_name",
        "_monotonic",
        "_parts",
        "_queueing",
        "_told",
        "learns",
        "meters",
    )

    def __init__(
        self,
        meters: tuple[Meter, ...],
        told: Told,
        by_name: Mapping[str, RateMeter],
        queueing: Queueing,
        monotonic: Callable[[], float],
        *,
        learns: bool,
    ) -> None:
        self.meters: tuple[Meter, ...] = (told, *meters)
        self.learns = learns
        self._told = told
        self._by_name = by_name
        self._queueing = queueing
        self._monotonic = monotonic
        self._parts = self._current()

    def admit(self, tokens: int) -> Ticket | None:
        """Leave to send at once, out of what is held; ``None``: ``enter`` may know more."""
        now = self._monotonic()
        if now < self._told.until:
            return self._admit(tokens, now, None)
        parts = self._parts
        for part in parts.ones:
            if part.room < 1 or part.soon <= now:
                return self._admit(tokens, now, None)
        for part in parts.weighed:
            if part.room < tokens or part.soon <= now:
                return self._admit(tokens, now, None)
        return parts.spend(tokens, now)

    async def enter(
        self, tokens: int, *, priority: int = 0, until: float | None = None, wait: bool
    ) -> Ticket:
        """Leave to send, when there is some. ``until`` is monotonic.

        LimitExceededError, whose ``code`` names the limit, where there is none now and ``wait`` is
        false, or none in time; ``retry_after_s`` is how long it would take about. Cancelling gives
        everything back.
        """
        now = self._monotonic()
        self._refuse_too_large(tokens)
        mine = place(now, priority)
        blocker = self._blocker(tokens, now, mine)
        if blocker is None:
            return self._spend(tokens, now)
        last = now + self._queueing.max_wait_s
        waiter = Waiter(self, tokens, mine, last if until is None else min(last, until), wait)
        blocker.join(waiter, now)
        if waiter.meter is not None:
            self._hint(blocker, tokens, now)
        try:
            return await waiter.ticket
        except asyncio.CancelledError:
            waiter.give_up()
            raise
        finally:
            waiter.leave()

    def blocked_s(self, tokens: int) -> float:
        """About how long a request would wait now; 0: not at all, as far as is known."""
        now = self._monotonic()
        return max(
            [meter.expected_s(meter.line.cost + meter.cost(tokens), now) for meter in self.meters]
        )

    def learn(self, status: int, headers: Headers) -> bool:
        """What a provider's answer says of its limits; False where it says nothing."""
        return self.learns and self._told.learn(status, headers, self._by_name)

    def serve(self, waiter: Waiter, now: float) -> None:
        """Let one go that is first where it waits, or have it wait where it is stopped next."""
        here = waiter.meter
        if waiter.ticket.done():  # cancelled, and about to leave
            waiter.leave()
            return
        for meter in self.meters:
            if meter is here:
                continue
            if not meter.ready(meter.cost(waiter.tokens), now, waiter.place):
                waiter.leave()
                meter.join(waiter, now)
                return
        if here is self._told:
            self._told.gone()
        waiter.give(self._spend(waiter.tokens, now))

    def _admit(self, tokens: int, now: float, mine: Place | None) -> Ticket | None:
        if self._blocker(tokens, now, mine) is None:
            return self._spend(tokens, now)
        return None

    def _blocker(self, tokens: int, now: float, mine: Place | None) -> Meter | None:
        """The first limit that stops it."""
        for meter in self.meters:
            if not meter.ready(meter.cost(tokens), now, mine):
                return meter
        return None

    def _spend(self, tokens: int, now: float) -> Ticket:
        self._parts = self._current()
        return self._parts.spend(tokens, now)

    def _hint(self, blocker: Meter, tokens: int, now: float) -> None:
        """Have the other meters asked meanwhile, so that one round trip's time is enough for all."""
        for meter in self.meters:
            if meter is not blocker and meter.part.room < meter.cost(tokens):
                meter.hint(meter.cost(tokens), now)

    def _refuse_too_large(self, tokens: int) -> None:
        for meter in self.meters:
            if meter is not self._told and meter.cost(tokens) > meter.limit:
                what = f"a request of about {tokens} tokens" if meter.weighs else "every request"
                raise LimitExceededError(
                    f"{what} is more than {meter.kind} {meter.subject} may send at all: "
                    f"{meter.name} is {meter.limit}; send less, or raise limits.{meter.name}",
                    code=meter.name,
                )

    def _current(self) -> Parts:
        counted, held, weighed = [], [], []
        for meter in self.meters:
            if isinstance(meter, OpenMeter):
                held.append(meter.part)
            elif meter.weighs:
                weighed.append(meter.part)
            elif meter is not self._told:
                counted.append(meter.part)
        return Parts(tuple(counted), tuple(held), tuple(weighed))
