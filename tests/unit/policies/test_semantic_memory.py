"""Vectors in this process: found by their direction, within a space, bounded in every way."""

import asyncio
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelway.policies.caching.semantic import memory as module
from modelway.policies.caching.semantic.memory import MemoryVectors
from modelway.policies.caching.semantic.vectors import unit
from support.hand_clock import HandClock

SPACE = b"space"
EAST, NORTH = [1.0, 0.0], [0.0, 1.0]


def vectors(clock=None, most_entries=1000, most_bytes=10_000_000):
    return MemoryVectors(clock or HandClock(), most_entries=most_entries, most_bytes=most_bytes)


async def add(kept, question="q", vector=EAST, tenant="t", space=SPACE, data=b"d", life_s=60.0):
    await kept.add(tenant, space, vector, question=question, data=data, life_s=life_s)


async def near(kept, vector=EAST, tenant="t", space=SPACE, least=0.9, limit=8):
    return await kept.nearest(tenant, space, vector, least=least, limit=limit)


async def questions(kept, *arguments, **more):
    return [one.question for one in await near(kept, *arguments, **more)]


async def test_the_nearest_comes_first():
    kept = vectors()
    for degrees in (0, 10, 20, 90):
        turn = math.radians(degrees)
        await add(kept, f"{degrees}", [math.cos(turn), math.sin(turn)], data=b"%d" % degrees)
    assert await questions(kept) == ["0", "10", "20"]
    assert await questions(kept, limit=2) == ["0", "10"]
    assert await questions(kept, least=0.99) == ["0"]
    (first, *_) = await near(kept, unit([1.0, 0.1]))
    assert (first.question, first.data) == ("10", b"10")
    assert first.similarity == pytest.approx(math.cos(math.radians(10) - math.atan(0.1)))


async def test_tenants_spaces_and_dimensions_do_not_mix():
    kept = vectors()
    await add(kept)
    assert await questions(kept, tenant="u") == []
    assert await questions(kept, space=b"other") == []
    assert await questions(kept, [1.0, 0.0, 0.0]) == []
    await add(kept, "deep", [1.0, 0.0, 0.0])
    assert await questions(kept) == ["q"]
    assert await questions(kept, [1.0, 0.0, 0.0]) == ["deep"]


async def test_the_same_question_is_kept_once():
    kept = vectors()
    for data in (b"old", b"new"):
        await add(kept, data=data)
    assert [one.data for one in await near(kept)] == [b"new"]
    assert len(kept) == 1


async def test_a_life_ends():
    clock = HandClock()
    kept = vectors(clock)
    await add(kept, life_s=10)
    clock.now += 9
    assert [one.age_s for one in await near(kept)] == [9]
    clock.now += 1
    assert await questions(kept) == []
    assert (len(kept), kept.bytes) == (0, 0)
    await add(kept, life_s=0)
    assert len(kept) == 0


async def test_of_a_tenant_what_was_asked_for_longest_ago_goes_first():
    kept = vectors(most_entries=2)
    await add(kept, "a", tenant="u")
    for name, vector in (("a", EAST), ("b", NORTH)):
        await add(kept, name, vector)
    assert await questions(kept) == ["a"]
    await add(kept, "c", [-1.0, 0.0], space=b"other")
    assert await questions(kept) == ["a"]
    assert await questions(kept, NORTH) == []
    assert await questions(kept, tenant="u") == ["a"]


async def test_who_keeps_the_most_gives_way():
    kept = vectors(most_bytes=100_000)
    await add(kept, "small", tenant="small")
    for number in range(50):
        await add(kept, f"{number}", tenant="large", data=b"x" * 5_000)
        assert kept.bytes <= 100_000
    assert await questions(kept, tenant="small") == ["small"]
    assert 10 < len(await questions(kept, tenant="large", limit=99)) < 20
    await add(kept, "new", tenant="new", data=b"x" * 5_000)
    assert await questions(kept, tenant="new") == ["new"]
    await add(kept, "huge", tenant="new", data=b"x" * 100_000)
    assert await questions(kept, tenant="new") == ["new"]


async def test_bounds_may_change():
    kept = vectors()
    for tenant in ("a", "b"):
        for number in range(10):
            await add(kept, f"{number}", tenant=tenant, data=b"x" * 5000)
    kept.fit(5, 10_000_000)
    assert len(kept) == 10
    assert sorted(await questions(kept, tenant="a")) == ["5", "6", "7", "8", "9"]
    kept.fit(5, 20_000)
    assert 0 < kept.bytes <= 20_000
    kept.fit(5, 0)
    assert (len(kept), kept.bytes) == (0, 0)


async def test_a_tenant_s_is_forgotten():
    kept = vectors()
    for tenant in ("a", "a", "b"):
        await add(kept, f"{len(kept)}", tenant=tenant)
    assert await kept.drop("a") == 2
    assert await kept.drop("a") == 0
    assert len(kept) == 1
    await kept.aclose()
    assert (len(kept), kept.bytes) == (0, 0)


async def test_nothing_is_left_of_what_is_gone():
    kept = vectors(most_entries=3)
    for number in range(100):
        await add(kept, f"{number}", space=b"%d" % number)
    assert (len(kept._spaces), len(kept)) == (3, 3)
    await kept.drop()
    assert [kept._spaces, kept._tenants, kept._held] == [{}, {}, {}]


async def test_many_are_looked_through_beside_the_loop(monkeypatch):
    clock = HandClock()
    kept = vectors(clock)
    for number in range(50):
        turn = math.radians(number)
        await add(kept, f"{number}", [math.cos(turn), math.sin(turn)], life_s=60 + number)
    straight = await near(kept, limit=3)
    monkeypatch.setattr(module, "_AT_ONCE", 0)
    assert await near(kept, limit=3) == straight
    looking = asyncio.ensure_future(near(kept, limit=3))
    await asyncio.sleep(0)
    for number in (0, 49):  # the last takes the place of the first, and goes as well
        await kept.drop("t") if number else kept._remove(kept._spaces["t", SPACE, 2].entries[0])
    assert await looking == []


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2), st.booleans()), max_size=60))
def test_it_is_what_a_plain_list_would_be(steps):
    async def run():
        kept, plain = vectors(), {}
        for number, space, is_added in steps:
            name = bytes([space])
            if is_added:
                turn = math.radians(number * 3)
                vector = [math.cos(turn), math.sin(turn)]
                await add(kept, f"{number}", vector, space=name)
                plain[space, f"{number}"] = vector
            elif plain:
                entry = next(iter(kept._tenants["t"]))
                kept._remove(entry)
                del plain[entry.space.name[1][0], entry.question]
        for space in range(3):
            expected = {
                name: vector[0]
                for (where, name), vector in plain.items()
                if where == space and vector[0] >= 0.95
            }
            found = {
                one.question: one.similarity
                for one in await near(kept, space=bytes([space]), least=0.95, limit=99)
            }
            assert found == pytest.approx(expected, abs=1e-6)
        sizes = [entry.size for entries in kept._tenants.values() for entry in entries]
        assert kept.bytes == sum(sizes) == sum(kept._held.values())
        for one in kept._spaces.values():
            assert len(one.entries) <= len(one.rows) <= 2 * len(one.entries) + 2

    asyncio.run(run())


def test_a_vector_has_a_direction():
    assert unit([3, 4]) == [0.6, 0.8]
    assert unit(np.array([3.0, 4.0])) == [0.6, 0.8]
