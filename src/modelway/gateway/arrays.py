"""A stream of events as one JSON array, for clients that did not ask for events.

Source: https://ai.google.dev/api/generate-content (``alt=sse``; an array without it), 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from modelway.framing.sse import Events

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Arrays:
    """A ``send`` that writes each event's data as an element; errors stay as they are."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._events = Events()
        self._streams = False
        self._begun = False

    async def __call__(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            kinds = [value for name, value in message["headers"] if name == b"content-type"]
            self._streams = bool(kinds) and kinds[0].startswith(b"text/event-stream")
            if self._streams:
                headers = [pair for pair in message["headers"] if pair[0] != b"content-type"]
                headers.append((b"content-type", b"application/json; charset=utf-8"))
                message = {**message, "headers": headers}
        elif self._streams:
            message = {**message, "body": self._elements(message)}
        await self._send(message)

    def _elements(self, message: dict[str, Any]) -> bytes:
        events = self._events.feed(message.get("body", b""))
        ends = not message.get("more_body")
        if ends:
            events += self._events.close()
        out = b""
        for event in events:
            out += (b",\n" if self._begun else b"[") + event.data
            self._begun = True
        if ends:
            out += b"]" if self._begun else b"[]"
        return out
