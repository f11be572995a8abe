"""Seals: what is put in comes out, and nothing else is taken for one."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.dialects import carried
from modelway.framing.fields import split
from modelway.types import Reasoning, ReasoningDelta, Text, ToolCall
from support.strategies import TEXTS

WORDS = st.none() | TEXTS
STATES = st.builds(
    carried.Carried, signature=WORDS, encrypted=WORDS, id=WORDS, format=WORDS, call=WORDS
)


@given(STATES)
def test_what_is_sealed_is_opened(state):
    seal = carried.sealed(state)
    assert carried.opened(seal) == state
    assert seal.encode().startswith(carried.PREFIX)
    for other in (
        seal.replace("+", "-").replace("/", "_"),
        seal.rstrip("="),
        base64.b64decode(seal).decode(),  # where a wire's bytes were taken for text
    ):
        assert carried.opened(other) == state


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "EqQBCgIYAhIM",
        carried.PREFIX.decode(),
        carried.PREFIX.decode() + "%%%",
        carried.PREFIX.decode() + "e30",  # "{}" unpadded, and so a seal of nothing
        carried.PREFIX.decode() + base64.b64encode(b"[1]").decode(),
        "modelway:" + '{"signature": 1}',
        "modelway:\ud800",
    ],
)
def test_what_is_no_seal_is_left_alone(text):
    assert carried.opened(text) in (None, carried.NOTHING)
    said = (Reasoning(text="Hm", signature=text),)
    if carried.opened(text) is None:
        assert carried.restored(said) == said


def test_a_message_is_restored():
    state = carried.Carried(encrypted="e", id="rs_1", format="openai-responses-v1")
    seal, call = carried.sealed(state), carried.sealed(carried.of_call("c1", "s"))
    said = (
        Reasoning(text="Hm", signature=seal),
        Reasoning(encrypted=call),
        Text(text="Hello"),
        ToolCall(id="c0", name="f", signature="kept"),
        ToolCall(id="c1", name="f"),
    )
    assert carried.restored(said) == (
        Reasoning(text="Hm", encrypted="e", id="rs_1", format="openai-responses-v1"),
        Text(text="Hello"),
        ToolCall(id="c0", name="f", signature="kept"),
        ToolCall(id="c1", name="f", signature="s"),
    )


def test_pieces_are_joined():
    state = carried.NOTHING
    for delta in (
        ReasoningDelta(text="Hm", id="a", format="x"),
        ReasoningDelta(signature="s1"),
        ReasoningDelta(signature="s2", encrypted="e"),
    ):
        state = carried.joined(state, delta)
    assert state == carried.Carried(signature="s1s2", encrypted="e", id="a", format="x")


@pytest.mark.parametrize("name", ["messages", "contents", "input"])
def test_a_seal_is_found_in_bytes(name):
    body = '{"%s": [{"thoughtSignature": "%s"}], "model": "m"}'
    assert carried.in_bytes(split((body % (name, carried.sealed(carried.NOTHING))).encode()))
    assert not carried.in_bytes(split((body % (name, "bW9kZWx3YXk")).encode()))
    assert not carried.in_bytes(split(b'{"model": "bW9kZWx3YXk6"}'))
