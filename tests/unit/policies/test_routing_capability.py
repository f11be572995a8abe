"""Fit by scores, speed and cost, and where scores come from."""

import random
import re
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from modelway.catalog.models import ModelInfo
from modelway.policies.routing import Given, Score, chooser, scored_by
from modelway.policies.routing.scores import shipped
from support.candidates import Question, candidate, ids

shares = st.floats(0, 1)


def order(among, scores, asked, seed=0):
    rank = chooser("capability", Given(scores=scores)).rank
    return ids(rank(asked, tuple(among), random.Random(seed)))


def fit(score, usd, seconds, asked):
    """E3, as it is written down."""
    coding = 0.4 if asked.coding_heavy else 0.2
    reasoning = 0.4 if asked.difficulty == "complex" else 0.2
    speed = 0.3 if asked.difficulty == "simple" else 0.1
    quick = 1 / (1 + seconds)
    return coding * score.coding + reasoning * score.reasoning + speed * quick - 0.3 * usd / 100


@given(
    st.lists(
        st.tuples(shares, shares, st.floats(0, 200), st.floats(0, 200), st.floats(0.01, 60)),
        min_size=1,
        max_size=8,
    ),
    st.booleans(),
    st.sampled_from(["simple", "moderate", "complex"]),
)
def test_candidates_come_by_their_fit(rows, coding_heavy, difficulty):
    asked = Question(coding_heavy=coding_heavy, difficulty=difficulty)
    among, scores, usd, fits = [], {}, {}, {}
    for number, (coding, reasoning, read, written, seconds) in enumerate(rows):
        id_ = str(number)
        among.append(candidate(id_, read_usd=read, written_usd=written, measured_s=seconds))
        scores[id_] = Score(coding=coding, reasoning=reasoning)
        usd[id_] = (3 * read + written) / 4
        fits[id_] = fit(scores[id_], usd[id_], seconds, asked)
    fixed = {round(fit(scores[id_], usd[id_], float("inf"), asked), 9) for id_ in scores}
    assume(len(fixed) == len(rows))
    found = [fits[id_] for id_ in order(among, scores, asked)]
    assert all(one >= other - 1e-6 for one, other in pairwise(found))


def test_no_price_comes_after_all_prices_and_no_score_last():
    among = [
        candidate("no score", read_usd=0, measured_s=0.1),
        candidate("no price", measured_s=0.1),
        candidate("worse", read_usd=90, measured_s=50.0),
    ]
    scores = {
        "no price": Score(coding=1.0, reasoning=1.0),
        "worse": Score(coding=0.0, reasoning=0.0),
    }
    assert order(among, scores, Question()) == ["worse", "no price", "no score"]


def test_what_is_measured_counts_before_a_score_of_speed():
    scores = {
        "slow": Score(coding=0.5, reasoning=0.5, speed=1.0),
        "quick": Score(coding=0.5, reasoning=0.5, speed=0.0),
    }
    slow = candidate("slow", read_usd=0, measured_s=30.0)
    quick = candidate("quick", read_usd=0, measured_s=0.2)
    assert order([slow, quick], scores, Question(difficulty="simple"), seed=4)[0] == "quick"
    slow.measured_s = quick.measured_s = None
    apart = {**scores, "slow": Score(coding=0.5, reasoning=0.51, speed=1.0)}
    assert order([slow, quick], apart, Question(difficulty="simple"))[0] == "slow"
    untold = {**scores, "slow": Score(coding=0.5, reasoning=0.4)}
    assert order([slow, quick], untold, Question(difficulty="simple"))[0] == "slow"


def test_among_replicas_the_better_of_two():
    same = {"replica": Score(coding=0.9, reasoning=0.9)}
    among = [
        candidate("a", model="replica", read_usd=1, measured_s=2.0, open_requests=9),
        candidate("b", model="replica", read_usd=1, measured_s=2.0),
    ]
    assert order(among, same, Question())[0] == "b"


@pytest.mark.parametrize(
    ("known_by", "said"),
    [
        ({"model": "gpt-5.5"}, "gpt-5.5"),
        ({"model": "openai/gpt-5.5"}, "gpt-5.5"),
        ({"model": "gpt-5.5-2026-04-23"}, "gpt-5.5"),
        ({"model": "claude-opus-4-5-20251101"}, "claude-opus-4-5"),
        ({"model": "MiniMaxAI/MiniMax-M2.5"}, "minimax-m2.5"),
        ({"model": "deployed", "base_model": "openai/gpt-5.5"}, "gpt-5.5"),
        ({"model": "alias", "info": ModelInfo(name="gpt-5.5")}, "gpt-5.5"),
        ({"model": "gpt-5.5-mini"}, None),
        ({"model": "no such model"}, None),
    ],
)
def test_which_names_a_score_is_found_by(known_by, said):
    assert scored_by({})(candidate("id", **known_by)) == (shipped()[said] if said else None)


def test_the_operators_own_scores_go_first_and_the_most_particular_name():
    own = Score(coding=0.1, reasoning=0.1)
    one = candidate("p/gpt-5.5#2", model="gpt-5.5")
    assert scored_by({"gpt-5.5": own})(one) is own
    other = Score(coding=0.2, reasoning=0.2)
    assert scored_by({"gpt-5.5": own, "p/gpt-5.5#2": other})(one) is other


def test_every_score_that_is_shipped_has_a_source_and_a_date():
    scores = shipped()
    assert len(scores) >= 10
    for name, score in scores.items():
        assert name == name.casefold()
        assert re.fullmatch(r"https://\S+/scores\.json, 20\d\d-\d\d-\d\d", score.source), name
        assert 0 < score.coding < 1
        assert 0 < score.reasoning < 1
        assert score.speed is None


def test_what_is_not_known_of_a_candidate_is_said():
    scores = {"scored": Score(coding=0.5, reasoning=0.5)}
    made = chooser("capability", Given(scores=scores))
    assert made.remark(candidate("scored", read_usd=1)) is None
    unpriced = "its price is not known, so it comes after those whose price is"
    assert made.remark(candidate("scored")) == unpriced
    unscored = "no score of its model has a source, so it comes after those that have one"
    assert made.remark(candidate("other", read_usd=1)) == unscored
    assert chooser("cheapest").remark(candidate("other")) == unpriced
    assert chooser("fits | random").remark(candidate("other")) is None
