"""Outcomes go to the store in batches, off the request's path, and come back with their scores."""

import asyncio
import math

import msgspec
import pytest

from modelway.errors import BadRequestError, StoreDownError
from modelway.experiments.recorder import STREAM, OutcomeLog, read
from modelway.experiments.split import pseudonym
from modelway.experiments.values import Outcome
from modelway.store.memory import MemoryRecords
from support.hand_clock import HandClock, turns


class Counting:
    """Records in memory that count appends, and are down when told to be."""

    def __init__(self, clock):
        self.kept = MemoryRecords(clock, most=100_000)
        self.batches = []
        self.down = False
        self.half = False
        self.slow = False

    async def append(self, stream, entries, *, life_s=None):
        await turns(2)
        while self.slow:
            await turns(1)
        if self.half:
            await self.kept.append(stream, entries, life_s=life_s)
        if self.down or self.half:
            raise StoreDownError("the store is away")
        self.batches.append(len(entries))
        return await self.kept.append(stream, entries, life_s=life_s)

    async def query(self, *arguments, **named):
        return await self.kept.query(*arguments, **named)


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def records(clock):
    return Counting(clock)


def outcome(number=0, **fields):
    told = {
        "experiment": "e",
        "arm": "a",
        "unit": f"user-{number}",
        "call": f"call-{number}",
        "time": 1.0,
        "latency_s": 0.5,
    }
    return Outcome(**{**told, **fields})


async def test_outcomes_are_appended_together_a_moment_later(clock, records):
    log = OutcomeLog(records, clock)
    for number in range(1201):
        log.record(outcome(number))
    assert records.batches == []
    await clock.advance(1.0)
    assert records.batches == [500, 500, 201]
    seen, unreadable = await read(records, "e")
    assert [one.outcome.call for one in seen] == [f"call-{number}" for number in range(1201)]
    assert unreadable == 0
    await log.aclose()


async def test_what_was_written_comes_back_but_for_the_units_name(clock, records):
    log = OutcomeLog(records, clock)
    one = outcome(cost_pico_usd=12, error=True, score=0.25)
    log.record(one)
    await log.flush()
    ((back, time, score, scored),), _ = await read(records, "e")
    assert back == msgspec.structs.replace(one, unit=pseudonym("e", "user-0"))
    assert (score, scored) == (0.25, time)
    (record,) = await records.query(STREAM)
    assert b"user-0" not in record.data
    await log.aclose()


async def test_a_score_finds_its_call(clock, records):
    log = OutcomeLog(records, clock)
    log.record(outcome(1))
    log.record(outcome(2))
    await clock.advance(1)
    log.score("e", "call-2", 0.75)
    await clock.advance(60)
    log.score("e", "call-2", 0.1)  # the first counts
    log.score("e", "unknown", 0.1)
    await log.aclose()
    (first, second), _ = await read(records, "e")
    assert first.score is None
    assert second.score == 0.75
    assert second.scored == pytest.approx(second.time + 1)


async def test_a_score_that_is_there_before_its_outcome_is_joined(clock, records):
    log = OutcomeLog(records, clock)
    log.score("e", "call-1", 1.0)
    await clock.advance(2)
    log.record(outcome(1))
    await log.aclose()
    ((_, time, score, scored),), _ = await read(records, "e")
    assert (score, scored) == (1.0, time)


async def test_experiments_are_read_apart(clock, records):
    log = OutcomeLog(records, clock)
    log.record(outcome(1))
    log.record(outcome(2, experiment="f"))
    await log.aclose()
    assert len((await read(records, "e"))[0]) == len((await read(records, "f"))[0]) == 1
    assert (await read(records, "g"))[0] == []


async def test_a_store_that_is_down_is_tried_again(clock, records, caplog):
    log = OutcomeLog(records, clock)
    records.down = True
    log.record(outcome(1))
    await clock.advance(5)
    log.record(outcome(2))
    records.down = False
    await clock.advance(1)
    assert records.batches == [2]
    assert len(caplog.records) == 1  # once, not each second
    await log.aclose()


async def test_a_batch_that_was_kept_though_it_failed_counts_once(clock, records):
    log = OutcomeLog(records, clock)
    records.half = True
    log.record(outcome(1))
    await clock.advance(1)
    records.half = False
    await clock.advance(1)
    assert len(await records.query(STREAM)) == 2
    assert len((await read(records, "e"))[0]) == 1
    await log.aclose()


async def test_what_finds_no_room_is_counted(clock, records):
    log = OutcomeLog(records, clock, most=3)
    for number in range(5):
        log.record(outcome(number))
    assert log.dropped == 2
    await log.aclose()
    assert [one.outcome.call for one in (await read(records, "e"))[0]] == [
        "call-0",
        "call-1",
        "call-2",
    ]


async def test_closing_writes_what_waits_and_says_what_is_lost(clock, records, caplog):
    log = OutcomeLog(records, clock)
    log.record(outcome(1))
    await log.aclose()
    assert records.batches == [1]
    records.down = True
    log.record(outcome(2))
    await turns()
    await log.aclose()
    assert "1 outcomes of experiments are lost" in caplog.text


async def test_two_that_flush_at_once_write_each_outcome_once(clock, records):
    log = OutcomeLog(records, clock)
    for number in range(700):
        log.record(outcome(number))
    await asyncio.gather(log.flush(), log.flush())
    assert records.batches == [500, 200]
    await log.aclose()


async def test_a_batch_that_closing_cuts_off_is_written_again(clock, records):
    log = OutcomeLog(records, clock)
    log.record(outcome(1))
    records.slow = True
    await clock.advance(1)
    assert records.batches == []
    records.slow = False
    await log.aclose()
    assert records.batches == [1]


async def test_entries_live_as_long_as_told(clock, records):
    log = OutcomeLog(records, clock, life_s=60)
    log.record(outcome(1))
    await log.flush()
    await clock.advance(61)
    assert await records.query(STREAM) == []
    await log.aclose()


@pytest.mark.parametrize("number", [math.nan, math.inf, -0.1, 1.1])
def test_a_score_that_is_none_is_refused_when_given(clock, records, number):
    log = OutcomeLog(records, clock)
    with pytest.raises(BadRequestError, match=r"score is .* must be a number from 0 to 1"):
        log.score("e", "call-1", number)
    with pytest.raises(BadRequestError) as caught:
        log.record(outcome(score=number))
    assert caught.value.param == "score"


@pytest.mark.parametrize("call", ["", "x" * 201])
def test_a_score_of_no_call_is_refused(clock, records, call):
    with pytest.raises(BadRequestError, match="id of a call"):
        OutcomeLog(records, clock).score("e", call, 1.0)


@pytest.mark.parametrize(
    "fields", [{"latency_s": math.nan}, {"latency_s": -1.0}, {"cost_pico_usd": -1}]
)
def test_an_outcome_that_cannot_be_is_refused(clock, records, fields):
    with pytest.raises(BadRequestError, match="must be a number from 0"):
        OutcomeLog(records, clock).record(outcome(**fields))


async def test_entries_that_cannot_be_read_are_counted(clock, records):
    log = OutcomeLog(records, clock)
    log.record(outcome(1))
    await log.aclose()
    wrong = [b"", b"{", b'{"type":"other"}', msgspec.json.encode(outcome(2, score=7.0))]
    await records.append(STREAM, [("e", data) for data in wrong])
    seen, unreadable = await read(records, "e")
    assert (len(seen), unreadable) == (1, 4)
