"""Server-sent events, incrementally, over bytes.

Source: WHATWG HTML, 9.2.6 "Interpreting an event stream", read 2026-11-21. Line ends may be LF,
CR LF or CR; comments are dropped; data lines are joined by LF. ``id`` and ``retry`` mean nothing
to a provider's stream and are dropped.
"""

from __future__ import annotations

from typing import NamedTuple

from modelway.errors import ResponseError

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""An event larger than this is refused, so that a sender cannot make memory grow without end."""


class Event(NamedTuple):
    name: str
    """The event's type; ``""`` where none is given."""
    data: bytes


class Events:
    """Bytes in, whole events out. One object reads one stream."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete."""
        whole, self._rest = cut(self._rest + data if self._rest else data)
        if len(self._rest) > MAX_EVENT_BYTES:
            raise ResponseError(f"an event of the stream is larger than {MAX_EVENT_BYTES} bytes")
        return parse(whole) if whole else []

    def close(self) -> list[Event]:
        """What stood after the last blank line, as one event: some servers forget the last one."""
        rest, self._rest = self._rest, b""
        return parse(rest + b"\n\n") if rest.strip() else []


def cut(data: bytes) -> tuple[bytes, bytes]:
    """Split behind the last blank line: whole events, and the beginning of the next one."""
    if b"\r" in data:
        return _cut_any(data)
    at = data.rfind(b"\n\n")
    return (data[: at + 2], data[at + 2 :]) if at >= 0 else (b"", data)


def _cut_any(data: bytes) -> tuple[bytes, bytes]:
    end = -1
    for blank in (b"\r\n\r\n", b"\n\n", b"\r\r", b"\n\r\n", b"\r\n\n", b"\n\r", b"\r\n\r"):
        at = data.rfind(blank)
        if at < 0:
            continue
        stop = at + len(blank)
        # A CR at the very end may be half of a CR LF: wait for the next byte.
        if blank.endswith(b"\r") and stop == len(data):
            continue
        if blank.endswith(b"\r") and data[stop : stop + 1] == b"\n":
            stop += 1
        end = max(end, stop)
    return (data[:end], data[end:]) if end >= 0 else (b"", data)


def parse(whole: bytes) -> list[Event]:
    """Events in bytes that end with a blank line."""
    if b"\r" in whole:
        whole = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    events: list[Event] = []
    for block in whole.split(b"\n\n"):
        if block.startswith(b"data: ") and b"\n" not in block:
            events.append(Event("", block[6:]))
        elif block:
            event = _parse_block(block)
            if event is not None:
                events.append(event)
    return events


def _parse_block(block: bytes) -> Event | None:
    name = ""
    data: list[bytes] = []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value[1:] if value.startswith(b" ") else value
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
    return Event(name, b"\n".join(data)) if data else None


def frame(data: bytes, name: str | None = None) -> bytes:
    """One event. ``data`` is JSON text, which holds no raw line end, so it cannot forge an event."""
    if name is None:
        return b"data: " + data + b"\n\n"
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
