"""What a call cost and the most that it may cost, over every model of the catalogue."""

from __future__ import annotations

import datetime as dt
import json
import logging
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.bounds import Bound
from modelway.call import Body, Call, Deployment, Passing, Target, Timeouts
from modelway.catalog.load import provider as row_of
from modelway.catalog.models_find import find
from modelway.catalog.models_load import model_file, shipped
from modelway.catalog.pricing import Cost, cost
from modelway.config.load import load
from modelway.config.resolve import resolve
from modelway.facts import Charged, Facts
from modelway.framing.fields import split
from modelway.messages import user
from modelway.retrieval import EmbedResponse, RerankRequest
from modelway.types import ChatRequest, ChatResponse, Choice, Message, Thinking, Usage

DAY_S = 86_400


class Clock:
    """Somebody's time."""

    def __init__(self, at: str = "2026-11-20T12:00:00+00:00") -> None:
        self.now = dt.datetime.fromisoformat(at).timestamp()

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


def facts(catalogue=None, clock=None):
    config = {"providers": {"openai": {"api_key": "k"}}, "catalogue": catalogue or {}}
    return Facts(load(config, environment={}), clock or Clock())


def deployment(provider, model, *, dialect=None, own_cap=None, **more):
    row = row_of(provider)
    body = more.pop("body", {})
    return Deployment(
        id=f"{provider}/{model}",
        provider=row,
        dialect=dialect or row.dialects[0],
        target=Target(model=model, max_output_tokens=own_cap, body=body),
        base_url=row.base_url,
        **more,
    )


GPT = deployment("openai", "gpt-4.1")
CLAUDE = deployment("anthropic", "claude-sonnet-4-5")
HOUSE = deployment("openai-compatible", "qwen3")
LOCAL = deployment("ollama", "qwen3")
PLAIN = Usage(input_tokens=1000, output_tokens=100)


def asking(text="hi", **fields):
    return Bound(Call(id="1", model="m", request=ChatRequest(messages=(user(text),), **fields)))


def asking_bytes(body, dialect="openai-chat"):
    raw = json.dumps(body).encode()
    said = Body(dialect=dialect, fields=split(raw), size_bytes=len(raw))
    return Bound(Call(id="1", model="m", body=said))


@cache
def catalogued():
    """Every priced model: (provider, name)."""
    return tuple(
        (provider, name)
        for provider in shipped()
        if row_of(provider)
        for name in model_file(provider).models
        if find(row_of(provider), name).tariffs
    )


@st.composite
def shares(draw, of):
    """A part of a number: none of it, all of it, or some."""
    return draw(st.sampled_from([0, of]) | st.integers(0, of))


@st.composite
def usages(draw, most_read, most_made, *, sound, long):
    read, made = draw(shares(most_read)), draw(shares(most_made))
    cached = draw(shares(read))
    write = draw(shares(read - cached))
    reasoning = draw(shares(made))
    return Usage(
        input_tokens=read,
        output_tokens=made,
        cached_tokens=draw(st.sampled_from([None, cached])),
        cache_write_tokens=write,
        cache_write_1h_tokens=draw(shares(write)) if long else None,
        input_audio_tokens=draw(shares(read - write)) if sound else None,
        reasoning_tokens=reasoning,
        output_audio_tokens=draw(shares(made - reasoning)) if sound else None,
    )


SERVICES = ["standard", "standard", "batch", "flex", "priority", "scale"]


@given(st.data())
def test_no_usage_within_the_bound_costs_more_than_it(data):
    provider, name = data.draw(st.sampled_from(catalogued()))
    known = facts()
    where = deployment(provider, name)
    sound, long = data.draw(st.booleans()), data.draw(st.booleans())
    asked = asking(
        max_tokens=data.draw(st.none() | st.integers(1, 10**6)),
        n=data.draw(st.sampled_from([None, 4])),
    )
    asked.input_tokens = data.draw(st.sampled_from([10, 250_000]) | st.integers(0, 2 * 10**6))
    asked.service = data.draw(st.sampled_from(SERVICES))
    if sound:
        asked.kinds |= {"input_audio", "output_audio"}
    if long:
        asked.kinds |= {"cache_write_1h"}
    most, why = known.bound(asked, where)
    if most is None:
        assert why
        return
    made = known.most(asked, where).output_tokens or 0
    usage = data.draw(usages(asked.input_tokens, made, sound=sound, long=long))
    charged = known.charged(where, usage, service=asked.service)
    assert charged.pico_usd is None or charged.pico_usd <= most


@given(st.data())
def test_a_charge_is_what_the_price_book_says(data):
    provider, name = data.draw(st.sampled_from(catalogued()))
    clock = Clock()
    usage = data.draw(usages(10**6, 10**5, sound=True, long=True))
    usage = data.draw(st.sampled_from([usage, Usage(), PLAIN, Usage(input_tokens=5)]))
    service = data.draw(st.sampled_from(SERVICES))
    info = find(row_of(provider), name)
    at = dt.datetime.fromtimestamp(clock.now, dt.UTC)
    book = cost(usage, info, at=at, service=service)
    charged = facts(clock=clock).charged(deployment(provider, name), usage, service=service)
    if isinstance(book, Cost):
        assert charged[:3] == (book.total_pico_usd, "catalogue", info.version)
    elif charged.pico_usd != 0:  # what is free is so whatever was used
        assert charged == Charged(None, "unknown", info.version, None, book.reason)


@given(
    st.integers(1, 10**5),
    st.integers(1, 10**5),
    st.sampled_from([None, 3]),
    st.sampled_from(
        [
            *(GPT, CLAUDE, deployment("gemini", "gemini-2.5-pro")),
            *(deployment("openai", "gpt-4o-mini"), deployment("xai", "grok-4.20-non-reasoning")),
            *(deployment("openrouter", "openai/gpt-4o-mini"), deployment("xai", "grok-4.20")),
        ]
    ),
)
def test_the_bound_is_the_sum_of_its_parts(read, cap, choices, where):
    asked = asking(max_tokens=cap, n=choices)
    asked.input_tokens = read
    known = facts()
    most = known.most(asked, where)
    assert known.bound(asked, where) == (most.pico_usd, "")
    assert sum(most.parts.values()) == most.pico_usd
    assert most.output_tokens == cap * (choices or 1)


# ---------------------------------------------------------------- what a call cost


def test_the_version_is_on_every_result():
    known = facts({"openai/gpt-4.1": {"price": {"input": 1, "output": 1}}})
    assert known.charged(GPT, PLAIN).version == known.version(GPT)
    assert " + configuration:" in known.version(GPT)
    assert known.charged(CLAUDE, PLAIN).version == known.version(CLAUDE) == "2026-11-21"
    assert known.charged(GPT, None).version == known.version(GPT)
    assert known.version(HOUSE) == ""


def test_a_provider_s_own_word_wins_and_a_difference_is_said_once(caplog):
    known = facts()
    right = known.cost(GPT, PLAIN)
    with caplog.at_level(logging.WARNING, "modelway"):
        for usd in (0.0028, 0.00281, 0.004, 0.005, 0.001):
            usage = Usage(input_tokens=1000, output_tokens=100, reported_cost_usd=usd)
            charged = known.charged(GPT, usage)
            assert (charged.pico_usd, charged.basis) == (round(usd * 10**12), "provider")
            assert charged.expected_pico_usd == right == 2_800_000_000
    assert [record.message.count("0.002800 USD") for record in caplog.records] == [1, 1]
    assert "0.004000 USD" in caplog.records[0].message  # more, and then less
    assert "0.001000 USD" in caplog.records[1].message


@pytest.mark.parametrize(
    ("usd", "said"), [(0.0028, ""), (0.002828, ""), (0.00283, "the provider says 0.002830 USD")]
)
def test_one_part_in_a_hundred_is_no_difference(usd, said):
    usage = Usage(input_tokens=1000, output_tokens=100, reported_cost_usd=usd)
    assert facts().charged(GPT, usage).why.startswith(said)


def test_a_millionth_of_a_dollar_is_no_difference():
    usage = Usage(input_tokens=1, output_tokens=0, reported_cost_usd=0.000003)
    assert facts().charged(GPT, usage).why == ""


def test_usage_that_contradicts_itself_is_noted():
    usage = Usage(input_tokens=10, output_tokens=1, cached_tokens=50)
    assert "more than the 10 tokens" in facts().charged(GPT, usage).why


def test_an_unknown_price_is_said_once_with_what_to_add(caplog):
    known = facts()
    with caplog.at_level(logging.WARNING, "modelway"):
        for _ in range(3):
            charged = known.charged(HOUSE, PLAIN)
            assert charged[:2] == (None, "unknown")
            assert known.bound(asking(max_tokens=1), HOUSE)[0] is None
    (told,) = caplog.messages
    assert 'catalogue: {"openai-compatible/qwen3": {price: {input: USD, output: USD}}}' in told


def test_what_it_says_to_add_is_what_makes_it_known():
    _, why = facts().bound(asking(max_tokens=1), HOUSE)
    added = {"openai-compatible/qwen3": {"price": {"input": 1, "output": 2}}}
    assert next(iter(added)) in why
    assert facts(added).charged(HOUSE, PLAIN).pico_usd == 1_200_000_000


def test_a_class_without_a_price_is_said_once(caplog):
    known = facts({"openai/gpt-4.1": {"price": {"input": 1}}})
    with caplog.at_level(logging.WARNING, "modelway"):
        for made in (5, 6):
            charged = known.charged(GPT, Usage(input_tokens=1, output_tokens=made))
            assert charged.pico_usd is None
            assert "no price of output is known" in charged.why
    assert len(caplog.records) == 1
    assert "openai/gpt-4.1" in caplog.messages[0]


def test_what_runs_here_costs_nothing_whatever_is_said_of_it():
    known = facts()
    for usage in (PLAIN, Usage(), None):
        assert known.charged(LOCAL, usage)[:2] == (0, "catalogue")
    assert known.bound(asking(), LOCAL) == (0, "")
    assert known.partial(asking(), LOCAL, 50) == 0
    own = facts({"ollama/*": {"price": {"input": 0.01, "output": 0.02}}})
    assert own.charged(LOCAL, PLAIN).pico_usd == 12_000_000


def test_a_machine_is_paid_by_the_hour():
    known = facts({"openai-compatible/*": {"price": {"usd_per_hour": 2.5, "concurrent": 8}}})
    charged = known.charged(HOUSE, PLAIN, took_s=36.0)
    assert charged[:2] == (3_125_000_000, "catalogue")
    assert known.charged(HOUSE, None, took_s=36.0).pico_usd == 3_125_000_000
    assert known.charged(HOUSE, PLAIN)[:2] == (None, "unknown")
    assert known.price(HOUSE, 1000, 1000) is None  # not 0: nobody knows how long
    slow = deployment("openai-compatible", "qwen3", timeouts=Timeouts(total_s=360.0))
    assert known.bound(asking(), slow) == (31_250_000_000, "")
    assert known.partial(asking(), slow, 5) == 31_250_000_000
    paid = Usage(input_tokens=1, reported_cost_usd=0.5)
    assert known.charged(HOUSE, paid, took_s=1.0).pico_usd == 500_000_000_000


def test_an_answer_is_priced_by_the_hour_once_it_is_known_how_long_it_took():
    known = facts({"openai-compatible/*": {"price": {"usd_per_hour": 3.6}}})
    message = Message(role="assistant")
    answer = ChatResponse(choices=(Choice(message=message, finish_reason="stop"),), usage=PLAIN)
    assert known.priced(answer, HOUSE).cost_pico_usd is None
    slow = ChatResponse(choices=answer.choices, usage=PLAIN, latency_s=2.0)
    assert known.priced(slow, HOUSE).cost_pico_usd == 2_000_000_000


def test_an_answer_from_behind_an_alias_is_priced_by_its_own_name():
    message = Message(role="assistant")
    alias = deployment("openai", "an-alias")
    answer = ChatResponse(
        choices=(Choice(message=message, finish_reason="stop"),), usage=PLAIN, model="gpt-4.1"
    )
    assert facts().priced(answer, alias).cost_pico_usd == facts().cost(GPT, PLAIN)
    assert facts().charged(alias, PLAIN).pico_usd is None


def test_the_prices_of_another_day_are_in_force_on_that_day():
    clock = Clock("2026-11-20T23:59:59+00:00")
    dearer = [{"input": 1, "output": 1}, {"input": 2, "output": 1, "since": "2026-11-21"}]
    known = facts({"openai/gpt-4.1": {"price": dearer}}, clock)
    usage = Usage(input_tokens=10**6, output_tokens=0)
    assert known.charged(GPT, usage).pico_usd == 10**12
    clock.now += 2
    assert known.charged(GPT, usage).pico_usd == 2 * 10**12
    clock.now -= 2
    assert known.charged(GPT, usage).pico_usd == 10**12


def test_terms_have_their_own_prices_or_none():
    known = facts()
    standard, flex = known.charged(GPT, PLAIN), known.charged(GPT, PLAIN, service="scale")
    assert standard.pico_usd == 2_800_000_000
    assert (flex.pico_usd, flex.basis) == (None, "unknown")
    assert "no scale price" in flex.why
    batch = known.charged(GPT, PLAIN, service="batch")
    assert batch.pico_usd == 1_400_000_000
    asked = asking_bytes({"service_tier": "scale", "max_tokens": 5})
    assert "no scale price" in known.bound(asked, GPT)[1]


def test_terms_that_the_operator_asks_for_win():
    quick = deployment("openai", "gpt-4.1", body={"service_tier": "priority"})
    assert facts().charged(quick, PLAIN).pico_usd == 4_900_000_000
    contradictory = Usage(input_tokens=1000, output_tokens=100, cached_tokens=-1)
    assert facts().charged(quick, contradictory).pico_usd == 4_900_000_000
    batch = deployment("openai", "gpt-4.1", body={"service_tier": "batch"})
    assert facts().charged(batch, PLAIN, service="flex").pico_usd == 2_800_000_000  # nobody waits


def test_terms_that_are_not_sent_on_are_not_the_price():
    prices = [
        {"input": 10, "output": 10},
        {"service": "flex", "input": 1, "output": 1},
        {"service": "priority", "input": 100, "output": 100},
    ]
    known = facts({name: {"price": prices} for name in ("openai/*", "anthropic/*")})
    ours, other = deployment("openai", "x"), deployment("anthropic", "x")
    usual = asking_bytes({"max_tokens": 5})
    for tier in ("flex", "priority"):
        asked = asking_bytes({"service_tier": tier, "max_tokens": 5})
        assert known.bound(asked, ours) != known.bound(usual, ours)
        at_least = known.bound(usual, other)[0]
        assert at_least <= known.bound(asked, other)[0] < 1.2 * at_least  # a few bytes more
        assert known.partial(asked, other, 5) < 1.2 * known.partial(usual, other, 5)
        assert known.most(asked, other).pico_usd == known.bound(asked, other)[0]


def test_what_makes_no_tokens_needs_none_in_its_usage():
    known = facts({"openai/new": {"price": {"input": 1}}})
    new, usage = deployment("openai", "new"), Usage(input_tokens=1000)
    for operation in ("embed", "rerank"):
        assert known.charged(new, usage, operation=operation).pico_usd == 10**9
    assert known.charged(new, usage).pico_usd is None
    answer = EmbedResponse(model="new", vectors=((0.5,),), usage=usage)
    assert known.priced(answer, new).cost_pico_usd == 10**9


def test_one_name_behind_two_models_has_two_prices():
    known = facts()
    other = deployment("openai", "ours", base_model="gpt-4.1")
    assert known.charged(deployment("openai", "ours"), PLAIN).pico_usd is None
    assert known.charged(other, PLAIN).pico_usd == 2_800_000_000


# ---------------------------------------------------------------- the most that it may cost


def test_without_any_cap_there_is_no_bound():
    known = facts({"openai-compatible/qwen3": {"price": {"input": 1, "output": 2}}})
    most, why = known.bound(asking(), HOUSE)
    assert most is None
    assert "say max_tokens" in why
    assert known.bound(asking(max_tokens=10), HOUSE)[0] is not None
    window = {"price": {"input": 1, "output": 2}, "context_tokens": 1000}
    by_window = facts({"openai-compatible/qwen3": window})
    assert by_window.most(asking(), HOUSE).output_tokens == 1000


def test_a_configured_cap_stands_before_the_model_s():
    capped = deployment("openai", "gpt-4.1", own_cap=50)
    assert facts().most(asking(), capped).output_tokens == 50
    assert facts().most(asking(), GPT).output_tokens == 32_768
    assert facts().most(asking(max_tokens=10**6), capped).output_tokens == 10**6


def test_an_invented_cap_is_what_is_sent():
    known = facts()
    assert known.most(asking(), CLAUDE).output_tokens == 4096
    assert known.most(asking(thinking=Thinking(mode="enabled")), CLAUDE).output_tokens == 64_000
    small = deployment("anthropic", "claude-sonnet-4-5", own_cap=100)
    assert known.most(asking(), small).output_tokens == 100
    theirs = asking_bytes({"messages": []}, "anthropic-messages")
    assert known.most(theirs, CLAUDE).output_tokens == 64_000
    both = deployment("anthropic", "claude-sonnet-4-5", also={"openai-chat": "https://x.example"})
    assert known.most(asking_bytes({"messages": []}), both).output_tokens == 64_000


def test_what_lies_elsewhere_needs_a_surcharge():
    asked = asking_bytes({"max_tokens": 5, "web_search_options": {"search_context_size": "low"}})
    most, why = facts().bound(asked, GPT)
    assert most is None
    assert "web_search_options" in why
    assert 'catalogue: {"openai/gpt-4.1": {surcharge_usd: USD}}' in why
    known = facts({"openai/gpt-4.1": {"surcharge_usd": 0.05}})
    plain = asking_bytes({"max_tokens": 5})
    found = known.most(asked, GPT)
    assert found.parts["surcharge"] == 50_000_000_000
    assert "surcharge" not in known.most(plain, GPT).parts


def test_sound_without_a_price_has_no_bound():
    asked = asking(max_tokens=5)
    asked.kinds |= {"input_audio"}
    assert facts().bound(asked, GPT) == (None, "no price of input_audio is known")


def test_images_of_the_mini_are_dear():
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    asked = asking_bytes({"max_tokens": 1, "messages": [{"role": "user", "content": [picture]}]})
    known = facts()
    mini, large = deployment("openai", "gpt-4o-mini"), deployment("openai", "gpt-4o")
    assert known.most(asked, mini).parts["input"] > 48_000 * 150_000
    assert known.most(asked, large).parts["input"] < 6_000 * 2_500_000


def test_grok_s_thoughts_are_beside_its_cap():
    grok = deployment("xai", "grok-4.3")
    most, _ = facts().bound(asking(max_tokens=10), grok)
    quiet, _ = facts().bound(asking(max_tokens=10), deployment("xai", "grok-4.20-non-reasoning"))
    assert most > 100 * quiet
    assert facts().partial(asking(max_tokens=10), grok, 5) == most


def test_units_of_reranking_are_bounded():
    known = facts()
    rerank = deployment("cohere", "rerank-v3.5")
    many = RerankRequest(query="q", documents=("a document",) * 250)
    asked = Bound(Call(id="1", operation="rerank", model="m", request=many))
    most, _ = known.bound(asked, rerank)
    assert most >= known.cost(rerank, Usage(search_units=3))
    few = RerankRequest(query="q", documents=("a document",))
    once, _ = known.bound(Bound(Call(id="1", operation="rerank", model="m", request=few)), rerank)
    assert once == known.cost(rerank, Usage(search_units=1))


def test_what_is_passed_through_has_a_bound_where_calls_have_a_price():
    passing = Passing(method="POST", path="/images")
    asked = Bound(Call(id="1", operation="pass", model="openai/", passing=passing))
    where = deployment("openai", "gpt-4.1")
    assert facts().bound(asked, where)[0] is None
    by_call = facts({"openai/*": {"price": {"calls": 40}}})
    assert by_call.bound(asked, where) == (40_000_000_000, "")
    assert by_call.charged(where, None).pico_usd == 40_000_000_000
    assert by_call.charged(where, PLAIN).pico_usd == 40_000_000_000


@given(st.integers(0, 10**7), st.integers(1, 10**5))
def test_a_cut_answer_costs_no_more_than_the_bound_and_more_the_longer_it_was(chars, cap):
    known, asked = facts(), asking(max_tokens=cap)
    most, _ = known.bound(asked, GPT)
    cut = known.partial(asked, GPT, chars)
    assert known.partial(asked, GPT, 0) <= cut <= known.partial(asked, GPT, chars + 1) <= most
    assert known.partial(asked, GPT, None) == most
    read = known.most(asked, GPT).parts["input"]
    assert cut == min(most, read + (-(-chars // 2) + 64) * 8_000_000)


def test_no_sum_is_more_than_a_store_can_hold():
    known, asked = facts(), asking(max_tokens=10**40)
    assert known.bound(asked, GPT) == (2**63 - 1, "")
    assert known.partial(asked, GPT, None) == 2**63 - 1
    assert known.charged(GPT, Usage(input_tokens=10**40, output_tokens=1)).pico_usd == 2**63 - 1


@pytest.mark.parametrize("reasoning", [True, False])
def test_a_cut_answer_of_a_model_that_thinks_may_have_cost_the_whole_bound(reasoning):
    fact = {"price": {"input": 1, "output": 2}, "reasoning": reasoning}
    known, asked = facts({"openai/new": fact}), asking(max_tokens=900)
    new = deployment("openai", "new")
    whole = known.partial(asked, new, 5) == known.bound(asked, new)[0]
    assert whole is reasoning


def test_a_cut_answer_of_unknown_price_stays_unknown():
    assert facts().partial(asking(max_tokens=5), HOUSE, 50) is None


def test_an_estimate_is_the_bound():
    settings = load({"providers": {"openai": {"api_key": "k"}}}, environment={})
    where = resolve(settings, "openai/gpt-4.1").deployments[0]
    asked = asking("Why is the sky blue?", max_tokens=500)
    known = Facts(settings, Clock())
    assert known.most(asked, where).pico_usd == known.bound(asked, where)[0]
