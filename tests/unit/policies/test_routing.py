"""The order in which deployments are tried."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.call import Call, Deployment, Target
from modelway.catalog.rows import Provider
from modelway.policies.routing import ALIASES, STRATEGIES, canonical, lacking, spellings, strategy

CALL = Call(id="1", model="m")


def deployment(name, *, weight=1.0, priority=0, local=False):
    row = Provider(name="p", base_url="http://h", dialects=("openai-chat",), local=local)
    return Deployment(
        id=name,
        provider=row,
        dialect="openai-chat",
        target=Target(model=name),
        base_url="http://h",
        weight=weight,
        priority=priority,
    )


def order(name, candidates, seed=0):
    return [one.id for one in strategy(name)(CALL, candidates, random.Random(seed))]


@given(
    st.sampled_from(sorted(STRATEGIES)),
    st.lists(st.tuples(st.floats(0, 10), st.integers(0, 3), st.booleans()), max_size=6),
    st.integers(0, 100),
)
def test_every_strategy_keeps_all_and_respects_priority(name, told, seed):
    candidates = [
        deployment(str(n), weight=weight, priority=priority, local=local)
        for n, (weight, priority, local) in enumerate(told)
    ]
    ordered = strategy(name)(CALL, candidates, random.Random(seed))
    assert sorted(one.id for one in ordered) == sorted(one.id for one in candidates)
    if name == "local_first":
        rank = [(not one.provider.local, one.priority) for one in ordered]
    else:
        rank = [one.priority for one in ordered]
    assert rank == sorted(rank)


def test_weights_decide_how_often_each_is_first():
    candidates = [deployment("a", weight=3), deployment("b", weight=1), deployment("z", weight=0)]
    chance = random.Random(7)
    firsts = Counter(strategy("weighted")(CALL, candidates, chance)[0].id for _ in range(4000))
    assert firsts["z"] == 0
    assert 2800 < firsts["a"] < 3200


def test_weights_of_zero_alone_still_answer():
    assert sorted(order("weighted", [deployment("a", weight=0), deployment("b", weight=0)])) == [
        "a",
        "b",
    ]


def test_random_ignores_weights():
    candidates = [deployment("a", weight=1000), deployment("b", weight=1)]
    chance = random.Random(7)
    firsts = Counter(strategy("random")(CALL, candidates, chance)[0].id for _ in range(1000))
    assert 400 < firsts["a"] < 600


def test_round_robin_takes_turns_inside_a_priority():
    candidates = [deployment("a"), deployment("b"), deployment("c", priority=1)]
    turns = strategy("round_robin")
    ordered = [[one.id for one in turns(CALL, candidates, random.Random(0))] for _ in range(3)]
    assert ordered == [["a", "b", "c"], ["b", "a", "c"], ["a", "b", "c"]]
    assert order("round_robin", candidates) == ["a", "b", "c"]


def test_round_robin_remembers_only_so_many():
    turns = strategy("round_robin")
    for number in range(10_050):
        turns(CALL, [deployment(f"a{number}"), deployment("b")], random.Random(0))
    assert len(turns._turns) <= 10_000


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Priority", "ordered"),
        ("load-balanced", "round_robin"),
        ("LOCAL AFFINITY", "local_first"),
        ("cheapest", "ordered"),
        ("best", None),
    ],
)
def test_spellings(spelling, name):
    assert canonical(spelling) == name


def test_every_spelling_means_something():
    assert all(canonical(spelling) in STRATEGIES for spelling in spellings())
    assert set(ALIASES.values()) <= set(STRATEGIES)
    assert lacking("fastest") == "measured latencies"
    assert lacking("ordered") is None
