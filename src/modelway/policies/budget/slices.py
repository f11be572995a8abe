"""Parts of a budget's pool that this process may spend.

Everything here is on the path of every request.
"""

from __future__ import annotations

from typing import Protocol


class Holder(Protocol):
    """Whose slice it is."""

    name: str
    """Of its pool."""

    def touched(self, part: Slice, /) -> None: ...
    def look_ahead(self, part: Slice, /) -> None: ...


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

    def __init__(self, holder: Holder, grant: int, amount: int, since: float) -> None:
        self.holder = holder
        self.grant = grant
        self.amount = amount
        self.room = amount
        """Not reserved and not spent; below 0 once more was billed than it has."""
        self.open = 0
        """Reservations that are not settled."""
        self.low = 0
        """With less room it is time to ask for more."""
        self.since = since
        self.watched = False
        """Whether its holder wants to know of each settlement."""
        self.covers: list[int] = []
        """Grants that stand for what was billed beyond it, until it is settled itself."""
        self.covered = 0

    @property
    def used(self) -> int:
        return self.amount - self.room
