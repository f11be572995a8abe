"""What is read from SQLite is what is read from a plain list of rows."""

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelway.ledger.export import exported
from modelway.ledger.query import Query
from modelway.ledger.report import cost_report
from modelway.ledger.rerate import rerate
from modelway.ledger.store import open_ledger_store
from modelway.ledger.values import Where
from support.ledger_rows import NOON, MemoryLedger, row

NAMES = st.sampled_from(["", "a", "b", "=c", "d\n'e"])


@st.composite
def some_rows(draw):
    found = []
    for number in range(draw(st.integers(0, 8))):
        said = {name: draw(NAMES) for name in ("tenant", "team", "model")}
        said["tags"] = tuple(draw(st.lists(NAMES.filter(bool), max_size=2, unique=True)))
        said["time"] = NOON + draw(st.integers(-30, 30)) * 10_000 + number
        if draw(st.booleans()):
            basis = draw(st.sampled_from(["catalogue", "provider", "received", "free"]))
            error = draw(st.sampled_from(["", "OverloadedError"]))
            cost = draw(st.integers(0, 10**16))
            found.append(row(number, basis=basis, error=error, cost_pico_usd=cost, **said))
        elif draw(st.booleans()):
            found.append(row(number, cost_pico_usd=None, **said))
        else:
            found.append(
                row(number, open=True, reserved_pico_usd=draw(st.integers(0, 10**16)), **said)
            )
    return found


@contextlib.asynccontextmanager
async def both(rows):
    """A list and a file, with the same in them."""
    with tempfile.TemporaryDirectory() as directory:
        file = await open_ledger_store(None, default=Path(directory) / "ledger.db")
        await file.add(rows)
        try:
            yield MemoryLedger(rows), file
        finally:
            await file.aclose()


@pytest.mark.parametrize(
    ("by", "time_zone"),
    [
        ((), "UTC"),
        (("model", "team"), "UTC"),
        (("tag", "tenant"), "UTC"),
        (("day", "basis"), "Asia/Kolkata"),
        (("error", "basis"), "UTC"),
    ],
    ids=str,
)
@settings(max_examples=15, deadline=None)
@given(
    rows=some_rows(),
    since=st.none() | st.integers(-300_000, 0),
    tenant=st.none() | NAMES,
)
async def test_a_report_is_the_same(by, time_zone, rows, since, tenant):
    where = Where(
        since=None if since is None else NOON + since,
        equal={} if tenant is None else {"tenant": (tenant,)},
    )
    asked = Query(by=by, where=where, time_zone=time_zone, limit=3)
    async with both(rows) as (plain, file):
        assert await cost_report(file, asked) == await cost_report(plain, asked)


@settings(max_examples=15, deadline=None)
@given(rows=some_rows())
async def test_an_export_is_the_same(rows):
    async with both(rows) as (plain, file):
        for form in ("csv", "json", "jsonl"):
            said = [
                b"".join([piece async for piece in await exported(one, {"format": form})])
                for one in (plain, file)
            ]
            assert said[0] == said[1]


@settings(max_examples=15, deadline=None)
@given(rows=some_rows(), price=st.integers(0, 10**12))
async def test_pricing_again_does_the_same(rows, price):
    def charges(one):
        return (price, "v9") if one.intent.model else None

    async with both(rows) as (plain, file):
        said = [await rerate(one, Where(), charges) for one in (file, plain)]
        assert said[0] == said[1]
        by = ("model", "basis", "price_version")
        assert await file.groups(by, Where()) == await plain.groups(by, Where())
        again = await rerate(file, Where(), charges)
        assert again.changed == 0
