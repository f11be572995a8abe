"""``modelway report``: how providers did, over a ledger in SQLite."""

import asyncio
import json

import pytest

from modelway.ledger.store import open_ledger_store
from support.ledger_rows import NOON, row

USD = 10**12
ROWS = [
    *[row(n, cost_pico_usd=USD, took_s=0.5) for n in range(9)],
    row(10, cost_pico_usd=0, basis="free", error="OverloadedError", took_s=30.0),
    row(11, cost_pico_usd=0, basis="free", error="BadRequestError"),
    row(12, cost_pico_usd=0, basis="free", cache="exact", took_s=0.0),
    row(13, open=True),
    *[row(n, provider="house", model="q", cost_pico_usd=1, took_s=2.0) for n in range(20, 30)],
    row(40, provider="house", model="q", cost_pico_usd=None),
    row(50, provider="old", time=NOON - 40 * 86_400),
]


@pytest.fixture
def reported(home, monkeypatch, modelway):
    """Runs ``modelway report`` over the rows."""
    monkeypatch.setenv("MODELWAY_STATE", str(home))

    async def write():
        store = await open_ledger_store(None, default=home / "ledger.db")
        await store.add(ROWS)
        await store.aclose()

    asyncio.run(write())
    return lambda *arguments: modelway("report", "--since", "2026-11-01", *arguments)


def test_providers_are_compared(reported):
    code, out, err = reported()
    assert code == 0
    heads, first, second = [line.split("  ") for line in out.splitlines()]
    assert [head.strip() for head in heads if head] == [
        *("PROVIDER", "MODEL", "ERRORS", "RANK", "CALLS", "SUCCESS", "AT LEAST", "MEAN"),
        *("COST", "PER SUCCESS"),
    ]
    cells = {
        line[0]: [cell.strip() for cell in line[1:] if cell.strip()] for line in (first, second)
    }
    assert cells["openai"] == [
        *("gpt-4o-mini", "BadRequestError 1, OverloadedError 1", "1", "11", "90.0%", "59.6%"),
        *("500 ms", "$9.0000", "$1.0000"),
    ]
    assert cells["house"] == [
        *("q", "-", "2", "11", "100.0%", "74.1%", "1.91 s", "$0.000000000010", "-"),
    ]
    assert "1 calls have no known price" in err
    assert "1 calls have not ended" in err


def test_it_is_by_what_is_asked_for(reported):
    code, out, _ = reported("--by", "team", "--provider", "openai", "--json")
    assert code == 0
    (one,) = json.loads(out)
    assert one["key"] == [""]
    assert one["succeeded"] == 9
    assert one["failed"] == 1
    assert one["errors"] == {"BadRequestError": 1, "OverloadedError": 1}


def test_all_of_it_is_one(reported):
    (one,) = json.loads(reported("--by", "", "--json")[1])
    assert (one["key"], one["attempts"]) == ([], 22)


def test_the_past_is_not_in_the_last_days(modelway, reported):
    assert "old" not in reported()[1]
    assert "old" in modelway("report")[1]


@pytest.mark.parametrize(
    "arguments",
    [["--by", "colour"], ["--by", "error"], ["--days", "x"]],
    ids=" ".join,
)
def test_wrong_usage_is_one_line(modelway, reported, arguments):
    code, out, err = modelway("report", *arguments)
    assert (code, out) == (2, "")
    assert arguments[0] in err


def test_nothing_to_tell_is_no_error(reported):
    code, out, err = reported("--provider", "nobody")
    assert (code, out) == (0, "")
    assert "no call" in err
