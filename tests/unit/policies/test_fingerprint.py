"""The name of a question: any change of what is asked is another name, and nothing else is."""

import copy
import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from modelway.call import Body, Call, Options, Payer
from modelway.framing.fields import split
from modelway.messages import user
from modelway.policies.fingerprint import key
from modelway.retrieval import EmbedRequest, RerankRequest
from modelway.types import ChatRequest
from support.every_value import NAMES, QUESTIONS
from support.examples import few
from support.mutations import HOSTILE, RICH, mutated

BODIES = {
    f"{name} {operation}": (name, operation, body)
    for (name, operation), body in RICH.items()
    if operation in ("chat", "complete", "embed", "rerank")
}


def call(name, operation, body, **fields):
    fields = {"stream": body.get("stream") is True, **fields}
    asked = Body(dialect=name, fields=split(json.dumps(body).encode()))
    return Call(id="1", operation=operation, model="m", body=asked, **fields)


def changed(body):
    """The body with each place in it changed in turn: replaced, left out, or given something more."""
    for name in body:
        if name == "stream":
            continue
        yield {other: value for other, value in body.items() if other != name}
        yield from [{**body, name: value} for value in HOSTILE]
    yield {**body, "unheard_of": None}
    for way in ways(body):
        *before, last = way
        for value in ("changed", 0.125, None):
            other = copy.deepcopy(body)
            holder = other
            for step in before:
                holder = holder[step]
            holder[last] = value
            yield other


def ways(value, way=()):
    if way:
        yield way
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for name, inner in inside:
        if isinstance(inner, dict | list):
            yield from ways(inner, (*way, name))
        elif way:
            yield (*way, name)


@pytest.mark.parametrize("name", BODIES)
def test_a_change_anywhere_in_a_body_is_another_question(name):
    dialect, operation, body = BODIES[name]
    seen = {json.dumps(body, sort_keys=True): key(call(dialect, operation, body))}
    for other in changed(body):
        written = json.dumps(other, sort_keys=True)
        found = key(call(dialect, operation, other))
        assert seen.setdefault(written, found) == found
    assert len(set(seen.values())) == len(seen) > 50


@pytest.mark.parametrize("name", BODIES)
@few
@given(seed=st.integers(0, 2**32))
def test_two_bodies_have_one_name_only_where_they_are_the_same(name, seed):
    dialect, operation, body = BODIES[name]
    chance = Random(seed)
    one, other = mutated(body, chance), mutated(body, chance)
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    names = {key(call(dialect, operation, each, stream=False)) for each in (one, other)}
    if not same and spoken(one) != spoken(other):
        assert len(names) == 2


def spoken(body):
    """Without what says only whether the answer streams; inside, the order counts."""
    said = {name: value for name, value in body.items() if name != "stream"}
    if not isinstance(body.get("stream"), bool):
        said |= {name: value for name, value in body.items() if name == "stream"}
    return {name: json.dumps(value) for name, value in said.items()}


@pytest.mark.parametrize("name", BODIES)
def test_neither_the_order_of_fields_nor_streaming_is_another_question(name):
    dialect, operation, body = BODIES[name]
    first = key(call(dialect, operation, body))
    turned = dict(reversed(list(body.items())))
    assert key(call(dialect, operation, turned)) == first
    for stream in (True, False):
        assert key(call(dialect, operation, {**body, "stream": stream})) == key(
            call(dialect, operation, {n: v for n, v in body.items() if n != "stream"})
        )
    assert key(call(dialect, operation, {**body, "stream": None})) != key(
        call(dialect, operation, {**body, "stream": False})
    )


def test_one_body_asked_of_two_dialects_is_two_questions():
    body = {"model": "m", "messages": []}
    assert len({key(call(name, "chat", body)) for name in NAMES}) == len(NAMES)


def test_the_order_inside_a_schema_is_part_of_the_question():
    one, other = {"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}}
    assert key(call("openai-chat", "chat", one)) != key(call("openai-chat", "chat", other))


# ---------------------------------------------------------------- what is beside the question

BESIDE = {
    "operation": "complete",
    "model": "other",
    "headers": (("anthropic-beta", "x"),),
    "query": "beta=true",
    "tenant": "other",
    "only": "p/m",
    "request": ChatRequest(messages=(user("hi"),)),
    "body": Body(dialect="openai-chat", fields=split(b'{"model":"n"}')),
}
NOT_ASKED = {
    "id": "2",
    "stream": True,
    "key": "other",
    "payer": Payer(user="other"),
    "options": Options(strategy="cheapest"),
    "task": object(),
    "trace_parent": "x",
    "trace_state": "x",
}
"""Of these, who uses the name adds what matters to it."""


def test_every_field_of_a_call_is_asked_or_is_not():
    assert set(Call.__struct_fields__) == {*BESIDE, *NOT_ASKED, "passing"}
    plain = call("openai-chat", "chat", {"model": "m"})
    others = [replace(plain, **{name: value}) for name, value in BESIDE.items()]
    assert len({key(one) for one in (plain, *others)}) == len(others) + 1
    for name, value in NOT_ASKED.items():
        assert key(replace(plain, **{name: value})) == key(plain), name


def test_what_is_added_is_told_apart_from_what_stands_beside_it():
    plain = call("openai-chat", "chat", {"model": "m"})
    names = [key(plain), key(plain, b""), key(plain, b"", b""), key(plain, b"a", b"b")]
    names += [key(plain, b"ab"), key(plain, b"", b"ab"), key(replace(plain, query="ab"))]
    assert len(set(names)) == len(names)


def test_one_field_s_end_is_not_another_s_beginning():
    one = replace(call("openai-chat", "chat", {}), tenant="ab", model="c")
    assert key(one) != key(replace(one, tenant="a", model="bc"))
    bodies = [{"a": 1, "b": 2}, {"a": "1", "b": 2}, {"ab": 12}, {"a": [1, 2]}, {"a": 1}, {"b": 1}]
    assert len({key(call("openai-chat", "chat", body)) for body in bodies}) == len(bodies)


# ---------------------------------------------------------------- questions as values


def asked(request):
    return Call(id="1", model="m", request=request)


@pytest.mark.parametrize("name", NAMES)
@few
@given(data=st.data())
def test_two_requests_have_one_name_only_where_they_are_equal(name, data):
    one, other = data.draw(QUESTIONS[name]), data.draw(QUESTIONS[name])
    assert key(asked(one)) == key(asked(copy.deepcopy(one)))
    if one != other:
        assert key(asked(one)) != key(asked(other))


VALUES = {
    "max_tokens": 1,
    "n": 2,
    "seed": 3,
    "logprobs": True,
    "stop": ("x",),
    "tags": ("a",),
    "metadata": {"a": "b"},
    "extra": {"a": 1},
    "extra_dialect": "gemini",
    "messages": (user("other"),),
    "inputs": ("other",),
    "documents": ("other",),
    "tools": ({"name": "f"},),
}


@pytest.mark.parametrize(
    "request_",
    [
        ChatRequest(messages=(user("hi"),)),
        EmbedRequest(inputs=("hi",)),
        RerankRequest(query="hi", documents=("a",)),
    ],
    ids=lambda request: type(request).__name__,
)
def test_every_field_of_a_request_is_asked(request_):
    others = [
        replace(request_, **{name: VALUES.get(name, "other")})
        for name in type(request_).__struct_fields__
    ]
    names = {key(asked(one)) for one in (request_, *others)}
    assert len(names) == len(others) + 1


def test_requests_of_two_kinds_are_two_questions():
    one, other = EmbedRequest(inputs=()), RerankRequest(query="", documents=())
    assert key(asked(one)) != key(asked(other))


@pytest.mark.parametrize("text", ["\ud800", "\0", "é\u2028"])
def test_what_cannot_be_written_down_has_no_name(text):
    try:
        found = key(asked(ChatRequest(messages=(user(text),))))
    except ValueError:
        assert text == "\ud800"
    else:
        assert found != key(asked(ChatRequest(messages=(user(""),))))
