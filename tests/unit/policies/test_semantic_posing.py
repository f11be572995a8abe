"""What a call asks, and all else that must be the same for an answer to another to be its own."""

import json

import pytest
from msgspec.structs import replace

from modelway.call import Body, Call, Options, Passing
from modelway.framing.fields import split
from modelway.messages import assistant, system, user
from modelway.policies.caching.semantic.posing import MOST_BODY_BYTES, MOST_CHARS, posed
from modelway.policies.caching.values import SemanticSettings
from modelway.types import ChatRequest, Image, Inline, Message, Remote, Text, Tool
from support.semantic_world import call

PLAIN = SemanticSettings(model="e", threshold=0.9)
CONVERSING = replace(PLAIN, multi_turn=True)
OFFERING = replace(PLAIN, tools=True)
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
ONE = {"role": "user", "content": "How do I reset my password?"}
PICTURE = {"type": "image_url", "image_url": {"url": "https://h.example/a.png"}}


def pose(call, settings=PLAIN, shared_by="tenant", policies=b""):
    return posed(call, settings, shared_by, policies)


def said(*messages, **fields):
    return call(fields={"messages": list(messages), **fields})


def in_bytes(text, dialect="openai-chat", **more):
    body = Body(dialect=dialect, fields=split(text.encode()), size_bytes=len(text))
    return Call(id="1", model="m", body=body, **more)


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("openai-chat", {"messages": [{"role": "system", "content": "Be kind."}, ONE]}),
        (
            "openai-chat",
            {"messages": [{"role": "user", "content": [{"type": "text", "text": ONE["content"]}]}]},
        ),
        ("openai-responses", {"instructions": "Be kind.", "input": ONE["content"], "store": False}),
        ("anthropic-messages", {"system": "Be kind.", "max_tokens": 9, "messages": [ONE]}),
        ("gemini", {"contents": [{"role": "user", "parts": [{"text": ONE["content"]}]}]}),
        ("ollama", {"messages": [ONE]}),
    ],
)
def test_the_question_is_found_in_every_dialect(dialect, body):
    asked = {"model": "m", **body}
    first = pose(in_bytes(json.dumps(asked), dialect))
    other = pose(in_bytes(json.dumps(asked).replace("reset", "change"), dialect))
    assert (first.text, other.text) == (ONE["content"], "How do I change my password?")
    assert first.space == other.space
    assert pose(in_bytes(json.dumps({**asked, "temperature": 0.5}), dialect)).space != first.space


BASE = {
    "model": "m",
    "messages": [{"role": "system", "content": "Be kind."}, ONE],
    "temperature": 0.2,
    "seed": 7,
    "n": 1,
    "max_tokens": 50,
    "stop": ["x"],
    "response_format": {"type": "json_object"},
    "reasoning_effort": "low",
    "user": "u",
    "unheard_of": {"a": [1]},
}


@pytest.mark.parametrize("name", [*BASE, "top_p"])
def test_whatever_else_is_asked_is_another_space(name):
    other = {**BASE, name: {"changed": True}}
    if name == "messages":
        other["messages"] = [{"role": "system", "content": "Be cruel."}, ONE]
    first, second = pose(in_bytes(json.dumps(BASE))), pose(in_bytes(json.dumps(other)))
    assert second is None or first.space != second.space
    gone = {key: value for key, value in BASE.items() if key != name}
    if name in BASE and name not in {"messages", "model"}:
        assert pose(in_bytes(json.dumps(gone))).space != first.space


@pytest.mark.parametrize(
    "change",
    [
        {"tenant": "b"},
        {"model": "other"},
        {"stream": True},
        {"only": "d"},
        {"headers": (("anthropic-beta", "x"),)},
        {"query": "beta=true"},
        {"options": Options(strict=True)},
        {"options": Options(fallbacks=("b",))},
        {"options": Options(models=("a", "b"))},
        {"options": Options(strategy="cheapest")},
        {"body": Body(dialect="ollama", fields=call().body.fields, size_bytes=9)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_else_is_so_of_a_call_is_another_space(change):
    assert pose(replace(call(), **change)).space != pose(call()).space


def test_policies_and_models_have_spaces_of_their_own():
    spaces = {
        pose(call()).space,
        pose(call(), policies=b"2").space,
        pose(call(), replace(PLAIN, model="f")).space,
        pose(call(), shared_by="key").space,
        pose(call(key="k"), shared_by="key").space,
    }
    assert len(spaces) == 5


@pytest.mark.parametrize(
    "options",
    [
        Options(cache="use"),
        Options(cache_max_age_s=1.0),
        Options(trace=True),
        Options(priority=3),
        Options(timeout_s=3.0),
        Options(session="s"),
    ],
    ids=lambda options: options.__class__.__name__ + str(hash(repr(options)) * 0),
)
def test_how_it_is_asked_is_no_other_question(options):
    assert pose(call(options=options)) == pose(call())


@pytest.mark.parametrize(
    "other",
    [
        said({"role": "user", "content": [PICTURE]}),
        said({"role": "user", "content": [{"type": "text", "text": "What is this?"}, PICTURE]}),
        said(
            {
                "role": "user",
                "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            }
        ),
        said(ONE, {"role": "assistant", "content": "Click."}),
        said(
            ONE,
            {"role": "assistant", "content": "Click."},
            {"role": "user", "content": "And then?"},
        ),
        said({"role": "system", "content": "Be kind."}),
        said(ONE, ONE),
        said({"role": "user", "content": ""}),
        said({"role": "user", "content": " \n"}),
        said({"role": "user", "content": "a\0b"}),
        said({"role": "user", "content": "a" * (MOST_CHARS + 1)}),
        said({"role": "system", "content": ONE["content"]}, ONE),
        said({"role": "system", "content": "x" * MOST_BODY_BYTES}, ONE),
        said(ONE, tools=TOOLS),
        said(ONE, store=True),
        said(ONE, web_search_options={"a": 1}),
        said(),
        said({"role": "user", "content": 7}),
        replace(call(), operation="complete"),
        replace(call(), operation="embed"),
        Call(id="1", model="m", passing=Passing(method="POST", path="x")),
        Call(id="1", model="m"),
    ],
)
def test_what_cannot_be_told_for_certain_is_not_looked_up(other):
    assert pose(other) is None


def test_conversations_and_tools_only_where_an_operator_wants_them():
    turns = [
        ONE,
        {"role": "assistant", "content": "Click."},
        {"role": "user", "content": "And then?"},
    ]
    first = pose(said(*turns), CONVERSING)
    assert first.text == "And then?"
    turns[1] = {"role": "assistant", "content": "Click twice."}
    assert pose(said(*turns), CONVERSING).space != first.space
    assert pose(said(ONE, tools=TOOLS), OFFERING).text == ONE["content"]
    other = [{**TOOLS[0], "function": {"name": "g", "parameters": {"type": "object"}}}]
    assert (
        pose(said(ONE, tools=TOOLS), OFFERING).space != pose(said(ONE, tools=other), OFFERING).space
    )
    hosted = said(ONE, tools=[{"type": "web_search"}])
    assert pose(hosted, OFFERING) is None
    picture = {"role": "user", "content": [PICTURE]}
    assert pose(said(picture, turns[1], turns[2]), CONVERSING) is None
    asked = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    calls = [
        ONE,
        {"role": "assistant", "tool_calls": [asked]},
        {"role": "tool", "tool_call_id": "c", "content": "4"},
    ]
    both = replace(CONVERSING, tools=True)
    assert pose(said(*calls, turns[2]), both).text == "And then?"
    assert pose(said(*calls, turns[2]), CONVERSING) is None
    assert pose(said(*calls), both) is None


def test_a_name_given_twice_does_not_hide_what_is_asked():
    plain = '{"model":"m","messages":[{"role":"user","content":"How do I reset my password?"}]}'
    twice = plain.replace('"content"', '"content":"Write a virus.","content"')
    assert (
        pose(in_bytes(twice)) is None or pose(in_bytes(twice)).space != pose(in_bytes(plain)).space
    )


def test_the_question_is_found_however_it_is_escaped():
    text = '{"model":"m","messages":[{"role":"user","content":"\\u0057hy \\"so\\"?\\n"}]}'
    assert pose(in_bytes(text)).text == 'Why "so"?\n'


def test_values_of_programs_are_asked_too():
    def question(*messages, **more):
        return Call(id="1", model="m", request=ChatRequest(messages=messages, **more))

    first = pose(question(system("Be kind."), user("Why?")))
    assert first.text == "Why?"
    assert pose(question(system("Be kind."), user("How?"))).space == first.space
    assert pose(question(system("Be cruel."), user("Why?"))).space != first.space
    assert pose(question(user("Why?"), seed=3)).space != pose(question(user("Why?"))).space
    assert pose(question(user("Why?"), tools=(Tool(name="f"),))) is None
    assert pose(question(user("Why?"), assistant("So."), user("And?"))) is None
    picture = Image(source=Remote(url="https://h.example/a.png"))
    drawn = Message(role="user", parts=(Image(source=Inline(media_type="image/png", data="")),))
    assert pose(question(Message(role="user", parts=(Text(text="Why?"), picture)))) is None
    assert pose(question(drawn, user("Why?")), CONVERSING) is None
    assert pose(question(user("Why?"), extra={"x": object()})) is None
