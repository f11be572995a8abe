"""Strategies and filters of somebody else's."""

import copy
import logging
import random
import sys
from types import ModuleType

import pytest

from modelway.errors import ConfigError
from modelway.policies.routing import Given, canonical, chooser
from support.candidates import Question, candidate, ids

ASKED = Question()
AMONG = (candidate("a"), candidate("b"), candidate("c", priority=1))


class Turns:
    """Remembers."""

    def __init__(self):
        self.turn = 0

    def __call__(self, asked, candidates, chance):
        self.turn += 1
        yield candidates[self.turn % len(candidates)]


def backwards(asked, candidates, chance):
    return reversed(candidates)


def only_b(asked, candidate_):
    return None if candidate_.deployment.id == "b" else "it is not b"


def twice(asked, candidates, chance):
    return [*candidates, *candidates]


def broken(asked, candidates, chance):
    yield candidates[1]
    raise ZeroDivisionError("by hand")


def foreign(asked, candidates, chance):
    yield candidates[2]
    yield candidate("c")


def none(asked, candidates, chance):
    return None


def of_two(asked, candidates):
    return candidates


async def later(asked, candidates, chance):
    return candidates


def broken_filter(asked, candidate_):
    raise KeyError("nothing")


def wordless(asked, candidate_):
    return False


@pytest.fixture(autouse=True)
def acme(monkeypatch):
    module = ModuleType("acme_routing")
    names = globals()
    for name in [
        "Turns",
        "backwards",
        "only_b",
        "twice",
        "broken",
        "foreign",
        "none",
        "of_two",
        "later",
        "broken_filter",
        "wordless",
    ]:
        setattr(module, name, names[name])
    module.inner = module
    module.number = 7
    monkeypatch.setitem(sys.modules, "acme_routing", module)
    return module


def order(spec, now=lambda: 0.0):
    rank = chooser(spec, Given(now=now)).rank
    return ids(rank(ASKED, AMONG, random.Random(0)))


def test_a_function_orders():
    assert order("acme_routing:backwards") == ["c", "b", "a"]
    assert order("acme_routing:inner.backwards") == ["c", "b", "a"]


def test_a_class_is_made_once_and_a_copy_of_it_moves_nothing():
    rank = chooser("acme_routing:Turns").rank
    for _ in range(3):
        ids(copy.deepcopy(rank)(ASKED, AMONG, random.Random(0)))
    first = [ids(rank(ASKED, AMONG, random.Random(0))) for _ in range(3)]
    assert first == [["b"], ["c"], ["a"]]


def test_what_is_before_the_last_is_a_filter():
    made = chooser("acme_routing:only_b | cheapest")
    assert [filtering(ASKED, AMONG[0]) for filtering in made.filters] == ["it is not b"]
    assert [filtering(ASKED, AMONG[1]) for filtering in made.filters] == [None]


def test_what_comes_twice_is_asked_once():
    assert order("acme_routing:twice") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("name", "first", "said"),
    [
        ("broken", "b", "ZeroDivisionError: by hand"),
        ("foreign", "c", "none of its candidates"),
        ("none", None, "TypeError: 'NoneType' object is not iterable"),
    ],
)
def test_one_that_fails_is_named_and_the_rest_goes_by_priority(name, first, said, caplog):
    with caplog.at_level(logging.ERROR, "modelway"):
        found = order(f"acme_routing:{name}")
    assert sorted(found) == ["a", "b", "c"]
    assert first is None or found[0] == first
    rest = [one for one in found if one != first]
    assert rest.index("a") < rest.index("c") if "c" in rest else rest[0] in "ab"
    assert f"the strategy acme_routing:{name} failed" in caplog.text
    assert said in caplog.text


def test_it_is_reported_once_a_minute(caplog):
    now = [0.0]
    rank = chooser("acme_routing:none", Given(now=lambda: now[0])).rank
    with caplog.at_level(logging.ERROR, "modelway"):
        for second in (0, 1, 59, 60, 61):
            now[0] = float(second)
            ids(rank(ASKED, AMONG, random.Random(0)))
    assert len(caplog.records) == 2


@pytest.mark.parametrize("name", ["broken_filter", "wordless"])
def test_a_filter_that_fails_holds_its_candidate_back(name, caplog):
    made = chooser(f"acme_routing:{name} | random")
    with caplog.at_level(logging.ERROR, "modelway"):
        reason = made.filters[0](ASKED, AMONG[0])
    assert reason.startswith(f"the filter acme_routing:{name} failed: ")
    assert "its candidate is passed over" in caplog.text


def test_a_strategy_that_is_stopped_early_is_not_a_fault(caplog):
    rank = chooser("acme_routing:broken").rank
    tried = rank(ASKED, AMONG, random.Random(0))
    assert next(tried).deployment.id == "b"
    tried.close()
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("acme_routing:nothing", "cannot be loaded: AttributeError"),
        ("no_such_module:name", "cannot be loaded: ModuleNotFoundError"),
        ("acme_routing:number", "is a int, which cannot be called"),
        ("acme_routing:later", "is async"),
        ("acme_routing:of_two", "cannot be called with .asked, candidates, chance.: too many"),
        ("acme_routing:backwards | random", "cannot be called with .asked, candidate.: missing"),
        ("json:dumps", "cannot be called with"),
        ("fractions:Fraction | random", "cannot be called|cannot be made"),
    ],
)
def test_what_is_wrong_with_one_is_said_when_it_is_configured(spec, said):
    assert canonical(spec) == spec
    with pytest.raises(ConfigError, match=said):
        chooser(spec)


def test_one_is_installed_by_an_entry_point(monkeypatch):
    class Point:
        def __init__(self, told):
            self.told = told

        def load(self):
            return self.told

    points = {"Nearest": Point(backwards), "EU-only": Point(only_b)}
    for module in ("custom", "spec"):
        monkeypatch.setattr(
            f"modelway.policies.routing.{module}.installed",
            lambda group: points if group == "strategies" else {},
        )
    assert canonical("fits | Nearest") == "fits | Nearest"
    assert canonical("nearest") is None
    assert order("Nearest") == ["c", "b", "a"]
    made = chooser("EU-only | Nearest")
    assert made.filters[0](ASKED, AMONG[0]) == "it is not b"


def test_nothing_is_imported_to_know_a_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "acme_routing", None)
    assert canonical("acme_routing:backwards") == "acme_routing:backwards"
