"""The objects of a JSON array, each as soon as it is whole: how Gemini streams without ``alt=sse``."""

from __future__ import annotations

import re

from modelway.errors import ResponseError
from modelway.framing.sse import MAX_EVENT_BYTES

_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


class Items:
    """Bytes in, whole objects out. One object reads one stream."""

    __slots__ = ("_begin", "_depth", "_rest", "_seen")

    def __init__(self) -> None:
        self._rest = b""
        self._seen = 0
        self._depth = 0
        self._begin = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The objects that these bytes complete; ResponseError once one is too large."""
        if len(self._rest) > MAX_EVENT_BYTES:
            raise ResponseError(f"an item of the stream is larger than {MAX_EVENT_BYTES} bytes")
        rest = self._rest + data
        found: list[bytes] = []
        at = self._seen
        while (match := _TOKENS.search(rest, at)) is not None:
            if rest.find(b'"', at, match.start()) >= 0:
                break  # within a string that is not whole yet
            at = match.end()
            sign = match[0]
            if sign in b"[{":
                self._depth += 1
                if self._depth == 2:
                    self._begin = match.start()
            elif sign in b"]}":
                self._depth -= 1
                if self._depth == 1:
                    found.append(rest[self._begin : at])
                    self._begin = at
        keep = self._begin if self._depth > 1 else at
        self._rest = rest[keep:]
        self._seen = at - keep
        self._begin = 0
        return found
