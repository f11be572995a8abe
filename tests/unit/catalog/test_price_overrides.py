"""Prices that an operator says: by tokens, by the hour, by a discount; here or in a file."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.catalog.load import provider as row_of
from modelway.catalog.models import RATES, Tariff, clashes
from modelway.catalog.models_find import find
from modelway.catalog.models_overrides import Fault, read
from modelway.config import yaml_source
from modelway.config.prices import overrides
from modelway.config.problems import describe
from modelway.config.reading import Context


def found(said, model="gpt-4.1"):
    laid, problems = read(said)
    assert problems == ()
    return find(row_of("openai"), model, None, laid)


def standard(info):
    return next(one for one in info.tariffs if one.service == "standard")


def test_a_discount_is_on_every_price_of_the_catalogue():
    before, after = found({}), found({"openai/gpt-4.1": {"discount": 0.15}})
    for old, new in zip(before.tariffs, after.tariffs, strict=True):
        for rate in RATES:
            if getattr(old, rate) is not None:
                assert getattr(new, rate) == getattr(old, rate) * Decimal("0.85")
    assert after.version.startswith(f"{before.version} + configuration:")


def test_the_nearest_discount_holds_alone():
    both = {"openai/*": {"discount": 0.5}, "openai/gpt-4.1": {"discount": 0.1}}
    assert standard(found(both)).input == Decimal("1.8")
    assert standard(found(both, "gpt-4.1-mini")).input == Decimal("0.2")


def test_a_price_of_one_model_is_without_the_discount_of_all():
    said = {"openai/*": {"discount": 0.5}, "openai/gpt-4.1": {"price": {"input": 3, "output": 3}}}
    assert found(said).tariffs == (Tariff(input=Decimal(3), output=Decimal(3)),)


def test_a_discount_is_on_a_price_that_was_said_for_all():
    said = {"openai/*": {"price": {"input": 10, "output": 20}}, "openai/x": {"discount": 0.5}}
    assert found(said, "x").tariffs[0].output == 10


def test_a_discount_on_nothing_is_no_price():
    info = found({"openai/unheard-of": {"discount": 0.5}}, "unheard-of")
    assert info.tariffs == ()


def test_by_the_hour():
    info = found({"openai/gpt-4.1": {"price": {"usd_per_hour": 2.5, "concurrent": 8}}})
    assert (info.per_hour.usd_per_hour, info.per_hour.concurrent) == (Decimal("2.5"), 8)
    assert info.tariffs == ()


def test_other_prices_have_another_version():
    one = found({"openai/gpt-4.1": {"price": {"input": 1, "output": 2}}})
    two = found({"openai/gpt-4.1": {"price": {"input": 1, "output": 3}}})
    facts = found({"openai/gpt-4.1": {"max_output_tokens": 5}})
    assert len({one.version, two.version, facts.version}) == 3
    assert facts.version.endswith(" + configuration")


@pytest.mark.parametrize(
    ("facts", "path", "words"),
    [
        ({"price": {"output": 1}}, ("price", "output"), "none of input"),
        ({"price": {"cached": 1}}, ("price", "cached"), "none of input"),
        ({"price": {"input": 1, "reasoning": 1}}, ("price", "reasoning"), "none of output"),
        ({"price": {"input": 0.000002}}, ("price", "input"), "not per token"),
        ({"price": {"input": 2001}}, ("price", "input"), "per million tokens"),
        ({"price": {"input": "Infinity"}}, ("price", "input"), "is Infinity"),
        ({"price": {"input": 1, "output": "NaN"}}, ("price", "output"), "is NaN"),
        ({"price": {"input": 1, "output": -1}}, ("price", "output"), "is -1"),
        ({"price": [{"input": 1}, {"input": 2}]}, ("price", 1), "hold at the same time"),
        ({"price": {"usd_per_hour": -1}}, ("price", "usd_per_hour"), "0 to 1000 USD"),
        ({"price": {"usd_per_hour": "NaN"}}, ("price", "usd_per_hour"), "is NaN"),
        ({"price": {"usd_per_hour": 1, "concurrent": 0}}, ("price", "concurrent"), "is 0"),
        ({"price": {"usd_per_hour": 1, "concurrent": 1.5}}, ("price",), "Expected `int`"),
        ({"price": {"usd_per_hour": 1, "input": 1}}, ("price",), "unknown field `input`"),
        ({"price": {"input": 1, "days": [1]}}, ("price",), "go with hours"),
        ({"price": {"input": 1}, "discount": 0.1}, ("discount",), "not both"),
        ({"discount": 15}, ("discount",), "0.15 is 15 %"),
        ({"discount": 0}, ("discount",), "0.15 is 15 %"),
        ({"discount": "NaN"}, ("discount",), "is NaN"),
        ({"discount": 0.123456789}, ("discount",), "8 decimals"),
        ({"surcharge_usd": -1}, ("surcharge_usd",), "is -1"),
        ({"surcharge_usd": "NaN"}, ("surcharge_usd",), "is NaN"),
        ({"per_hour": 1}, ("per_hour",), "unknown: per_hour"),
    ],
)
def test_a_fault_says_where_it_is(facts, path, words):
    _, problems = read({"house/m": facts})
    (fault,) = problems
    assert isinstance(fault, Fault)
    assert fault.path == ("house/m", *path)
    assert words in fault.message
    assert fault == f"house/m: {fault.message}"


TIMES = [
    ({}, {}, True),
    ({}, {"service": "batch"}, False),
    ({}, {"since": "2026-01-01"}, False),
    ({}, {"over_tokens": 1000}, False),
    ({}, {"hours": ["00:00-06:00"]}, False),
    ({"hours": ["00:00-06:00"]}, {"hours": ["06:00-00:00"]}, False),
    ({"hours": ["00:00-06:01"]}, {"hours": ["06:00-00:00"]}, True),
    ({"hours": ["22:00-02:00"]}, {"hours": ["01:00-03:00"]}, True),
    ({"hours": ["22:00-02:00"], "days": [1]}, {"hours": ["01:00-03:00"], "days": [2]}, False),
    ({"hours": ["00:00-00:00"], "days": [1, 2]}, {"hours": ["01:00-03:00"], "days": [2]}, True),
]


@pytest.mark.parametrize(("one", "other", "clash"), TIMES)
def test_prices_that_hold_at_the_same_time_are_refused(one, other, clash):
    _, problems = read({"m": {"price": [{"input": 1, **one}, {"input": 2, **other}]}})
    assert bool(problems) is clash


spans = st.tuples(st.integers(0, 23), st.integers(0, 23)).filter(lambda span: span[0] != span[1])


@given(spans, spans)
def test_whether_prices_clash_does_not_depend_on_their_order(one, other):
    def at(span):
        return Tariff(hours=(f"{span[0]:02}:00-{span[1]:02}:00",))

    assert bool(list(clashes([at(one), at(other)]))) is bool(list(clashes([at(other), at(one)])))


# ---------------------------------------------------------------- in a configuration


def told(text, directory):
    context = Context({}, in_file=True)
    node = yaml_source.read(text, "modelway.yaml").fields["catalogue"]
    laid = overrides(node, context, directory)
    return laid, [describe(problem) for problem in context.problems]


def test_a_file_of_prices_and_what_stands_beside_it(tmp_path):
    (tmp_path / "prices.yaml").write_text("a: {price: {input: 1}}\nb: {price: {input: 2}}\n")
    laid, problems = told("catalogue:\n  file: prices.yaml\n  b: {price: {input: 3}}", tmp_path)
    assert problems == []
    assert {name: one.tariffs[0].input for name, one in laid.models.items()} == {"a": 1, "b": 3}


def test_a_file_in_toml(tmp_path):
    (tmp_path / "prices.toml").write_text('["house/m"]\ndiscount = 0.25\n')
    laid, problems = told("catalogue: {file: prices.toml}", tmp_path)
    assert problems == []
    assert laid.models["house/m"].discount == Decimal("0.25")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "a:\n  price:\n    input: 1\n    output: -3\n",
            "line 1: catalogue.file (prices.yaml line 4): a.price.output: the price of output is -3",
        ),
        ("a: [\n", "line 1: catalogue.file: 'prices.yaml', line 2: not valid YAML"),
        ("- a\n", "line 1: catalogue.file (prices.yaml line 1): the models' overrides must be"),
        (
            "a: {price: {input: .nan}}",
            "line 1: catalogue.file: 'prices.yaml', line 1: not a number",
        ),
    ],
)
def test_what_is_wrong_in_a_file_of_prices_is_told_with_its_line(tmp_path, text, line):
    (tmp_path / "prices.yaml").write_text(text)
    laid, problems = told("catalogue: {file: prices.yaml}", tmp_path)
    assert laid.models == {}
    assert len(problems) == 1
    assert problems[0].startswith(line)


def test_a_file_that_is_not_there_is_a_fault(tmp_path):
    _, problems = told("catalogue: {file: gone.yaml}", tmp_path)
    assert "'gone.yaml': the file cannot be read" in problems[0]


def test_a_fault_in_the_configuration_itself_has_its_line(tmp_path):
    text = "catalogue:\n  house/m:\n    price:\n      - input: 1\n      - input: 2000\n"
    _, problems = told(text, tmp_path)
    assert problems[0].startswith("line 5: catalogue.house/m.price[1].input: the price of input")
