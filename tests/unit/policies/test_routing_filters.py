"""Why a candidate may not answer."""

import pytest

from modelway.catalog.models import ModelInfo
from modelway.policies.routing.filters import fits, local_if_sensitive, within_budget
from support.candidates import PICO, Question, candidate


def test_what_is_not_known_is_no_reason():
    asked = Question(input_tokens=10**9, needs=frozenset({"tools", "vision", "audio", "schema"}))
    assert fits(asked, candidate("a")) is None
    assert fits(asked, candidate("a", info=ModelInfo())) is None


@pytest.mark.parametrize(
    ("read", "cap", "reason"),
    [
        (900, 100, None),
        (1000, None, None),
        (901, 100, "its window holds 1000 tokens, and this needs about 1001"),
        (1001, None, "its window holds 1000 tokens, and this needs about 1001"),
    ],
)
def test_the_window_holds_the_input_and_the_cap(read, cap, reason):
    info = ModelInfo(context_tokens=1000)
    asked = Question(input_tokens=read, output_tokens=cap)
    assert fits(asked, candidate("a", info=info)) == reason


@pytest.mark.parametrize(
    ("needs", "info", "reason"),
    [
        ({"tools"}, ModelInfo(tools=False), "its model has no tools"),
        ({"tools"}, ModelInfo(tools=True), None),
        ({"vision"}, ModelInfo(inputs=("text",)), "its model has no vision"),
        ({"vision"}, ModelInfo(inputs=("text", "image")), None),
        ({"audio"}, ModelInfo(inputs=("text", "image")), "its model has no audio"),
        ({"audio"}, ModelInfo(inputs=("audio",)), None),
        ({"schema"}, ModelInfo(json_schema=False), "its model has no schema"),
        ({"reasoning"}, ModelInfo(reasoning=False), "its model has no reasoning"),
        (
            {"vision", "tools"},
            ModelInfo(tools=False, inputs=("text",)),
            "its model has no tools, vision",
        ),
        ({"unheard of"}, ModelInfo(tools=False), None),
    ],
)
def test_the_model_can_do_what_is_needed(needs, info, reason):
    assert fits(Question(needs=frozenset(needs)), candidate("a", info=info)) == reason


def test_what_is_sensitive_stays_at_home():
    away, home = candidate("away"), candidate("home", local=True)
    assert local_if_sensitive(Question(), away) is None
    assert local_if_sensitive(Question(sensitive=True), home) is None
    reason = "what is asked is sensitive, and its provider is not local"
    assert local_if_sensitive(Question(sensitive=True), away) == reason


def test_what_is_left_pays_for_the_call_at_its_most():
    dear = candidate("dear", read_usd=10, written_usd=30)
    # 1,000 read and the usual 1,000 written: four cents; with a cap of 100: 1.3 cents
    assert within_budget(Question(budget_pico_usd=PICO * 4 // 100), dear) is None
    reason = within_budget(Question(budget_pico_usd=PICO * 3 // 100), dear)
    assert reason == "it may cost $0.040000, and $0.030000 is left"
    assert within_budget(Question(budget_pico_usd=PICO * 3 // 100, output_tokens=100), dear) is None
    assert within_budget(Question(), dear) is None
    assert within_budget(Question(budget_pico_usd=0), candidate("no price")) is None
    assert within_budget(Question(budget_pico_usd=0), candidate("free", read_usd=0)) is None
