"""What would have cost less: to the pico-dollar, and only where rows say so."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.catalog.models import ModelInfo, Tariff
from modelway.ledger.hints import Assumed, Candidate
from modelway.ledger.savings import able, hints
from modelway.ledger.values import Where
from support.ledger_rows import NOON, MemoryLedger, row


def priced(read, made, *, cached=None, write=None, batch=False, name="m", **facts):
    tariff = {"cached": cached, "cache_write": write}
    tariffs = [Tariff(input=Decimal(read), output=Decimal(made), **_decimals(tariff))]
    if batch:
        tariffs.append(Tariff(service="batch", input=Decimal(read) / 2, output=Decimal(made) / 2))
    return ModelInfo(
        provider="p", name=name, context_tokens=100_000, tariffs=tuple(tariffs), **facts
    )


def _decimals(said):
    return {name: Decimal(value) for name, value in said.items() if value is not None}


MICRO = 10**6
"""Pico-dollars of a token at 1 USD per million."""
LARGE = priced(10, 20)
SMALL = priced(1, 2, name="small")


async def found(*rows, info=LARGE, proofs=0, candidates=None, **assumed):
    models = info if isinstance(info, dict) else {"gpt-4o-mini": info}
    return await hints(
        MemoryLedger(rows),
        Where(),
        lambda intent: models.get(intent.model),
        candidates=candidates,
        assumed=Assumed(**assumed),
        proofs=proofs,
    )


async def only(kind, *rows, **how):
    said = [one for one in await found(*rows, **how) if one.kind == kind]
    assert len(said) <= 1
    return said[0] if said else None


async def test_no_rows_no_hint():
    assert await found(usd_per_hour=Decimal(1)) == []
    assert await found(row(1, cost_pico_usd=None), row(2, open=True)) == []
    assert await found(row(1, cost_pico_usd=0, basis="free")) == []


# ---------------------------------------------------------------- cheaper models


def instead(*infos):
    return lambda provider, model: [Candidate(f"p/{one.name}", one) for one in infos]


async def test_a_cheaper_model_at_the_rows_own_counts():
    rows = [row(1), row(2, input_tokens=1000, output_tokens=0)]
    hint = await only("tiering", *rows, candidates=instead(SMALL))
    assert (hint.about, hint.to, hint.rows) == ("openai/gpt-4o-mini", "p/small", 2)
    assert hint.cost_pico_usd == (1100 * 10 + 10 * 20) * MICRO
    assert hint.saved_pico_usd == hint.cost_pico_usd * 9 // 10


async def test_of_several_the_best_is_named():
    middle = priced(5, 10, name="middle")
    assert (await only("tiering", row(1), candidates=instead(middle, SMALL, LARGE))).to == "p/small"


@pytest.mark.parametrize(
    ("one", "info"),
    [
        (row(1), LARGE),
        (row(1, input_tokens=200_000), SMALL),
        (row(1, error="TruncatedAnswerError"), SMALL),
        (row(1), priced(1, 2, name="s", max_output_tokens=5)),
        (row(1), ModelInfo(name="s", tariffs=SMALL.tariffs)),
        (row(1), ModelInfo(name="s", context_tokens=1000)),
    ],
    ids=["dearer", "too-long", "failed", "short-output", "window-unknown", "no-price"],
)
async def test_who_could_not_have_done_it_is_not_named(one, info):
    assert await only("tiering", one, candidates=instead(info)) is None


async def test_what_has_no_price_of_cached_input_reads_it_anew():
    hint = await only(
        "tiering",
        row(1, cached_tokens=50),
        info=priced(10, 20, cached=1),
        candidates=instead(SMALL),
    )
    was = (50 * 10 + 50 * 1 + 10 * 20) * MICRO
    assert hint.saved_pico_usd == was - (100 * 1 + 10 * 2) * MICRO


def test_able_is_who_is_known_to_be():
    whole = ModelInfo(tools=True, json_schema=True, inputs=("text", "image"))
    assert able(ModelInfo(tools=True, inputs=("text",)), whole)
    assert able(whole, whole)
    assert not able(whole, ModelInfo(tools=True, json_schema=None, inputs=("text", "image")))
    assert not able(whole, ModelInfo(tools=True, json_schema=True, inputs=("text",)))
    assert not able(ModelInfo(mode="embed"), whole)


# ---------------------------------------------------------------- caches


async def test_the_same_within_the_life_would_have_been_there():
    rows = [
        row(1, time=NOON, same=7, took_s=10.0),
        row(2, time=NOON + 5, same=7),
        row(3, time=NOON + 20, same=7),
        row(4, time=NOON + 3600, same=7),
        row(5, time=NOON + 3611, same=7),
        row(6, time=NOON + 3700, same=7),
        row(7, time=NOON + 30, same=7, tenant="other"),
        row(8, time=NOON + 30, same=0),
        row(9, time=NOON + 40, same=8),
        row(10, time=NOON + 40, same=7, asked="slow"),
        row(11, time=NOON + 40, same=7, operation="embed"),
        row(12, time=NOON + 40, same=7, input_tokens=99),
    ]
    hint = await only("exact_cache", *rows, proofs=10)
    assert {one.id for one in hint.proofs} == {"call3.1", "call4.1", "call6.1"}
    assert hint.saved_pico_usd == hint.cost_pico_usd == 3 * 1200 * MICRO


async def test_what_failed_is_in_no_cache_and_a_hit_saves_nothing_more():
    rows = [
        row(1, time=NOON, same=7, error="TruncatedAnswerError"),
        row(2, time=NOON + 20, same=7),
        row(3, time=NOON + 30, same=7, cache="exact", cost_pico_usd=0, basis="free"),
    ]
    assert await only("exact_cache", *rows) is None


LONG = {"input_tokens": 10_000, "output_tokens": 0}


async def test_a_beginning_that_is_read_again_is_cheaper():
    info = priced(10, 20, cached=1)
    rows = [row(n, time=NOON + n * 100, **LONG) for n in range(3)]
    hint = await only("prompt_cache", *rows, info=info)
    assert hint.saved_pico_usd == 2 * 10_000 * 9 * MICRO
    half = await only("prompt_cache", *rows, info=info, shared_part=0.5)
    assert half.saved_pico_usd == 2 * 5_000 * 9 * MICRO


async def test_writing_to_a_providers_cache_is_counted_once():
    info = priced(10, 20, cached=1, write=12)
    rows = [row(n, time=NOON + n * 100, **LONG) for n in range(3)]
    hint = await only("prompt_cache", *rows, info=info)
    assert hint.saved_pico_usd == (2 * 10_000 * 9 - 10_000 * 2) * MICRO


@pytest.mark.parametrize(
    "other",
    [
        {"time": NOON + 301},
        {"key": "other"},
        {"tenant": "other"},
        {"model": "gpt-4o"},
        {"input_tokens": 4000},
        {"cached_tokens": 10_000},
    ],
    ids=str,
)
async def test_no_beginning_is_shared(other):
    info = priced(10, 20, cached=1)
    said = {"time": NOON + 1, **LONG, **other}
    rows = [row(1, time=NOON, **LONG), row(2, **said)]
    models = {"gpt-4o-mini": info, "gpt-4o": info}
    assert await only("prompt_cache", *rows, info=models) is None


async def test_no_price_of_cached_input_no_hint():
    rows = [row(1, time=NOON, **LONG), row(2, time=NOON + 1, **LONG)]
    assert await only("prompt_cache", *rows, info=LARGE) is None


# ---------------------------------------------------------------- answers, batches, machines


async def test_a_long_answer_is_cut_but_not_its_reasoning():
    hint = await only(
        "shorter",
        row(1, output_tokens=5000, reasoning_tokens=1000),
        row(2, output_tokens=1000),
        answer_tokens=1000,
    )
    assert (hint.rows, hint.saved_pico_usd) == (1, 3000 * 20 * MICRO)
    assert "1,000 tokens" in hint.assumption


async def test_a_batch_is_half_the_price_where_there_is_one():
    info = priced(10, 20, batch=True)
    rows = [row(1), row(2, stream=True), row(3, service="batch"), row(4, model="gpt-4o")]
    hint = await only("batch", *rows, info={"gpt-4o-mini": info, "gpt-4o": LARGE})
    assert (hint.rows, hint.saved_pico_usd) == (1, 1200 * MICRO // 2)


async def test_a_machine_costs_its_hours():
    rows = [row(1, time=NOON), row(2, time=NOON + 3601)]
    hint = await only("self_hosting", *rows, usd_per_hour=Decimal("0.0001"))
    assert hint.saved_pico_usd == 2 * 1200 * MICRO - 2 * 10**8
    assert await only("self_hosting", *rows, usd_per_hour=Decimal(1)) is None


async def test_a_machine_costs_its_tokens():
    hint = await only("self_hosting", row(1), usd_per_million=Decimal("0.5"))
    assert hint.saved_pico_usd == 1200 * MICRO - 110 * MICRO // 2
    assert await only("self_hosting", row(1)) is None
    cut = row(1, basis="received", input_tokens=None, output_tokens=None)
    assert await only("self_hosting", cut, usd_per_million=Decimal("0.5")) is None


async def test_the_proofs_are_the_rows_that_save_the_most():
    rows = [row(n, input_tokens=n * 100) for n in range(1, 8)]
    hint = await only("tiering", *rows, candidates=instead(SMALL), proofs=2)
    assert [one.id for one in hint.proofs] == ["call7.1", "call6.1"]
    assert hint.rows == 7


@given(
    st.lists(
        st.tuples(
            st.integers(0, 50_000),
            st.integers(0, 50_000),
            st.integers(0, 50_000),
            st.integers(0, 2),
            st.integers(0, 5000),
        ),
        max_size=10,
    )
)
async def test_nothing_saves_more_than_it_cost(rows):
    infos = {"gpt-4o-mini": priced(10, 20, cached=1, write=12, batch=True)}
    said = await found(
        *[
            row(
                number,
                time=NOON + after,
                input_tokens=read,
                output_tokens=made,
                cached_tokens=min(cached, read),
                same=same,
            )
            for number, (read, made, cached, same, after) in enumerate(rows)
        ],
        info=infos,
        candidates=instead(SMALL),
        proofs=100,
        usd_per_million=Decimal("0.1"),
    )
    for hint in said:
        assert 0 < hint.saved_pico_usd <= hint.cost_pico_usd
        assert sum(one.saved_pico_usd for one in hint.proofs) == hint.saved_pico_usd
        assert len(hint.proofs) == hint.rows


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 4), st.integers(0, 50)), max_size=40),
    st.sampled_from([1.0, 60.0, 100.0]),
)
async def test_what_a_cache_would_have_had_is_what_one_has(asked, life_s):
    """Against a plain one that forgets nothing."""
    rows, hits, kept, now = [], set(), {}, NOON
    for number, (after, same, took) in enumerate(asked):
        now += after
        rows.append(row(number, time=now, same=same, took_s=float(took)))
        since = kept.get(same)
        if since is not None and since <= now < since + life_s:
            hits.add(f"call{number}.1")
        elif since is None or now >= since + life_s:
            kept[same] = now + took
    hint = await only("exact_cache", *rows, cache_life_s=life_s, proofs=100)
    assert {one.id for one in hint.proofs} == hits if hint else not hits
