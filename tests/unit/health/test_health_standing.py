"""Signs of health become a state: with hysteresis, and damped."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.config.settings import HealthSettings
from modelway.health.standing import CHECK_WEIGHT, Standing, judge

SETTINGS = HealthSettings()
SIGNS = {"g": "good", "s": "strained", "b": "bad", "r": "refused"}


def walk(signs, every_s=30.0, weight=CHECK_WEIGHT, settings=SETTINGS):
    """The standings after each of these signs."""
    standing, now, found = Standing(), 1000.0, []
    for sign in signs:
        standing = judge(standing, SIGNS[sign], weight, now, settings)
        found.append(standing)
        now += every_s
    return found


def states(signs, **options):
    letters = {"unknown": "?", "healthy": "H", "degraded": "-", "down": "D"}
    return "".join([letters[one.state] for one in walk(signs, **options)])


def changes(signs, **options):
    told = "?" + states(signs, **options)
    return sum(before != after for before, after in itertools.pairwise(told))


TABLE = [
    ("g", "H"),
    ("s", "H"),
    ("b", "-"),
    ("r", "D"),
    ("bbb", "--D"),
    ("gbbb", "HH-D"),
    ("gbbbgg", "HH-DDH"),
    ("gbbbgbgg", "HH-DDDDH"),  # one success is none
    ("gbbgg", "HH--H"),
    ("gbgb", "HHH-"),
    ("gbgggggggggb", "H" * 12),  # too long ago
    ("gss", "HH-"),
    ("gssgg", "HH--H"),
    ("gbbbss", "HH-DD-"),  # slow, but there again
    ("gbbbssgg", "HH-DD--H"),
    ("gbbbssgsgg", "HH-DD----H"),
    ("ggr", "HHD"),
    ("grgg", "HDDH"),
]


@pytest.mark.parametrize(("signs", "expected"), TABLE)
def test_the_table(signs, expected):
    assert states(signs) == expected


def test_traffic_weighs_less_but_failures_in_a_row_are_an_outage_all_the_same():
    assert states("gbb", weight=1) == "HHH"
    assert states("gbbb", weight=1) == "HHHD"
    assert states("g" + "gb" * 6, weight=1) == "H" * 12 + "-"


def test_a_failure_in_a_hundred_is_nothing():
    chance = random.Random(1)
    signs = ["b" if chance.random() < 0.01 else "g" for _ in range(30_000)]
    signs[0] = "g"
    assert set(states(signs, weight=1, every_s=0.01)) == {"H"}


def test_what_is_well_costs_nothing():
    standing = walk("g")[-1]
    assert judge(standing, "good", 1, 2000.0, SETTINGS) is standing


@pytest.mark.parametrize("cycle", ["bbbgg", "rgg", "bbgg", "ssssgg", "bbbssgg", "rg"])
@pytest.mark.parametrize("every_s", [0.01, 1.0, 30.0])
def test_flapping_is_damped(cycle, every_s):
    """In a day the same few hundred changes at most, however often it goes up and down."""
    signs = (cycle * 5_000)[:15_000]
    days = len(signs) * every_s / 86_400
    assert changes(signs, every_s=every_s) <= 30 + 4 * 180 * days


def outage(standing, now):
    """Three failures, then an answer each second: the standing when it is up, and how long that took."""
    for _ in range(3):
        standing = judge(standing, "bad", 1, now, SETTINGS)
    assert standing.state == "down"
    fell = now
    while standing.state != "healthy":
        now += 1.0
        standing = judge(standing, "good", 1, now, SETTINGS)
    return standing, now - fell


def test_each_fall_in_a_short_time_is_held_for_longer():
    standing, now, held = walk("g")[-1], 2000.0, []
    for _ in range(9):
        standing, took_s = outage(standing, now)
        held.append(took_s)
        now += took_s
    assert held == [2.0, 30.0, 60.0, 120.0, 240.0, 480.0, 480.0, 480.0, 480.0]
    assert outage(standing, standing.fell + 32 * 30.0 - 1.0)[1] == 480.0
    forgiven, took_s = outage(standing, standing.fell + 32 * 30.0)
    assert took_s == 2.0
    assert outage(forgiven, forgiven.fell + 100.0)[1] == 30.0


def test_who_has_risen_is_judged_anew():
    """What was before the rise does not make it fall at the next single failure."""
    assert states("gbbbgg" + "b" + "g") == "HH-DDHHH"


def test_the_first_outage_is_over_at_once_and_later_ones_too():
    """What falls once in a long time is not damped."""
    outage = "bbb" + "gg" + "g" * 60
    told = states("g" + outage * 20)
    assert told.count("DDH") == 20


@given(
    st.lists(st.tuples(st.sampled_from("gsbr"), st.floats(0.01, 100.0)), max_size=200),
    st.integers(1, 5),
    st.integers(1, 5),
)
def test_laws(happened, down_after, up_after):
    settings = HealthSettings(down_after=down_after, up_after=up_after)
    standing, now, in_a_row = Standing(), 1000.0, 0
    for sign, later_s in happened:
        now += later_s
        before, standing = standing, judge(standing, SIGNS[sign], 1, now, settings)
        in_a_row = in_a_row + 1 if sign in "br" else 0
        if in_a_row >= down_after or sign == "r":
            assert standing.state == "down"  # never hidden by the damping
        if sign == "g":
            assert standing.state not in ("degraded", "down") or before.state == standing.state
        assert standing.state != "unknown"
        if standing.state != before.state:
            assert standing.since == now
    for _ in range(up_after + 1):  # and whatever was, it is healthy again in the end
        now += 16 * settings.interval_s
        standing = judge(standing, "good", 1, now, settings)
    assert standing.state == "healthy"
