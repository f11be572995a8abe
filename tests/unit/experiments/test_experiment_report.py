"""What is said of an experiment: arms, comparisons, guardrails, and what a reader must know besides."""

import datetime as dt
import math
import random

import msgspec
import pytest

from modelway.errors import ConfigError
from modelway.experiments import split
from modelway.experiments.findings import Report, amount
from modelway.experiments.report import report
from modelway.experiments.units import Seen
from modelway.experiments.values import Arm, Experiment, Guardrail, Outcome, check, faults

A, B, C = [Arm(name=name, model=f"model-{name}") for name in "abc"]


def experiment(*, arms=(A, B), unit="request", **fields):
    return Experiment(name="e", arms=arms, unit=unit, **fields)


def log(one, draw, units=1000, seed=3, every_s=1.0):
    """Outcomes of as many units, with what ``draw(arm, chance)`` says of each."""
    chance = random.Random(seed)
    found = []
    for i in range(units):
        arm = split.assign(one, f"u{i}").name
        fields = {"latency_s": 1.0, **draw(arm, chance)}
        outcome = Outcome(
            experiment="e", arm=arm, unit=f"u{i}", call=f"c{i}", time=i * every_s, **fields
        )
        found.append(Seen(outcome, i * every_s, outcome.score, i * every_s))
    return found


def plain(arm, chance):
    return {
        "latency_s": chance.lognormvariate(0, 0.3),
        "cost_pico_usd": int(chance.lognormvariate(20, 0.3)),
        "error": chance.random() < 0.05,
        "score": chance.betavariate(6, 2),
    }


def worse(arm, chance):
    """The second arm is slower, fails more, costs less and is as good."""
    found = plain(arm, chance)
    if arm == "b":
        found["latency_s"] *= 1.5
        found["cost_pico_usd"] //= 2
        found["error"] = chance.random() < 0.3
    return found


def by_metric(said, arm="b"):
    return {one.metric: one for one in said.comparisons if one.arm == arm}


def test_differences_are_found_with_their_direction():
    one = experiment()
    said = report(one, log(one, worse), now=1000)
    found = by_metric(said)
    assert {metric: each.verdict for metric, each in found.items()} == {
        "cost": "better",
        "latency": "worse",
        "errors": "worse",
        "score": "undecided",
    }
    assert found["cost"].low < found["cost"].difference < found["cost"].high < 0
    assert found["cost"].ratio_low < 0.5 < found["cost"].ratio_high < 0.6
    assert found["latency"].ratio_low < 1.5 < found["latency"].ratio_high
    assert found["errors"].ratio_low < 6 < found["errors"].ratio_high
    assert found["latency"].p_value < 0.001 < found["score"].p_value
    assert said.notes == ()


def test_arms_are_described():
    one = experiment()
    outcomes = log(one, worse)
    said = report(one, outcomes, now=1000)
    first = said.arms[0]
    own = [each.outcome for each in outcomes if each.outcome.arm == "a"]
    assert (first.units, first.outcomes) == (len(own), len(own))
    assert first.failed == sum(each.error for each in own)
    answered = sorted(each.latency_s for each in own if not each.error)
    assert first.latency_p50_s == answered[math.ceil(len(answered) / 2) - 1]
    assert sum(each <= first.latency_p95_s for each in answered) >= 0.95 * len(answered)
    errors = first.metrics["errors"]
    assert errors.mean == pytest.approx(first.failed / len(own))
    assert errors.low < errors.mean < errors.high
    assert first.metrics["latency"].units == len(answered)


def test_like_arms_are_undecided():
    one = experiment()
    said = report(one, log(one, plain), now=1000)
    assert {each.verdict for each in said.comparisons} == {"undecided"}
    assert said.stop == ()
    assert said.split_p_value > 0.05


@pytest.mark.parametrize(
    ("metric", "worse_by", "stops"),
    [
        ("latency", 0.1, True),
        ("latency", 0.6, False),
        ("errors", 0.5, True),
        ("errors", 20.0, False),
        ("cost", 0.0, False),
        ("score", 0.1, False),
    ],
)
def test_a_guardrail_stops_an_arm_that_is_worse_than_allowed(metric, worse_by, stops):
    one = experiment(guardrails=(Guardrail(metric=metric, worse_by=worse_by),), metrics=("cost",))
    said = report(one, log(one, worse), now=1000)
    (state,) = said.guardrails
    assert (state.stop, said.stop) == (stops, ("b",) if stops else ())
    assert (state.p_value <= 0.05) is stops
    assert state.evidence.startswith("b has ")
    assert ("beyond chance" in state.evidence) is stops


def test_a_falling_score_crosses_its_guardrail():
    one = experiment(guardrails=(Guardrail(metric="score", worse_by=0.1),))

    def draw(arm, chance):
        return {"score": chance.betavariate(6, 2) * (0.5 if arm == "b" else 1)}

    assert report(one, log(one, draw), now=1000).stop == ("b",)


def test_guardrails_are_crossed_by_like_arms_no_oftener_than_allowed():
    """Each looked at after every 75 units."""
    one = experiment(
        guardrails=(
            Guardrail(metric="errors", worse_by=0),
            Guardrail(metric="latency", worse_by=0),
        ),
        metrics=("errors",),
    )
    crossed = 0
    for seed in range(12):
        outcomes = log(one, plain, units=300, seed=seed)
        crossed += any(report(one, outcomes[:n], now=n).stop for n in range(75, 301, 75))
    assert crossed <= 1


def test_several_arms_share_the_level():
    two, three = experiment(), experiment(arms=(A, B, C))

    def slower(arm, chance):
        return {"latency_s": chance.lognormvariate(0, 0.3) * (1.05 if arm == "b" else 1)}

    outcomes = [each for each in log(three, slower, 2000) if each.outcome.arm != "c"]
    alone = by_metric(report(two, outcomes, now=2000))["latency"]
    shared = by_metric(report(three, outcomes, now=2000))["latency"]
    assert shared.difference == alone.difference
    assert shared.low < alone.low < alone.high < shared.high
    assert shared.p_value > alone.p_value


def test_no_outcomes():
    said = report(experiment(guardrails=(Guardrail(metric="cost", worse_by=0.1),)), [], now=5)
    assert said.notes == ("no outcomes yet",)
    assert {each.verdict for each in said.comparisons} == {"no data"}
    assert said.guardrails[0].evidence == "no data of both arms yet"
    assert said.arms[0].latency_p50_s is None
    assert said.split_p_value == 1


def test_an_arm_without_data():
    one = experiment(arms=(A, B, C))
    outcomes = [each for each in log(one, plain, 60) if each.outcome.arm != "c"]
    said = report(one, outcomes, now=60)
    assert "arm c has no outcomes yet" in said.notes
    assert {each.verdict for each in said.comparisons if each.arm == "c"} == {"no data"}
    assert {each.verdict for each in said.comparisons if each.arm == "b"} == {"undecided"}


def test_units_being_watched_count_later():
    one = experiment(unit="session")
    outcomes = log(one, plain, 100)
    said = report(one, outcomes, now=99)
    assert (said.units, said.waiting) == (100, 100)
    assert said.arms[0].metrics["latency"].units == 0
    assert "100 units are still being watched and count later" in said.notes
    later = report(one, outcomes, now=99 + 1800)
    assert later.waiting == 0
    assert later.notes == ()


def test_what_does_not_belong_is_left_out_and_said():
    start = dt.datetime.fromtimestamp(100, dt.UTC)
    one = experiment(started=start)
    outcomes = log(one, plain, 300)
    stranger = msgspec.structs.replace(outcomes[0].outcome, arm="z", time=400.0)
    moved = msgspec.structs.replace(
        outcomes[200].outcome, arm="ba"["ba".index(outcomes[200].outcome.arm) ^ 1], call="again"
    )
    said = report(one, [*outcomes, Seen(stranger, 400), Seen(moved, 401)], now=500, unreadable=2)
    assert said.notes == (
        "left out: 100 outcomes from before the experiment's start",
        "left out: 1 outcome of arms that the experiment does not have",
        "left out: 1 outcome of units that had another arm before: were the weights changed?",
        "left out: 2 outcomes that cannot be read",
    )
    assert said.units == 200


def test_a_split_that_is_off_is_said():
    one = experiment()
    outcomes = log(one, plain, 800)
    lost = [each for i, each in enumerate(outcomes) if each.outcome.arm == "a" or i % 2]
    said = report(one, lost, now=800)
    assert said.split_p_value < 0.01
    assert "do not trust the comparison" in said.notes[-1]


def test_a_store_whose_clock_is_ahead_hides_nothing():
    one = experiment()
    assert report(one, log(one, plain, 100), now=-500).arms[0].metrics["latency"].units > 0


def test_no_scores_and_no_costs_are_no_data():
    one = experiment()
    found = by_metric(report(one, log(one, lambda arm, chance: {}, 200), now=200))
    assert (found["cost"].verdict, found["score"].verdict) == ("no data", "no data")
    assert found["latency"].verdict == "undecided"


def test_a_report_is_json_without_surprises():
    one = experiment(guardrails=(Guardrail(metric="errors", worse_by=0.1),))
    for units in (0, 10, 200):
        said = report(one, log(one, worse, units), now=200)
        assert msgspec.json.decode(msgspec.json.encode(said), type=Report) == said


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"name": ""}, "name"),
        ({"arms": (A,)}, "arms"),
        ({"arms": (A, A)}, "arms[1].name"),
        ({"arms": (A, Arm(name="", model="m"))}, "arms[1].name"),
        ({"arms": (A, Arm(name="b", model="m", weight=-1))}, "arms[1].weight"),
        ({"arms": (A, Arm(name="b", model="m", weight=math.nan))}, "arms[1].weight"),
        (
            {"arms": (Arm(name="a", model="m", weight=0), Arm(name="b", model="n", weight=0))},
            "arms",
        ),
        ({"metrics": ()}, "metrics"),
        ({"alpha": 0.0}, "alpha"),
        ({"alpha": math.nan}, "alpha"),
        ({"window_s": -1.0}, "window_s"),
        ({"window_s": math.inf}, "window_s"),
        ({"started": dt.datetime(2026, 11, 21)}, "started"),  # noqa: DTZ001 - which is the fault
        ({"guardrails": (Guardrail(metric="cost", worse_by=-0.1),)}, "guardrails[0].worse_by"),
        ({"guardrails": (Guardrail(metric="score", worse_by=1.0),)}, "guardrails[0].worse_by"),
    ],
)
def test_an_experiment_that_cannot_be_run_says_where(changed, place):
    wrong = msgspec.structs.replace(experiment(), **changed)
    assert [found for found, _ in faults(wrong)] == [place]
    with pytest.raises(ConfigError, match="cannot be run"):
        report(wrong, [], now=0)


def test_a_good_experiment_has_no_faults():
    check(experiment(arms=(A, msgspec.structs.replace(B, weight=0.0))))


@pytest.mark.parametrize(
    ("metric", "value", "told"),
    [
        ("cost", 1.234e12, "$1.23"),
        ("cost", -2.5e7, "-$0.000025"),
        ("cost", 0.0, "$0"),
        ("latency", 1.234, "1.23 s"),
        ("errors", 0.0123, "1.23%"),
        ("score", 0.7, "0.700"),
    ],
)
def test_amounts_for_people(metric, value, told):
    assert amount(metric, value) == told
