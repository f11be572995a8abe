"""Measures of several processes together, also of those that have ended."""

import asyncio
import os

import pytest

from modelway.observe.metrics import Metrics
from modelway.observe.prometheus import exposition
from modelway.observe.sharing import WRITE_S, Shared, fold
from modelway.observe.snapshot import decode
from support.hand_clock import HandClock
from support.prometheus import series

LABELS = (("model", "small"), ("operation", "chat"), ("provider", "acme"))
TOTAL = ("modelway_attempts_total", LABELS)


def attempt(metrics, times=1, **facts):
    for _ in range(times):
        metrics.attempt("acme", "small", "chat", **{"took_s": 1.0, **facts})


async def total(shared):
    return series(await shared.text()).get(TOTAL, 0)


async def test_a_process_by_itself_needs_no_directory():
    metrics = Metrics()
    shared = Shared(metrics, None, HandClock())
    await shared.start()
    attempt(metrics, 3)
    assert await shared.text() == exposition([decode(metrics.snapshot())])
    assert (await shared.text(openmetrics=True)).endswith(b"# EOF\n")
    await shared.aclose()


async def test_any_process_tells_what_all_have_done(tmp_path):
    clock = HandClock()
    some, others = Metrics(), Metrics()
    here, there = Shared(some, tmp_path, clock), Shared(others, tmp_path, clock)
    await here.start()
    await there.start()
    attempt(some, 2)
    attempt(others, 3)
    assert await total(here) == 2  # its own at once, the others' within a second
    await clock.advance(WRITE_S)
    await until(lambda: total(here), 5)
    await until(lambda: total(there), 5)
    await here.aclose()
    await there.aclose()


async def until(asked, expected):
    for _ in range(500):
        if await asked() == expected:
            return
        await asyncio.sleep(0.01)
    assert await asked() == expected


async def test_what_was_told_once_is_told_for_good_though_its_process_dies(tmp_path):
    some, others = Metrics(), Metrics()
    here, there = Shared(some, tmp_path, HandClock()), Shared(others, tmp_path, HandClock())
    others.open_requests = lambda: 4
    attempt(others, 3)
    assert await total(there) == 3
    text = series(await here.text())
    assert text[TOTAL] == 3
    assert text["modelway_open_requests", ()] == 4
    fold(tmp_path, os.getpid())  # as if this process had been another
    assert not list(tmp_path.glob("*.metrics"))
    text = series(await Shared(Metrics(), tmp_path, HandClock()).text())
    assert text[TOTAL] == 3
    assert text["modelway_open_requests", ()] == 0
    assert text["modelway_attempt_duration_seconds_count", LABELS] == 3


class Busy(Metrics):
    """Counts whenever somebody looks."""

    def look(self):
        attempt(self)
        return super().look()


async def test_what_is_told_is_what_is_written_however_much_happens_meanwhile(tmp_path):
    shared = Shared(Busy(), tmp_path, HandClock())
    for _ in range(3):
        told = await total(shared)
        (file,) = tmp_path.glob("*.metrics")
        assert series(exposition([decode(file.read_bytes())]))[TOTAL] == told


async def test_a_scraper_that_leaves_does_not_leave_old_figures(tmp_path):
    metrics = Metrics()
    shared = Shared(metrics, tmp_path, HandClock())
    for times in range(20):
        attempt(metrics)
        asking = asyncio.create_task(shared.text())
        for _ in range(times):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        attempt(metrics)
        assert await total(shared) == 2 * (times + 1)
        (file,) = tmp_path.glob("*.metrics")
        assert series(exposition([decode(file.read_bytes())]))[TOTAL] == 2 * (times + 1)


async def test_many_that_ended_leave_one_file(tmp_path):
    for _ in range(20):
        metrics = Metrics()
        attempt(metrics, 2)
        await Shared(metrics, tmp_path, HandClock()).text()
        (tmp_path / f"{os.getpid()}-ab.metrics.new").write_bytes(b"kil")  # as it was writing
        fold(tmp_path, os.getpid())
    assert [path.name for path in tmp_path.iterdir()] == ["ended"]
    assert await total(Shared(Metrics(), tmp_path, HandClock())) == 40


async def test_one_that_was_folded_in_and_not_yet_removed_counts_once(tmp_path):
    metrics = Metrics()
    attempt(metrics, 2)
    shared = Shared(metrics, tmp_path, HandClock())
    await shared.text()
    (file,) = tmp_path.glob("*.metrics")
    kept = file.read_bytes()
    fold(tmp_path, os.getpid())
    file.write_bytes(kept)  # as if the supervisor had been killed in between
    assert await total(Shared(Metrics(), tmp_path, HandClock())) == 2
    fold(tmp_path, os.getpid())
    assert await total(Shared(Metrics(), tmp_path, HandClock())) == 2


async def test_a_process_that_has_nothing_new_writes_nothing(tmp_path):
    clock = HandClock()
    metrics = Metrics(clock=clock)
    shared = Shared(metrics, tmp_path, clock)
    await shared.start()
    (file,) = tmp_path.glob("*.metrics")
    file.unlink()
    await clock.advance(3 * WRITE_S)
    assert not file.exists()
    attempt(metrics)
    await shared.aclose()
    assert file.exists()


async def test_a_disk_that_is_full_costs_only_what_others_are_told(tmp_path, caplog):
    metrics = Metrics()
    attempt(metrics, 2)
    gone = tmp_path / "gone"
    shared = Shared(metrics, gone, HandClock())
    assert await total(shared) == 2
    attempt(metrics)
    assert await total(shared) == 3
    assert len(caplog.records) == 1
    assert "metrics are not shared" in caplog.text
    gone.mkdir()
    assert await total(shared) == 3
    assert len(list(gone.iterdir())) == 1


async def test_a_disk_that_is_full_when_a_process_ends_takes_nothing_away(tmp_path, caplog):
    metrics = Metrics()
    attempt(metrics, 2)
    await Shared(metrics, tmp_path, HandClock()).text()
    (tmp_path / "ended.new").mkdir()  # nothing can be written there
    fold(tmp_path, os.getpid())
    assert "kept apart" in caplog.text
    assert await total(Shared(Metrics(), tmp_path, HandClock())) == 2


@pytest.mark.parametrize("pid", [1, 12, 123])
def test_a_process_is_not_taken_for_another_whose_number_begins_alike(tmp_path, pid):
    (tmp_path / "1234-ab.metrics").write_bytes(Metrics().snapshot())
    fold(tmp_path, pid)
    assert len(list(tmp_path.iterdir())) == 1
