"""Stores in memory: their bounds, and their leases against a model that remembers everything."""

from __future__ import annotations

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.ports import Pool, Spent
from modelway.store.counting import counted_until
from modelway.store.memory import ENTRY_BYTES, MemoryCache, MemoryLeases, MemoryRecords
from modelway.testing.stores import SteppedClock
from modelway.testing.stores.rates import Spend, most_in_a_window


def done(coroutine):
    """The value of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


# ---------------------------------------------------------------- leases


class Model:
    """Leases by definition: a list of what counts, with nothing clever."""

    def __init__(self, clock):
        self.clock = clock
        self.counts = []  # [pool, grant or None, until, amount]

    def take(self, pool, want, least, share, spent):
        self.settle(pool, spent)
        now = self.clock.monotonic()
        mine = [count for count in self.counts if count[0] == pool.name and count[2] > now]
        left = pool.limit - sum([count[3] for count in mine])
        if left < least:
            wait = math.inf
            for end in sorted({count[2] for count in mine}):
                if left + sum([count[3] for count in mine if count[2] <= end]) >= least:
                    wait = end - now
                    break
            return 0, max(left, 0), wait
        amount = min(want, max(least, left // share))
        return amount, left - amount, 0.0

    def given(self, pool, grant):
        until = self.clock.monotonic() + pool.life_s + pool.window_s
        self.counts.append([pool.name, grant.id, until, grant.amount])

    def settle(self, pool, spent):
        now = self.clock.monotonic()
        for grant, used, ago_s in spent:
            for count in self.counts:
                if count[0] == pool.name and count[1] == grant and count[2] > now:
                    count[1:] = [None, counted_until(now, ago_s, pool.window_s), used]

    def renew(self, pool, grants):
        now, there = self.clock.monotonic(), []
        for count in self.counts:
            if count[0] == pool.name and count[1] in grants and count[2] > now:
                count[2] = now + pool.life_s + pool.window_s
                there.append(count[1])
        return there


POOLS = (
    Pool("money", 100, math.inf, 30.0),
    Pool("held", 10, 0.0, 5.0),
    Pool("rate", 30, 10.0, 2.0),
    Pool("rate", 20, 10.0, 4.0),
    Pool("fine", 7, 0.5, 0.25),
)
steps = st.lists(
    st.tuples(
        st.sampled_from(("take", "take", "take", "settle", "renew", "wait")),
        st.sampled_from(POOLS),
        st.integers(0, 40),
        st.integers(1, 6),
        st.integers(1, 5),
        st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.floats(0, 12)), max_size=3),
        st.floats(0, 6),
    ),
    max_size=60,
)


@given(steps)
def test_leases_are_as_the_model_says(steps):
    clock = SteppedClock()
    leases, model = MemoryLeases(clock), Model(clock)
    for what, pool, want, least, share, of, seconds in steps:
        spent = [Spent(*each) for each in of]
        if what == "wait":
            clock.now += seconds
        elif what == "settle":
            done(leases.settle(pool, spent))
            model.settle(pool, spent)
        elif what == "renew":
            grants = [each.grant for each in spent]
            assert sorted(done(leases.renew(pool, grants))) == model.renew(pool, grants)
        else:
            grant = done(leases.take(pool, want, least=least, share=share, spent=spent))
            amount, left, wait_s = model.take(pool, want, least, share, spent)
            assert (grant.amount, grant.left) == (amount, left)
            assert grant.wait_s == pytest.approx(wait_s, abs=1e-5)
            assert bool(grant.id) == bool(grant.amount)
            if grant.amount:
                model.given(pool, grant)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("take", "take", "use", "use", "use", "settle", "settle", "again")),
            st.integers(0, 9),
            st.integers(1, 20),
            st.sampled_from((0.0, 0.01, 0.1, 0.5, 1.0, 2.5)),
        ),
        max_size=120,
    ),
    st.sampled_from((0.2, 1.0, 3.0)),
)
def test_nobody_spends_more_than_the_limit_in_any_window(steps, life_s):
    """Whatever is settled, lost, late or said twice, and however long words take on their way."""
    clock = SteppedClock()
    leases, pool = MemoryLeases(clock), Pool("rate", 12, 2.0, life_s)
    held, said, spends = [], [], []  # held: [grant, asked, rest, used, last use]
    for what, at, amount, delay_s in steps:
        mine = held[at % len(held)] if held else None
        if what == "take":
            asked = clock.now
            clock.now += delay_s
            grant = done(leases.take(pool, amount, share=1 + at % 3))
            held.append([grant.id, asked, grant.amount, 0, asked])
        elif what == "use" and mine and clock.now < mine[1] + life_s:
            used = min(amount, mine[2])
            mine[2:] = [mine[2] - used, mine[3] + used, clock.now]
            spends.append(Spend(clock.now, used))
        elif what == "settle" and mine:
            held.remove(mine)
            said.append(Spent(mine[0], mine[3], clock.now - mine[4]))
            clock.now += delay_s
            done(leases.settle(pool, said[-1:]))
        elif what == "again":
            done(leases.settle(pool, said))
        clock.now += delay_s / 2
    assert most_in_a_window(spends, pool.window_s) <= pool.limit


def test_pools_of_which_nothing_counts_do_not_stay():
    clock = SteppedClock()
    leases = MemoryLeases(clock)
    for number in range(10_000):
        done(leases.take(Pool(f"rate {number}", 10, 60.0, 5.0), 1))
        clock.now += 0.01
    assert len(leases._pools) <= 6_501
    clock.now += 65.0
    done(leases.take(Pool("another", 10, 60.0, 5.0), 1))
    assert (len(leases._pools), len(leases._ends)) == (1, 1)


@pytest.mark.parametrize("window_s", [0.0, 60.0, math.inf])
def test_pools_that_were_given_back_do_not_stay(window_s):
    clock = SteppedClock()
    leases = MemoryLeases(clock)
    for number in range(20_000):
        pool = Pool(f"pool {number}", 10, window_s, 3600.0)
        grant = done(leases.take(pool, 1))
        done(leases.settle(pool, [Spent(grant.id, 0)]))
        done(leases.take(pool, 20, least=20))
    assert not leases._pools
    assert len(leases._ends) <= 200


def test_a_busy_pool_is_few_numbers():
    clock = SteppedClock()
    leases, pool = MemoryLeases(clock), Pool("rate", 10**9, 60.0, 600.0)
    for _ in range(20_000):
        grant = done(leases.take(pool, 10))
        done(leases.settle(pool, [Spent(grant.id, 7)]))
        clock.now += 0.01
    assert len(leases._pools["rate"].used) <= 241
    assert len(leases._ends) <= 1000
    assert done(leases.take(pool, 0)).left == pytest.approx(10**9 - 6000 * 7, abs=7 * 30)


# ---------------------------------------------------------------- cache


def test_the_cache_drops_what_was_not_asked_for_longest():
    cache = MemoryCache(SteppedClock(), most_bytes=3 * (ENTRY_BYTES + 2))
    for key in "abc":
        done(cache.put(key, b"x", life_s=10))
    done(cache.get("a"))
    done(cache.put("d", b"x", life_s=10))
    assert [done(cache.get(key)) for key in "abcd"] == [b"x", None, b"x", b"x"]


def test_the_cache_counts_keys_values_and_its_own():
    cache = MemoryCache(SteppedClock(), most_bytes=10_000)
    for number in range(1000):
        done(cache.put(f"é{number}" * 3, bytes(number % 50), life_s=10))
        done(cache.put("same", bytes(number % 7), life_s=10))
        done(cache.drop(f"é{number - 5}" * 3))
    held = [(len(key.encode()), len(kept[0])) for key, kept in cache._values.items()]
    assert cache._bytes == sum([key + value + ENTRY_BYTES for key, value in held]) <= 10_000


def test_the_cache_keeps_bytes_that_nobody_can_change():
    cache = MemoryCache(SteppedClock())
    value = bytearray(b"abc")
    done(cache.put("key", value, life_s=10))
    value[0] = 0
    assert done(cache.get("key")) == b"abc"


# ---------------------------------------------------------------- records


def test_streams_keep_their_newest():
    records = MemoryRecords(SteppedClock(), most=5)
    for number in range(12):
        done(records.append("a", [("k", str(number).encode())]))
        done(records.append("b", [("k", b"b")] * (number % 2)))
    assert [record.data for record in done(records.query("a"))] == [b"7", b"8", b"9", b"10", b"11"]
    assert len(done(records.query("b"))) == 5


def test_record_times_do_not_go_back_with_the_clock():
    clock = SteppedClock()
    records = MemoryRecords(clock)
    done(records.append("a", [("k", b"1")]))
    clock.now -= 500
    done(records.append("a", [("k", b"2")]))
    first, second = done(records.query("a"))
    assert first.time == second.time


async def test_a_watch_ends_with_the_store():
    records = MemoryRecords(SteppedClock())

    async def watch():
        return [batch async for batch in records.watch("a")]

    watcher = asyncio.ensure_future(watch())
    await asyncio.sleep(0)
    await records.append("a", [("k", b"1"), ("k", b"2")])
    await asyncio.sleep(0)
    await records.aclose()
    assert [[record.data for record in batch] for batch in await watcher] == [[b"1", b"2"]]
