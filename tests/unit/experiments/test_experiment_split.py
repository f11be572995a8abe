"""Which arm a unit gets: always the same one, in its share, and moved by nothing but what must."""

import json
import math
import os
import random
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from modelway.errors import ConfigError
from modelway.experiments import split
from modelway.experiments.values import Arm, Experiment

UNITS = [f"user-{i}" for i in range(4000)]


def experiment(*weights, name="e", salt="", names="abcdefgh"):
    arms = [Arm(name=names[i], model=f"m{i}", weight=weight) for i, weight in enumerate(weights)]
    return Experiment(name=name, arms=tuple(arms), salt=salt)


def dealt(one, units=UNITS):
    return {unit: split.assign(one, unit).name for unit in units}


KNOWN = {
    "": "c",
    "user-0": "a",
    "user-1": "b",
    "user-2": "a",
    "Ωμέγα": "a",
    "\udc80 half": "a",
}


@pytest.mark.parametrize("unit", KNOWN, ids=range(len(KNOWN)))
def test_a_unit_has_the_arm_that_it_had_when_this_was_written(unit):
    assert split.assign(experiment(3, 1, 1, name="known", salt="s"), unit).name == KNOWN[unit]


def test_every_process_deals_alike():
    program = (
        "import json\n"
        "from modelway.experiments import split\n"
        "from modelway.experiments.values import Arm, Experiment\n"
        "arms = (Arm(name='a', model='m'), Arm(name='b', model='n', weight=2.0))\n"
        "e = Experiment(name='e', arms=arms)\n"
        "print(json.dumps([split.assign(e, f'u{i}').name for i in range(200)]))\n"
    )
    told = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", program],
                env={**os.environ, "PYTHONHASHSEED": seed},
                capture_output=True,
                check=True,
            ).stdout
        )
        for seed in ("1", "2")
    ]
    here = experiment(1.0, 2.0)
    assert told[0] == told[1] == [split.assign(here, f"u{i}").name for i in range(200)]


WEIGHTS = st.lists(st.floats(0.05, 20), min_size=2, max_size=6)


@given(WEIGHTS, st.text(max_size=5))
def test_units_come_in_the_shares_of_the_weights(weights, salt):
    one = experiment(*weights, salt=salt)
    came = Counter(dealt(one, UNITS[:600]).values())
    for name, share in split.shares(one).items():
        # five standard deviations: one in a few million, for each arm of each example
        assert abs(came[name] - 600 * share) <= 5 * math.sqrt(600 * share * (1 - share)) + 1


def test_half_and_half_is_the_default():
    arms = (Arm(name="a", model="m"), Arm(name="b", model="n"))
    assert split.shares(Experiment(name="e", arms=arms)) == {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize("style", ["number", "address", "hex"])
def test_ids_that_are_alike_are_dealt_evenly(style):
    """Pearson's statistic over 16 arms, for ids as they are in use: far from what chance allows."""
    ids = {
        "number": [str(i) for i in range(8_000)],
        "address": [f"someone{i}@example.com" for i in range(8_000)],
        "hex": [f"{i:032x}" for i in range(8_000)],
    }[style]
    names = [chr(ord("a") + i) for i in range(16)]
    came = Counter(dealt(experiment(*[1.0] * 16, names=names), ids).values())
    chi_squared = sum([(came[name] - 500) ** 2 / 500 for name in names])
    assert 2.0 < chi_squared < 44.3  # outside of it by chance: 1 in 10,000


@given(WEIGHTS, st.data())
def test_more_weight_takes_units_from_others_and_moves_none_between_them(weights, data):
    heavier = data.draw(st.integers(0, len(weights) - 1))
    before = dealt(experiment(*weights), UNITS[:120])
    more = [w * (3 if i == heavier else 1) for i, w in enumerate(weights)]
    after = dealt(experiment(*more), UNITS[:120])
    assert {after[unit] for unit in before if after[unit] != before[unit]} <= {"abcdefgh"[heavier]}


@given(WEIGHTS, st.floats(0.05, 20))
def test_a_new_arm_takes_its_units_and_no_more(weights, weight):
    before = dealt(experiment(*weights), UNITS[:120])
    after = dealt(experiment(*weights, weight), UNITS[:120])
    new = "abcdefgh"[len(weights)]
    assert all(after[unit] in {before[unit], new} for unit in before)


@given(WEIGHTS, st.data())
def test_an_arm_that_is_stopped_gives_its_own_units_away_alone(weights, data):
    gone = data.draw(st.integers(0, len(weights) - 1))
    before = dealt(experiment(*weights), UNITS[:120])
    after = dealt(experiment(*[0 if i == gone else w for i, w in enumerate(weights)]), UNITS[:120])
    assert all(after[unit] == before[unit] for unit in before if before[unit] != "abcdefgh"[gone])
    assert "abcdefgh"[gone] not in after.values()


def test_the_order_of_arms_is_nothing():
    one = experiment(1, 2, 3)
    turned = Experiment(name="e", arms=one.arms[::-1])
    assert dealt(one) == dealt(turned)


def agreement(one, other):
    first, second = dealt(one), dealt(other)
    return sum([first[unit] == second[unit] for unit in UNITS]) / len(UNITS)


def test_experiments_know_nothing_of_each_other():
    # of units in two experiments, half agree by chance: no arm of one is an arm of the other
    one = experiment(1, 1)
    assert 0.45 < agreement(one, experiment(1, 1, name="f")) < 0.55
    assert 0.45 < agreement(one, experiment(1, 1, salt="again")) < 0.55
    assert agreement(one, experiment(1, 1)) == 1


def test_words_do_not_run_into_each_other():
    assert dealt(experiment(1, 1, name="ab", salt="c")) != dealt(
        experiment(1, 1, name="a", salt="bc")
    )


def test_no_arm_with_a_weight_is_refused():
    with pytest.raises(ConfigError, match="no arm with a weight above 0"):
        split.assign(experiment(0, 0), "u")


@given(st.text(), st.text())
def test_a_pseudonym_is_one_units_and_does_not_hold_it(one, other):
    assume(one != other)
    assert split.pseudonym("e", one) != split.pseudonym("e", other)
    assert len(split.pseudonym("e", one * 100)) == 32


def test_a_split_that_is_off_is_seen_and_one_that_is_right_is_not():
    chance = random.Random(5)
    expected = {"a": 0.5, "b": 0.5}
    crossed = 0
    for _ in range(100):
        counts = Counter()
        for _ in range(1000):
            counts[chance.choice("ab")] += 1
            if split.log_evidence(counts, expected) >= math.log(20):
                crossed += 1
                break
    assert crossed <= 5
    assert split.log_evidence({"a": 5200, "b": 4800}, expected) > math.log(100)
    assert split.log_evidence({"a": 5010, "b": 4990}, expected) < 0


def test_an_arm_without_weight_is_not_looked_for():
    assert split.log_evidence({"a": 500, "gone": 90}, {"a": 1.0, "gone": 0.0}) == 0
