"""Server-sent events, incrementally, over bytes.

Source: WHATWG HTML, 9.2.6 "Interpreting an event stream", read 2026-11-21. Line ends may be LF,
CR LF or CR; comments are dropped; data lines are joined by LF. ``id`` and ``retry`` mean nothing
to a provider's stream and are dropped. Two leniencies: a byte order mark is ignored before any
event, not only the first, and a last event without its blank line is given at ``close``.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from modelway.errors import ResponseError

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""An event larger than this is refused, so that a sender cannot make memory grow without end."""

_BOM = b"\xef\xbb\xbf"
_NAMED = re.compile(rb"^event: (.*)\ndata: (.*)\n\n", re.MULTILINE).findall
_new = tuple.__new__  # a third of the cost of a NamedTuple's own constructor


class Event(NamedTuple):
    name: str
    """The event's type; ``""`` where none is given."""
    data: bytes


class Borders:
    """Bytes in, the same bytes out, cut behind whole events. One object reads one stream.

    Each byte is looked at once, however a long event is split.
    """

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> bytes:
        """What is whole with these bytes, or ``b""``; ResponseError once an event is too large."""
        rest = self._rest
        if not rest:
            end = _border(data, 0)
            if end == len(data):
                return data
            rest += data[end:]
            return data[:end]
        if len(rest) > MAX_EVENT_BYTES:
            raise ResponseError(f"an event of the stream is larger than {MAX_EVENT_BYTES} bytes")
        seam = len(rest) - 1
        rest += data
        end = _border(rest, seam)
        if not end:
            return b""
        whole = bytes(memoryview(rest)[:end])
        del rest[:end]
        return whole

    def close(self) -> bytes:
        """What stood after the last blank line."""
        rest = bytes(self._rest)
        self._rest.clear()
        return rest


class Events:
    """Bytes in, whole events out. One object reads one stream."""

    __slots__ = ("_borders",)

    def __init__(self) -> None:
        self._borders = Borders()

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete; ResponseError once an event is too large."""
        whole = self._borders.feed(data)
        return parse(whole) if whole else []

    def close(self) -> list[Event]:
        """What stood after the last blank line, as one event: some servers forget the last one."""
        rest = self._borders.close()
        return parse(rest + b"\n\n") if rest else []


def cut(data: bytes) -> tuple[bytes, bytes]:
    """Split behind the last blank line: whole events, and the beginning of the next one.

    For bytes that are all there; a stream is cut by ``Borders``, which looks at no byte twice.
    """
    end = _border(data, 0)
    return data[:end], data[end:]


def _border(data: bytes | bytearray, start: int) -> int:
    """Where the last whole event ends, looking from ``start``; 0 when none does.

    A blank line is one of LF LF, LF CR and CR CR, as CR LF holds its own. A CR that ends the blank
    line takes an LF right behind it along; one that comes later is a blank line of no meaning.
    """
    end = data.rfind(b"\n\n", start) + 2
    if data.find(b"\r", start) >= 0:
        end = max(end, data.rfind(b"\n\r", start) + 2, data.rfind(b"\r\r", start) + 2)
        if data[end - 1 : end + 1] == b"\r\n":
            end += 1
    return end if end > 1 else 0


def parse(whole: bytes) -> list[Event]:
    """Events in bytes that end with a blank line."""
    if b"\r" in whole:
        whole = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    # The two forms that providers write are read in one go; the count tells that no other line is in.
    if whole.startswith(b"data: "):
        lines = whole[6:-2].split(b"\n\ndata: ")
        if whole.count(b"\n") == 2 * len(lines):
            return [_new(Event, ("", line)) for line in lines]
    elif whole.startswith(b"event: "):
        pairs = _NAMED(whole)
        if whole.count(b"\n") == 3 * len(pairs):
            return [_new(Event, (str(name, "utf-8", "replace"), line)) for name, line in pairs]
    blocks = [_parse_block(block) for block in whole.split(b"\n\n") if block]
    return [event for event in blocks if event is not None]


def _parse_block(block: bytes) -> Event | None:
    name = ""
    data: list[bytes] = []
    for line in block.lstrip(b"\n").removeprefix(_BOM).split(b"\n"):
        field, _, value = line.partition(b":")
        value = value[1:] if value.startswith(b" ") else value
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
    return Event(name, b"\n".join(data)) if data else None


def frame(data: bytes, name: str | None = None) -> bytes:
    """One event. A line end in ``data`` begins a new data line, so that it cannot forge an event.

    ``name`` is one of the dialect's own words, never a model's.
    """
    if b"\n" in data or b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\ndata: ")
    if name is None:
        return b"data: " + data + b"\n\n"
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
