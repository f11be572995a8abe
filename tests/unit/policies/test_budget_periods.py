"""When days, weeks and months begin and end, and what pools of them are called."""

import zoneinfo
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelway.policies.budget.periods import span, window_s
from modelway.policies.budget.pools import abouts, fixed, pool_name
from modelway.policies.budget.values import SCOPES
from support.budget_world import budget, spender, world


def at(text):
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("period", "zone", "now", "name", "begins", "ends"),
    [
        *[
            ("day", zone, now, f"day/{begins[:10]}", begins, ends)
            for zone, now, begins, ends in [
                ("UTC", "2026-11-21T23:59:59.999Z", "2026-11-21T00:00Z", "2026-11-22T00:00Z"),
                ("UTC", "2026-11-22T00:00Z", "2026-11-22T00:00Z", "2026-11-23T00:00Z"),
                # 23 hours, and 25
                (
                    "Europe/Berlin",
                    "2026-03-29T12:00Z",
                    "2026-03-29T00:00+01:00",
                    "2026-03-30T00:00+02:00",
                ),
                (
                    "Europe/Berlin",
                    "2026-10-25T22:59Z",
                    "2026-10-25T00:00+02:00",
                    "2026-10-26T00:00+01:00",
                ),
                # clocks that are set forward, and back, at midnight
                (
                    "America/Asuncion",
                    "2023-10-01T05:00Z",
                    "2023-10-01T01:00-03:00",
                    "2023-10-02T00:00-03:00",
                ),
                (
                    "America/Havana",
                    "2026-11-01T04:30Z",
                    "2026-11-01T00:00-04:00",
                    "2026-11-02T00:00-05:00",
                ),
                (
                    "America/Havana",
                    "2026-11-01T05:30Z",
                    "2026-11-01T00:00-04:00",
                    "2026-11-02T00:00-05:00",
                ),
                # a day that was left out
                (
                    "Pacific/Apia",
                    "2011-12-30T09:59Z",
                    "2011-12-29T00:00-10:00",
                    "2011-12-31T00:00+14:00",
                ),
                (
                    "Asia/Kathmandu",
                    "2026-11-20T18:15Z",
                    "2026-11-21T00:00+05:45",
                    "2026-11-22T00:00+05:45",
                ),
            ]
        ],
        (
            "week",
            "UTC",
            "2027-01-01T12:00Z",
            "week/2026-12-28",
            "2026-12-28T00:00Z",
            "2027-01-04T00:00Z",
        ),
        (
            "week",
            "UTC",
            "2026-11-23T00:00Z",
            "week/2026-11-23",
            "2026-11-23T00:00Z",
            "2026-11-30T00:00Z",
        ),
        (
            *("week", "America/New_York", "2026-11-01T12:00Z", "week/2026-10-26"),
            *("2026-10-26T00:00-04:00", "2026-11-02T00:00-05:00"),
        ),
        (
            "month",
            "UTC",
            "2028-02-29T23:00Z",
            "month/2028-02-01",
            "2028-02-01T00:00Z",
            "2028-03-01T00:00Z",
        ),
        (
            "month",
            "UTC",
            "2026-12-31T23:59Z",
            "month/2026-12-01",
            "2026-12-01T00:00Z",
            "2027-01-01T00:00Z",
        ),
        (
            *("month", "Australia/Sydney", "2026-09-30T14:30Z", "month/2026-10-01"),
            *("2026-10-01T00:00+10:00", "2026-11-01T00:00+11:00"),
        ),
    ],
)
def test_edges(period, zone, now, name, begins, ends):
    found = span(budget(period=period, time_zone=zone), at(now))
    assert found.name == name
    assert (found.begins, found.ends) == (at(begins), at(ends))


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca")


@given(
    st.sampled_from(("day", "week", "month")),
    st.sampled_from(ZONES),
    st.floats(at("2020-01-01T00:00Z"), at("2035-01-01T00:00Z")),
)
@example("day", "UTC", 2051222399.9999998)
def test_periods_follow_each_other_without_a_gap_and_a_store_remembers_more_than_two(
    period, zone, now
):
    one = budget(period=period, time_zone=zone)
    found = span(one, now)
    assert found.begins <= now < found.ends
    assert span(one, found.begins) == found
    after = span(one, found.ends)
    assert after.begins == found.ends
    assert after.name > found.name
    assert window_s(one) >= 2 * (found.ends - found.begins) - 4 * 86_400
    assert window_s(one) > found.ends - found.begins + 6 * 86_400
    assert datetime.fromtimestamp(
        found.begins, zoneinfo.ZoneInfo(zone)
    ).date() == date.fromisoformat(found.name.partition("/")[2])


def test_totals_and_rolling_periods_have_no_edges():
    for one in (budget(), budget(period="rolling", rolling_s=60.0)):
        assert span(one, 0.0) == span(one, 4e9)
    assert window_s(budget()) == float("inf")
    assert window_s(budget(period="rolling", rolling_s=60.0)) == 60.0


def test_another_time_zone_forgets_nothing():
    noon = at("2026-11-21T12:00Z")
    names = {
        span(budget(period="day", time_zone=zone), noon).name for zone in ("UTC", "Asia/Tokyo")
    }
    assert len(names) == 1


# ---------------------------------------------------------------- pools

texts = st.one_of(
    st.text(max_size=80), st.sampled_from(["", "*", "a/b", "a,b=c", "%", "%%", "a" * 65])
)


@given(st.lists(st.tuples(texts, texts, texts, texts), min_size=2, max_size=2, unique=True))
def test_no_two_have_the_same_pool(two):
    names = {
        pool_name(budget(name=name), (("user", user), ("team", team)), period)
        for name, user, team, period in two
    }
    assert len(names) == 2


def test_a_name_is_short_whatever_it_is_of():
    about = tuple((scope, "é\ud800\0" * 10_000) for scope in SCOPES)
    name = pool_name(budget(name="x" * 100_000), about, "month/2026-11-01")
    assert len(name) < 1000
    assert name.isascii()
    assert name.isprintable()


@pytest.mark.parametrize(
    ("about", "said", "values"),
    [
        ({}, {}, [()]),
        ({"key": "k"}, {}, [("k",)]),
        ({"key": "other"}, {}, []),
        ({"key": "*"}, {"key": "other"}, [("other",)]),
        ({"user": "*"}, {"user": ""}, [("",)]),
        ({"user": "u"}, {"user": ""}, []),
        ({"user": ""}, {"user": ""}, [("",)]),
        ({"team": "t", "user": "*"}, {"team": "t", "user": "u"}, [("t", "u")]),
        ({"team": "t", "user": "*"}, {"team": "x", "user": "u"}, []),
        ({"tag": "a"}, {"tags": ("b", "a")}, [("a",)]),
        ({"tag": "a"}, {"tags": ("b",)}, []),
        ({"tag": "*"}, {"tags": ("b", "a", "b")}, [("b",), ("a",)]),
        ({"tag": "*"}, {"tags": ()}, [("",)]),
        ({"model": "gpt"}, {"model": "gpt", "asked": "fast"}, [("gpt",)]),
        ({"model": "fast"}, {"model": "gpt", "asked": "fast"}, [("fast",)]),
        ({"model": "openai/gpt"}, {"model": "gpt", "asked": "fast"}, [("openai/gpt",)]),
        ({"model": "*"}, {"model": "gpt", "asked": "fast"}, [("gpt",)]),
        ({"deployment": "openai/m"}, {}, [("openai/m",)]),
        ({"provider": "azure"}, {}, []),
        ({"provider": "*"}, {"provider": ""}, []),
        ({"tenant": "*", "provider": "openai"}, {"tenant": "t"}, [("t", "openai")]),
    ],
    ids=str,
)
def test_whom_a_budget_is_about(about, said, values):
    found = abouts(budget(about=about), spender(**said))
    assert [tuple(value for _, value in one) for one in found] == values
    assert (fixed(budget(about=about)) is None) == ("*" in about.values())


async def test_each_has_its_own():
    async with world(budget(100, about={"user": "*"})) as w:
        one = await w.process()
        for user in ("ann", "bob", "*", ""):
            (await one.enter(100, user=user)).settle(100)
            assert await one.refused(1, user=user) == "budget"
        statuses = await one.budgets.statuses()
        assert sorted(status.about["user"] for status in statuses) == ["", "*", "ann", "bob"]
        assert {status.spent_pico_usd for status in statuses} == {100}


# ---------------------------------------------------------------- at an edge


async def test_a_call_settles_in_the_period_that_it_was_reserved_in():
    day = budget(1000, period="day")
    async with world(day) as w:
        one = await w.process()
        hold = await one.enter(600)
        begins = span(day, w.clock.time()).begins
        w.clock.jump_s += 86_400
        new = await one.enter(1000)
        hold.settle(500)
        new.settle(900)
        await w.clock.advance(8)
        (status,) = await one.budgets.statuses()
        assert status.spent_pico_usd == 900
        assert status.begins == begins + 86_400
        w.clock.jump_s -= 86_400
        (status,) = await one.budgets.statuses()
        assert (status.spent_pico_usd, status.begins) == (500, begins)
        assert await one.refused(501) == "budget"
        (await one.enter(500)).release()


async def test_a_slice_of_yesterday_is_not_spent_today():
    day = budget(100_000, period="day")
    async with world(day) as w:
        one = await w.process()
        for _ in range(8):
            (await one.enter(100)).settle(100)
        yesterday = one.purse().reserve(100)
        w.clock.jump_s += 86_400
        assert one.purse().reserve(100) is None
        today = await one.enter(100)
        assert today.draws[0].pool > yesterday.draws[0].pool
        yesterday.release()
        today.release()


async def test_a_restart_of_a_month_remembers_what_was_spent():
    async with world(budget(1000, period="month")) as w:
        one = await w.process()
        (await one.enter(1000)).settle(400)
        await one.budgets.aclose()
        w.processes.clear()
        await w.clock.advance(8 * 86_400)  # still September
        two = await w.process()
        assert await two.refused(601) == "budget"
        (await two.enter(600)).settle(600)


async def test_a_grant_is_settled_days_after_its_process_died():
    for period in ("month", "total"):
        async with world(budget(1000, period=period)) as w:
            one = await w.process()
            hold = await one.enter(1000)
            one.die()
            w.processes.clear()
            await w.clock.advance(8 * 86_400)
            heir = await w.process()
            assert await heir.refused(1) == "budget"
            await one.replayed_by(heir, [(hold.draws[0], 300)])
            assert (await heir.enter(700)).draws


async def test_a_rolling_budget_counts_for_as_long_as_it_says_and_a_step():
    async with world(budget(1000, period="rolling", rolling_s=240.0)) as w:
        one = await w.process()
        (await one.enter(1000)).settle(1000)
        for _ in range(23):
            await w.clock.advance(10)
            assert await one.refused(1) == "budget"
        await w.clock.advance(10 + 1 + 2)
        (await one.enter(1000)).settle(1000)


async def test_a_rolling_budget_counts_calls_that_take_longer_than_it():
    async with world(budget(1000, period="rolling", rolling_s=60.0)) as w:
        one, two = await w.process(), await w.process()
        hold = await one.enter(1000)
        for _ in range(5):
            await w.clock.advance(1000)
            assert await two.refused(1) == "budget"
        hold.settle(900)
        await w.clock.advance(2)
        assert await two.refused(101) == "budget"
        await w.clock.advance(62)
        (await two.enter(1000)).release()


async def test_a_rolling_budget_counts_what_is_lost_for_an_hour_longer():
    async with world(budget(1000, period="rolling", rolling_s=60.0)) as w:
        one, heir = await w.process(), await w.process()
        await one.enter(1000)
        one.die()
        w.processes.remove(one)
        await w.clock.advance(3600)
        assert await heir.refused(1) == "budget"
        await w.clock.advance(65)
        (await heir.enter(1000)).release()


async def test_what_had_no_reservation_counts_no_longer_than_what_had():
    rolling = budget(1000, period="rolling", rolling_s=60.0, unpriced="allow")
    async with world(rolling) as w:
        one = await w.process()
        one.purse().reserve(None).settle(900)
        await w.clock.advance(3)
        assert await one.refused(101) == "budget"
        await w.clock.advance(65)
        (await one.enter(1000)).release()


async def test_a_rolling_budget_in_constant_use_lets_go_of_what_is_old():
    async with world(budget(10_000, period="rolling", rolling_s=240.0)) as w:
        one = await w.process()
        for _ in range(400):
            (await one.enter(30)).settle(30)
            await w.clock.advance(1)
        (status,) = await one.budgets.statuses()
        assert 240 * 30 <= status.spent_pico_usd <= 245 * 30


def test_utc_is_what_days_are_in_where_nothing_is_said():
    found = span(budget(period="day"), at("2026-11-21T12:00Z"))
    assert datetime.fromtimestamp(found.begins, UTC).hour == 0
    assert found.ends - found.begins == timedelta(days=1).total_seconds()
