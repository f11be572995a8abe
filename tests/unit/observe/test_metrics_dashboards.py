"""The dashboards ask for what there is, by labels that it has."""

import re

import pytest

from modelway.observe.families import FAMILIES
from support.dashboards import dashboard, dashboards, queries

_SPREAD = {"_bucket": ("le",), "_sum": (), "_count": ()}


def names():
    """Every exposed name, with its labels."""
    found = {}
    for family in FAMILIES:
        if family.kind != "spread":
            found[family.name] = set(family.labels)
            continue
        for suffix, more in _SPREAD.items():
            found[f"{family.name}_{family.unit}{suffix}"] = {*family.labels, *more}
        recent = f"{family.name}_recent_{family.unit}"
        found |= {recent: {*family.labels, "quantile"}, f"{recent}_sum": set(family.labels)}
    return found


def used(query):
    """The metrics and labels in a query."""
    bare = re.sub(r'"[^"]*"', '""', query)
    metrics = set(re.findall(r"\bmodelway_\w+", bare))
    labels = set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*""', bare))
    for listed in re.findall(r"\bby \(([^)]*)\)", bare):
        labels |= {one.strip() for one in listed.split(",")}
    return metrics, labels


def test_there_are_three():
    assert dashboards() == ["money.json", "overview.json", "providers.json"]


@pytest.mark.parametrize("name", dashboards())
def test_queries_ask_for_what_there_is(name):
    exposed = names()
    for title, query in queries(name, interval="1m", over="1h"):
        metrics, labels = used(query)
        assert metrics, title
        assert "$" not in query, title
        for metric in metrics:
            assert metric in exposed, title
            assert labels <= exposed[metric], title


@pytest.mark.parametrize("name", dashboards())
def test_variables_ask_for_what_there_is(name):
    exposed = names()
    for variable in dashboard(name)["templating"]["list"]:
        if variable["type"] == "query":
            metric, label = re.fullmatch(
                r"label_values\((\w+).*, (\w+)\)", variable["query"]
            ).groups()
            assert label in exposed[metric]
            assert variable["name"] == label


@pytest.mark.parametrize("name", dashboards())
def test_panels_do_not_lie_upon_each_other_and_have_ids_of_their_own(name):
    panels = dashboard(name)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for place in [panel["gridPos"] for panel in panels]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24


def test_every_measure_is_on_a_dashboard():
    shown = set()
    for name in dashboards():
        for _, query in queries(name, interval="1m", over="1h"):
            shown |= used(query)[0]
    for family in FAMILIES:
        assert any(one.startswith(family.name) for one in shown), family.name
