"""Which row of the table a task falls under."""

import msgspec
import pytest
from msgspec.structs import replace

from modelway.policies.task.rules import KINDS, RULES, TaskRule, choose
from modelway.policies.task.values import CATEGORIES, DIFFICULTIES, Task

PLAIN = Task(
    category="writing",
    confidence=0.9,
    difficulty="moderate",
    sensitive=False,
    coding_heavy=False,
    code_share=0.0,
    input_tokens=100,
)


def chosen(**facts):
    rule = choose(replace(PLAIN, **facts))
    return None if rule is None else (rule.primary, rule.fallback)


@pytest.mark.parametrize(
    ("facts", "models"),
    [
        (
            {"category": "debugging", "difficulty": "complex"},
            ("strongest_reasoning", "strongest_coding"),
        ),
        ({"category": "generation", "difficulty": "complex"}, ("strongest_coding", "strongest")),
        ({"category": "refactoring"}, ("strongest_coding", "strongest")),
        ({"category": "security"}, ("strongest", "strongest_coding")),
        ({"category": "simple", "difficulty": "simple"}, ("cheapest", "fastest")),
        ({"difficulty": "simple"}, ("cheapest", "strongest")),
        ({"difficulty": "complex"}, ("strongest", "strongest_reasoning")),
        ({"long_file": True}, ("cheapest", "strongest")),
        ({"sensitive": True}, ("local", None)),
    ],
)
def test_the_shipped_table(facts, models):
    assert chosen(**facts) == models


def test_what_fits_no_row_is_left_to_the_route():
    assert choose(PLAIN) is None
    assert choose(PLAIN, ()) is None


def test_what_is_sensitive_stays_local_whatever_else_it_is():
    for category in CATEGORIES:
        for difficulty in DIFFICULTIES:
            for long_file in (False, True):
                facts = {"category": category, "difficulty": difficulty, "long_file": long_file}
                assert chosen(sensitive=True, **facts) == ("local", None)


def test_an_unsure_task_is_not_given_to_the_cheapest():
    assert chosen(difficulty="simple", confidence=0.4) is None


def test_the_shipped_table_names_kinds_only_and_says_why():
    for rule in RULES:
        assert {rule.primary, rule.fallback} <= KINDS | {None}
        assert rule.reason


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ({"categories": ("testing", "debugging")}, {"category": "testing"}),
        ({"difficulties": ("complex",)}, {"difficulty": "complex"}),
        ({"sensitive": True}, {"sensitive": True}),
        ({"coding_heavy": True}, {"coding_heavy": True}),
        ({"long_file": True}, {"long_file": True}),
        ({"needs": ("vision", "tools")}, {"needs": frozenset(("vision", "tools", "audio"))}),
        ({"over_tokens": 100}, {"input_tokens": 101}),
        ({"min_confidence": 0.95}, {"confidence": 0.95}),
    ],
    ids=[
        "categories",
        "difficulties",
        "sensitive",
        "code",
        "long",
        "needs",
        "tokens",
        "confidence",
    ],
)
def test_each_condition_is_asked_for(condition, met):
    rule = TaskRule(primary="local", reason="r", **condition)
    assert choose(PLAIN, [rule]) is None
    assert choose(replace(PLAIN, **met), [rule]) is rule


def test_a_condition_may_be_that_something_is_not_so():
    rule = TaskRule(primary="local", reason="r", sensitive=False)
    assert choose(PLAIN, [rule]) is rule
    assert choose(replace(PLAIN, sensitive=True), [rule]) is None


def test_conditions_hold_together_and_the_first_row_wins():
    both = TaskRule(primary="a", reason="r", categories=("writing",), difficulties=("complex",))
    any_task = TaskRule(primary="b", reason="r")
    assert choose(PLAIN, [both, any_task]) is any_task
    assert choose(replace(PLAIN, difficulty="complex"), [both, any_task]) is both


def test_a_row_is_read_from_configuration_and_may_name_a_model():
    row = {
        "categories": ["debugging"],
        "difficulties": ["complex"],
        "primary": "house/big-coder",
        "fallback": "strongest",
        "reason": "ours knows our code",
    }
    rule = msgspec.convert(row, TaskRule)
    assert choose(replace(PLAIN, category="debugging", difficulty="complex"), [rule]) is rule


@pytest.mark.parametrize(
    "wrong",
    [
        {"category": ["debugging"]},
        {"categories": ["cooking"]},
        {"needs": ["smell"]},
        {"primary": 3},
    ],
    ids=["field", "category", "need", "type"],
)
def test_a_row_that_is_misspelt_is_refused(wrong):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"primary": "local", "reason": "r", **wrong}, TaskRule)
