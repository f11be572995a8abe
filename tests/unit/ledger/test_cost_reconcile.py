"""The ledger against exports of providers, and what is said of files that are none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import ConfigError
from modelway.ledger.export import exported
from modelway.ledger.reconcile.compare import reconcile
from modelway.ledger.reconcile.formats import FORMATS, read
from modelway.ledger.reconcile.generic import mapping
from modelway.ledger.reconcile.openai import model_of
from modelway.ledger.reconcile.values import MEASURES
from support.ledger_rows import NOON, MemoryLedger, row

DAY = 1795132800
"""2026-11-20 in UTC."""
USD = 10**12


def openai_page(*results, start=DAY, days=1, **page):
    bucket = {"object": "bucket", "start_time": start, "end_time": start + days * 86_400}
    return {"object": "page", "data": [{**bucket, "results": list(results)}], **page}


def usage(model="gpt-4o-mini-2024-07-18", read=100, made=10, cached=0, **more):
    return {
        "object": "organization.usage.completions.result",
        "input_tokens": read,
        "output_tokens": made,
        "input_cached_tokens": cached,
        "num_model_requests": 1,
        "model": model,
        **more,
    }


def billed(value, item="gpt-4o-mini-2024-07-18, input"):
    amount = {"value": value, "currency": "usd"}
    return {"object": "organization.costs.result", "amount": amount, "line_item": item}


def anthropic_page(*results, **page):
    times = {"starting_at": "2026-11-20T00:00:00Z", "ending_at": "2026-11-21T00:00:00Z"}
    return {"data": [{**times, "results": list(results)}], "has_more": False, **page}


async def drift(rows, said, provider="openai", form=None, **how):
    data = said if isinstance(said, bytes) else json.dumps(said).encode()
    columns = how.pop("columns", {})
    export = read(data, "export", provider=provider, format=form or provider, columns=columns)
    return await reconcile(MemoryLedger(rows), export, provider, **how)


# ---------------------------------------------------------------- both sides


async def test_tokens_that_agree_do():
    found = await drift([row(1), row(2)], openai_page(usage(read=200, made=20)))
    assert not found.over
    (one,) = found.rows
    assert (one.day, one.model, one.over) == ("2026-11-20", "gpt-4o-mini", ())
    assert one.ledger.input_tokens == one.provider.input_tokens == 200
    assert one.provider.cost_pico_usd is one.ledger.cost_pico_usd is None


async def test_what_one_side_has_not_is_told():
    found = await drift(
        [row(1), row(2, model="gpt-4o")], openai_page(usage(), usage("o3", read=7, made=0))
    )
    assert found.over
    assert {one.model: (one.ledger is None, one.provider is None) for one in found.rows} == {
        "gpt-4o": (False, True),
        "gpt-4o-mini": (False, False),
        "o3": (True, False),
    }
    assert found.ledger.input_tokens == 200
    assert found.export.input_tokens == 107


async def test_bills_are_compared_by_model_whatever_their_lines_are():
    rows = [row(1, cost_pico_usd=3 * USD), row(2, cost_pico_usd=2 * USD, model="gpt-4o")]
    found = await drift(
        rows,
        openai_page(
            billed("1.25"),
            billed(1.75, "gpt-4o-mini-2024-07-18, output"),
            billed("0.000000", "gpt-4o-mini-2024-07-18, cached input"),
            billed("2.5000000000000000000000000000000000", "evals | gpt-4o-2024-08-06, input"),
        ),
    )
    mini, large = sorted(found.rows, key=lambda one: one.model != "gpt-4o-mini")
    assert mini.over == ()
    assert large.over == ("cost_pico_usd",)
    assert large.provider.cost_pico_usd == 5 * USD // 2


async def test_bills_without_models_are_compared_by_day():
    rows = [row(1, cost_pico_usd=USD), row(2, cost_pico_usd=USD, model="gpt-4o")]
    found = await drift(rows, openai_page(billed(2, None)))
    assert not found.over
    assert [(one.day, one.model) for one in found.rows] == [("2026-11-20", "")]


async def test_cents_and_parts_of_the_input_are_anthropics():
    rows = [
        row(1, provider="anthropic", model="claude-x", input_tokens=175, cached_tokens=40),
        row(2, provider="anthropic", model="claude-x", cost_pico_usd=USD, input_tokens=0),
    ]
    tokens = {
        "model": "claude-x",
        "uncached_input_tokens": 100,
        "cache_read_input_tokens": 40,
        "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 5},
        "output_tokens": 20,
    }
    assert not (await drift(rows, anthropic_page(tokens), "anthropic")).over
    cost = {"model": "claude-x", "amount": "100.0001", "currency": "USD", "cost_type": "tokens"}
    found = await drift(rows, anthropic_page(cost), "anthropic")
    assert not found.over
    assert found.export.cost_pico_usd == USD + USD // 10**6
    assert any("priority" in note for note in found.notes)


async def test_activity_is_openrouters():
    rows = [row(1, provider="openrouter", model="openai/gpt-4.1", cost_pico_usd=15 * 10**9)]
    item = {
        "date": "2026-11-20",
        "model": "openai/gpt-4.1",
        "model_permaslug": "openai/gpt-4.1-2025-04-14",
        "usage": 0.015,
        "byok_usage_inference": 0.012,
        "requests": 1,
        "prompt_tokens": 100,
        "completion_tokens": 10,
    }
    found = await drift(rows, {"data": [item]}, "openrouter", least_pico_usd=0, tolerance=0)
    assert not found.over
    assert any("keys of your own" in note for note in found.notes)


async def test_the_dashboards_csv_is_read():
    said = (
        b"start_time,end_time,amount_value,amount_currency,line_item,project_id\r\n"
        b'1795132800,1795219200,1.5000000000000,usd,"gpt-4o-mini-2024-07-18, input",p\r\n'
        b"1795219200,1795305600,,,,\r\n"
    )
    found = await drift([row(1, cost_pico_usd=3 * USD // 2)], said)
    assert not found.over
    assert found.until - found.since == 2 * 86_400


async def test_any_csv_is_read_by_what_its_columns_are_said_to_be():
    said = b"Date;x\tModel\tUSD\n2026-11-20\tgpt-4o-mini\t$1.50\n"
    columns = mapping("day=Date;x, model=Model,cost_usd=USD")
    found = await drift([row(1, cost_pico_usd=3 * USD // 2)], said, form="generic", columns=columns)
    assert not found.over


async def test_only_that_provider_and_what_it_was_asked_is_compared():
    rows = [
        row(1),
        row(2, provider="house"),
        row(3, cache="exact", basis="free", cost_pico_usd=0),
        row(4, time=NOON + 86_400),
    ]
    found = await drift(rows, openai_page(usage()))
    assert not found.over
    assert found.ledger.requests == 1


async def test_tokens_within_the_tolerance_are_not_over():
    assert not (await drift([row(1)], openai_page(usage(read=101)))).over
    assert (await drift([row(1)], openai_page(usage(read=102)))).over
    assert not (await drift([row(1)], openai_page(usage(read=150)), tolerance=0.5)).over


async def test_a_cent_is_within_the_tolerance_of_any_bill():
    rows = [row(1, cost_pico_usd=USD // 1000)]
    assert not (await drift(rows, openai_page(billed("0.0109")))).over
    assert (await drift(rows, openai_page(billed("0.0109")), least_pico_usd=0)).over


async def test_what_is_in_no_sum_is_told_beside():
    rows = [row(1), row(2, cost_pico_usd=None), row(3, open=True, reserved_pico_usd=5)]
    apart = (await drift(rows, openai_page(usage()))).apart
    assert (apart.unpriced, apart.open_pico_usd) == (1, 5)


async def test_pages_behind_each_other_are_one_file():
    pages = [
        openai_page(usage(), has_more=True),
        openai_page(usage(), start=DAY + 86_400, has_more=True),
    ]
    for said in (json.dumps(pages), "\n".join(map(json.dumps, pages)), json.dumps(pages[0]) * 2):
        export = read(said.encode(), "export", provider="openai", format="openai")
        assert len(export.lines) == 2
        assert "there are more" in export.notes[0]


@pytest.mark.parametrize(
    ("item", "model"),
    [
        ("gpt-4o-mini-2024-07-18, cached input", "gpt-4o-mini-2024-07-18"),
        ("gpt-audio-mini-2025-12-15 audio, input", "gpt-audio-mini-2025-12-15"),
        ("evals | gpt-4o, input", "gpt-4o"),
        ("assistants api | file search", "assistants api | file search"),
        ("web search tool calls", "web search tool calls"),
        (", input", ", input"),
    ],
)
def test_a_line_of_a_bill_names_its_model(item, model):
    assert model_of(item) == model


# ---------------------------------------------------------------- a law


@st.composite
def spent(draw):
    return [
        row(
            number,
            time=NOON + draw(st.integers(-200_000, 200_000)),
            model=draw(st.sampled_from(["gpt-4o", "gpt-4o-2024-08-06", "=m", "'m", "o3"])),
            provider=draw(st.sampled_from(["openai", "house"])),
            basis=draw(st.sampled_from(["catalogue", "provider", "received"])),
            cost_pico_usd=draw(st.integers(0, 10**13)),
            input_tokens=draw(st.integers(0, 10**6)),
            output_tokens=draw(st.integers(0, 10**6)),
            cached_tokens=draw(st.integers(0, 10**6)),
            cache=draw(st.sampled_from(["", "", "exact"])),
        )
        for number in range(draw(st.integers(1, 8)))
    ]


@given(spent())
async def test_a_ledger_agrees_with_its_own_export(rows):
    rows.append(row(99))
    pieces = [piece async for piece in await exported(MemoryLedger(rows), {})]
    found = await drift(rows, b"".join(pieces), form="generic", tolerance=0.0, least_pico_usd=0)
    assert not found.over
    for one in (*found.rows, None):
        ours, theirs = (one.ledger, one.provider) if one else (found.ledger, found.export)
        for measure in MEASURES:
            assert (getattr(ours, measure) or 0) == (getattr(theirs, measure) or 0)


# ---------------------------------------------------------------- bad files

GOOD = json.dumps(openai_page(usage()), indent=1)


@pytest.mark.parametrize(
    ("form", "said", "place", "what"),
    [
        ("openai", GOOD.replace("100", '"many"'), "export:11:22", "input_tokens"),
        ("openai", GOOD.replace("100", "-1"), "export:11:22", ">= 0"),
        ("openai", GOOD.replace("100", "1e99"), "export:11:22", "int"),
        ("openai", GOOD.replace('"data"', '"date"'), "export:1:1", "data"),
        ("openai", GOOD[:-30], "export:15:15", "JSON"),
        ("openai", GOOD.replace("1795219200", "1795305600"), "export:4:3", "bucket_width=1d"),
        ("openai", GOOD.replace("1795132800", "1e18"), "export:6:", "start_time"),
        ("openai", "[" * 100_000, "export:1:", ""),
        ("openai", "7", "export:1:1", "column"),
        ("openai", "a,b\n1,2\n", "export:1:1", "amount_value"),
        (
            "openai",
            "start_time,amount_value\n1795132800,1.5\n1795132800,many\n",
            "export:3:2",
            "amount_value: 'many'",
        ),
        ("openai", "start_time,input_tokens\nnever,1\n", "export:2:1", "'never'"),
        ("openai", "start_time,input_tokens\n1795132800,1,5\n", "export:2:3", "3 cells"),
        ("openai", "start_time,input_tokens,input_tokens\n", "export:1:1", "two columns"),
        (
            "openai",
            "start_time,amount_value,amount_currency\n1795132800,1,eur\n",
            "export:2:3",
            "USD",
        ),
        ("openai", json.dumps(openai_page(billed("NaN"))), "export:1:", "no amount"),
        ("openai", json.dumps(openai_page(billed("1e999999"))), "export:1:", "no amount"),
        (
            "anthropic",
            json.dumps(anthropic_page({"amount": "1", "currency": "EUR"})),
            "export:1:100",
            "EUR",
        ),
        ("anthropic", json.dumps(anthropic_page({"model": "x"})), "export:1:100", "neither"),
        (
            "anthropic",
            json.dumps(anthropic_page()).replace("00Z", "00", 1),
            "export:1:",
            "starting_at",
        ),
        (
            "openrouter",
            '{"data": [\n {"date": "soon", "model": "x", "usage": 1}]}',
            "export:2:2",
            "soon",
        ),
        (
            "openrouter",
            '{"data": [\n {"date": "2026-11-20", "model": "x", "usage": "inf"}]}',
            "export:2:2",
            "usage",
        ),
        ("generic", "day,model\n2026-11-20,x\n", "export:1:1", "cost_usd"),
        ("generic", 'day,input_tokens\n2026-11-20,"1\n', "export:", "CSV"),
        ("generic", "day,input_tokens\n2026-11-20,1.5\n", "export:2:2", "1.5"),
        ("generic", "day,input_tokens\n2026-11-20,²\n", "export:2:2", "count"),
        ("generic", "day,cost_usd\n2026-11-20,Infinity\n", "export:2:2", "USD"),
        ("generic", b"day,cost_usd\n2026-11-20,\xff\n", "export:2:12", "UTF-8"),
    ],
)
def test_a_bad_file_is_told_with_its_place(form, said, place, what):
    data = said if isinstance(said, bytes) else said.encode()
    with pytest.raises(ConfigError) as caught:
        read(data, "export", provider="openai", format=form)
    assert caught.value.message.startswith(place)
    assert what in caught.value.message


async def test_a_file_without_a_line_is_told():
    with pytest.raises(ConfigError, match="no line"):
        await drift([], b"day,cost_usd\n", form="generic")


@pytest.mark.parametrize("said", ["", "day", "day=", "month=Month", "day=a,,"])
def test_a_bad_mapping_is_told(said):
    with pytest.raises(ConfigError, match="NAME=COLUMN"):
        mapping(said)


def test_a_column_that_is_said_and_not_there_is_told():
    with pytest.raises(ConfigError, match="no column 'Tag'; there are: day, cost_usd"):
        read(
            b"day,cost_usd\n2026-11-20,1\n",
            "export",
            provider="openai",
            format="generic",
            columns={"day": "Tag"},
        )


def test_an_unknown_format_brings_the_known_ones():
    with pytest.raises(ConfigError, match="openai, anthropic, openrouter, generic"):
        read(b"", "export", provider="x", format="bill")


def is_clear(data, form):
    """Whether it is read, or its fault has a place."""
    try:
        read(data, "export", provider="openai", format=form)
    except ConfigError as error:
        return error.message.startswith("export:")
    return True


@pytest.mark.parametrize("form", FORMATS)
@given(data=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_an_export_or_a_clear_error(form, data):
    assert is_clear(data, form)


@given(st.data())
def test_a_bent_page_is_an_export_or_a_clear_error(data):
    at = data.draw(st.integers(0, len(GOOD) - 1))
    bent = (
        GOOD[:at]
        + data.draw(st.sampled_from(['"', "{", "]", "-", "9" * 20, "", "null"]))
        + GOOD[at + data.draw(st.integers(0, 3)) :]
    )
    assert is_clear(bent.encode(), "openai")
