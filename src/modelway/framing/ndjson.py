"""Lines of JSON (``application/x-ndjson``), incrementally, over bytes.

Source: https://github.com/ndjson/ndjson-spec, 2026-11-21. A line ends in LF or CR LF; blank lines
mean nothing. A line is not decoded here, and cut behind LF alone, which is part of no other
character in UTF-8. One leniency: a last line without its end is given at ``close``.
"""

from __future__ import annotations

from modelway.errors import ResponseError

MAX_LINE_BYTES = 16 * 1024 * 1024
"""A line longer than this is refused, so that a sender cannot make memory grow without end."""

_BOM = b"\xef\xbb\xbf"


class Borders:
    """Bytes in, the same bytes out, cut behind whole lines. One object reads one stream.

    Each byte is looked at once, however a long line is split.
    """

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> bytes:
        """What is whole with these bytes, or ``b""``; ResponseError once a line is too long."""
        end = data.rfind(b"\n") + 1
        rest = self._rest
        if not rest and end == len(data):
            return data
        if len(rest) > MAX_LINE_BYTES:
            raise ResponseError(f"a line of the stream is longer than {MAX_LINE_BYTES} bytes")
        if not end:
            rest += data
            return b""
        whole = bytes(rest) + data[:end]
        rest[:] = data[end:]
        return whole

    def close(self) -> bytes:
        """What stood after the last line end."""
        rest = bytes(self._rest)
        self._rest.clear()
        return rest


class Lines:
    """Bytes in, whole lines out, without their ends. One object reads one stream."""

    __slots__ = ("_borders",)

    def __init__(self) -> None:
        self._borders = Borders()

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that these bytes complete; ResponseError once a line is too long."""
        whole = self._borders.feed(data)
        return parse(whole) if whole else []

    def close(self) -> list[bytes]:
        """What stood after the last line end, as one line: some servers forget the last one."""
        return parse(self._borders.close())


def parse(whole: bytes) -> list[bytes]:
    """The lines in these bytes that are not blank. A byte order mark before one is dropped."""
    lines = [line.removeprefix(_BOM).strip(b" \t\r") for line in whole.split(b"\n")]
    return [line for line in lines if line]


def frame(data: bytes) -> bytes:
    """One line. A line end in JSON text is white space only, and becomes a space."""
    if b"\n" in data or b"\r" in data:
        data = data.replace(b"\r", b" ").replace(b"\n", b" ")
    return data + b"\n"
