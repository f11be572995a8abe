"""Laws 1 to 4 of a dialect, as properties over all that it can say."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects import dialect
from modelway.errors import LLMError
from modelway.fold import unfold
from modelway.framing.eventstream import Frames
from modelway.framing.fields import split
from modelway.framing.ndjson import parse as parse_lines
from modelway.framing.sse import parse
from modelway.testing.contracts import counted
from modelway.types import Finish
from support import read
from support.checks import same
from support.essence import answer, usage
from support.every_value import ANSWERS, NAMES, QUESTIONS
from support.examples import few
from support.strategies import cut_at, splits

EVERY = pytest.mark.parametrize("name", NAMES)


def _binary(name: str) -> bool:
    return b"eventstream" in dialect(name).upstream["chat"].stream_types[0]


def _lines(name: str) -> bool:
    return b"ndjson" in dialect(name).upstream["chat"].stream_types[0]


IN_LINES = pytest.mark.parametrize("name", [name for name in NAMES if not _binary(name)])
HOST = Quirks(cache_control=True, developer_role=True)
ENDS = ("message_stop", "response.completed", "response.incomplete", "message-end")
"""Types of the events that end a stream."""


@EVERY
@few
@given(data=st.data())
def test_law_1_a_question_written_and_read_is_the_same(name, data):
    request = data.draw(QUESTIONS[name])
    codec, face = dialect(name).upstream["chat"], dialect(name).downstream["chat"]
    encoded = codec.encode(
        request, Target(model=request.model, quirks=HOST), data.draw(st.booleans())
    )
    assert face.decode(split(encoded.body)) == request
    assert encoded.warnings == ()


@EVERY
@few
@given(data=st.data())
def test_law_1_a_splice_keeps_every_byte_but_the_models(name, data):
    request = data.draw(QUESTIONS[name])
    encoded = (
        dialect(name)
        .upstream["chat"]
        .encode(request, Target(model=request.model, quirks=HOST), False)
    )
    fields = split(encoded.body)
    spliced = split(dialect(name).splice(fields, Target(model="other"), "chat").body)
    if fields.pop("model", None) is not None:  # else the path names it
        assert bytes(spliced.pop("model")) == b'"other"'
    assert {n: bytes(raw) for n, raw in spliced.items()} == {
        n: bytes(raw) for n, raw in fields.items()
    }


@EVERY
@few
@given(data=st.data())
def test_law_2_an_answer_survives_whole_and_streamed(name, data):
    response = data.draw(ANSWERS[name])
    body = read.to_client(name, response)
    whole = read.decode_whole(name, body)
    streamed = read.folded(name, [read.streamed(name, response)])
    assert answer(whole) == answer(response)
    assert answer(streamed) == answer(response)
    assert usage(whole.usage) == usage(response.usage)
    assert usage(streamed.usage) == usage(response.usage)
    assert counted(dialect(name).upstream["chat"].usage(body)) == counted(whole.usage)
    assert (whole.id, whole.model) == (streamed.id, streamed.model) == (response.id, response.model)


@EVERY
@few
@given(data=st.data())
def test_law_2_parts_of_a_stream_are_the_parts_of_the_whole(name, data):
    response = data.draw(ANSWERS[name])
    whole = read.decode_whole(name, read.to_client(name, response))
    streamed = read.folded(name, [read.streamed(name, response)])
    assert streamed.message.parts == whole.message.parts


@EVERY
@few
@given(data=st.data())
def test_law_2_an_answer_may_come_in_deltas_of_any_size(name, data):
    response = data.draw(ANSWERS[name])
    events = read.in_pieces(unfold(response), data.draw(st.integers(1, 5)))
    streamed = read.folded(name, [read.stream_to_client(name, [[event] for event in events])])
    whole = read.decode_whole(name, read.to_client(name, response))
    assert streamed.message.parts == whole.message.parts
    assert answer(streamed) == answer(response)


@EVERY
@few
@given(data=st.data())
def test_law_3_any_split_gives_the_same_events_and_bytes(name, data):
    stream = read.streamed(name, data.draw(ANSWERS[name]))
    whole, error = read.decode_stream(name, [stream])
    assert error is None
    pieces = data.draw(splits(stream))
    assert read.decode_stream(name, pieces) == (whole, None)
    assert read.decode_stream(name, [stream[i : i + 1] for i in range(len(stream))])[0] == whole
    out, relay = read.relayed(name, pieces)
    assert (out, relay.error) == (stream, None)


@IN_LINES
@few
@given(data=st.data())
def test_law_3_line_ends_do_not_matter(name, data):
    stream = read.streamed(name, data.draw(ANSWERS[name]))
    whole, _ = read.decode_stream(name, [stream])
    for end in (b"\r\n",) if _lines(name) else (b"\r\n", b"\r"):
        other = stream.replace(b"\n", end)
        pieces = data.draw(splits(other))
        assert read.decode_stream(name, pieces) == (whole, None)
        out, relay = read.relayed(name, pieces)
        assert (out.rstrip(b"\r\n"), relay.error) == (other.rstrip(b"\r\n"), None)


@EVERY
@few
@given(data=st.data())
def test_a_relay_learns_what_the_decoder_does(name, data):
    stream = read.streamed(name, data.draw(ANSWERS[name]))
    response = read.folded(name, [stream])
    _, relay = read.relayed(name, data.draw(splits(stream)))
    assert relay.finish == response.finish_reason
    assert relay.usage == response.usage


@EVERY
@few
@given(data=st.data())
def test_law_4_a_truncated_stream_is_never_whole(name, data):
    """The end is where the finish has come: before it, each cut is an error."""
    stream = read.streamed(name, data.draw(ANSWERS[name]))
    end = _end(name, stream)
    point = data.draw(st.integers(0, end))
    pieces = data.draw(splits(stream[:point]))
    _, error = read.decode_stream(name, pieces)
    assert isinstance(error, LLMError), f"cut at {point} of {end}"
    out, relay = read.relayed(name, pieces)
    assert isinstance(relay.error, LLMError)
    told = _events(name, out)
    assert told == _events(name, stream)[: len(told)], "half an event was forwarded"


def _events(name: str, stream: bytes) -> list[Any]:
    if _lines(name):
        return parse_lines(stream)
    return Frames().feed(stream) if _binary(name) else parse(stream)


def _end(name: str, stream: bytes) -> int:
    """The last offset at which the answer is not yet whole: one before its finish is complete."""
    if _binary(name):
        [end] = [frame for frame in Frames().feed(stream) if b'"stopReason"' in frame.payload]
        return stream.index(end.raw) + len(end.raw) - 1
    if _lines(name):
        last = parse_lines(stream)[-1]
        return stream.rindex(last) + len(last) - 1
    for event in parse(stream):
        if event.data == b"[DONE]":
            continue
        told = json.loads(event.data)
        finished = any(
            choice.get("finish_reason") or choice.get("finishReason")
            for choice in told.get("choices") or told.get("candidates") or ()
        )
        if finished or told.get("type") in ENDS:
            return stream.index(event.data) + len(event.data) - 1
    raise AssertionError("the stream has no finish")


@given(data=st.data())
def test_law_4_every_choice_must_have_its_finish(data):
    """Of several answers in one stream none may be missing its end (Chat Completions, ``n``)."""
    one, two = data.draw(ANSWERS["openai-chat"]), data.draw(ANSWERS["openai-chat"])
    response = structs.replace(one, choices=(*one.choices, *two.choices))
    stream = read.streamed("openai-chat", response)
    assert answer(read.folded("openai-chat", [stream])) == answer(response)
    ends = [match.end() for match in re.finditer(rb'"finish_reason":"', stream)]
    point = data.draw(st.integers(0, ends[1]) | st.integers(ends[0], ends[1]))
    _, error = read.decode_stream("openai-chat", [stream[:point]])
    assert isinstance(error, LLMError)
    _, relay = read.relayed("openai-chat", data.draw(splits(stream[:point])))
    assert isinstance(relay.error, LLMError)
    _, relay = read.relayed("openai-chat", data.draw(splits(stream)))
    assert relay.error is None


@EVERY
@few
@given(data=st.data())
def test_law_4_what_came_before_the_cut_is_kept(name, data):
    stream = read.streamed(name, data.draw(ANSWERS[name]))
    whole, _ = read.decode_stream(name, [stream])
    point = data.draw(st.integers(0, len(stream)))
    cut, _ = read.decode_stream(name, cut_at(stream[:point], []))
    if cut and isinstance(cut[-1], Finish):
        cut.pop()  # after the finish only its usage can be missing
    same(cut, whole[: len(cut)], "the events before the cut")
