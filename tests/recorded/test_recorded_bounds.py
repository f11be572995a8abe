"""Recorded requests by their bound: what was billed for them is within it."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any, NamedTuple

import pytest

from modelway.books import Book
from modelway.bounds import Bound
from modelway.call import Body, Call, Deployment, Target
from modelway.catalog.load import provider as shipped_row
from modelway.catalog.models_find import find
from modelway.catalog.pricing import Cost, cost
from modelway.framing.fields import split
from modelway.types import ChatResponse
from support import corpus, read
from support.checks import check_all

AT = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


class Used(NamedTuple):
    exchange: Any
    asked: Bound
    answer: ChatResponse


@pytest.fixture(scope="module")
def used(answers, streams) -> dict[str, Used]:
    """Every answer that says what it read, with what is known of it before it is sent."""
    found = {}
    for one in answers + streams:
        if not isinstance(one.request, dict) or one.id in corpus.REFUSED_HERE:
            continue
        whole = not one.stream
        answer = (
            read.decode_whole(one.dialect, one.body)
            if whole
            else read.folded(one.dialect, [one.body])
        )
        if answer.usage.input_tokens is None:
            continue
        raw = json.dumps(one.request, separators=(",", ":"), ensure_ascii=False).encode()
        body = Body(dialect=one.dialect, fields=split(raw), size_bytes=len(raw))
        found[one.id] = Used(one, Bound(Call(id="1", model="m", body=body)), answer)
    return found


def deployment(one: Used) -> Deployment | None:
    row = shipped_row(one.exchange.provider)
    model = one.exchange.request.get("model") or one.answer.model
    if row is None or not model:
        return None
    return Deployment(
        id=f"{row.name}/{model}",
        provider=row,
        dialect=one.exchange.dialect,
        target=Target(model=model),
        base_url=row.base_url,
    )


def test_nothing_was_billed_above_its_bound(used):
    bounded = {}
    for id_, one in used.items():
        where = deployment(one)
        if where is None:
            continue
        info = find(where.provider, where.model)
        most = Book(where, info, at=AT, service="standard").bound(one.asked, where)
        if isinstance(most, int) and most:
            bounded[id_] = (one, most, cost(one.answer.usage, info, at=AT))

    def is_within(exchange: Any) -> None:
        _, most, billed = bounded[exchange.id]
        if isinstance(billed, Cost):
            told = billed.expected_pico_usd
            assert (billed.total_pico_usd if told is None else told) <= most

    exchanges = [one.exchange for one, _, _ in bounded.values()]
    check_all("billed within the bound", exchanges, is_within, at_least=500)


def test_what_has_no_bound_says_why(used):
    named = re.compile(r"tool|elsewhere|cachedContent|^mode$|^prompt$|^plugins$|_options$")
    found = [one for one in used.values() if one.asked.surcharged]
    assert len(found) > 50
    assert all(named.search(one.asked.surcharged) for one in found)


def test_what_has_a_bound_is_most_of_it(used):
    assert sum([not one.asked.surcharged for one in used.values()]) > 0.85 * len(used)
