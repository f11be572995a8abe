"""Which models are in memory: loaded once, in use never dropped, the oldest first."""

import asyncio
from pathlib import Path

import pytest

from modelway.errors import APIConnectionError, UnsupportedError
from modelway.local.pool import Key, Pool


class Model:
    """What a pool needs of an engine."""

    def __init__(self, name, events):
        self.name = name
        self.free = lambda: events.append(f"-{name}")


class House:
    def __init__(self, limit):
        self.events = []
        self.pool = Pool(limit)
        self.gate = asyncio.Event()
        self.gate.set()

    async def lease(self, name):
        async def load():
            await self.gate.wait()
            if name == "bad":
                raise UnsupportedError("damaged")
            self.events.append(f"+{name}")
            return Model(name, self.events)

        return await self.pool.lease(Key(Path(name)), load)


async def test_loaded_once_for_all():
    house = House(2)
    house.gate.clear()
    asking = [asyncio.create_task(house.lease("a")) for _ in range(5)]
    await asyncio.sleep(0)
    house.gate.set()
    leases = await asyncio.gather(*asking)
    assert {lease.engine.name for lease in leases} == {"a"}
    assert house.events == ["+a"]


async def test_the_least_recently_used_goes():
    house = House(2)
    for name in ("a", "b", "a", "c", "a"):
        (await house.lease(name)).release()
    assert house.events == ["+a", "+b", "-b", "+c"]


async def test_one_in_use_stays_and_a_newcomer_waits():
    house = House(1)
    held = await house.lease("a")
    waiting = asyncio.create_task(house.lease("b"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    held.release()
    held.release()
    assert (await waiting).engine.name == "b"
    assert house.events == ["+a", "-a", "+b"]


async def test_a_load_that_fails_leaves_room():
    house = House(1)
    for _ in range(2):
        with pytest.raises(UnsupportedError):
            await house.lease("bad")
    assert (await house.lease("a")).engine.name == "a"


async def test_a_caller_who_leaves_does_not_undo_the_load():
    house = House(1)
    house.gate.clear()
    leaving = asyncio.create_task(house.lease("a"))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    house.gate.set()
    (await house.lease("a")).release()
    (await house.lease("b")).release()
    assert house.events == ["+a", "-a", "+b"]


async def test_closing_frees_all_and_turns_away_who_waits():
    house = House(1)
    await house.lease("a")
    waiting = asyncio.create_task(house.lease("b"))
    await asyncio.sleep(0)
    await house.pool.aclose()
    await house.pool.aclose()
    with pytest.raises(APIConnectionError):
        await waiting
    assert house.events == ["+a", "-a"]
