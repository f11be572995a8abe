"""What is exported is all there is, to the pico-dollar, and nothing in it is a formula."""

import csv
import io
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import BadRequestError
from modelway.ledger.export import COLUMNS, decimal_usd, exported, unarmed
from modelway.ledger.values import Intent, Settlement, Where
from support.ledger_rows import MemoryLedger, row

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
MONEY = st.none() | st.integers(0, 10**18)


@st.composite
def ledgers(draw):
    found = []
    for number in range(draw(st.integers(0, 7))):
        text = {name: draw(TEXT) for name in ("tenant", "team", "user", "model", "key")}
        tags = tuple(draw(st.lists(TEXT, max_size=2, unique=True)))
        if draw(st.booleans()):
            found.append(row(number, tags=tags, cost_pico_usd=draw(MONEY), **text))
        else:
            found.append(row(number, tags=tags, open=True, reserved_pico_usd=draw(MONEY), **text))
    return MemoryLedger(found)


async def whole(store, **query):
    return b"".join([piece async for piece in await exported(store, query)]).decode()


async def read(store, form):
    said = await whole(store, format=form)
    if form == "csv":
        return list(csv.DictReader(io.StringIO(said, newline="")))
    return (
        json.loads(said)
        if form == "json"
        else [json.loads(line) for line in said.split("\n") if line]
    )


@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
@given(store=ledgers())
async def test_an_export_has_the_sums_of_the_groups(form, store):
    rows = await read(store, form)
    groups = await store.groups((), Where())
    assert len(rows) == sum(one.attempts for one in groups)
    for column, sum_ in (
        ("cost_pico_usd", "cost_pico_usd"),
        ("input_tokens", "input_tokens"),
        ("output_tokens", "output_tokens"),
    ):
        assert sum(int(one[column] or 0) for one in rows) == sum(
            getattr(one, sum_) for one in groups
        )
    total = sum(Decimal(one["cost_usd"] or 0) for one in rows)
    assert total * 10**12 == sum(one.cost_pico_usd for one in groups)


@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
@given(store=ledgers())
async def test_text_comes_back_as_it_was(form, store):
    rows = {one["id"]: one for one in await read(store, form)}
    for name, kept in store.kept.items():
        for column in ("tenant", "team", "user", "model"):
            cell = rows[name][column]
            back = cell.removeprefix("'") if form == "csv" else cell
            assert back == getattr(kept.intent, column)
        tags = rows[name]["tags"]
        assert tuple(json.loads(tags) if form == "csv" else tags) == kept.intent.tags


@given(TEXT)
def test_no_cell_begins_a_formula(text):
    assert not unarmed(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


async def test_a_callers_formula_is_text():
    said = await whole(MemoryLedger([row(user='=HYPERLINK("http://x","y")', team="@SUM(A1)")]))
    (_, line) = list(csv.reader(io.StringIO(said, newline="")))
    assert '\'=HYPERLINK("http://x","y")' in line
    assert "'@SUM(A1)" in line


def test_every_field_that_is_kept_has_a_column():
    fields = {*Intent.__struct_fields__, *Settlement.__struct_fields__}
    assert (fields - {"draws"}) | {"day", "cost_usd"} == set(COLUMNS)
    assert len(COLUMNS) == len(set(COLUMNS))


async def test_a_row_is_whole():
    kept = row(stream=True, price_version="v2", first_s=0.25, took_s=1.5)
    (line,) = await read(MemoryLedger([kept]), "csv")
    assert tuple(line) == COLUMNS
    assert line["stream"] == "true"
    assert line["price_version"] == "v2"
    assert (line["day"], line["took_s"], line["first_s"]) == ("2026-11-20", "1.5", "0.25")
    assert line["cost_usd"] == "0.000001000000"


async def test_only_what_is_asked_for_is_exported():
    store = MemoryLedger([row(1, tenant="a"), row(2, tenant="b")])
    said = await whole(store, tenant="a", format="jsonl")
    assert [json.loads(line)["tenant"] for line in said.splitlines()] == ["a"]
    assert await whole(store, tenant="c", format="jsonl") == ""
    assert json.loads(await whole(store, tenant="c", format="json")) == []


@pytest.mark.parametrize("query", [{"format": "xls"}, {"by": "model"}, {"since": "now"}], ids=str)
async def test_a_wrong_query_is_told_before_anything_is_sent(query):
    with pytest.raises(BadRequestError) as caught:
        await exported(MemoryLedger(), query)
    assert caught.value.param == next(iter(query))


@given(st.integers(-(10**24), 10**24))
def test_an_amount_is_exact(pico_usd):
    assert Decimal(decimal_usd(pico_usd)) * 10**12 == pico_usd
