"""The gate of the models' rows finds what is wrong with them, and nothing in those that are shipped."""

from __future__ import annotations

import json

import pytest

from modelway.catalog.check_models import model_faults
from modelway.catalog.models_load import model_file, parse, shipped

SOURCES = [{"tariffs": "docs", "context_tokens": "docs"}]


def found(row: dict, **file) -> list[str]:
    stated = {"version": "2026-11-21", "sources": SOURCES, "models": {"m": {"source": 0, **row}}}
    return list(model_faults("p", parse(json.dumps({**stated, **file}).encode())))


@pytest.mark.parametrize("provider", shipped())
def test_the_rows_that_are_shipped_are_valid(provider):
    assert list(model_faults(provider, model_file(provider))) == []


def test_a_sound_row_has_no_fault():
    assert found({"context_tokens": 8192, "tariffs": [{"input": 0.1}]}) == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"context_tokens": 0}, "context_tokens is 0"),
        ({"context_tokens": 10**9}, "context_tokens is 1000000000"),
        ({"tools": True}, "no source of tools"),
        ({"tariffs": [{"input": -1}]}, "the price of input is -1"),
        ({"tariffs": [{"input": 99999}]}, "prices are per million tokens"),
        ({"tariffs": [{}]}, "names no price"),
        ({"tariffs": [{"input": 1, "output": 0}]}, "a price of 0 beside others"),
        ({"tariffs": [{"input": 1}, {"input": 2}]}, "two tariffs under the same conditions"),
        ({"tariffs": [{"input": 1, "since": "1999-01-01"}]}, "a price since 1999-01-01"),
        ({"tariffs": [{"input": 1, "since": "2099-01-01"}]}, "a price since 2099-01-01"),
        ({"tariffs": [{"input": 1, "since": "soon"}]}, "p/m: Invalid"),
        ({"tariffs": [{"input": 1, "over_tokens": 10**9}]}, "over 1000000000 tokens"),
        ({"tariffs": [{"input": 1}], "why_unpriced": "?"}, "a reason for having none"),
        ({"source": 7}, "p/m: tuple index out of range"),
        ({"colour": "red"}, "unknown field `colour`"),
    ],
)
def test_a_fault_is_found(row, words):
    faults = found(row)
    assert any(words in fault for fault in faults), faults


def test_faults_of_the_file_are_found():
    assert "version must be the day" in found({}, version="new")[0]
    assert "no row" in found({}, aliases={"a": "z"})[0]
    assert "is a row and stands for" in found({}, aliases={"m": "m"})[0]
