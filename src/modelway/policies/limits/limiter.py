"""The limits of a process: it lives as long as that, whatever becomes of configurations."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any, Literal, NamedTuple
from weakref import WeakValueDictionary

from modelway.call import Limits
from modelway.errors import LimitExceededError, StoreDownError
from modelway.policies.limits.alarm import Alarm
from modelway.policies.limits.gate import Gate
from modelway.policies.limits.guard import Guarded
from modelway.policies.limits.meter import Means, Meter
from modelway.policies.limits.open import OpenMeter
from modelway.policies.limits.rates import RateMeter
from modelway.policies.limits.told import Told
from modelway.policies.limits.values import LimitStatus, Queueing, Subject
from modelway.ports import Clock, Leases

_log = logging.getLogger(__name__)
_NAMES = ("requests_per_minute", "tokens_per_minute", "requests_per_day", "concurrent")
_NOBODY = Subject("provider", "", Limits())
_GATES = 1024


class _Made(NamedTuple):
    gate: Gate
    limits: tuple[tuple[Meter, int], ...]
    """As they were said for it: its meters may have been told of others since."""


class Limiter:
    """Meters by (kind, name, limit), each there as long as something is held, or a gate has it.

    ``alone`` is what is leased from while the store is away and ``when_down`` is ``open``: memory, so
    that each process then has the full limits by itself. ``minute_s`` is for tests.
    """

    def __init__(
        self,
        leases: Leases,
        clock: Clock,
        *,
        queueing: Queueing,
        when_down: Literal["open", "closed"] = "open",
        alone: Leases | None = None,
        minute_s: float = 60.0,
    ) -> None:
        self._queueing = queueing
        self._minute_s = minute_s
        self._tasks: set[asyncio.Task[None]] = set()
        self._meters: WeakValueDictionary[tuple[str, str, str], Meter] = WeakValueDictionary()
        self._gates: dict[tuple[tuple[Subject, ...], bool], _Made] = {}
        store = Guarded(
            leases, alone if when_down == "open" else None, clock.monotonic, self._spawn
        )
        self._means = Means(
            store, clock.monotonic, clock.time, Alarm(clock), self._spawn, self._size
        )
        self._nothing_told = Told(_NOBODY, self._means)

    @property
    def queueing(self) -> Queueing:
        """What becomes of those whom a limit stops; of those that wait already, as it was."""
        return self._queueing

    @queueing.setter
    def queueing(self, queueing: Queueing) -> None:
        if queueing != self._queueing:
            self._queueing = queueing
            self._gates.clear()

    def _size(self) -> int:
        return self._queueing.size

    def gate(self, subjects: Sequence[Subject], *, learns: bool) -> Gate:
        """What stands before those subjects; limits that have changed hold from now on.

        With ``learns`` the last of them is whom a provider's answers are about.
        """
        key = (tuple(subjects), learns)
        made = self._gates.get(key)
        if made is None:
            made = self._made(key[0], learns)
            while len(self._gates) >= _GATES:
                del self._gates[next(iter(self._gates))]
            self._gates[key] = made
        for meter, limit in made.limits:
            if meter.limit != limit:
                meter.change(limit)
        return made.gate

    def status(self) -> tuple[LimitStatus, ...]:
        """How every limit stands that is in use, or told by a provider."""
        now = self._means.monotonic()
        found: list[LimitStatus] = []
        for _, meter in sorted(self._meters.items(), key=lambda item: item[0]):
            configured = [
                limit for limit in _NAMES if (meter.kind, meter.subject, limit) in self._meters
            ]
            found += meter.statuses(now, frozenset(configured))
        return tuple(found)

    async def aclose(self) -> None:
        """Give back what is held. Those who still wait are refused."""
        meters = list(self._meters.values())
        for meter in meters:
            meter.refuse_all(lambda: LimitExceededError("modelway is closing", code="closing"))
        self._means.alarm.close()
        while self._tasks:
            await asyncio.wait(self._tasks)
        for meter in meters:
            try:
                await meter.aclose()
            except StoreDownError as error:
                _log.warning("limits.store_down: not everything was given back: %s", error.message)

    def _made(self, subjects: tuple[Subject, ...], learns: bool) -> _Made:
        meters: list[tuple[Meter, int]] = []
        by_name: dict[str, RateMeter] = {}
        for subject in subjects:
            for name in _NAMES:
                limit = getattr(subject.limits, name)
                if limit is None:
                    continue
                meter = self._meter(subject, name, limit)
                meters.append((meter, limit))
                if isinstance(meter, RateMeter):
                    by_name[name] = meter
        told = self._told(subjects[-1] if subjects and learns else None)
        gate = Gate(
            tuple([meter for meter, _ in meters]),
            told,
            by_name,
            self._queueing,
            self._means.monotonic,
            learns=learns,
        )
        return _Made(gate, tuple(meters))

    def _meter(self, subject: Subject, name: str, limit: int) -> Meter:
        key = (subject.kind, subject.name, name)
        meter = self._meters.get(key)
        if meter is None:
            meter = self._meters[key] = self._new(subject, name, limit)
        return meter

    def _new(self, subject: Subject, name: str, limit: int) -> Meter:
        if name == "concurrent":
            life_s = self._minute_s / 2
            return OpenMeter(subject, name, limit, life_s, self._means)
        window_s = self._minute_s * (1440 if name == "requests_per_day" else 1)
        return RateMeter(subject, name, limit, window_s, self._means)

    def _told(self, subject: Subject | None) -> Told:
        if subject is None:
            return self._nothing_told
        key = (subject.kind, subject.name, "")
        told = self._meters.get(key)
        if not isinstance(told, Told):
            told = self._meters[key] = Told(subject, self._means)
        return told

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not isinstance(error, StoreDownError):
            _log.error("a limit could not be looked after", exc_info=error)
