"""Outcomes and scores on their way to the store, off the request's path, and back.

A store that is down is tried again until it answers; meanwhile the newest wait, in bounded number. What
was sent when it failed may be there twice: a reader counts a call's first outcome, and its first score.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque

import msgspec

from modelway.errors import BadRequestError, StoreDownError
from modelway.experiments.split import pseudonym
from modelway.experiments.units import Seen
from modelway.experiments.values import Outcome, Score
from modelway.ports import Clock, Record, Records

STREAM = "experiments"

_BATCH = 500
_PAGE = 1000
_LONGEST_CALL = 200
_decoder: msgspec.json.Decoder[Outcome | Score] = msgspec.json.Decoder(Outcome | Score)


class OutcomeLog:
    """Takes outcomes and scores at once, and appends them in batches; one event loop uses it.

    ``dropped`` counts those for which there was no room. A unit is written as its pseudonym.
    """

    def __init__(
        self,
        records: Records,
        clock: Clock,
        *,
        flush_s: float = 1.0,
        most: int = 10_000,
        life_s: float | None = None,
    ) -> None:
        self._records = records
        self._clock = clock
        self._flush_s = flush_s
        self._most = most
        self._life_s = life_s
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._flushing = asyncio.Lock()
        self._writing: asyncio.Task[None] | None = None
        self._warned = False
        self.dropped = 0

    def record(self, outcome: Outcome) -> None:
        """Keep what became of a call. BadRequestError for a number that cannot be one."""
        _check("latency_s", outcome.latency_s, math.inf)
        _check("cost_pico_usd", outcome.cost_pico_usd or 0, math.inf)
        if outcome.score is not None:
            _check("score", outcome.score, 1.0)
        unit = pseudonym(outcome.experiment, outcome.unit)
        self._put(outcome.experiment, msgspec.structs.replace(outcome, unit=unit))

    def score(self, experiment: str, call: str, score: float) -> None:
        """Keep what is thought of a call's answer, from 0 to 1. BadRequestError for another number."""
        _check("score", score, 1.0)
        if not 0 < len(call) <= _LONGEST_CALL:
            raise BadRequestError("call must be the id of a call", param="call")
        time = self._clock.time()
        self._put(experiment, Score(experiment=experiment, call=call, score=score, time=time))

    async def flush(self) -> None:
        """Write what waits. StoreDownError leaves it waiting."""
        async with self._flushing:
            await self._flush()

    async def _flush(self) -> None:
        while self._waiting:
            batch = [self._waiting[i] for i in range(min(_BATCH, len(self._waiting)))]
            await self._records.append(STREAM, batch, life_s=self._life_s)
            for _ in batch:
                self._waiting.popleft()

    async def aclose(self) -> None:
        """Write what waits, once; what a store that is down does not take is lost, and said so."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        try:
            await self.flush()
        except StoreDownError:
            lost = len(self._waiting)
            _logger().warning("%d outcomes of experiments are lost: the store is down", lost)

    def _put(self, experiment: str, entry: Outcome | Score) -> None:
        if len(self._waiting) >= self._most:
            self.dropped += 1
            return
        self._waiting.append((experiment, msgspec.json.encode(entry)))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        while self._waiting:
            await self._clock.sleep(self._flush_s)
            try:
                await self.flush()
                self._warned = False
            except StoreDownError as error:
                if not self._warned:
                    _logger().warning("outcomes of experiments wait for the store: %s", error)
                self._warned = True


async def read(records: Records, experiment: str) -> tuple[list[Seen], int]:
    """The outcomes of an experiment in the log's order, with their scores; how many are unreadable."""
    outcomes: dict[str, tuple[Outcome, float]] = {}
    scores: dict[str, tuple[float, float]] = {}
    unreadable = after = 0
    while page := await records.query(STREAM, key=experiment, after=after, limit=_PAGE):
        after = page[-1].id
        for record in page:
            entry = _entry(record)
            match entry:
                case Outcome():
                    outcomes.setdefault(entry.call, (entry, record.time))
                case Score():
                    scores.setdefault(entry.call, (entry.score, record.time))
                case None:
                    unreadable += 1
    return [_joined(*outcome, scores.get(call)) for call, outcome in outcomes.items()], unreadable


def _entry(record: Record) -> Outcome | Score | None:
    try:
        return _decoder.decode(record.data)
    except msgspec.DecodeError:
        return None


def _joined(outcome: Outcome, time: float, given: tuple[float, float] | None) -> Seen:
    """With the score that it came with, else the one given later, at the time it was known."""
    if outcome.score is not None:
        return Seen(outcome, time, outcome.score, time)
    return (
        Seen(outcome, time) if given is None else Seen(outcome, time, given[0], max(given[1], time))
    )


def _check(name: str, number: float, most: float) -> None:
    if not (0 <= number <= most and math.isfinite(number)):
        bounds = "from 0" if math.isinf(most) else f"from 0 to {most:g}"
        raise BadRequestError(f"{name} is {number}, and must be a number {bounds}", param=name)


def _logger() -> logging.Logger:
    return logging.getLogger("modelway")
