"""Every subject between every client and every provider: kept, or somebody is told."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import pytest

from modelway.dialects import NAMES, dialect
from modelway.testing import crossing
from modelway.testing.crossing import CLIENTS, PROVIDERS
from modelway.testing.subjects import ANSWERS, QUESTIONS, STATES

SCRIPTS = Path(__file__).parents[2] / "scripts"
PROVIDER = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda one: one.title)
ANYONE = pytest.mark.parametrize("client", [None, *CLIENTS], ids=lambda one: one or "sdk")


_question, _answer = crossing.question, crossing.answer
returned = cache(crossing.returned)


@cache
def asked(client, provider, name):
    return _question(client, provider, QUESTIONS[name])


@cache
def answered(client, provider, name):
    return _answer(client, provider, name, ANSWERS[name])


def test_every_dialect_is_in_the_table():
    whole = [name for name in NAMES if "chat" in dialect(name).downstream]
    assert sorted(CLIENTS) == sorted(whole)


@PROVIDER
@ANYONE
def test_questions_are_kept_or_somebody_is_told(client, provider):
    verdicts = {name: asked(client, provider, name) for name in QUESTIONS}
    assert _of(verdicts, "lost") == {}
    told = _of(verdicts, "changed", "refused", "unsaid")
    assert all(verdict.why and all(verdict.why) for verdict in told.values()), "without a reason"


@PROVIDER
@pytest.mark.parametrize("client", CLIENTS)
def test_answers_are_kept_or_explained_whole_and_streamed(client, provider):
    verdicts = {name: answered(client, provider, name) for name in ANSWERS}
    assert _of(verdicts, "lost") == {}


@PROVIDER
@ANYONE
def test_state_comes_back_or_somebody_is_told(client, provider):
    verdicts = {name: returned(client, provider, name) for name in STATES}
    assert _of(verdicts, "lost") == {}
    if client not in ("cohere", "ollama"):  # whose thoughts are texts and nothing else
        left = {"signed texts"} if client == "anthropic-messages" else set()
        assert _of(verdicts, "changed", "unsaid").keys() <= left


def _of(verdicts, *kinds):
    return {name: verdict for name, verdict in verdicts.items() if verdict.kind in kinds}


def test_no_explanation_is_of_something_kept():
    said = {
        (client, name)
        for client in CLIENTS
        for provider in PROVIDERS
        for name in {**ANSWERS, **STATES}
        if _verdict(client, provider, name).kind == "unsaid"
    }
    assert said == crossing.NO_WORDS.keys()


def _verdict(client, provider, name):
    if name in STATES:
        return returned(client, provider, name)
    return answered(client, provider, name)


@PROVIDER
def test_the_plainest_things_are_kept_everywhere(provider):
    for client in (None, *CLIENTS):
        for name in ("text", "system", "tools", "call and result", "parallel calls and results"):
            verdict = asked(client, provider, name)
            assert verdict.kind == "kept", (client, name, verdict.why)
    for client in CLIENTS:
        for name in ("text", "call", "text and parallel calls", "usage: input, output"):
            assert answered(client, provider, name).kind == "kept", client


def test_the_tables_of_the_page_are_up_to_date(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    monkeypatch.delitem(sys.modules, "generated_pages", raising=False)
    import generated_pages

    monkeypatch.setattr(crossing, "question", lambda *of: asked(*of[:2], _named(QUESTIONS, of[2])))
    monkeypatch.setattr(crossing, "answer", lambda *of: answered(*of[:3]))
    monkeypatch.setattr(crossing, "returned", returned)
    page = (generated_pages.DOCS / "dialects.md").read_text("utf-8")
    assert generated_pages.dialects_page() == page, "run scripts/docs"


def _named(subjects, wanted):
    return next(name for name, subject in subjects.items() if subject is wanted)
