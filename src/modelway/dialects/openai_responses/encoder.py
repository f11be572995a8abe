"""Events → the server-sent events that a client of the Responses API reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from modelway.dialects.openai_responses.answer import ended, head
from modelway.dialects.openai_responses.output import Output
from modelway.dialects.openai_wire.body import encode_json
from modelway.dialects.openai_wire.faults import refuse
from modelway.errors import LLMError, StreamInterruptedError
from modelway.framing.fields import Fields
from modelway.framing.sse import frame
from modelway.types import JSON, Finish, Start, StreamEvent, Usage


class Encoder:
    """``ports.Encoder`` for the Responses API. Its events are numbered from 0."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._output = Output()
        self._head: JSON | None = None
        self._finish: Finish | None = None
        self._usage: Usage | None = None
        self._number = 0
        self._ended = False

    def feed(self, events: Sequence[StreamEvent]) -> bytes:
        if self._ended:
            return b""
        pieces: list[bytes] = []
        for event in events:
            if self._head is None:
                pieces.append(self._begin(event if isinstance(event, Start) else Start()))
            if isinstance(event, Finish):
                self._usage = event.usage or self._usage
                if event.choice == 0:
                    self._finish = event
            else:
                pieces.append(self._framed(self._output.add(event)))
        return b"".join(pieces)

    def close(self) -> bytes:
        """The end of the response; without its ``Finish`` it is no whole one, and an error."""
        if self._ended:
            return b""
        finish = self._finish
        if finish is None or self._head is None:
            return self.fail(StreamInterruptedError("the stream ended before its end"))
        self._ended = True
        incomplete = finish.reason in {"length", "content_filter"}
        last = self._framed(self._output.end(incomplete=incomplete))
        usage = self._usage or Usage()
        response = ended(self._head, self._output.items, finish.reason, usage)
        return last + self._framed(
            [{"type": f"response.{response['status']}", "response": response}]
        )

    def fail(self, error: LLMError) -> bytes:
        """An ``error`` event as OpenAI sends it, with the fields of its documentation beside.

        Source: recorded streams of api.openai.com; OpenAPI 2.3.0, ResponseErrorEvent, 2026-11-21.
        """
        if self._ended:
            return b""
        self._ended = True
        told = msgspec.json.decode(refuse(error)[1])["error"]
        flat = {name: told[name] for name in ("code", "message", "param")}
        return self._framed([{"type": "error", "error": told, **flat}])

    def _begin(self, event: Start) -> bytes:
        self._usage = event.usage
        self._output.begin(event.id)
        self._head = head(self._fields, event.id, event.model, event.created)
        return self._framed(
            [
                {"type": "response.created", "response": self._head},
                {"type": "response.in_progress", "response": self._head},
            ]
        )

    def _framed(self, payloads: Iterable[JSON]) -> bytes:
        pieces: list[bytes] = []
        for payload in payloads:
            payload["sequence_number"] = self._number
            self._number += 1
            pieces.append(frame(encode_json(payload), payload["type"]))
        return b"".join(pieces)
