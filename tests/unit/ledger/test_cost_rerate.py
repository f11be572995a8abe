"""Rows are priced again by the prices in force, and only those that prices made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.ledger.rerate import rerate, usage_of
from modelway.ledger.values import Where
from support.ledger_rows import MemoryLedger, row

COST = 100 * 1_000_000 + 10 * 2_000_000
"""Of 100 tokens in and 10 out at 1 and 2 USD per million, in pico-dollars."""


def charges(row):
    """Of one model, by its tokens; a batch is half of that."""
    usage = usage_of(row.settlement)
    if row.intent.model != "gpt-4o-mini" or usage.input_tokens is None:
        return None
    cost = usage.input_tokens * 1_000_000 + usage.output_tokens * 2_000_000
    return (cost // 2 if row.intent.service == "batch" else cost), "v2"


async def done(*rows, **how):
    store = MemoryLedger(rows)
    return store, await rerate(store, Where(), charges, **how)


async def test_a_new_price_is_the_price():
    store, said = await done(row(1, cost_pico_usd=7), row(2, service="batch", cost_pico_usd=3))
    first, second = [one.settlement for one in store.kept.values()]
    assert (first.cost_pico_usd, first.price_version) == (COST, "v2")
    assert second.cost_pico_usd == COST // 2
    assert (said.old_pico_usd, said.new_pico_usd) == (10, COST + COST // 2)
    assert (said.rows, said.changed, said.priced, said.versions) == (2, 2, 0, ("v2",))


async def test_what_had_no_price_has_one_then():
    store, said = await done(row(1, cost_pico_usd=None))
    assert (said.priced, said.old_pico_usd, said.new_pico_usd) == (1, 0, COST)
    assert store.kept["call1.1"].settlement.cost_pico_usd == COST
    (total,) = await store.groups((), Where())
    assert (total.unpriced, total.cost_pico_usd) == (0, COST)


@pytest.mark.parametrize(
    "said",
    [
        {"basis": "provider"},
        {"basis": "free", "cost_pico_usd": 0},
        {"basis": "reserved"},
        {"open": True},
        {"model": "unheard-of"},
        {"basis": "received"},
        {"basis": "unknown", "cost_pico_usd": None, "input_tokens": None},
    ],
    ids=str,
)
async def test_others_stay_as_they_are(said):
    before = row(1, **said)
    store, told = await done(before)
    assert store.kept == {"call1.1": before}
    assert told.changed == 0


async def test_a_dry_run_says_the_same_and_writes_nothing():
    before = row(1, cost_pico_usd=7)
    store, said = await done(before, dry_run=True)
    assert store.kept["call1.1"] == before
    assert (said.changed, said.new_pico_usd) == (1, COST)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["catalogue", "received", "unknown", "provider", "reserved", "free"]),
            st.integers(0, 10**6),
            st.integers(0, 10**6),
        ),
        max_size=8,
    )
)
async def test_twice_is_once(rows):
    store = MemoryLedger(
        [
            row(
                number,
                basis=basis,
                cost_pico_usd=None if basis == "unknown" else 5,
                input_tokens=read,
                output_tokens=made,
            )
            for number, (basis, read, made) in enumerate(rows)
        ]
    )
    once = await rerate(store, Where(), charges)
    kept = dict(store.kept)
    twice = await rerate(store, Where(), charges)
    assert store.kept == kept
    assert twice.changed == 0
    assert twice.old_pico_usd == twice.new_pico_usd == once.new_pico_usd
