"""AWS event streams (``application/vnd.amazon.eventstream``), incrementally, and written.

Source: https://smithy.io/2.0/aws/amazon-eventstream.html, 2026-11-21. A message is its length and
its headers' length, a CRC 32 of the two, headers, payload, and a CRC 32 of all before it; numbers
are big-endian. Any single flipped bit is seen by one of the checksums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct, error
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID
from zlib import crc32

from modelway.errors import LLMError, ResponseError, StreamInterruptedError

MAX_HEADERS_BYTES = 128 * 1024
MAX_PAYLOAD_BYTES = 24 * 1024 * 1024
"""The bounds of Amazon's own readers.

Source: https://github.com/boto/botocore/blob/develop/botocore/eventstream.py, 2026-11-21.
"""

_AROUND_BYTES = 16
_PRELUDE = Struct(">III")
_LENGTHS = Struct(">II")
_CHECKSUM = Struct(">I")
_SHORT = Struct(">H")
_LONG = Struct(">q")
_INT_TYPES = {2: Struct(">b"), 3: Struct(">h"), 4: Struct(">i"), 5: _LONG}


class Timestamp(NamedTuple):
    """The value of a header that is a time."""

    ms: int
    """Since 1970."""


HeaderValue: TypeAlias = bool | int | str | bytes | Timestamp | UUID


class Frame(NamedTuple):
    """One message. ``:message-type``, ``:event-type`` and the like stand in its headers."""

    headers: Mapping[str, HeaderValue]
    payload: bytes
    raw: bytes
    """The message's own bytes, for who passes it on."""


class Frames:
    """Bytes in, whole messages out. One object reads one stream.

    What arrived before a fault is given; the fault is kept in ``error``, after which nothing comes.
    """

    __slots__ = ("_rest", "_told", "error")

    def __init__(self) -> None:
        self.error: LLMError | None = None
        self._rest = bytearray()
        self._told: tuple[bytes, Mapping[str, HeaderValue]] = (b"", MappingProxyType({}))

    def feed(self, data: bytes) -> list[Frame]:
        """The messages that these bytes complete."""
        if self.error is not None:
            return []
        rest = self._rest
        rest += data
        found: list[Frame] = []
        at = 0
        try:
            while len(rest) - at >= _PRELUDE.size:
                end, headers_end = _measured(rest, at)
                if len(rest) < end:
                    break
                found.append(self._read(bytes(memoryview(rest)[at:end]), headers_end - at))
                at = end
        except ResponseError as fault:
            self.error = fault
            rest.clear()
            return found
        if at:
            del rest[:at]
        return found

    def close(self) -> None:
        """Sets ``error`` where the stream ended within a message."""
        if self.error is None and self._rest:
            self.error = StreamInterruptedError("the stream ended within a message")
        self._rest.clear()

    def _read(self, raw: bytes, headers_end: int) -> Frame:
        if crc32(memoryview(raw)[:-4]) != _CHECKSUM.unpack_from(raw, len(raw) - 4)[0]:
            raise _fault("a message's checksum is wrong")
        written = raw[_PRELUDE.size : headers_end]
        # most messages of a stream have the headers of the one before
        if written != self._told[0]:
            self._told = (written, MappingProxyType(_read_headers(written)))
        return Frame(self._told[1], raw[headers_end:-4], raw)


def _measured(data: bytearray, at: int) -> tuple[int, int]:
    """Where the message that begins here ends, and where its headers do."""
    length, headers_length, checksum = _PRELUDE.unpack_from(data, at)
    if crc32(memoryview(data)[at : at + _LENGTHS.size]) != checksum:
        raise _fault("the checksum of a message's lengths is wrong")
    payload_length = length - headers_length - _AROUND_BYTES
    if payload_length < 0:
        raise _fault("a message is shorter than its headers")
    if headers_length > MAX_HEADERS_BYTES or payload_length > MAX_PAYLOAD_BYTES:
        raise _fault(
            f"a message of the stream is larger than {MAX_HEADERS_BYTES} bytes of headers "
            f"and {MAX_PAYLOAD_BYTES} bytes of payload"
        )
    return at + length, at + _PRELUDE.size + headers_length


def _read_headers(written: bytes) -> dict[str, HeaderValue]:
    headers: dict[str, HeaderValue] = {}
    at = 0
    try:
        while at < len(written):
            value_at = at + 1 + written[at]
            name = _sliced(written, at + 1, value_at).decode()
            if name in headers:
                raise _fault("a message has a header twice")
            headers[name], at = _read_value(written, value_at)
    except (IndexError, UnicodeDecodeError, error):
        raise _fault("a message's headers cannot be read") from None
    return headers


def _read_value(written: bytes, at: int) -> tuple[HeaderValue, int]:
    kind = written[at]
    at += 1
    if kind in {0, 1}:
        return kind == 0, at
    if (form := _INT_TYPES.get(kind)) is not None:
        value: int = form.unpack_from(written, at)[0]
        return value, at + form.size
    if kind in {6, 7}:
        start = at + _SHORT.size
        end = start + _SHORT.unpack_from(written, at)[0]
        said = _sliced(written, start, end)
        return (said if kind == 6 else said.decode()), end
    if kind == 8:
        return Timestamp(_LONG.unpack_from(written, at)[0]), at + _LONG.size
    if kind == 9:
        return UUID(bytes=_sliced(written, at, at + 16)), at + 16
    raise _fault(f"a message has a header of the unknown type {kind}")


def _sliced(data: bytes, start: int, end: int) -> bytes:
    """IndexError where the slice is not all there."""
    if end > len(data):
        raise IndexError
    return data[start:end]


def frame(headers: Mapping[str, HeaderValue], payload: bytes = b"") -> bytes:
    """One message. A whole number takes 4 bytes, or 8 where it must.

    Names (1 to 255 bytes) and values (at most 32,767) are the writer's own words, never a model's.
    """
    written = b"".join([_write_header(name, value) for name, value in headers.items()])
    lengths = _LENGTHS.pack(len(written) + len(payload) + _AROUND_BYTES, len(written))
    whole = b"".join([lengths, _CHECKSUM.pack(crc32(lengths)), written, payload])
    return whole + _CHECKSUM.pack(crc32(whole))


def _write_header(name: str, value: HeaderValue) -> bytes:
    said = name.encode()
    return bytes([len(said)]) + said + _WRITERS[type(value)](value)


def _write_int(value: int) -> bytes:
    kind = 4 if -(2**31) <= value < 2**31 else 5
    return bytes([kind]) + _INT_TYPES[kind].pack(value)


def _write_bytes(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + _SHORT.pack(len(value)) + value


_WRITERS: Mapping[type, Callable[[Any], bytes]] = {
    bool: lambda value: b"\0" if value else b"\1",
    int: _write_int,
    bytes: lambda value: _write_bytes(6, value),
    str: lambda value: _write_bytes(7, value.encode()),
    Timestamp: lambda value: b"\x08" + _LONG.pack(value.ms),
    UUID: lambda value: b"\x09" + value.bytes,
}


def _fault(what: str) -> ResponseError:
    return ResponseError(f"the event stream is damaged: {what}", code="event_stream")
