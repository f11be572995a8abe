"""What each ranking puts first, and how often."""

import copy
import random
from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.call import Call
from modelway.policies.routing import Given, Score, chooser
from modelway.policies.routing.cheapest import _rounded
from modelway.policies.routing.latency import SECOND_LOOKS
from modelway.policies.routing.least_busy import MOST_READ
from modelway.policies.routing.tiers import Splitting, Tier
from support.candidates import Question, candidate, ids

ASKED = Question()


def order(name, among, asked=ASKED, seed=0, **given):
    return ids(chooser(name, Given(**given)).rank(asked, tuple(among), random.Random(seed)))


def firsts(name, among, calls=4000, asked=ASKED):
    rank, among, chance = chooser(name).rank, tuple(among), random.Random(7)
    return Counter(next(iter(rank(asked, among, chance))).deployment.id for _ in range(calls))


def chi_square(seen, expected):
    total = sum(expected.values())
    calls = sum(seen.values())
    return sum(
        (seen[name] - calls * share / total) ** 2 / (calls * share / total)
        for name, share in expected.items()
    )


def test_weights_decide_how_often_each_is_first():
    expected = {"a": 5, "b": 3, "c": 1.5, "d": 0.5}
    among = [candidate(name, weight=weight) for name, weight in expected.items()]
    seen = firsts("weighted", [*among, candidate("z", weight=0)])
    assert seen["z"] == 0
    assert chi_square(seen, expected) < 16.3  # three degrees of freedom, one in a thousand


def test_weights_decide_what_is_second_too():
    among = tuple(
        candidate(name, weight=weight) for name, weight in zip("abc", (2, 1, 1), strict=True)
    )
    rank, chance = chooser("weighted").rank, random.Random(11)
    pairs = Counter("".join(ids(islice(rank(ASKED, among, chance), 2))) for _ in range(6000))
    expected = {"ab": 1 / 4, "ac": 1 / 4, "ba": 1 / 6, "bc": 1 / 12, "ca": 1 / 6, "cb": 1 / 12}
    assert chi_square(pairs, expected) < 20.5  # five degrees of freedom, one in a thousand


def test_the_default_is_priority_as_written():
    assert order(
        "ordered", [candidate("b", priority=1), candidate("a"), candidate("c", priority=2)]
    ) == list("abc")


def test_random_ignores_weights():
    seen = firsts("random", [candidate("a", weight=1000), candidate("b", weight=1)])
    assert chi_square(seen, {"a": 1, "b": 1}) < 10.8


def test_weights_of_zero_alone_answer_in_the_order_written():
    assert order("weighted", [candidate("a", weight=0), candidate("b", weight=0)]) == ["a", "b"]


def test_round_robin_takes_turns_inside_a_priority():
    among = (candidate("a"), candidate("b"), candidate("c", priority=1))
    rank = chooser("round_robin").rank
    ordered = [ids(rank(ASKED, among, random.Random(0))) for _ in range(3)]
    assert ordered == [["a", "b", "c"], ["b", "a", "c"], ["a", "b", "c"]]


def test_a_copy_of_round_robin_goes_on_from_where_it_was_copied():
    among = (candidate("a"), candidate("b"), candidate("c"))
    rank = chooser("round_robin").rank
    ids(rank(ASKED, among, random.Random(0)))
    twin = copy.deepcopy(rank)
    assert ids(twin(ASKED, among, random.Random(0)))[0] == "b"
    assert ids(twin(ASKED, among, random.Random(0)))[0] == "c"
    assert ids(rank(ASKED, among, random.Random(0)))[0] == "b"


def test_round_robin_remembers_only_so_many():
    rank = chooser("round_robin").rank
    for number in range(10_050):
        next(iter(rank(ASKED, [candidate(f"a{number}"), candidate("b")], random.Random(0))))
    assert len(rank._within._turns) <= 10_000


def test_a_list_that_changes_is_looked_at_anew():
    among = [candidate("a")]
    rank = chooser("ordered").rank
    assert ids(rank(ASKED, among, random.Random(0))) == ["a"]
    among[0] = candidate("b")
    assert ids(rank(ASKED, among, random.Random(0))) == ["b"]


def test_only_so_many_routes_are_remembered():
    splitting = Splitting()
    for _ in range(300):
        splitting.of((candidate("a"), candidate("b")))
    assert len(splitting._known) <= 128


def test_least_busy_counts_open_requests_for_each_weight():
    among = [
        candidate("a", open_requests=3),
        candidate("b", open_requests=5, weight=4),
        candidate("c", open_requests=2),
    ]
    assert order("least_busy", among) == ["b", "c", "a"]
    idle = [candidate("light"), candidate("heavy", weight=4)]
    assert firsts("least_busy", idle, calls=50) == {"heavy": 50}


def test_least_busy_spreads_over_those_that_are_alike():
    among = [candidate("busy", open_requests=9)] + [candidate(name) for name in "abcd"]
    seen = firsts("least_busy", among)
    assert chi_square(seen, dict.fromkeys("abcd", 1)) < 16.3


def test_least_busy_of_many_compares_a_random_part():
    among = tuple(candidate(str(number), open_requests=1) for number in range(200))
    rank, chance = chooser("least_busy").rank, random.Random(5)
    for _ in range(20_000):
        next(iter(rank(ASKED, among, chance))).open_requests += 1
    loads = [one.open_requests for one in among]
    assert sum(loads) == 20_200
    assert max(loads) - min(loads) <= 4
    among[150].open_requests = 0
    reached = firsts("least_busy", among, calls=2000)
    assert reached["150"] > 2000 * MOST_READ / 200 * 0.8


def test_latency_prefers_the_faster_of_two_for_what_it_has_to_do():
    fast = candidate("fast", measured_s=1.0, open_requests=3)
    slow = candidate("slow", measured_s=5.0)
    assert order("latency", [fast, slow]) == ["fast", "slow"]
    fast.open_requests = 5
    assert order("latency", [fast, slow]) == ["slow", "fast"]


def test_latency_begins_with_the_worse_of_two_but_rarely():
    among = [candidate(name, measured_s=float(n + 1)) for n, name in enumerate("abc")]
    seen = firsts("latency", among, calls=20_000)
    looks = SECOND_LOOKS
    expected = {"a": 2 - 2 * looks, "b": 1, "c": 2 * looks}
    assert chi_square(seen, expected) < 13.8  # two degrees of freedom, one in a thousand


def test_what_is_not_measured_is_asked_first_but_by_one_request():
    new = candidate("new")
    old = candidate("old", measured_s=0.1, open_requests=50)
    assert order("latency", [old, new])[0] == "new"
    new.open_requests = 1
    assert order("latency", [old, new])[0] == "old"


def test_cheapest_knows_no_price_as_none_and_shares_among_equals():
    among = [
        candidate("unknown"),
        candidate("dear", read_usd=5),
        candidate("free", read_usd=0, weight=3),
        candidate("too", read_usd=0),
    ]
    assert order("cheapest", among)[2:] == ["dear", "unknown"]
    assert chi_square(firsts("cheapest", among), {"free": 3, "too": 1}) < 10.8


def test_cheapest_follows_a_price_that_changes():
    now = [0.0]
    a, b = candidate("a", read_usd=1), candidate("b", read_usd=2)
    among = (a, b)
    rank = chooser("cheapest", Given(now=lambda: now[0])).rank
    assert ids(rank(ASKED, among, random.Random(0))) == ["a", "b"]
    a.read_usd = 3
    now[0] = 59.9
    assert ids(rank(ASKED, among, random.Random(0))) == ["a", "b"]
    now[0] = 60.0
    assert ids(rank(ASKED, among, random.Random(0))) == ["b", "a"]


def test_cost_optimised_goes_by_what_is_asked():
    reads = candidate("reads", read_usd=1, written_usd=50)
    writes = candidate("writes", read_usd=4, written_usd=8)
    assert order(
        "cost_optimised", [reads, writes], Question(input_tokens=9000, output_tokens=10)
    ) == ["reads", "writes"]
    assert order(
        "cost_optimised", [reads, writes], Question(input_tokens=90, output_tokens=1000)
    ) == ["writes", "reads"]
    assert order("cost_optimised", [reads, writes], Question(input_tokens=90)) == [
        "writes",
        "reads",
    ]


@given(
    st.integers(1, 300_000),
    st.integers(1, 9000),
    st.lists(st.tuples(st.floats(0.01, 9), st.floats(0.01, 9)), min_size=2, max_size=5),
)
def test_cost_optimised_is_never_far_from_the_cheapest(read, written, prices):
    """Sizes are rounded up by an eighth at most, so a choice costs at most an eighth too much."""
    among = [candidate(str(n), read_usd=a, written_usd=b) for n, (a, b) in enumerate(prices)]
    asked = Question(input_tokens=read, output_tokens=written)
    chosen = order("cost_optimised", among, asked)[0]
    costs = [one.price(read, written) for one in among]
    assert costs[int(chosen)] <= min(costs) * 9 / 8 + 1


@given(st.integers(0, 2_000_000))
def test_sizes_are_rounded_up_by_an_eighth_at_most(tokens):
    assert tokens <= _rounded(tokens) <= tokens * 9 / 8
    assert bin(_rounded(tokens)).rstrip("0").count("1") <= 4


def test_few_orders_are_worked_out_for_many_sizes():
    among = (candidate("a", read_usd=1), candidate("b", read_usd=2))
    rank = chooser("cost_optimised", Given(now=lambda: 0.0)).rank
    for size in range(1000, 2000):
        next(iter(rank(Question(input_tokens=size, output_tokens=500), among, random.Random(0))))
    assert len(rank._splitting.of(among)[0]._kept) <= 10


def test_only_so_many_orders_are_remembered():
    tier = Tier([candidate("a")])
    for number in range(2000):
        tier.kept(number, lambda: 0.0, lambda whole: [whole])
    assert len(tier._kept) <= 512


def test_quick_tasks_go_to_the_fastest_and_large_ones_to_the_cheapest():
    fast = candidate("fast", measured_s=0.1, read_usd=9)
    cheap = candidate("cheap", measured_s=9.0, read_usd=1)
    assert order("by_size", [cheap, fast], Question(output_tokens=499)) == ["fast", "cheap"]
    assert order("by_size", [fast, cheap], Question(input_tokens=10_001)) == ["cheap", "fast"]
    assert order("by_size", [fast, cheap], Question(input_tokens=10_001, output_tokens=500)) == [
        "cheap",
        "fast",
    ]
    assert order("by_size", [fast, cheap], Question(input_tokens=10_001, output_tokens=499)) == [
        "fast",
        "cheap",
    ]
    either = firsts(
        "by_size", [fast, cheap], asked=Question(input_tokens=10_000, output_tokens=500)
    )
    assert chi_square(either, {"fast": 1, "cheap": 1}) < 10.8


def test_hybrid_keeps_what_is_not_complex_at_home_unless_it_would_wait():
    home, idle = candidate("home", local=True), candidate("idle", local=True, priority=1)
    away = candidate("away")
    among = [away, home, idle]
    assert order("hybrid", among) == ["home", "idle", "away"]
    assert order("hybrid", among, Question(difficulty="complex")) == ["away", "home", "idle"]
    home.held_back_s = 3.0
    assert order("hybrid", among) == ["idle", "away", "home"]
    idle.held_back_s = 3.0
    assert order("hybrid", among) == ["away", "home", "idle"]


def test_a_table_puts_its_models_first_in_its_order():
    among = [
        candidate("p/small", model="small"),
        candidate("p/large#1", model="large", priority=3),
        candidate("p/large#2", model="large", priority=1),
        candidate("p/mine", base_model="base"),
    ]
    table = {"debugging": ("p/large", "base"), "simple": ("small", "p/large#1")}
    given_ = {"prefer": lambda asked: table.get(asked.category, ())}
    debugging = order("task_table", among, Question(category="debugging"), **given_)
    assert debugging == ["p/large#2", "p/large#1", "p/mine", "p/small"]
    simple = order("task_table", among, Question(category="simple"), **given_)
    assert simple == ["p/small", "p/large#1", "p/mine", "p/large#2"]
    other = order("task_table", among, Question(category="other"), **given_)
    assert other[2:] == ["p/large#2", "p/large#1"]


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (["strongest"], ["both#1", "both#2"]),
        (["strongest_coding", "strongest_reasoning"], ["coder", "thinker"]),
        (["cheapest", "strongest_coding"], ["home", "coder"]),
        (["local"], ["home"]),
        (["fastest", "cheapest"], ["thinker", "home"]),
        (["nobody", "local"], ["home"]),
        (["coder", "strongest_coding", "local"], ["coder", "home"]),
    ],
)
def test_a_table_may_say_what_kind_of_model(words, first):
    scores = {
        "coder": Score(coding=0.9, reasoning=0.1),
        "thinker": Score(coding=0.1, reasoning=0.9),
        "both": Score(coding=0.8, reasoning=0.8),
    }
    among = [
        candidate("both#2", model="both", read_usd=9, priority=2, measured_s=9.0, open_requests=1),
        candidate("both#1", model="both", read_usd=9, priority=1, measured_s=9.0, open_requests=1),
        candidate("coder", read_usd=2, measured_s=9.0, open_requests=1),
        candidate("thinker", read_usd=3, measured_s=0.1),
        candidate("home", local=True, read_usd=0, priority=5, measured_s=9.0, open_requests=1),
    ]
    for seed in range(20):
        found = order("task_table", among, seed=seed, scores=scores, prefer=lambda _: words)
        if words[0] == "fastest" and found[0] != "thinker":
            continue  # the better of two others
        assert found[: len(first)] == first
        assert len(found) == len(among)


def test_a_kind_that_cannot_be_told_means_nobody():
    among = [candidate("a", priority=1), candidate("b")]
    found = order("task_table", among, prefer=lambda _: ["strongest", "cheapest", "local"])
    assert found == ["b", "a"]


@pytest.mark.parametrize("stream", [False, True])
def test_latency_asks_for_what_the_call_waits_for(stream):
    seen = []

    class Watched:
        deployment = candidate("a").deployment
        open_requests = 0

        def latency_s(self, streamed):
            seen.append(streamed)
            return 1.0

    asked = Question(call=Call(id="1", model="m", stream=stream))
    list(chooser("latency").rank(asked, (Watched(), Watched()), random.Random(0)))
    assert set(seen) == {stream}
