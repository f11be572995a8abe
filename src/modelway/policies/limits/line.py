"""Requests that wait at a limit, in their order.

A level of priority is worth ``LEVEL_S`` of waiting: of two requests the one comes first that has
waited longer, counting that for each level. So higher ones pass those of lower priority, but not one
that has waited ``LEVEL_S`` a level longer already, and nobody is passed by a newcomer of its own
priority or a lower one.
"""

from __future__ import annotations

import asyncio
import bisect
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from modelway.policies.limits.gate import Gate
    from modelway.policies.limits.meter import Meter
    from modelway.policies.limits.slices import Ticket

LEVEL_S = 10.0


class Place(NamedTuple):
    """Where in a line; the least is first."""

    since: float
    number: int


_numbers = itertools.count()


def place(now: float, priority: int) -> Place:
    """A newcomer's."""
    return Place(now - LEVEL_S * priority, next(_numbers))


class Waiter:
    """A request that waits, at one limit at a time."""

    __slots__ = ("gate", "judged", "meter", "place", "ticket", "tokens", "until", "wait")

    def __init__(self, gate: Gate, tokens: int, place: Place, until: float, wait: bool) -> None:
        self.gate = gate
        self.tokens = tokens
        self.place = place
        self.until = until
        self.wait = wait
        """Whether it may; one that may not only waits for what the store says."""
        self.judged = False
        """Whether it has been held against the time that it would have to wait."""
        self.meter: Meter | None = None
        self.ticket: asyncio.Future[Ticket] = asyncio.get_running_loop().create_future()

    def leave(self) -> None:
        """Out of its line, whatever came of it."""
        if self.meter is not None:
            self.meter.left_by(self)

    def give(self, ticket: Ticket) -> None:
        self.leave()
        self.ticket.set_result(ticket)

    def give_up(self) -> None:
        """It does not wait any more; if it has just been given a ticket, nothing is sent with it."""
        if self.ticket.done() and not self.ticket.cancelled() and not self.ticket.exception():
            self.ticket.result().unsent()

    def refuse(self, error: Exception) -> None:
        self.leave()
        if not self.ticket.done():
            self.ticket.set_exception(error)


class Line:
    """Who waits at one limit."""

    __slots__ = ("_places", "_waiters", "_weighs", "cost")

    def __init__(self, *, weighs: bool) -> None:
        self._places: list[Place] = []
        self._waiters: list[Waiter] = []
        self._weighs = weighs
        self.cost = 0
        """What all of them need."""

    def __len__(self) -> int:
        return len(self._waiters)

    def __iter__(self) -> Iterator[Waiter]:
        return iter(tuple(self._waiters))

    @property
    def first(self) -> Waiter:
        return self._waiters[0]

    @property
    def last(self) -> Waiter:
        return self._waiters[-1]

    def needs(self, waiter: Waiter) -> int:
        return waiter.tokens if self._weighs else 1

    def ahead(self, place: Place) -> bool:
        """Whether somebody waits who comes before."""
        return bool(self._places) and self._places[0] < place

    def cost_ahead(self, place: Place) -> int:
        if not self._places or self._places[-1] < place:
            return self.cost
        return sum(map(self.needs, self._waiters[: bisect.bisect_left(self._places, place)]))

    def cost_within(self, most: int) -> int:
        """What the first of them need who together need no more than that; at least the first one."""
        cost = 0
        for waiter in self._waiters:
            needs = self.needs(waiter)
            if cost and cost + needs > most:
                break
            cost += needs
        return cost

    def add(self, waiter: Waiter) -> None:
        index = bisect.bisect_left(self._places, waiter.place)
        self._places.insert(index, waiter.place)
        self._waiters.insert(index, waiter)
        self.cost += self.needs(waiter)

    def remove(self, waiter: Waiter) -> None:
        index = bisect.bisect_left(self._places, waiter.place)
        del self._places[index], self._waiters[index]
        self.cost -= self.needs(waiter)
