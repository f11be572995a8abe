"""What holds for every strategy, and how a route's word for one is read."""

import copy
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import ConfigError
from modelway.policies.routing import (
    ALIASES,
    FILTERS,
    STRATEGIES,
    Given,
    Score,
    canonical,
    chooser,
    spellings,
)
from support.candidates import Question, candidate, ids

GIVEN = Given(
    scores={"0": Score(coding=0.5, reasoning=0.25), "1": Score(coding=0.25, reasoning=0.5)},
    prefer=lambda asked: ("3", "0") if asked.category == "debugging" else (),
    now=lambda: 0.0,
)
CROSSING = ("local_first", "hybrid", "task_table")
"""Strategies that priority does not come first in."""

prices = st.none() | st.floats(0, 100)
candidates = st.lists(
    st.builds(
        lambda **said: said,
        weight=st.sampled_from([0.0, 0.5, 1.0, 3.0]),
        priority=st.integers(0, 2),
        local=st.booleans(),
        open_requests=st.integers(0, 3),
        read_usd=prices,
        written_usd=prices,
        measured_s=st.none() | st.floats(0.01, 60),
        held_back_s=st.sampled_from([0.0, 2.0]),
    ),
    max_size=7,
).map(lambda rows: tuple(candidate(str(number), **row) for number, row in enumerate(rows)))
questions = st.builds(
    Question,
    input_tokens=st.integers(0, 200_000),
    output_tokens=st.none() | st.integers(1, 9000),
    category=st.sampled_from(["debugging", "other"]),
    difficulty=st.sampled_from(["simple", "moderate", "complex"]),
    coding_heavy=st.booleans(),
    sensitive=st.booleans(),
    budget_pico_usd=st.none() | st.integers(0, 10**12),
)


def rank(name):
    return chooser(name, GIVEN).rank


@given(st.sampled_from(sorted(STRATEGIES)), candidates, questions, st.integers(0, 99))
def test_each_candidate_comes_exactly_once(name, among, asked, seed):
    ordered = list(rank(name)(asked, among, random.Random(seed)))
    assert sorted(ids(ordered)) == sorted(ids(among))
    assert {id(one) for one in ordered} == {id(one) for one in among}


@given(
    st.sampled_from(sorted(set(STRATEGIES) - set(CROSSING))),
    candidates,
    questions,
    st.integers(0, 99),
)
def test_a_lower_priority_comes_first_and_weight_0_is_its_reserve(name, among, asked, seed):
    ordered = rank(name)(asked, among, random.Random(seed))
    places = [(one.deployment.priority, one.deployment.weight == 0) for one in ordered]
    assert places == sorted(places)


@given(candidates, questions, st.integers(0, 99))
def test_local_first_goes_before_priority(among, asked, seed):
    ordered = rank("local_first")(asked, among, random.Random(seed))
    told = [one.deployment for one in ordered]
    places = [(not one.provider.local, one.priority, one.weight == 0) for one in told]
    assert places == sorted(places)


@given(st.sampled_from(sorted(STRATEGIES)), candidates, questions, st.integers(0, 99))
def test_the_same_chance_gives_the_same_order_of_a_tuple_and_a_list(name, among, asked, seed):
    first = ids(rank(name)(asked, among, random.Random(seed)))
    again = ids(rank(name)(asked, list(among), random.Random(seed)))
    assert first == again


@given(st.sampled_from(sorted(STRATEGIES)), candidates, questions, st.integers(0, 99))
def test_what_is_remembered_of_a_route_changes_nothing(name, among, asked, seed):
    ranking = rank(name)
    if name != "round_robin":
        ids(ranking(Question(input_tokens=7), among, random.Random(1)))
    assert ids(ranking(asked, among, random.Random(seed))) == ids(
        rank(name)(asked, among, random.Random(seed))
    )


@given(st.sampled_from(sorted(STRATEGIES)), candidates, questions, st.integers(1, 3))
def test_a_copy_moves_nothing(name, among, asked, turns):
    ranking, untouched = rank(name), rank(name)
    for _ in range(turns):
        ids(copy.deepcopy(ranking)(asked, among, random.Random(3)))
    assert ids(ranking(asked, among, random.Random(3))) == ids(
        untouched(asked, among, random.Random(3))
    )


@given(
    st.sampled_from(["ordered", "cheapest", "cost_optimised", "capability", "local_first"]),
    candidates,
    questions,
    st.integers(0, 99),
)
def test_filtering_what_is_ranked_leaves_a_rank_of_what_is_filtered(name, among, asked, seed):
    """Up to what chance decides: between those of one tier, and one price."""
    made = chooser(f"local_if_sensitive | {name}", GIVEN)
    allowed = tuple(
        one for one in among if not any(filtering(asked, one) for filtering in made.filters)
    )
    ranked = [one for one in made.rank(asked, among, random.Random(seed)) if one in allowed]
    ahead = list(made.rank(asked, allowed, random.Random(seed)))

    def place(one):
        told = one.deployment
        before = not told.provider.local if name == "local_first" else None
        price = one.usual_price if name == "cheapest" else None
        return before, told.priority, told.weight == 0, price

    if name in ("ordered", "cheapest", "local_first"):
        assert list(map(place, ranked)) == list(map(place, ahead))
    assert sorted(ids(ranked)) == sorted(ids(ahead))


@pytest.mark.parametrize(
    ("spelling", "meaning"),
    [
        ("Priority", "ordered"),
        ("load-balanced", "round_robin"),
        ("load_balanced", "round_robin"),
        ("LOCAL AFFINITY", "local_first"),
        ("cost_optimized", "cost_optimised"),
        ("lowest_cost", "cheapest"),
        ("fastest", "latency"),
        ("latency-based-routing", "latency"),
        ("usage-based-routing", "least_busy"),
        ("least-busy", "least_busy"),
        ("simple-shuffle", "weighted"),
        ("fits", "fits | ordered"),
        ("Fits|local-if-sensitive |  lowest cost", "fits | local_if_sensitive | cheapest"),
        ("fits | fits | random", "fits | random"),
        ("acme.routing:Nearest", "acme.routing:Nearest"),
        ("acme.routing:allowed | random", "acme.routing:allowed | random"),
        ("best", None),
        ("", None),
        ("cheapest | fits", None),
        ("cheapest | random", None),
        ("acme routing:nearest", None),
    ],
)
def test_spellings(spelling, meaning):
    assert canonical(spelling) == meaning


def test_every_spelling_can_be_used_and_is_its_own_canonical_form():
    for spelling in spellings():
        meaning = canonical(spelling)
        assert meaning is not None
        assert canonical(meaning) == meaning
        chooser(spelling)
    assert set(ALIASES.values()) <= set(STRATEGIES)
    assert not set(FILTERS) & set(STRATEGIES)


def test_a_ranking_brings_the_filters_without_which_it_does_not_keep_its_word():
    assert chooser("cost_optimised").filters == (FILTERS["fits"], FILTERS["within_budget"])
    assert chooser("hybrid").filters == (FILTERS["local_if_sensitive"],)
    assert chooser("fits | capability").filters == (FILTERS["fits"],)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("best", "there is no strategy 'best'; there are fits"),
        ("cheapest | random", "cheapest orders, so it stands last"),
    ],
)
def test_what_is_wrong_with_a_spec(spec, said):
    with pytest.raises(ConfigError, match=said):
        chooser(spec)
