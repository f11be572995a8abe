"""Server-sent events: any split gives the same events, in linear time, within bounds."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import ResponseError
from modelway.framing import sse
from modelway.framing.sse import Borders, Event, Events, cut, frame, parse
from support.strategies import splits

LINES = st.sampled_from(
    [
        b"data: a",
        b"data:b",
        b"data:  two spaces",
        b"data",
        b"data:",
        b"event: ping",
        b"event:pong",
        b"event",
        b": comment",
        b":",
        b"id: 7",
        b"retry: 10",
        b"unknown: x",
        b"data: \xc3\xa9 \xff",
        b"datax: no",
        b" data: no",
        b"\xef\xbb\xbfdata: marked",
        b"",
        b"",
        b"",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
STREAMS = st.lists(st.tuples(LINES, ENDS), max_size=30).map(
    lambda lines: b"".join([line + end for line, end in lines])
)


def by_the_standard(stream: bytes, *, ended: bool = True) -> list[Event]:
    """An independent reading: line by line, as the standard tells it, and its two leniencies.

    Of a stream that has not ``ended`` only lines that have come whole are read.
    """
    events: list[Event] = []
    name, data = "", []
    fresh = True
    lines = stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    for written in [*lines, b""] if ended else lines[:-1]:
        line = written.removeprefix(b"\xef\xbb\xbf") if fresh else written
        if line == b"":
            if data:
                events.append(Event(name, b"\n".join(data)))
            name, data, fresh = "", [], True
            continue
        fresh = False
        if line.startswith(b":"):
            continue
        field, _, value = line.partition(b":")
        if value.startswith(b" "):
            value = value[1:]
        if field == b"data":
            data.append(value)
        if field == b"event":
            name = value.decode("utf-8", "replace")
    return events


def read(pieces) -> list[Event]:
    events = Events()
    return [event for piece in pieces for event in events.feed(piece)] + events.close()


@given(STREAMS)
def test_a_stream_is_read_as_the_standard_says(stream):
    assert read([stream]) == by_the_standard(stream)


@given(STREAMS.flatmap(splits))
def test_any_split_gives_the_same_events(pieces):
    assert read(pieces) == read([b"".join(pieces)])


@given(STREAMS)
def test_byte_by_byte_gives_the_same_events(stream):
    assert read([stream[i : i + 1] for i in range(len(stream))]) == read([stream])


@given(STREAMS.flatmap(splits))
def test_borders_change_no_byte_and_cut_behind_whole_events(pieces):
    borders = Borders()
    whole = [borders.feed(piece) for piece in pieces]
    rest = borders.close()
    assert b"".join(whole) + rest == b"".join(pieces)
    found = [event for piece in whole if piece for event in parse(piece)]
    assert found + (parse(rest + b"\n\n") if rest else []) == by_the_standard(b"".join(pieces))


@given(STREAMS.flatmap(splits))
def test_no_event_is_held_back(pieces):
    events, got, seen = Events(), [], b""
    for piece in pieces:
        got += events.feed(piece)
        seen += piece
        assert got == by_the_standard(seen, ended=False)


@given(STREAMS)
def test_no_event_is_held_back_byte_by_byte(stream):
    events, got = Events(), []
    for end in range(1, len(stream) + 1):
        got += events.feed(stream[end - 1 : end])
        assert got == by_the_standard(stream[:end], ended=False)


@given(STREAMS)
def test_cut_agrees_with_borders(stream):
    whole, rest = cut(stream)
    borders = Borders()
    assert (borders.feed(stream), borders.close()) == (whole, rest)


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\n", [Event("", b"a")]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [Event("", b"a"), Event("", b"b")]),
        (b"data: a\r\rdata: b\r\r", [Event("", b"a"), Event("", b"b")]),
        (b"data: a\n\r\ndata: b\r\r\n", [Event("", b"a"), Event("", b"b")]),
        (b"\xef\xbb\xbfdata: a\n\n", [Event("", b"a")]),
        (b": ping\n\n: ping\n\ndata: a\n\n", [Event("", b"a")]),
        (b"data: a\ndata: b\n\n", [Event("", b"a\nb")]),
        (b"event: x\ndata: a\n\n", [Event("x", b"a")]),
        (b"data: a\nevent: x\n\n", [Event("x", b"a")]),
        (b"event: x\n\ndata: a\n\n", [Event("", b"a")]),
        (b"data: no end", [Event("", b"no end")]),
        (b"data: no end\r\n", [Event("", b"no end")]),
        (b"data:\n\n", [Event("", b"")]),
        (b"data: \n\n", [Event("", b"")]),
        (b"\n\n\n", []),
        (b"", []),
    ],
)
def test_table(stream, events):
    assert read([stream]) == events
    assert read([stream[i : i + 1] for i in range(len(stream))]) == events


def test_an_event_is_given_as_soon_as_its_blank_line_has_come():
    events = Events()
    assert events.feed(b"data: a\r\n\r") == [Event("", b"a")]
    assert events.feed(b"\ndata: b\n\n") == [Event("", b"b")]


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1), st.data())
def test_model_text_cannot_forge_an_event(texts, data):
    evil = [text + "\n\ndata: [DONE]\n\nevent: error\rdata: {}\r\n\r\n" for text in texts]
    stream = b"".join([frame(json.dumps(text).encode()) for text in evil])
    assert [json.loads(event.data) for event in read(data.draw(splits(stream)))] == evil


@given(st.binary().filter(lambda data: b"\r" not in data), st.sampled_from([None, "x"]))
def test_a_frame_is_one_event_whatever_its_data(data, name):
    assert parse(frame(data, name)) == [Event(name or "", data)]


def test_a_long_line_costs_linear_time():
    def cost(pieces: int) -> float:
        events = Events()
        piece = b"x" * 65536
        began = time.process_time()
        events.feed(b"data: ")
        for _ in range(pieces):
            events.feed(piece)
        assert len(events.feed(b"\n\n")[0].data) == pieces * 65536
        return time.process_time() - began

    cost(10)
    few, many = min(cost(20) for _ in range(5)), min(cost(160) for _ in range(5))
    assert many < 8 * 4 * max(few, 0.0005)  # quadratic reading makes it 64 times


def test_an_event_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1000)
    events = Events()
    assert events.feed(b"data: a\n\ndata: " + b"x" * 600) == [Event("", b"a")]
    events.feed(b"x" * 600)
    with pytest.raises(ResponseError, match="larger than 1000 bytes"):
        events.feed(b"x")


def test_one_byte_pieces_of_a_long_line_take_no_more_memory_than_the_line():
    borders = Borders()
    for _ in range(100_000):
        assert borders.feed(b"x") == b""
    assert len(borders._rest) == 100_000
