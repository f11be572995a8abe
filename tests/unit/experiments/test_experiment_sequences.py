"""Looking at every moment: intervals that hold at all times together, exactly and by simulation."""

import itertools
import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.experiments.asymptotic import LEAST, Means, Moments, mean_interval
from modelway.experiments.betting import _BETS, Bounded, Pairs
from modelway.experiments.comparing import Versus, difference

ALPHA = 0.05
BOUND = math.log(1 / ALPHA)

# ---------------------------------------------------------------- laws of the arithmetic


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50))
def test_moments_are_the_mean_and_the_variance(values):
    moments = Moments()
    for value in values:
        moments.add(value)
    assert moments.mean == pytest.approx(statistics.fmean(values), abs=1e-6)
    assert moments.variance == pytest.approx(statistics.variance(values), rel=1e-6, abs=1e-6)


def filled(first, arm, factor=1.0, alpha=ALPHA):
    means = Means(factor, alpha)
    for value in first:
        means.add(value, to_first=True)
    for value in arm:
        means.add(value, to_first=False)
    return means


SAMPLE = st.lists(st.floats(0.001, 100), min_size=LEAST, max_size=60)


@given(SAMPLE, SAMPLE, st.sampled_from([0.5, 1.0, 1.2]))
def test_nothing_is_outside_of_the_interval_but_what_the_evidence_excludes(first, arm, factor):
    means = filled(first, arm, factor)
    low, high = means.interval()
    if min(abs(low), abs(high)) > 1e-9:
        assert (low <= 0 <= high) == (means.log_evidence() < BOUND)


@given(SAMPLE, SAMPLE)
def test_neither_arm_is_favoured(first, arm):
    one, other = filled(first, arm), filled(arm, first)
    assert one.value == -other.value
    assert one.log_evidence() == pytest.approx(other.log_evidence())
    assert one.log_evidence("above") == pytest.approx(other.log_evidence("below"))


@given(SAMPLE, SAMPLE)
def test_the_borders_of_a_ratio_are_the_factors_just_excluded(first, arm):
    low, high = filled(first, arm).ratio_interval()
    if math.isinf(low) or high - low < 1e-6:
        return
    for border in (low, high):
        if abs(border) < 1e6:
            evidence = filled(first, arm, border).log_evidence()
            assert evidence == pytest.approx(BOUND, rel=1e-3)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200), st.floats(0.001, 0.3))
def test_a_bounded_interval_is_what_the_evidence_does_not_exclude(values, alpha):
    bounded = Bounded()
    for value in values:
        bounded.add(value)
    low, high = bounded.interval(alpha)
    assert 0 <= low <= bounded.mean <= high <= 1
    for part in (0.0, 1e-3, 0.1, 0.3, 0.5, 0.7, 0.9):  # nothing is let in again further out
        for mean in (low * part, 1 - (1 - high) * part):
            if not low - 1e-9 <= mean <= high + 1e-9:
                assert bounded.log_evidence(mean) >= -math.log(alpha) - 1e-6
    assert bounded.log_evidence((low + high) / 2) < -math.log(alpha)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.floats(-2, 0), st.floats(0.5, 3))
def test_bounds_are_a_scale_and_nothing_else(values, low, width):
    plain, scaled = Bounded(), Bounded(low, low + width)
    for value in values:
        plain.add(value)
        scaled.add(low + width * value)
    assert scaled.mean == pytest.approx(low + width * plain.mean)
    for mean in (0.1, 0.5):
        told = scaled.log_evidence(low + width * mean)
        assert told == pytest.approx(plain.log_evidence(mean), abs=1e-6)


# ---------------------------------------------------------------- exactly: what evidence is worth by chance


@given(st.lists(st.floats(0, 1), max_size=40), st.floats(0, 1), st.booleans())
def test_four_sums_never_claim_more_than_the_purses_hold(values, mean, above):
    """Against who multiplies by 1 + k (value - mean) / reach, one value after the other."""
    bounded = Bounded()
    for value in values:
        bounded.add(value)
    sign, reach = (1, max(mean, 0.5)) if above else (-1, max(1 - mean, 0.5))
    purse = math.fsum(
        [
            math.exp(share) * math.prod([1 + sign * k * (value - mean) / reach for value in values])
            for k, _, _, _, share in _BETS
        ]
    )
    told = bounded.log_evidence(mean, "above" if above else "below")
    assert told <= math.log(purse) + 1e-9
    if len(values) == 1:
        assert told == pytest.approx(math.log(purse), abs=0.7)  # and not much less


@given(st.sampled_from(_BETS), st.floats(-1, 3))
def test_what_each_bet_claims_is_below_the_logarithm(bet, y):
    part, second, third, fourth, _ = bet
    claimed = part * y - second * y**2 + third * y**3 - fourth * y**4
    assert claimed <= math.log1p(part * y) + 1e-12
    if y == -1:
        assert claimed == pytest.approx(math.log1p(-part))


def test_the_shares_are_of_one_purse():
    assert math.fsum([math.exp(bet[-1]) for bet in _BETS]) == pytest.approx(1)


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.5])
def test_of_all_pairs_there_can_be_evidence_is_worth_no_more_than_one(factor):
    """Of scores 0, a half and 1, drawn so that the arm's mean is the factor times the first's."""
    chances = {0.0: 0.5, 0.5: 0.3, 1.0: 0.2}
    mean = sum(value * chance for value, chance in chances.items())
    shown = {True: chances, False: {0.0: 1 - factor * mean, 1.0: factor * mean}}
    worth = dict.fromkeys(("either", "above", "below"), 0.0)
    for drawn in itertools.product(*[shown[i % 2 == 0].items() for i in range(8)]):
        pairs = Pairs(factor, ALPHA)
        for i, (value, _) in enumerate(drawn):
            pairs.add(value, to_first=i % 2 == 0)
        likely = math.prod([chance for _, chance in drawn])
        for side in worth:
            worth[side] += likely * math.exp(pairs.log_evidence(side))
    assert all(0 < one <= 1 + 1e-9 for one in worth.values())


@pytest.mark.parametrize("truth", [0.02, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("units", [1, 4, 11])
def test_of_all_there_can_be_bounded_evidence_is_worth_no_more_than_one(truth, units):
    """Over every sequence of that many failures and successes: an e-value's mean is at most 1."""
    worth = {"either": 0.0, "above": 0.0, "below": 0.0}
    for sequence in itertools.product((0.0, 1.0), repeat=units):
        bounded = Bounded()
        likely = 1.0
        for value in sequence:
            bounded.add(value)
            likely *= truth if value else 1 - truth
        for side in worth:
            worth[side] += likely * math.exp(bounded.log_evidence(truth, side))
    assert all(0 < one <= 1 + 1e-9 for one in worth.values())


def standing(z, units=400):
    """Two arms whose means are ``z`` standard errors apart."""
    means = Means(1.0, ALPHA)
    for moments in (means.first, means.arm):
        moments.number = units
        moments._squares = float(units - 1)
    means.arm.mean = z * math.sqrt(2 / units)
    return means


def worth(side, units, zs):
    """What evidence is worth on average, over normal differences in this range."""
    step = zs[1] - zs[0]
    logs = [standing(z, units).log_evidence(side) - z * z / 2 for z in zs]
    return step * math.fsum([math.exp(one) for one in logs]) / math.sqrt(2 * math.pi)


@pytest.mark.parametrize("units", [30, 400, 10_000])
def test_of_a_normal_difference_evidence_is_worth_one(units):
    assert worth("either", units, [i / 50 for i in range(-4000, 4001)]) == pytest.approx(
        1, abs=0.01
    )


@pytest.mark.parametrize("units", [30, 400, 10_000])
def test_of_a_normal_difference_evidence_of_one_side_is_worth_no_more(units):
    # what lies on the other side is worth 0 to 1/2, and claimed as nothing: as evidence of 1
    assert 0.5 <= worth("above", units, [i / 50 for i in range(4001)]) <= 1.01


def test_the_interval_of_a_mean_is_the_papers():
    """The reach is sigma * sqrt(2 (t r + 1) / (t² r) * log(sqrt(t r + 1) / alpha)), r = rho²."""
    moments = Moments()
    chance = random.Random(1)
    for _ in range(700):
        moments.add(chance.gauss(3, 2))
    t, doubled = moments.number, -2 * math.log(ALPHA)
    rho = (doubled + math.log(doubled + 1)) / 500
    reach = math.sqrt(moments.variance) * math.sqrt(
        2 * (t * rho + 1) / (t * t * rho) * math.log(math.sqrt(t * rho + 1) / ALPHA)
    )
    assert mean_interval(moments, ALPHA) == pytest.approx(
        (moments.mean - reach, moments.mean + reach)
    )


# ---------------------------------------------------------------- by simulation: looked at after every unit


def lognormal(spread):
    return lambda chance: chance.lognormvariate(0, spread)


KINDS = {
    "cost": ("cost", lognormal(1.0), 0.5),
    "cost with a heavy tail, one unit of ten": ("cost", lognormal(1.5), 0.1),
    "latency": ("latency", lognormal(0.5), 0.5),
    "rare errors": ("errors", lambda chance: float(chance.random() < 0.02), 0.5),
    "errors, one unit of five": ("errors", lambda chance: float(chance.random() < 0.2), 0.2),
    "score": ("score", lambda chance: chance.betavariate(6, 2), 0.5),
}


def versus(share=0.5, alpha=ALPHA):
    return Versus("a", "b", {"a": 1 - share, "b": share}, alpha)


def found_at(metric, draw, share, units, chance, better=1.0):
    """After how many units an arm is told from the first; ``None``: never."""
    found = difference(metric, versus(share))
    for unit in range(units):
        to_first = chance.random() >= share
        found.add(draw(chance) * (1 if to_first else better), to_first=to_first)
        if found.log_evidence() >= BOUND:
            return unit + 1
    return None


def naive_finds(draw, units, chance):
    """A t-test with the level for one look, looked at after every unit from the thirtieth."""
    arms = Moments(), Moments()
    for _ in range(units):
        arms[chance.random() < 0.5].add(draw(chance))
        if min(arm.number for arm in arms) >= 30:
            error = math.sqrt(sum([arm.variance / arm.number for arm in arms]))
            if abs(arms[0].mean - arms[1].mean) > 1.96 * error:
                return True
    return False


@pytest.mark.parametrize("kind", KINDS)
def test_alike_arms_are_found_different_no_oftener_than_allowed(kind):
    metric, draw, share = KINDS[kind]
    chance = random.Random(20261121)
    runs = 100
    units = 300 if metric in {"errors", "score"} else 1200
    found = [found_at(metric, draw, share, units, chance) for _ in range(runs)]
    assert sum([one is not None for one in found]) <= ALPHA * runs


def test_a_test_for_one_look_finds_what_is_not_there_when_looked_at_often():
    chance = random.Random(20261121)
    runs = 100
    found = sum([naive_finds(lognormal(0.5), 600, chance) for _ in range(runs)])
    assert found >= 4 * ALPHA * runs


@pytest.mark.parametrize(
    ("kind", "better", "units"), [("latency", 0.8, 1500), ("score", 0.8, 1500)]
)
def test_a_true_difference_is_found(kind, better, units):
    metric, draw, share = KINDS[kind]
    chance = random.Random(7)
    found = [found_at(metric, draw, share, units, chance, better) for _ in range(20)]
    assert all(found)
    assert min(found) > 30


def test_an_interval_keeps_the_true_mean_at_all_times():
    chance = random.Random(11)
    lost = 0
    for _ in range(40):
        bounded, moments = Bounded(), Moments()
        out = False
        for unit in range(1, 301):
            bounded.add(float(chance.random() < 0.1))
            moments.add(chance.lognormvariate(0, 0.5))
            if unit % 20 == 0:
                low, high = bounded.interval(ALPHA)
                out |= not low <= 0.1 <= high
                low, high = mean_interval(moments, ALPHA)
                out |= not low <= math.exp(0.125) <= high
        lost += out
    assert lost <= 2 * ALPHA * 40


# ---------------------------------------------------------------- pairs


def test_what_has_no_partner_waits_for_one():
    pairs = Pairs(1.0, ALPHA)
    for value in (0.2, 0.4, 0.6):
        pairs.add(value, to_first=True)
    assert pairs.value is None
    pairs.add(1.0, to_first=False)
    assert pairs.value == pytest.approx(0.8)  # the oldest is its partner


def test_of_uneven_arms_several_are_averaged_against_one():
    pairs = Pairs(1.0, ALPHA, 0.75, 0.25)
    for value in (0.0, 0.3, 0.6):
        pairs.add(value, to_first=True)
    pairs.add(0.5, to_first=False)
    assert pairs.value == pytest.approx(0.2)


def test_shares_that_are_wrong_cost_power_and_bounded_memory():
    pairs = Pairs(1.0, ALPHA, 0.99, 0.01)
    for _ in range(5000):
        pairs.add(0.5, to_first=False)
    assert len(pairs._arm) == 1000
    for _ in range(20):
        pairs.add(0.5, to_first=True)
    assert pairs.value == 0


def test_few_units_say_nothing_of_unbounded_means():
    means = filled([1.0, 2.0] * 14, [50.0, 51.0] * 200)
    assert means.log_evidence() == 0
    assert means.interval() == means.ratio_interval() == (-math.inf, math.inf)
    assert means.value == pytest.approx(49)


def test_what_never_varies_is_told_apart_and_what_is_the_same_is_not():
    assert filled([2.0] * 40, [3.0] * 40).log_evidence() == math.inf
    assert filled([2.0] * 40, [3.0] * 40).interval() == (1.0, 1.0)
    assert filled([2.0] * 40, [2.0] * 40).log_evidence() == 0
    assert filled([0.0] * 40, [0.0] * 40).ratio_interval() == (-math.inf, math.inf)


def test_sides():
    worse = filled([1.0, 2.0] * 100, [3.0, 4.0] * 100)
    assert worse.log_evidence("above") > worse.log_evidence() > BOUND
    assert worse.log_evidence("below") == 0
    better = Pairs(1.0, ALPHA)
    for i in range(100):
        better.add(1.0, to_first=True)
        better.add(float(i % 2), to_first=False)
    assert better.log_evidence("below") > better.log_evidence() > BOUND
    assert better.log_evidence("above") < 0
