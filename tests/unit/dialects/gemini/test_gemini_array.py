"""Streams as one JSON array, cut anywhere; and what a client is given of any provider's reasoning."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.dialects.gemini import DIALECT
from modelway.dialects.gemini.array import Items
from modelway.errors import ResponseError
from modelway.fold import fold
from modelway.framing import sse
from modelway.framing.fields import split
from modelway.framing.sse import parse
from modelway.types import ChatResponse, Choice, Message, Reasoning
from support import read
from support.gemini_values import ANSWERS
from support.strategies import NAMES, TEXTS, json_objects, splits

FACE = DIALECT.downstream["chat"]


@given(data=st.data())
def test_an_array_says_what_events_say(data):
    stream = read.streamed("gemini", data.draw(ANSWERS))
    wanted = read.folded("gemini", [stream])
    between = data.draw(st.sampled_from([b",", b"\n,\r\n", b" , "]))
    array = b" [" + between.join([event.data for event in parse(stream)]) + b"]\n"
    assert read.folded("gemini", data.draw(splits(array))) == wanted
    assert read.decode_whole("gemini", array) == wanted


@given(data=st.data(), items=st.lists(json_objects(), max_size=4))
def test_items_are_cut_at_their_borders_alone(data, items):
    array = json.dumps(items, indent=data.draw(st.sampled_from([None, 1]))).encode()
    reader = Items()
    found = [item for piece in data.draw(splits(array)) for item in reader.feed(piece)]
    assert [json.loads(item) for item in found] == items


def test_an_item_without_end_is_refused(monkeypatch):
    monkeypatch.setattr("modelway.dialects.gemini.array.MAX_EVENT_BYTES", 100)
    decoder = DIALECT.upstream["chat"].decoder()
    for _ in range(20):
        decoder.feed(b'[{"candidates": "xxxxxxxxxxxxxxxxx')
    assert isinstance(decoder.error, ResponseError)
    assert sse.MAX_EVENT_BYTES > 100


STATE = st.builds(
    Reasoning,
    text=TEXTS,
    signature=st.none() | NAMES,
    encrypted=st.none() | NAMES,
    id=st.none() | NAMES,
    format=st.none() | st.sampled_from(["anthropic-claude-v1", "openai-responses-v1", "x"]),
)


@given(parts=st.lists(STATE, min_size=1, max_size=3))
def test_any_provider_s_reasoning_survives_a_client_that_keeps_it(parts):
    said = tuple([part for part in parts if part != Reasoning()])
    choice = Choice(message=Message(role="assistant", parts=said), finish_reason="stop")
    answer = FACE.encode(ChatResponse(choices=(choice,)))
    content = json.loads(answer)["candidates"][0]["content"]
    fields = split(json.dumps({"contents": [content]}).encode())
    assert FACE.decode(fields).messages[0].parts == said


@pytest.mark.parametrize("chunks", [1, 3])
def test_a_stream_of_nothing_but_space_is_cut(chunks):
    decoder = DIALECT.upstream["chat"].decoder()
    for _ in range(chunks):
        assert decoder.feed(b" \r\n") == []
    assert fold(decoder.close()).message.parts == ()
    assert decoder.error is not None
