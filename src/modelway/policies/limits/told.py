"""What a provider has told of itself: limits that were not configured, and times not to ask it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from modelway.dialects.refusals import retry_after_s
from modelway.errors import LimitExceededError
from modelway.policies.limits.headers import FIELDS, Learned, learned, tells
from modelway.policies.limits.line import Place
from modelway.policies.limits.meter import Means, Meter
from modelway.policies.limits.rates import RateMeter
from modelway.policies.limits.slices import Slice
from modelway.policies.limits.values import LimitStatus, Subject
from modelway.ports import Headers

MOST_S = 60.0
"""However long a provider says that it wants to be left alone."""
_BREATH_S = 0.1
"""After a block: one goes, then two, then four …, so much time apart."""


class Told(Meter):
    """A meter of nothing: open, or blocked until a time. ``until`` is for the fast path."""

    def __init__(self, subject: Subject, means: Means) -> None:
        super().__init__(subject, "provider", 0, means)
        self.until = -math.inf
        """Before this the fast path is closed: for who waits here, too."""
        self._ends = -math.inf
        self._why = "provider"
        self._batch = 1
        self._next_at = -math.inf
        self._goes = 0
        self._headers: Headers = ()
        self._heard_at = 0.0
        self._heard_time = 0.0
        self._watched: tuple[tuple[int, bytes, str], ...] = ()
        """Where the headers that matter stood last time: (index, name, limit)."""

    # ------------------------------------------------------------ a meter

    def ready(self, _cost: int, now: float, place: Place | None, /) -> bool:
        if now < self._ends or (self.line and (place is None or self.line.ahead(place))):
            return False
        return not self.line or self._goes > 0

    def expected_s(self, _need: int, now: float, /) -> float:
        return max(0.0, self._ends - now)

    def kick(self, now: float) -> None:
        self.watch()
        if self.line and now < self._ends:
            self.ring(self._ends)

    def watch(self) -> None:
        self.until = self.again_at = math.inf if self.line else self._ends

    def touched(self, _part: Slice, _back: int, /) -> None:
        """It has no slices."""

    def tick(self, now: float) -> float:
        if not self.line:
            return math.inf
        if now >= max(self._ends, self._next_at):
            self._next_at = now + _BREATH_S
            self._goes = self._batch
            self._batch *= 2
            self.pump(now)
            self._goes = 0
        return max(self._ends, self._next_at) if self.line else math.inf

    def refusal(self, wait_s: float, why: str = "") -> LimitExceededError:
        also = f" {why}" if why else ""
        wait_s = round(max(wait_s, 0.001), 3)
        return LimitExceededError(
            f"{self.kind} {self.subject} has asked to be left alone for a while{also}: "
            f"try again in {wait_s:.3g} s",
            code=self._why,
            retry_after_s=wait_s,
        )

    def gone(self) -> None:
        """One of those who waited has gone."""
        self._goes -= 1

    # ------------------------------------------------------------ what is told

    def learn(self, status: int, headers: Headers, meters: Mapping[str, RateMeter]) -> bool:
        """What an answer says; False where it says nothing.

        ``meters`` are those that were configured, by their limits' names.
        """
        if status != 429 and self._as_before(headers, meters):
            return True
        if not self._watched and status != 429 and not tells(headers):
            return False
        now = self.means.monotonic()
        self._hear(headers, now)
        wait_s = 0.0
        if status == 429:
            wait_s = retry_after_s(headers, self.means.time, limited=True) or 0.0
            self._why = "provider"
        for one in learned(headers, self._heard_time):
            meter = meters.get(one.name)
            if meter is not None:
                meter.learn(one.remaining, min(max(one.next_s, 1.0), MOST_S), now)
            elif one.remaining == 0 and one.next_s > wait_s:
                wait_s, self._why = one.next_s, one.name
        if wait_s > 0:
            self._block(now + min(wait_s, MOST_S))
        return True

    def statuses(self, now: float, configured: frozenset[str], /) -> list[LimitStatus]:
        """Of limits that are not configured."""
        return [
            self._status(one, now - self._heard_at)
            for one in learned(self._headers, self._heard_time)
            if one.name not in configured and one.limit is not None
        ]

    def _as_before(self, headers: Headers, meters: Mapping[str, RateMeter]) -> bool:
        """Whether they are those of the last answer, and of nothing is less left than matters."""
        if not self._watched:
            return False
        try:
            for index, name, limit in self._watched:
                there, value = headers[index]
                if there != name:
                    return False
                remaining = int(value)
                meter = meters.get(limit)
                if remaining < 1 if meter is None else meter.heeds(remaining):
                    return False
        except (IndexError, ValueError):
            return False
        self._headers = headers
        self._heard_at = self.means.monotonic()
        self._heard_time = self.means.time()
        return True

    def _hear(self, headers: Headers, now: float) -> None:
        self._headers = headers
        self._heard_at = now
        self._heard_time = self.means.time()
        names = {one.name for one in learned(headers, self._heard_time)}
        self._watched = tuple(
            [
                (index, name, limit)
                for index, (name, _) in enumerate(headers)
                if (limit := _limit(name, names)) is not None
            ]
        )

    def _block(self, until: float) -> None:
        if until > self._ends:
            self._ends = until
            self._batch = 1
        self.kick(self.means.monotonic())

    def _status(self, one: Learned, elapsed_s: float) -> LimitStatus:
        limit = one.limit or 0
        over = elapsed_s >= one.reset_s > 0
        remaining = limit if over else min(one.remaining, limit)
        return LimitStatus(
            kind=self.kind,
            subject=self.subject,
            name=one.name,
            current=limit - remaining,
            limit=limit,
            remaining=remaining,
            reset_s=max(0.0, one.reset_s - elapsed_s),
            source="learned",
        )


def _limit(header: bytes, told: set[str]) -> str | None:
    """Of which limit a header tells the rest."""
    field = FIELDS.get(header)
    if field is None or field.role != "remaining":
        return None
    name = field.told.name
    if name == "requests" and name not in told:
        name = "requests_per_day" if "requests_per_day" in told else "requests_per_minute"
    return name
