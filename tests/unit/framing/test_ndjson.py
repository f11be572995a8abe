"""Lines of JSON: any split gives the same lines, within bounds."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import ResponseError
from modelway.framing import ndjson
from modelway.framing.ndjson import Borders, Lines, frame, parse
from support.strategies import json_values, splits

WRITTEN = st.one_of(
    json_values().map(lambda value: json.dumps(value, ensure_ascii=False).encode()),
    st.sampled_from([b"", b" ", b"\t", '"é\u2028\U0001f600"'.encode(), b"no json", b"\xff"]),
)
ENDS = st.sampled_from([b"\n", b"\r\n"])
STREAMS = st.builds(
    lambda lines, last: b"".join([line + end for line, end in lines]) + last,
    st.lists(st.tuples(WRITTEN, ENDS), max_size=12),
    WRITTEN,
)


def by_lines(stream: bytes) -> list[bytes]:
    """An independent reading."""
    return [line.strip() for line in stream.split(b"\n") if line.strip()]


def read(pieces) -> list[bytes]:
    lines = Lines()
    return [line for piece in pieces for line in lines.feed(piece)] + lines.close()


@given(STREAMS.flatmap(splits))
def test_any_split_gives_the_same_lines(pieces):
    assert read(pieces) == by_lines(b"".join(pieces))


@given(STREAMS)
def test_byte_by_byte_gives_the_same_lines_and_none_is_held_back(stream):
    lines, got = Lines(), []
    for end in range(1, len(stream) + 1):
        got += lines.feed(stream[end - 1 : end])
        assert got == by_lines(stream[: stream.rfind(b"\n", 0, end) + 1])
    assert got + lines.close() == by_lines(stream)


@given(STREAMS.flatmap(splits))
def test_borders_change_no_byte_and_cut_behind_whole_lines(pieces):
    borders = Borders()
    whole = [borders.feed(piece) for piece in pieces]
    assert all(not piece or piece.endswith(b"\n") for piece in whole)
    assert b"".join(whole) + borders.close() == b"".join(pieces)


@given(st.lists(json_values(), max_size=6), st.sampled_from([None, 2]), st.data())
def test_what_is_written_is_read(values, indent, data):
    stream = b"".join([frame(json.dumps(value, indent=indent).encode()) for value in values])
    assert [json.loads(line) for line in read(data.draw(splits(stream)))] == values


@pytest.mark.parametrize(
    ("stream", "lines"),
    [
        (b'{"a":1}\n{"b":2}\n', [b'{"a":1}', b'{"b":2}']),
        (b'{"a":1}\r\n\r\n{"b":2}\r\n', [b'{"a":1}', b'{"b":2}']),
        (b'{"a":1}\n{"b":2}', [b'{"a":1}', b'{"b":2}']),
        (b'\xef\xbb\xbf{"a":1}\n', [b'{"a":1}']),
        ('{"a":"\u2028\x85"}\n'.encode(), ['{"a":"\u2028\x85"}'.encode()]),
        (b"\n \n\r\n", []),
        (b"", []),
    ],
)
def test_table(stream, lines):
    assert read([stream]) == lines
    assert read([stream[i : i + 1] for i in range(len(stream))]) == lines
    assert parse(stream) == lines


def test_a_line_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(ndjson, "MAX_LINE_BYTES", 1000)
    lines = Lines()
    assert lines.feed(b'{"a":1}\n"' + b"x" * 600) == [b'{"a":1}']
    lines.feed(b"x" * 600)
    with pytest.raises(ResponseError, match="longer than 1000 bytes"):
        lines.feed(b"x")


def test_a_long_line_costs_linear_time():
    def cost(pieces: int) -> float:
        lines = Lines()
        piece = b"x" * 65536
        began = time.process_time()
        for _ in range(pieces):
            lines.feed(piece)
        assert len(lines.feed(b"\n")[0]) == pieces * 65536
        return time.process_time() - began

    cost(10)
    few, many = min(cost(20) for _ in range(5)), min(cost(160) for _ in range(5))
    assert many < 8 * 4 * max(few, 0.0005)  # quadratic reading makes it 64 times
