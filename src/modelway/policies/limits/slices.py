"""Parts of pools that this process may spend, and tickets for what was spent of them.

Everything here is on the path of every request.
"""

from __future__ import annotations

import math
from typing import Protocol


class Holder(Protocol):
    """Whose slice it is."""

    def touched(self, part: Slice, back: int, /) -> None: ...


class Slice:
    """What a grant has left. ``room`` may be spent while ``soon`` has not come.

    ``soon`` is when something is to be done first: look ahead, ask, or let those go who wait. A slice
    that may not be spent, or is watched by who waits, has it at minus infinity.
    """

    __slots__ = (
        "amount",
        "asked_at",
        "due",
        "ended",
        "fence",
        "grant",
        "holder",
        "kept",
        "last",
        "open",
        "room",
        "settled",
        "soon",
    )

    def __init__(
        self, holder: Holder, grant: int = 0, amount: int = 0, asked_at: float = -math.inf
    ) -> None:
        self.holder = holder
        self.grant = grant
        self.amount = amount
        self.asked_at = asked_at
        self.room = amount
        self.kept = 0
        """Not in ``room`` yet: when that is used up it is time to ask for more."""
        self.fence = asked_at
        """Until when it may be spent, by the monotonic clock."""
        self.due = asked_at
        self.soon = -math.inf
        self.last = asked_at
        """When something was last spent of it."""
        self.open = 0
        """Tickets that are not done: what they used may yet be corrected."""
        self.ended = 0
        """Requests that have ended, of open requests."""
        self.settled = grant == 0

    @property
    def left(self) -> int:
        return self.room + self.kept

    @property
    def used(self) -> int:
        return self.amount - self.room - self.kept


class Parts:
    """The slices of one gate's meters, by how they are spent."""

    __slots__ = ("counted", "held", "ones", "weighed")

    def __init__(
        self, counted: tuple[Slice, ...], held: tuple[Slice, ...], weighed: tuple[Slice, ...]
    ) -> None:
        self.counted = counted
        """One a request."""
        self.held = held
        """One for as long as a request is open."""
        self.weighed = weighed
        """Its tokens."""
        self.ones = counted + held

    def spend(self, tokens: int, now: float) -> Ticket:
        """What has been looked at to be there."""
        for part in self.ones:
            part.room -= 1
            part.last = now
        for part in self.weighed:
            part.room -= tokens
            part.last = now
            part.open += 1
        return Ticket(self, tokens)


class Ticket:
    """Leave to send one request. ``done`` or ``unsent`` is called once; again: ignored."""

    __slots__ = ("_parts", "_tokens")

    def __init__(self, parts: Parts, tokens: int) -> None:
        self._parts: Parts | None = parts
        self._tokens = tokens

    def done(self, used_tokens: int | None) -> None:
        """It is over, and has used so many tokens; ``None``: not known, so as many as estimated."""
        parts = self._parts
        if parts is None:
            return
        self._parts = None
        for part in parts.held:
            part.room += 1
            part.ended += 1
            if part.soon < 0:
                part.holder.touched(part, 1)
        back = 0 if used_tokens is None else self._tokens - used_tokens
        for part in parts.weighed:
            part.open -= 1
            part.room += back
            if part.soon < 0:
                part.holder.touched(part, back)

    def unsent(self) -> None:
        """Nothing was sent: all is given back."""
        parts = self._parts
        if parts is None:
            return
        for part in parts.counted:
            part.room += 1
            if part.soon < 0:
                part.holder.touched(part, 1)
        self.done(0)
