"""Parts of a budget's pool that this process may spend.

Drawing and settling are on the path of every request.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import cast

from modelway.policies.budget.teller import Teller

_MOST_SPARE = 16


class Slice:
    """What a grant has left. It is settled once, when nothing is spent of it any more."""

    __slots__ = (
        "amount",
        "covered",
        "covers",
        "grant",
        "holder",
        "low",
        "open",
        "room",
        "since",
        "watched",
    )

    def __init__(self, holder: Slices, grant: int, amount: int, since: float) -> None:
        self.holder = holder
        self.grant = grant
        self.amount = amount
        self.room = amount
        """Neither reserved nor spent; below 0 once more was billed than it has."""
        self.open = 0
        """What is reserved of it."""
        self.low = 0
        """With less room it is time to ask for more."""
        self.since = since
        self.watched = False
        """Whether its holder is told of each settlement."""
        self.covers: list[int] = []
        """Grants that stand for what was billed beyond it, until it is settled itself."""
        self.covered = 0

    def release(self, reserved: int) -> None:
        """Nothing was spent of a reservation."""
        self.open -= reserved
        self.room += reserved
        if self.watched or self.room < 0:
            self.holder.touched(self)


NOTHING = Slice(cast("Slices", None), 0, 0, -math.inf)
"""In place of a current slice; nothing fits into it."""
NOTHING.room = -1


class Slices(ABC):
    """Those of one pool: one that is spent of, and others with something open."""

    def __init__(self, name: str, teller: Teller) -> None:
        self.name = name
        """Of the pool."""
        self.teller = teller
        self.part = NOTHING
        """What is spent of now."""
        self.slices: dict[int, Slice] = {}
        """All that are not settled, by their grants."""
        self._spare: list[Slice] = []
        """Those beside the current one that something came back to."""

    @abstractmethod
    def look_ahead(self, part: Slice) -> None:
        """Ask for more before it is needed: this one has little left."""

    @abstractmethod
    def billed_over(self, part: Slice) -> None:
        """More was billed than it has."""

    @abstractmethod
    def has_ended(self) -> None:
        """One is to be settled."""

    @property
    @abstractmethod
    def frozen(self) -> bool:
        """Whether nothing may be reserved."""

    @property
    def room(self) -> int:
        """What may be reserved without asking."""
        return max(self.part.room, 0) + sum([part.room for part in self._spare])

    @property
    def held(self) -> int:
        """Reserved for open calls, and held for others."""
        return sum([max(part.room, 0) + part.open for part in self.slices.values()])

    def find(self, pico_usd: int) -> Slice | None:
        """One with room for this, beside the current one."""
        for part in self._spare:
            if part.room >= pico_usd:
                return part
        return None

    def draw(self, pico_usd: int) -> Slice | None:
        """Reserve so much, where there is a slice with it."""
        part = self.part if self.part.room >= pico_usd else self.find(pico_usd)
        if part is None:
            return None
        part.room -= pico_usd
        part.open += pico_usd
        if part.room < part.low:
            self.look_ahead(part)
        return part

    def touched(self, part: Slice) -> None:
        """Something of it was settled, and it is watched, or more was billed than it has."""
        if part.room < 0:
            if part is self.part:
                self.displace()
            if part.room + part.covered < 0:
                self.billed_over(part)
        if not part.open:
            self._end(part)
        elif part.room > 0 and part is not self.part:
            self._offer(part)

    def put(self, part: Slice) -> None:
        """A new one, of which is spent from now on."""
        self.slices[part.grant] = part
        self.displace()
        self.part = part
        if self.frozen:
            self.displace()

    def displace(self) -> None:
        """The current one is spent no more, but for what comes back to it."""
        part, self.part = self.part, NOTHING
        if part is NOTHING:
            return
        part.watched = True
        part.low = 0
        if not part.open:
            self._end(part)
        elif part.room > 0:
            self._offer(part)

    def let_go(self) -> None:
        """Nothing is spent any more of any; what is not reserved goes back."""
        self.displace()
        self._spare.clear()

    def offer_again(self) -> None:
        """What was let go, and is still there, may be spent after all."""
        for part in self.slices.values():
            if part is not self.part and part.open and part.room > 0:
                self._offer(part)

    def _offer(self, part: Slice) -> None:
        if not self.frozen and part not in self._spare:
            self._spare.append(part)
            del self._spare[:-_MOST_SPARE]

    def _end(self, part: Slice) -> None:
        if self.slices.pop(part.grant, None) is None:
            return
        if part is self.part:
            self.part = NOTHING
        if part in self._spare:
            self._spare.remove(part)
        self.teller.end(part.grant, max(part.amount - part.room, 0))
        for grant in part.covers:
            self.teller.end(grant, 0)
        self.has_ended()
