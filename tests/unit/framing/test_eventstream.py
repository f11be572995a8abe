"""AWS event streams: against Amazon's own reader, at any split, and damaged in any bit."""

from __future__ import annotations

from struct import pack
from uuid import UUID
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import ResponseError, StreamInterruptedError
from modelway.framing import eventstream
from modelway.framing.eventstream import Frames, Timestamp, frame
from support.strategies import splits

VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.binary(max_size=20),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.builds(Timestamp, st.integers(-(2**63), 2**63 - 1)),
    st.uuids(),
)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
MESSAGES = st.tuples(st.dictionaries(NAMES, VALUES, max_size=5), st.binary(max_size=60))
STREAMS = st.lists(MESSAGES, max_size=5).map(
    lambda messages: b"".join([frame(headers, payload) for headers, payload in messages])
)
EVENT = frame({":event-type": "contentBlockDelta", ":message-type": "event"}, b'{"delta":{}}')


def read(pieces):
    frames = Frames()
    found = [message for piece in pieces for message in frames.feed(piece)]
    frames.close()
    return found, frames.error


def plain(value):
    """A value as Amazon's reader gives it."""
    return (
        value.ms
        if isinstance(value, Timestamp)
        else value.bytes
        if isinstance(value, UUID)
        else value
    )


def by_amazon(stream: bytes):
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    return [(message.headers, message.payload) for message in buffer]


def message(headers: bytes, payload: bytes = b"") -> bytes:
    """A message with true checksums around any bytes."""
    lengths = pack(">II", 16 + len(headers) + len(payload), len(headers))
    whole = lengths + pack(">I", crc32(lengths)) + headers + payload
    return whole + pack(">I", crc32(whole))


@given(st.lists(MESSAGES, max_size=5))
def test_what_is_written_is_read_with_its_types(messages):
    found, error = read([b"".join([frame(*parts) for parts in messages])])
    assert error is None
    assert [(dict(one.headers), one.payload) for one in found] == messages
    assert [[type(v) for v in one.headers.values()] for one in found] == [
        [type(v) for v in headers.values()] for headers, _ in messages
    ]


@given(STREAMS)
def test_amazons_reader_reads_the_same(stream):
    found, _ = read([stream])
    told = [({name: plain(v) for name, v in one.headers.items()}, one.payload) for one in found]
    assert by_amazon(stream) == told


@given(STREAMS.flatmap(splits))
def test_any_split_gives_the_same_and_raw_is_the_stream(pieces):
    found, error = read(pieces)
    assert error is None
    assert found == read([b"".join(pieces)])[0]
    assert b"".join([one.raw for one in found]) == b"".join(pieces)


@given(STREAMS)
def test_byte_by_byte_gives_the_same(stream):
    assert read([stream[i : i + 1] for i in range(len(stream))]) == read([stream])


@given(MESSAGES)
def test_each_flipped_bit_is_seen(parts):
    whole = frame(*parts)
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        frames = Frames()
        assert [one.raw for one in frames.feed(EVENT + damaged)] == [EVENT]
        assert isinstance(frames.error, ResponseError)
        assert frames.feed(EVENT) == []


@given(STREAMS.filter(bool), st.data())
def test_a_stream_cut_short_is_told(stream, data):
    kept = stream[: data.draw(st.integers(0, len(stream) - 1))]
    whole, _ = read([stream])
    found, error = read([kept])
    assert found == whole[: len(found)]
    at_a_border = len(b"".join([one.raw for one in found])) == len(kept)
    assert (error is None) if at_a_border else isinstance(error, StreamInterruptedError)


@given(st.binary(max_size=60), st.binary(max_size=10))
def test_any_header_bytes_are_read_or_refused_as_amazon_does(headers, payload):
    found, error = read([message(headers, payload)])
    assert bool(found) != isinstance(error, ResponseError)
    if found:
        (amazon,) = by_amazon(message(headers, payload))
        assert amazon == ({n: plain(v) for n, v in found[0].headers.items()}, payload)


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        (b"\1a\0", True),
        (b"\1a\1", False),
        (b"\1a\2\xff", -1),
        (b"\1a\3\x01\x00", 256),
        (b"\1a\4\xff\xff\xff\xfe", -2),
        (b"\1a\5\0\0\0\1\0\0\0\0", 2**32),
        (b"\1a\6\0\2\xff\0", b"\xff\0"),
        (b"\1a\7\0\2\xc3\xa9", "é"),
        (b"\1a\x08\0\0\0\0\0\0\x03\xe8", Timestamp(1000)),
        (b"\1a\x09" + bytes(range(16)), UUID(bytes=bytes(range(16)))),
    ],
)
def test_each_type_of_header(headers, value):
    found, _ = read([message(headers)])
    assert dict(found[0].headers) == {"a": value}
    assert type(found[0].headers["a"]) is type(value)


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        (message(b"\1a"), "headers cannot be read"),
        (message(b"\5a\0"), "headers cannot be read"),
        (message(b"\1a\4\0\0"), "headers cannot be read"),
        (message(b"\1a\7\0\5abc"), "headers cannot be read"),
        (message(b"\1a\7\0\1\xff"), "headers cannot be read"),
        (message(b"\1\xff\0"), "headers cannot be read"),
        (message(b"\1a\x0a"), "unknown type 10"),
        (message(b"\1a\0\1a\1"), "header twice"),
        (pack(">III", 15, 0, crc32(pack(">II", 15, 0))), "shorter than its headers"),
        (pack(">III", 20, 5, crc32(pack(">II", 20, 5))), "shorter than its headers"),
        (pack(">III", 2**31, 0, crc32(pack(">II", 2**31, 0))), "larger than"),
        (pack(">III", 2**20, 2**18, crc32(pack(">II", 2**20, 2**18))), "larger than"),
        (EVENT[:8] + b"\0\0\0\0" + EVENT[12:], "checksum of a message's lengths"),
        (EVENT[:-4] + b"\0\0\0\0", "a message's checksum"),
        (b"HTTP/1.1 200 OK", "checksum of a message's lengths"),
    ],
)
def test_what_is_damaged_is_refused_after_what_was_whole(stream, says):
    frames = Frames()
    assert len(frames.feed(EVENT + stream)) == 1
    assert isinstance(frames.error, ResponseError)
    assert says in str(frames.error)
    frames.close()
    assert says in str(frames.error)


def test_a_message_too_large_is_refused_before_it_has_come(monkeypatch):
    monkeypatch.setattr(eventstream, "MAX_PAYLOAD_BYTES", 1000)
    assert len(read([frame({}, b"x" * 1000)])[0]) == 1
    found, error = read([frame({}, b"x" * 1001)[:12]])
    assert found == []
    assert "larger than" in str(error)
