"""How often experiments find what is not there, and how soon what is, looked at after every unit.

python bench/experiments_aa.py                 # about ten minutes on one core
python bench/experiments_aa.py --only alike    # one of the tables

Prints the tables of docs/experiments.md. Everything is drawn from ``--seed``.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
from collections.abc import Callable
from typing import NamedTuple

from modelway.experiments.asymptotic import Means, Moments, mean_interval
from modelway.experiments.betting import Bounded
from modelway.experiments.comparing import Versus, difference
from modelway.experiments.units import Seen, counted, gather
from modelway.experiments.values import Arm, Experiment, Metric, Outcome

ALPHA = 0.05
BOUND = math.log(1 / ALPHA)
Draw = Callable[[random.Random], float]


class Kind(NamedTuple):
    name: str
    metric: Metric
    draw: Draw
    share: float = 0.5


def lognormal(spread: float) -> Draw:
    return lambda chance: chance.lognormvariate(0, spread)


def failing(rate: float) -> Draw:
    return lambda chance: float(chance.random() < rate)


def scored(mean: float) -> Draw:
    return lambda chance: chance.betavariate(8 * mean, 8 * (1 - mean))


KINDS = (
    Kind("latency, log-normal 0.5", "latency", lognormal(0.5)),
    Kind("cost, log-normal 1", "cost", lognormal(1)),
    Kind("cost, log-normal 1, one of ten", "cost", lognormal(1), 0.1),
    Kind("cost, log-normal 1.5", "cost", lognormal(1.5)),
    Kind("cost, log-normal 1.5, one of ten", "cost", lognormal(1.5), 0.1),
    Kind("errors, 1 %", "errors", failing(0.01)),
    Kind("errors, 10 %", "errors", failing(0.1)),
    Kind("errors, 10 %, one of ten", "errors", failing(0.1), 0.1),
    Kind("score, about 0.7", "score", scored(0.7)),
)


def versus(share: float) -> Versus:
    return Versus("a", "b", {"a": 1 - share, "b": share}, ALPHA)


def looked_at(kind: Kind, other: Draw, units: int, chance: random.Random) -> tuple[int, int]:
    """After how many units the arms are told apart, by the sequence and by a t-test; 0: never."""
    found = difference(kind.metric, versus(kind.share))
    plain = Means(1.0, ALPHA)
    ours = naive = 0
    for unit in range(1, units + 1):
        to_first = chance.random() >= kind.share
        value = kind.draw(chance) if to_first else other(chance)
        found.add(value, to_first=to_first)
        if not ours and found.log_evidence() >= BOUND:
            ours = unit
        if not naive:
            plain.add(value, to_first=to_first)
            naive = unit if t_test_finds(plain) else 0
        if ours and naive:
            break
    return ours, naive


def t_test_finds(means: Means) -> bool:
    """A test with the level of one look, with thirty units of each arm at least."""
    first, arm = means.first, means.arm
    if min(first.number, arm.number) < 30:
        return False
    error = math.sqrt(first.variance / first.number + arm.variance / arm.number)
    return abs(arm.mean - first.mean) > 1.96 * error


def share_of(times: list[int]) -> str:
    return f"{sum(map(bool, times)) / len(times):.1%}"


def alike(runs: int, units: int, chance: random.Random) -> None:
    print(f"\n### Arms that are alike ({runs} runs of {units} units)\n")
    print("| what | differences found | by a t-test, looked at as often |\n|---|---|---|")
    for kind in KINDS:
        pairs = [looked_at(kind, kind.draw, units, chance) for _ in range(runs)]
        ours, naive = zip(*pairs, strict=True)
        print(f"| {kind.name} | {share_of(list(ours))} | {share_of(list(naive))} |", flush=True)


EFFECTS = (
    (Kind("latency, log-normal 0.5", "latency", lognormal(0.5)), 1.05, "5 % slower"),
    (Kind("latency, log-normal 0.5", "latency", lognormal(0.5)), 1.2, "20 % slower"),
    (Kind("cost, log-normal 1", "cost", lognormal(1)), 1.1, "10 % dearer"),
    (Kind("cost, log-normal 1", "cost", lognormal(1)), 0.5, "half as dear"),
)
RATES = (
    (Kind("errors, 1 %", "errors", failing(0.01)), failing(0.02), "2 %", 0.01, 0.0099, 0.0196),
    (Kind("errors, 1 %", "errors", failing(0.01)), failing(0.05), "5 %", 0.04, 0.0099, 0.0475),
    (Kind("score, 0.7", "score", scored(0.7)), scored(0.75), "0.75", 0.05, 0.21 / 9, 0.1875 / 9),
)


def unlike(runs: int, chance: random.Random) -> None:
    print(f"\n### Arms that differ ({runs} runs, half and half, 40,000 units at most)\n")
    print("| first arm | the other | found | units, median | 90 % by | a test planned for it |")
    print("|---|---|---|---|---|---|")
    for kind, times, told in EFFECTS:
        spread = 0.5 if kind.metric == "latency" else 1.0
        mean = math.exp(spread**2 / 2)
        variance = (math.exp(spread**2) - 1) * mean**2
        planned = fixed_size(mean * abs(times - 1), variance, variance * times**2)
        row(kind, scaled(kind.draw, times), (told, planned), runs, chance)
    for kind, other, told, effect, of_first, of_other in RATES:
        row(kind, other, (told, fixed_size(effect, of_first, of_other)), runs, chance)


def scaled(draw: Draw, times: float) -> Draw:
    return lambda chance: draw(chance) * times


def fixed_size(effect: float, of_first: float, of_other: float) -> int:
    """Units of both arms for a single look at the end, found in 80 of 100."""
    return math.ceil(2 * (1.96 + 0.8416) ** 2 * (of_first + of_other) / effect**2)


def row(kind: Kind, other: Draw, told: tuple[str, int], runs: int, chance: random.Random) -> None:
    times = []
    for _ in range(runs):
        found = difference(kind.metric, versus(kind.share))
        for unit in range(1, 40_001):
            to_first = chance.random() >= kind.share
            found.add((kind.draw if to_first else other)(chance), to_first=to_first)
            if found.log_evidence() >= BOUND:
                times.append(unit)
                break
        else:
            times.append(0)
    ended = sorted([one or 40_001 for one in times])
    median, most = int(statistics.median(ended)), ended[math.ceil(0.9 * runs) - 1]
    print(
        f"| {kind.name} | {told[0]} | {share_of(times)} | {shown(median)} | {shown(most)} | "
        f"{told[1]:,} |",
        flush=True,
    )


def shown(units: int) -> str:
    return f"{units:,}" if units <= 40_000 else "-"


def repeated(runs: int, chance: random.Random) -> None:
    """Users that differ and call often: each call counts, or each user once."""
    print(f"\n### Users that call again ({runs} runs of 200 users, 40 calls each, arms alike)\n")
    print("| what counts | differences found |\n|---|---|")
    experiment = Experiment(
        name="e", arms=(Arm(name="a", model="m"), Arm(name="b", model="n")), window_s=86_400
    )
    ways = {
        "each call, as if it were another user's": as_calls,
        "each user once, by the day from the first call": as_units,
    }
    found = dict.fromkeys(ways, 0)
    for _ in range(runs):
        log = calls(200, 40, chance)
        for way, finds in ways.items():
            found[way] += finds(experiment, log)
    for way, number in found.items():
        print(f"| {way} | {number / runs:.1%} |", flush=True)


def calls(users: int, each: int, chance: random.Random) -> list[Seen]:
    """Calls of users that come within two weeks, and each have a pace of their own."""
    log = []
    for user in range(users):
        arm = chance.choice("ab")
        level = chance.lognormvariate(0, 0.5)
        came = chance.uniform(0, 14 * 86_400)
        for number in range(each):
            at = came + (chance.uniform(0, 3 * 86_400) if number else 0.0)
            outcome = Outcome(
                experiment="e",
                arm=arm,
                unit=str(user),
                call=f"{user}.{number}",
                time=at,
                latency_s=level * chance.lognormvariate(0, 0.5),
            )
            log.append(Seen(outcome, at))
    return sorted(log, key=lambda seen: seen.time)


def as_calls(_: Experiment, log: list[Seen]) -> bool:
    found = difference("latency", versus(0.5))
    for seen in log:
        found.add(seen.outcome.latency_s, to_first=seen.outcome.arm == "a")
        if found.log_evidence() >= BOUND:
            return True
    return False


def as_units(experiment: Experiment, log: list[Seen]) -> bool:
    found = difference("latency", versus(0.5))
    for one in counted(gather(experiment, log).units, "latency", math.inf):
        found.add(one.value, to_first=one.arm == "a")
        if found.log_evidence() >= BOUND:
            return True
    return False


def guardrails(runs: int, units: int, chance: random.Random) -> None:
    print(f"\n### Guardrails of 10 % ({runs} runs of {units} units, looked at after each)\n")
    print("| what | the arm is worse by | stopped | units, median |\n|---|---|---|---|")
    for name, metric, draw in (
        ("latency, log-normal 0.5", "latency", lognormal(0.5)),
        ("errors, 10 %", "errors", None),
    ):
        for worse in (0.0, 0.1, 0.5, 1.0):
            times = []
            for _ in range(runs):
                found = difference(metric, versus(0.5), 1.1)
                times.append(stopped(found, draw, worse, units, chance))
            ended = [one for one in times if one]
            median = f"{int(statistics.median(ended)):,}" if len(ended) > runs / 2 else "-"
            print(f"| {name} | {worse:.0%} | {share_of(times)} | {median} |", flush=True)


def stopped(found, draw: Draw | None, worse: float, units: int, chance: random.Random) -> int:
    for unit in range(1, units + 1):
        to_first = chance.random() >= 0.5
        times = 1 if to_first else 1 + worse
        value = float(chance.random() < 0.1 * times) if draw is None else draw(chance) * times
        found.add(value, to_first=to_first)
        if found.log_evidence("above") >= BOUND:
            return unit
    return 0


def covered(runs: int, units: int, chance: random.Random) -> None:
    print(f"\n### Intervals of means and differences ({runs} runs of {units} units, every tenth)\n")
    print("| what | runs in which the truth was ever outside |\n|---|---|")
    for kind, truth in (
        (Kind("mean latency, log-normal 0.5", "latency", lognormal(0.5)), math.exp(0.125)),
        (Kind("mean cost, log-normal 1", "cost", lognormal(1)), math.exp(0.5)),
        (Kind("mean cost, log-normal 1.5", "cost", lognormal(1.5)), math.exp(1.125)),
        (Kind("errors, 1 %", "errors", failing(0.01)), 0.01),
        (Kind("mean score, about 0.7", "score", scored(0.7)), 0.7),
    ):
        lost = sum([mean_outside(kind, truth, units, chance) for _ in range(runs)])
        print(f"| {kind.name} | {lost / runs:.1%} |", flush=True)
    for share in (0.5, 0.1):
        for kind, other, truth in (
            (Kind("latency, log-normal 0.5", "latency", lognormal(0.5), share), 2.0, 1.0),
            (Kind("cost, log-normal 1", "cost", lognormal(1), share), 0.5, -0.5),
            (Kind("cost, log-normal 1", "cost", lognormal(1), share), 2.0, 1.0),
            (Kind("cost, log-normal 1.5", "cost", lognormal(1.5), share), 0.5, -0.5),
            (Kind("cost, log-normal 1.5", "cost", lognormal(1.5), share), 2.0, 1.0),
        ):
            spread = float(kind.name.split()[-1])
            gap = truth * math.exp(spread**2 / 2)
            lost = sum([gap_outside(kind, other, gap, units, chance) for _ in range(runs)])
            told = f"difference of {kind.name}, the other arm {other:g} times it"
            print(f"| {told}, {share:.0%} of units | {lost / runs:.1%} |", flush=True)


def mean_outside(kind: Kind, truth: float, units: int, chance: random.Random) -> bool:
    """Whether an arm's interval ever loses its mean."""
    moments, exact = Moments(), Bounded()
    bounded = kind.metric in {"errors", "score"}
    for unit in range(1, units + 1):
        (exact if bounded else moments).add(kind.draw(chance))
        if unit % 10 == 0:
            low, high = (-math.inf, math.inf) if bounded else mean_interval(moments, ALPHA)
            if not low <= truth <= high or (bounded and exact.log_evidence(truth) >= BOUND):
                return True
    return False


def gap_outside(kind: Kind, times: float, gap: float, units: int, chance: random.Random) -> bool:
    """Whether the interval of a difference ever loses it."""
    found = difference(kind.metric, versus(kind.share))
    for unit in range(1, units + 1):
        to_first = chance.random() >= kind.share
        found.add(kind.draw(chance) * (1 if to_first else times), to_first=to_first)
        if unit % 10 == 0:
            low, high = found.interval()
            if not low <= gap <= high:
                return True
    return False


SECTIONS: dict[str, Callable[[int, int, random.Random], None]] = {
    "alike": alike,
    "repeated": lambda runs, _, chance: repeated(runs, chance),
    "unlike": lambda runs, _, chance: unlike(max(runs // 5, 1), chance),
    "guardrails": lambda runs, units, chance: guardrails(max(runs // 3, 1), units, chance),
    "covered": covered,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--units", type=int, default=2000)
    parser.add_argument("--seed", default="20261121")
    parser.add_argument("--only", choices=SECTIONS)
    chosen = parser.parse_args()
    for name, section in SECTIONS.items():
        if chosen.only in {None, name}:
            section(chosen.runs, chosen.units, random.Random(f"{chosen.seed} {name}"))


if __name__ == "__main__":
    main()
