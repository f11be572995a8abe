"""What is read off a request: caps and choices in every dialect's words, and what has no bound."""

from __future__ import annotations

import inspect
import json
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.bounds import Bound
from modelway.call import Body, Call, Deployment, Passing, Target
from modelway.catalog.rows import Provider
from modelway.errors import BadRequestError
from modelway.framing.fields import split
from modelway.messages import user
from modelway.retrieval import EmbedRequest, RerankRequest
from modelway.spelling import SPELLINGS
from modelway.types import ChatRequest, HostedTool, Text, Thinking, Tool

OWN = 1000  # the model's cap
CAPS = {
    "openai-chat": [["max_tokens"], ["max_completion_tokens"]],
    "openai-responses": [["max_output_tokens"]],
    "anthropic-messages": [["max_tokens"]],
    "gemini": [
        ["generationConfig", "maxOutputTokens"],
        ["generation_config", "max_output_tokens"],
    ],
    "bedrock-converse": [["inferenceConfig", "maxTokens"]],
    "cohere": [["max_tokens"]],
    "ollama": [["options", "num_predict"]],
}
CHOICES = {
    "openai-chat": [["n"], ["best_of"]],
    "gemini": [["generationConfig", "candidateCount"], ["generation_config", "candidate_count"]],
}
SPELT_CAPS = [(dialect, path) for dialect, paths in CAPS.items() for path in paths]
SPELT_CHOICES = [(dialect, path) for dialect, paths in CHOICES.items() for path in paths]
NONSENSE = ["-1", "0", "-2", "0.5", "1.5", "1e9", '"5"', '"1e9"', "true", "[5]", "{}", "NaN"]


def bound(dialect, body, operation="chat"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = split(raw)
    return Bound(
        Call(
            id="1",
            model="m",
            operation=operation,
            body=Body(dialect=dialect, fields=fields, size_bytes=len(raw)),
        )
    )


def at(path, value):
    for name in reversed(path):
        value = {name: value}
    return value


def typed(**fields):
    return Bound(Call(id="1", model="m", request=ChatRequest(messages=(user("hi"),), **fields)))


def test_every_dialect_of_a_client_s_has_a_spelling_with_a_cap():
    assert set(CAPS) == set(SPELLINGS)


@pytest.mark.parametrize(("dialect", "path"), SPELT_CAPS)
def test_a_cap_is_read_in_the_words_of_its_dialect(dialect, path):
    assert bound(dialect, at(path, 77)).output_tokens(OWN) == 77
    assert bound(dialect, at(path, 5000)).output_tokens(OWN) == 5000  # above the model's own
    assert bound(dialect, at(path, None)).output_tokens(OWN) == OWN
    assert bound(dialect, {}).output_tokens(OWN) == OWN
    assert bound(dialect, {}).output_tokens(None) is None


@pytest.mark.parametrize(("dialect", "path"), SPELT_CAPS)
@pytest.mark.parametrize("value", [one for one in NONSENSE if one != "NaN"])
def test_nonsense_is_no_cap(dialect, path, value):
    raw = json.dumps(at(path, "@")).replace('"@"', value).encode()
    found = bound(dialect, raw)
    assert found.output_tokens(OWN) in (OWN, 10**9)
    assert found.output_tokens(None) in (None, 10**9)


def test_one_that_makes_sense_beside_nonsense_does_not_hold():
    found = bound("openai-chat", {"max_tokens": -1, "max_completion_tokens": 5})
    assert found.output_tokens(OWN) == OWN
    assert found.output_tokens(None) is None
    found = bound("openai-chat", {"max_tokens": "5", "max_completion_tokens": 5000})
    assert found.output_tokens(OWN) == 5000


def test_the_larger_of_two_caps_counts():
    found = bound("openai-chat", {"max_tokens": 5, "max_completion_tokens": 500})
    assert found.output_tokens(OWN) == 500


@pytest.mark.parametrize("name", ["max_output_tokens", "maxTokens", "num_predict", "max_length"])
def test_a_cap_in_another_dialect_s_words_is_none(name):
    assert bound("openai-chat", {name: 1}).output_tokens(OWN) == OWN


@pytest.mark.parametrize("inner", ["max_tokens", "maxTokens", "max_new_tokens"])
def test_a_cap_that_may_be_left_out_on_the_way_only_raises_one(inner):
    def found(cap, own):
        said = {"additionalModelRequestFields": {inner: cap}, "inferenceConfig": {"maxTokens": own}}
        return bound("bedrock-converse", said).output_tokens(OWN)

    assert found(5, None) == OWN
    assert found(5000, None) == 5000
    assert found(5, 77) == 77
    assert found(500, 77) == 500
    assert found("5", 77) == 77


@pytest.mark.parametrize(("dialect", "path"), SPELT_CAPS)
def test_a_whole_float_is_a_number(dialect, path):
    raw = json.dumps(at(path, "@")).replace('"@"', "1e9").encode()
    assert bound(dialect, raw).output_tokens(OWN) == 10**9


@pytest.mark.parametrize(("dialect", "path"), SPELT_CAPS + SPELT_CHOICES)
def test_a_number_out_of_range_is_refused_by_who_reads_it(dialect, path):
    raw = json.dumps({"model": "m", **at(path, "@")}).replace('"@"', "1e999").encode()
    with pytest.raises(BadRequestError):
        bound(dialect, raw)


@pytest.mark.parametrize(
    ("prompt", "answers"),
    [
        ("hi", 1),
        ([], 1),
        (["hi"], 1),
        (["hi"] * 100, 100),
        ([1, 2, 3], 1),
        ([[1, 2], [3], [4]], 3),
        (None, 1),
    ],
)
def test_every_prompt_of_a_list_has_its_own_answer(prompt, answers):
    for body in ({"prompt": prompt, "n": 4}, {"n": 4, "prompt": prompt}):
        assert bound("openai-chat", body, "complete").output_tokens(OWN) == 4 * answers * OWN
    asked = bound("openai-chat", {"prompt": prompt}, "complete")
    assert asked.under(deployment("cohere", defaults={"n": 4})).choices == 4 * answers


@pytest.mark.parametrize(("dialect", "path"), SPELT_CHOICES)
def test_choices_multiply(dialect, path):
    assert bound(dialect, at(path, 100)).output_tokens(OWN) == 100 * OWN
    assert bound(dialect, at(path, None)).output_tokens(OWN) == OWN
    for nonsense in (-1, 0, 1.5, "2", True):
        assert bound(dialect, at(path, nonsense)).output_tokens(OWN) == 128 * OWN


def test_texts_that_are_predicted_are_output_too():
    said = {"max_tokens": 10, "prediction": {"type": "content", "content": "x" * 100}}
    assert bound("openai-chat", said).output_tokens(OWN) > 10 + 50


@pytest.mark.parametrize(
    ("value", "service"),
    [
        ("auto", "standard"),
        ("default", "standard"),
        ("flex", "flex"),
        ("Priority", "priority"),
        ("scale", "scale"),
        ("batch", "standard"),  # nobody waits for one
        (None, "standard"),
        (7, "unknown"),
        ("x" * 500, "x" * 40),
    ],
)
def test_the_terms_that_are_named(value, service):
    assert bound("openai-chat", {"service_tier": value}).service == service
    assert bound("bedrock-converse", {"serviceTier": {"type": value}}).service == service


def test_terms_are_those_of_hosts_that_are_told_them():
    asked = bound("openai-chat", {"service_tier": "flex"})
    assert asked.service_at(deployment()) == "flex"
    assert asked.service_at(deployment("cohere", also={"openai-chat": "/v1"})) == "flex"
    assert asked.service_at(deployment("cohere")) == "standard"
    extra = {"service_tier": "flex"}
    assert typed(extra=extra).service_at(deployment("cohere")) == "flex"
    assert typed(extra=extra, extra_dialect="openai-chat").service_at(deployment()) == "flex"
    assert typed(extra=extra, extra_dialect="gemini").service_at(deployment()) == "standard"


FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {}}}
UNBOUNDED = [
    ("openai-chat", {"web_search_options": {"search_context_size": "low"}}),
    ("openai-chat", {"plugins": [{"id": "web"}]}),
    ("openai-chat", {"search_parameters": {"mode": "on"}}),
    ("openai-chat", {"models": ["a/b", "c/d"]}),
    ("openai-chat", {"data_sources": [{"type": "azure_search"}]}),
    ("openai-chat", {"enable_search": True}),
    ("openai-chat", {"tools": [{"type": "builtin_function", "function": {"name": "$web_search"}}]}),
    ("openai-chat", {"tools": [FUNCTION, {"type": "openrouter:web_search"}]}),
    ("openai-chat", {"modalities": ["text", "image"]}),
    ("openai-responses", {"previous_response_id": "resp_1"}),
    ("openai-responses", {"conversation": "conv_1"}),
    ("openai-responses", {"prompt": {"id": "pmpt_1"}}),
    ("openai-responses", {"background": True}),
    ("openai-responses", {"tools": [{"type": "web_search"}]}),
    ("openai-responses", {"tools": [{"type": "code_interpreter", "container": {}}]}),
    ("openai-responses", {"reasoning": {"mode": "pro"}}),
    ("openai-responses", {"input": [{"type": "item_reference", "id": "msg_1"}]}),
    ("openai-responses", {"input": [{"content": [{"type": "input_file", "file_id": "file-1"}]}]}),
    ("anthropic-messages", {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
    ("anthropic-messages", {"mcp_servers": [{"type": "url", "url": "https://mcp.example"}]}),
    ("anthropic-messages", {"container": "container_1"}),
    ("anthropic-messages", {"speed": "fast"}),
    ("anthropic-messages", {"inference_geo": "us"}),
    ("gemini", {"tools": [{"googleSearch": {}}]}),
    ("gemini", {"tools": [{"functionDeclarations": [], "codeExecution": {}}]}),
    ("gemini", {"cachedContent": "cachedContents/1"}),
    ("gemini", {"generationConfig": {"responseModalities": ["IMAGE"]}}),
    ("bedrock-converse", {"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}}),
    ("bedrock-converse", {"performanceConfig": {"latency": "optimized"}}),
    ("bedrock-converse", {"additionalModelRequestFields": {"tools": [{"type": "computer_1"}]}}),
    ("bedrock-converse", {"guardrailConfig": {"guardrailIdentifier": "g"}}),
    ("cohere", {"connectors": [{"id": "web-search"}]}),
]


@pytest.mark.parametrize(
    ("dialect", "said"), UNBOUNDED, ids=[str(n) for n in range(len(UNBOUNDED))]
)
def test_what_cannot_be_bounded_is_named(dialect, said):
    assert bound(dialect, said).surcharged


BOUNDED = [
    ("openai-chat", {"tools": [FUNCTION, {"type": "custom", "custom": {"name": "c"}}]}),
    ("openai-chat", {"store": True, "metadata": {"a": "b"}, "web_search_options": None}),
    ("openai-chat", {"modalities": ["text", "audio"]}),
    ("openai-responses", {"tools": [{"type": "function", "name": "f"}], "background": False}),
    ("openai-responses", {"reasoning": {"effort": "high"}, "prompt": None}),
    ("anthropic-messages", {"tools": [{"name": "f", "input_schema": {}}], "speed": "standard"}),
    ("anthropic-messages", {"tools": [{"type": "bash_20250124", "name": "bash"}]}),
    ("anthropic-messages", {"tools": [{"name": "f", "cache_control": {"type": "ephemeral"}}]}),
    ("gemini", {"tools": [{"functionDeclarations": [{"name": "f"}]}]}),
    ("bedrock-converse", {"toolConfig": {"tools": [{"toolSpec": {}}, {"cachePoint": {}}]}}),
    ("bedrock-converse", {"performanceConfig": {"latency": "standard"}}),
]


@pytest.mark.parametrize(("dialect", "said"), BOUNDED, ids=[str(n) for n in range(len(BOUNDED))])
def test_what_is_billed_by_its_tokens_is_bounded(dialect, said):
    assert bound(dialect, said).surcharged == ""


def test_long_writes_to_a_cache_and_sound_are_classes_of_their_own():
    kept = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    assert bound("anthropic-messages", kept).kinds == {"cache_write_1h"}
    assert bound("anthropic-messages", {"tools": [{"name": "f", **kept}]}).kinds == {
        "cache_write_1h"
    }
    said = {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi", **kept}]}]}
    assert bound("anthropic-messages", said).kinds == {"cache_write_1h"}
    assert bound("openai-chat", {"modalities": ["audio"]}).kinds == {"output_audio"}


# ---------------------------------------------------------------- the size of what is said


@given(st.text(max_size=2000), st.sampled_from(["openai-chat", "anthropic-messages", "ollama"]))
def test_the_input_is_never_below_a_quarter_of_the_bytes(text, dialect):
    raw = msgspec.json.encode({"messages": [{"role": "user", "content": text}]})
    assert bound(dialect, raw).input_tokens >= len(raw) / 4


@given(st.text(max_size=500), st.lists(st.text(max_size=50), max_size=3))
def test_more_said_is_never_less(text, more):
    def of(texts):
        parts = [{"type": "text", "text": one} for one in texts]
        return bound("openai-chat", {"messages": [{"role": "user", "content": parts}]})

    assert of([text, *more]).input_tokens >= of([text]).input_tokens * 0.6  # by words, or by none


def test_what_has_no_words_weighs_more():
    def of(text):
        return bound("openai-chat", {"messages": [{"role": "user", "content": text}]}).input_tokens

    assert of("xYz9Q7pL" * 200) > 1.8 * of("two four" * 200)
    assert of("xYz9Q7pL" * 200 + " " + "xYz9Q7pL" * 200) > 1.8 * of("two four" * 400)


def test_tools_and_forms_are_told_with_more_than_their_bytes():
    plain = bound("openai-chat", {"messages": []}).input_tokens
    assert bound("openai-chat", {"messages": [], "tools": []}).input_tokens > plain + 700
    form = {"messages": [], "response_format": {"type": "json_schema"}}
    assert bound("openai-chat", form).input_tokens > plain + 290


def test_numbers_for_tokens_count_one_each():
    ids = bound("openai-chat", {"input": [7] * 1000}, "embed")
    assert ids.input_tokens >= 1000
    assert ids.output_tokens(None) == 0


def test_a_duplicate_name_deep_inside_hides_no_url():
    raw = b'{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x"}}]}]}'
    assert "url" in bound("openai-chat", raw).surcharged
    escaped = raw.replace(b'"image_url":', rb'"image\u005furl":').replace(b'"url"', rb'"\u0075rl"')
    assert "url" in bound("openai-chat", escaped).surcharged


def known_names():
    """Names that mean something somewhere, and others."""
    found = set()
    for spelling in SPELLINGS.values():
        for name, meaning in spelling.names.items():
            found |= {name} if isinstance(meaning, str) else {name, *meaning}
    told = ["type", "content", "url", "data", "source", "image_url", "text", "functionDeclarations"]
    return st.sampled_from([*sorted(found), *told]) | st.text("ab", max_size=2)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(known_names(), inner, max_size=3),
    max_leaves=12,
)


@given(st.sampled_from(sorted(SPELLINGS)), st.dictionaries(known_names(), values, max_size=6))
def test_whatever_is_sent_has_a_bound_or_none_and_never_a_small_one(dialect, said):
    found = bound(dialect, said)
    assert found.input_tokens >= 80
    assert found.choices >= 1
    made = found.output_tokens(OWN)
    assert made is not None
    assert made >= 1
    assert isinstance(found.surcharged, str)
    assert len(found.surcharged) < 100


@pytest.mark.parametrize("depth", [50, 400, 900, 5000])
def test_what_is_nested_deeply_has_no_bound_and_breaks_nothing(depth):
    raw = b'{"messages":' + b"[" * depth + b"]" * depth + b"}"
    try:
        found = bound("openai-chat", raw)
    except BadRequestError:
        return  # refused where it is split
    assert found.input_tokens > 0


def test_a_stack_that_is_deep_already_breaks_nothing():
    raw = b'{"messages":' + b"[" * 300 + b"]" * 300 + b"}"
    fields = split(raw)
    body = Body(dialect="openai-chat", fields=fields, size_bytes=len(raw))
    said = Call(id="1", model="m", body=body)

    def below(frames):
        return below(frames - 1) if frames else Bound(said)

    left = sys.getrecursionlimit() - len(inspect.stack(0))
    for frames in range(left - 400, left - 60, 20):
        assert below(frames).input_tokens > 0


# ---------------------------------------------------------------- values


def test_a_value_s_cap_choices_and_tools():
    assert typed(max_tokens=50, n=3).output_tokens(OWN) == 150
    assert typed().output_tokens(OWN) == OWN
    assert typed(max_tokens=-5).output_tokens(OWN) == OWN
    hosted = HostedTool(dialect="openai-responses", definition={"type": "web_search"})
    assert typed(tools=(hosted,)).surcharged == "a hosted tool"
    assert typed(tools=(Tool(name="f", cache="1h"),)).kinds == {"cache_write_1h"}
    assert typed(thinking=Thinking(budget_tokens=5)).thinks


def test_extra_fields_of_a_value_only_raise_its_cap():
    assert typed(max_tokens=50, extra={"max_completion_tokens": 500}).output_tokens(OWN) == 500
    assert typed(max_tokens=50, extra={"max_tokens": 5}).output_tokens(OWN) == 50
    assert typed(extra={"max_tokens": 5}).output_tokens(OWN) == OWN
    assert typed(extra={"n": 4}).output_tokens(OWN) == 4 * OWN
    assert typed(extra={"service_tier": "flex"}).service == "flex"
    assert typed(extra={"web_search_options": {"a": 1}}).surcharged
    generation = {"generationConfig": {"candidateCount": 3}}
    assert typed(extra=generation, extra_dialect="gemini").output_tokens(OWN) == 3 * OWN


@given(st.lists(st.text(max_size=300), max_size=5))
def test_a_value_weighs_no_less_than_a_quarter_of_its_bytes(texts):
    messages = tuple([user(text) for text in texts])
    found = Bound(Call(id="1", model="m", request=ChatRequest(messages=messages)))
    assert found.input_tokens >= sum([len(text.encode()) for text in texts]) / 4


def test_embeddings_rerankings_and_what_is_passed_through():
    embed = Bound(
        Call(id="1", operation="embed", model="m", request=EmbedRequest(inputs=("a word",) * 9))
    )
    assert (embed.output_tokens(None), embed.input_tokens > 9) == (0, True)
    rerank = RerankRequest(query="q", documents=("d",) * 250)
    assert Bound(Call(id="1", operation="rerank", model="m", request=rerank)).documents == 250
    in_bytes = bound("cohere", {"model": "m", "query": "q", "documents": ["d"] * 250}, "rerank")
    assert (in_bytes.documents, in_bytes.output_tokens(None)) == (250, 0)
    passing = Passing(method="POST", path="/x", body=b"x" * 100)
    assert Bound(Call(id="1", operation="pass", model="m/", passing=passing)).input_tokens == 50


def test_a_dialect_that_is_not_ours_is_read_as_a_value(monkeypatch):
    said = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 7}
    monkeypatch.delitem(SPELLINGS, "cohere")
    assert bound("cohere", said).output_tokens(OWN) == 7
    assert bound("cohere", said).surcharged == ""
    unread = bound("cohere", {"model": "m", "messages": 5})
    assert "cannot be read" in unread.surcharged


# ---------------------------------------------------------------- what the operator adds


def deployment(dialect="openai-chat", body=None, defaults=None, also=None):
    return Deployment(
        id="p/m",
        provider=Provider(name="p", base_url="https://p.example", dialects=(dialect,)),
        dialect=dialect,
        target=Target(model="m", body=body or {}),
        base_url="https://p.example",
        defaults=defaults or {},
        also=also or {},
    )


def test_nothing_added_is_the_same():
    asked = typed(max_tokens=5)
    assert asked.under(deployment()) is asked


def test_the_operator_s_fields_and_defaults_count():
    asked = typed()
    assert asked.under(deployment(defaults={"max_tokens": 40})).output_tokens(OWN) == 40
    assert asked.under(deployment(defaults={"n": 3})).output_tokens(OWN) == 3 * OWN
    assert asked.under(deployment(body={"max_tokens": 90})).output_tokens(OWN) == 90
    assert asked.under(deployment(body={"service_tier": "flex"})).service == "flex"
    assert asked.output_tokens(OWN) == OWN  # itself unchanged
    kept = bound("openai-chat", {"max_tokens": 5})
    assert kept.under(deployment(defaults={"max_tokens": 40})).output_tokens(OWN) == 5
    assert kept.under(deployment(body={"max_tokens": 90})).output_tokens(OWN) == 90


def test_defaults_do_not_reach_a_client_s_bytes():
    asked = bound("openai-chat", {"messages": []})
    assert asked.under(deployment(defaults={"max_tokens": 40})).output_tokens(OWN) == OWN


def test_a_message_with_a_cache_mark_is_looked_into():
    part = Text(text="hi", cache="1h")
    request = ChatRequest(messages=(user(part),))
    assert Bound(Call(id="1", model="m", request=request)).kinds == {"cache_write_1h"}
