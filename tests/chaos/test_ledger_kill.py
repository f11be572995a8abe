"""Processes that spend are killed at any moment: nothing is lost, nothing counts twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

import modelway
from modelway.ledger.replay import KILLED
from modelway.ledger.values import Where
from support import ledger_process
from support.ledger_process import GRANT, POOL, cost_of, opened, reserved_for
from support.ledger_world import FailingLedger, made
from support.servers_postgres import postgres_server

PROCESSES = 3
KILLS = 9
_PATHS = os.pathsep.join([str(Path(modelway.__file__).parents[1]), str(Path(__file__).parents[1])])


@pytest.fixture(params=["sqlite", "postgres"])
async def url(request):
    if request.param == "sqlite":
        yield ""
    else:
        with postgres_server() as server:
            yield server.url(await server.new_database())


@contextlib.asynccontextmanager
async def process(state, name, url):
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, ledger_process.__file__, str(state), name, url),
        env={**os.environ, "PYTHONPATH": _PATHS},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert await started.stdout.readline() == b"ready\n", await started.stderr.read()
        yield started
    finally:
        if started.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                started.send_signal(signal.SIGKILL)
        await started.communicate()


async def live_and_die(state, url, slot, chance, kills):
    for life in range(kills):
        async with process(state, f"s{slot}l{life}", url) as one:
            await asyncio.sleep(chance.uniform(0.05, 0.8))
            assert one.returncode is None


def proofs(state):
    """Ids that were sent, and of those the ones that were settled."""
    sent, settled = set(), {}
    for path in state.glob("*.proof"):
        for line in path.read_text().splitlines():
            match line.split():
                case ["I", id_, _]:
                    sent.add(id_)
                case ["S", id_, cost]:
                    settled[id_] = None if cost == "None" else int(cost)
    return sent, settled


def counted(state):
    """What the pool has as used, and grants that nobody ever noted."""
    with contextlib.closing(sqlite3.connect(state / "store.db")) as connection:
        rows = connection.execute("SELECT held, amount FROM counts").fetchall()
    return sum(amount for held, amount in rows if not held), [
        amount for held, amount in rows if held
    ]


async def test_killed_at_any_moment(url, tmp_path):
    chance = random.Random(11)
    await asyncio.gather(
        *[
            live_and_die(tmp_path, url, slot, chance, KILLS // PROCESSES)
            for slot in range(PROCESSES)
        ]
    )
    ledger, store = await opened(tmp_path, url)
    await ledger.adopt()
    assert await ledger.adopt() == 0
    assert ledger.refused == 0
    rows = {one.intent.id: one async for batch in ledger.store.rows(Where()) for one in batch}
    (total,) = await ledger.store.groups((), Where())
    by_user = await ledger.store.groups(("user",), Where())
    await ledger.aclose()
    await store.aclose()

    sent, settled = proofs(tmp_path)
    assert len(settled) > 100
    assert sent <= rows.keys(), "one that was sent is not in the ledger"
    assert len(rows.keys() - sent) <= 6 * KILLS, "more than those that were about to be sent"
    for id_, cost in settled.items():
        there = rows[id_].settlement
        assert (there.cost_pico_usd, there.error) == (cost, ""), id_
    for id_, row in rows.items():
        there = row.settlement
        assert there is not None, id_
        if there.error == KILLED:
            assert (there.basis, there.cost_pico_usd) == ("reserved", reserved_for(id_))
        else:
            assert there.cost_pico_usd == cost_of(id_)
    killed = [one for one in rows.values() if one.settlement.error == KILLED]
    assert killed, "nobody was killed at an interesting moment"
    assert total.attempts == len(rows)
    assert sum(one.attempts for one in by_user) == len(rows)
    assert total.cost_pico_usd == sum(one.settlement.cost_pico_usd or 0 for one in rows.values())

    used, lost = counted(tmp_path)
    charged = [
        reserved_for(id_) if one.settlement.cost_pico_usd is None else one.settlement.cost_pico_usd
        for id_, one in rows.items()
    ]
    assert used == sum(charged), "the budget and the ledger do not agree"
    assert all(amount == GRANT for amount in lost)
    assert len(lost) <= 3 * KILLS
    assert [one.name for one in (tmp_path / "journal").iterdir()] == []
    assert POOL.limit > used


_FORKING = """
import os, signal, sys, time
from pathlib import Path
from modelway.errors import StoreDownError
from support.ledger_rows import row
from support.ledger_world import FailingLedger, made

ledger = made(Path(sys.argv[1]), FailingLedger())
ledger.intend(row(1).intent)
if os.fork():
    ledger.intend(row(2).intent)
    os.kill(os.getpid(), signal.SIGKILL)
try:
    ledger.intend(row(3).intent)
except StoreDownError as error:
    print(error.code, os.getpid(), flush=True)
signal.alarm(20)
signal.pause()
"""


async def test_a_forked_child_neither_writes_the_journal_nor_holds_it(tmp_path):
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _FORKING, str(tmp_path)),
        env={**os.environ, "PYTHONPATH": _PATHS},
        stdout=asyncio.subprocess.PIPE,
    )
    code, child = (await parent.stdout.readline()).split()
    assert code == b"journal"
    assert await parent.wait() == -signal.SIGKILL
    store = FailingLedger()
    ledger = made(tmp_path, store)
    assert await ledger.adopt() == 1
    assert sorted(store.kept) == ["call1.1", "call2.1"]
    os.kill(int(child), signal.SIGKILL)
    await parent.communicate()
    await ledger.aclose()
