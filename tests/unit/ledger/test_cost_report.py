"""What was spent, by what is asked for; and how providers are ranked."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import BadRequestError
from modelway.ledger.query import EQUAL, parse, written
from modelway.ledger.report import REPORT_BY, CostReport, costs, standings, sum_of
from modelway.ledger.values import DIMENSIONS, Where
from support.ledger_rows import NOON, MemoryLedger, row


class At:
    """A clock that stands."""

    def __init__(self, now=NOON):
        self.now = now

    def time(self):
        return self.now

    def monotonic(self):
        return self.now


ROWS = [
    row(1, cost_pico_usd=5, team="search"),
    row(2, cost_pico_usd=7, team="search", model="gpt-4o", tags=("a", "b")),
    row(3, cost_pico_usd=1, time=NOON - 86_400, basis="received"),
    row(4, cost_pico_usd=None),
    row(5, open=True, reserved_pico_usd=11),
]


async def asked(rows=ROWS, **query):
    return msgspec.json.decode(await costs(MemoryLedger(rows), query, clock=At()), type=CostReport)


async def test_sums_are_by_what_is_asked_for():
    report = await asked(by="model,team")
    assert {one.key: one.cost_pico_usd for one in report.groups} == {
        ("gpt-4o", "search"): 7,
        ("gpt-4o-mini", "search"): 5,
        ("gpt-4o-mini", ""): 1,
    }
    assert report.by == ("model", "team")


async def test_what_is_open_estimated_or_without_a_price_stands_apart():
    total = (await asked()).total
    assert total.cost_pico_usd == 5 + 7 + 1
    assert total.open_pico_usd == 11
    assert total.estimated_pico_usd == 1
    assert total.unpriced == 1
    assert total.attempts == 5


async def test_days_are_in_their_order_and_the_dearest_first_in_each():
    report = await asked(by="model,day")
    assert [one.key for one in report.groups] == [
        ("gpt-4o-mini", "2026-11-19"),
        ("gpt-4o", "2026-11-20"),
        ("gpt-4o-mini", "2026-11-20"),
    ]


async def test_a_row_with_two_tags_is_once_in_the_total():
    report = await asked(by="tag")
    assert {one.key: one.cost_pico_usd for one in report.groups} == {("",): 6, ("a",): 7, ("b",): 7}
    assert report.total.cost_pico_usd == 13


async def test_what_is_cut_is_said_and_is_in_the_total():
    report = await asked(by="model", limit="1")
    assert [one.key for one in report.groups] == [("gpt-4o",)]
    assert report.more
    assert report.total.cost_pico_usd == 13


@pytest.mark.parametrize(
    ("query", "cost"),
    [
        ({"team": "search"}, 12),
        ({"team": ""}, 1),
        ({"team": "search,"}, 13),
        ({"model": "gpt-4o,gpt-4o-mini", "team": "search"}, 12),
        ({"tag": "b"}, 7),
        ({"days": "1"}, 12),
        ({"days": "2"}, 13),
        ({"until": "2026-11-20"}, 1),
        ({"since": "2026-11-20"}, 12),
        ({"since": "2026-11-20T12:00:02Z"}, 7),
        ({"since": "2026-11-20T13:00:02+01:00"}, 7),
        ({"since": "2026-11-20T13:00:02", "time_zone": "Europe/Berlin"}, 7),
        ({"since": "2026-11-20", "until": "2026-11-20T12:00:02Z"}, 5),
    ],
    ids=lambda value: (
        "&".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else ""
    ),
)
async def test_rows_are_chosen(query, cost):
    assert (await asked(**query)).total.cost_pico_usd == cost


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"by": "colour"}, "by"),
        ({"by": "model,model"}, "by"),
        ({"day": "2026-11-20"}, "day"),
        ({"colour": "red"}, "colour"),
        ({"since": "yesterday"}, "since"),
        ({"until": ""}, "until"),
        ({"since": "2026-11-20", "until": "2026-11-20"}, "until"),
        ({"since": "2026-11-20", "days": "3"}, "days"),
        ({"days": "0"}, "days"),
        ({"days": "-1"}, "days"),
        ({"days": "1.5"}, "days"),
        ({"days": "99999999999999999999"}, "days"),
        ({"days": "²"}, "days"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"time_zone": "Europe"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"limit": "1000000"}, "limit"),
        ({"team": '"open'}, "team"),
        ({"team": "a\nb"}, "team"),
        ({"team": "," * 100}, "team"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_a_wrong_parameter_is_named(query, names):
    with pytest.raises(BadRequestError) as caught:
        await asked(**query)
    assert caught.value.param == names
    assert names in caught.value.message


async def test_who_is_held_to_a_tenant_sees_no_other():
    store = MemoryLedger([*ROWS, row(9, tenant="other", cost_pico_usd=1000)])
    held = await costs(store, {}, clock=At(), only={"tenant": "local"})
    assert msgspec.json.decode(held, type=CostReport).total.cost_pico_usd == 13
    with pytest.raises(BadRequestError):
        await costs(store, {"tenant": "other"}, clock=At(), only={"tenant": "local"})


@given(st.lists(st.text(st.characters(exclude_characters="\r\n\x00")), min_size=1, max_size=4))
def test_values_are_read_as_they_were_written(values):
    said = parse({"team": written(tuple(values))}, now=NOON)
    assert said.where.equal["team"] == tuple(values)


def test_what_a_report_can_be_by_is_all_there_is():
    assert parse({"by": ",".join(DIMENSIONS)}, now=NOON).by == DIMENSIONS
    assert set(DIMENSIONS) - set(EQUAL) == {"day", "hour", "month"}


# ---------------------------------------------------------------- providers


async def stood(*rows):
    by = ("provider", *REPORT_BY)
    return standings(await MemoryLedger(rows).groups(by, Where()), 1)


async def test_a_provider_is_judged_by_what_it_answers_for():
    (one,) = await stood(
        row(1, took_s=1.0, cost_pico_usd=10),
        row(2, took_s=3.0, cost_pico_usd=10),
        row(3, error="OverloadedError", basis="free", cost_pico_usd=0, took_s=60.0),
        row(4, error="BadRequestError", basis="free", cost_pico_usd=0),
        row(5, error="CancelledError", basis="received", cost_pico_usd=5),
        row(6, open=True),
    )
    assert (one.attempts, one.succeeded, one.failed, one.open) == (5, 2, 1, 1)
    assert one.success_rate == pytest.approx(2 / 3)
    assert one.mean_s == 2.0
    assert one.cost_pico_usd == 25
    assert one.cost_per_success_pico_usd == 13
    assert one.errors == {"OverloadedError": 1, "BadRequestError": 1, "CancelledError": 1}


async def test_few_attempts_prove_little():
    one, *_ = await stood(row(1))
    many, *_ = await stood(*[row(number) for number in range(100)])
    assert one.success_rate == many.success_rate == 1.0
    assert one.success_low < 0.5
    assert many.success_low > 0.95


async def test_the_best_comes_first():
    found = await stood(
        *[row(n, provider="slow", took_s=9.0, cost_pico_usd=1) for n in range(20)],
        *[row(n + 20, provider="good", took_s=1.0, cost_pico_usd=1) for n in range(20)],
        *[row(n + 40, provider="bad", error="OverloadedError", cost_pico_usd=0) for n in range(20)],
    )
    assert [(one.key, one.rank) for one in found] == [(("good",), 1), (("slow",), 2), (("bad",), 3)]
    assert found[-1].success_rate == 0.0
    assert found[-1].cost_per_success_pico_usd is None


async def test_what_has_no_price_has_no_cost_per_success():
    (one,) = await stood(row(1), row(2, cost_pico_usd=None))
    assert one.unpriced == 1
    assert one.cost_per_success_pico_usd is None


def test_a_sum_of_nothing_is_nothing():
    assert sum_of(()).cost_pico_usd == 0
