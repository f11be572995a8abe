"""A client of Parley's → us: questions are read, whole answers and streams are written."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from modelway import types
from modelway.errors import BadRequestError, LLMError, StreamInterruptedError
from modelway.fold import unfold
from modelway.framing.fields import Fields, join
from parley import faults, wire
from parley.upstream import said

_WHY = {reason: why for why, reason in wire.END.items()}
_KNOWN = frozenset(wire.Question.__struct_fields__)


def decode(fields: Fields) -> types.ChatRequest:
    try:
        asked = msgspec.json.decode(join({**fields}), type=wire.Question)
        extra = {n: msgspec.json.decode(raw) for n, raw in fields.items() if n not in _KNOWN}
    except wire.UNREADABLE as error:
        raise BadRequestError(f"the question is not of Parley's form: {error}") from None
    tools = [types.Tool(name=t.name, description=t.about, parameters=t.takes) for t in asked.tools]
    return types.ChatRequest(
        model=asked.model,
        messages=tuple([said(turn) for turn in asked.turns]),
        max_tokens=asked.limit,
        temperature=asked.temperature,
        tools=tuple(tools),
        tool_choice=asked.use,
        extra=extra,
        extra_dialect=wire.NAME if extra else None,
    )


def encode(response: types.ChatResponse) -> bytes:
    pieces = [piece for piece in map(_piece, unfold(response)) if piece is not None]
    answer = wire.Answer(
        id=response.id,
        model=response.model,
        pieces=tuple(pieces),
        end=_WHY.get(response.finish_reason, response.finish_reason),
        tokens=_tokens(response.usage),
    )
    return msgspec.json.encode(answer)


def _piece(event: types.StreamEvent) -> wire.Words | wire.Call | None:
    """Reasoning, media and further choices have no words here."""
    match event:
        case types.TextDelta(choice=0) | types.RefusalDelta(choice=0):
            return wire.Words(text=event.text, at=event.index)
        case types.ToolCallDelta(choice=0, id=id, name=name):
            return wire.Call(id=id or "", name=name or "", input=event.arguments, at=event.index)
    return None


def _tokens(usage: types.Usage) -> wire.Tokens:
    return wire.Tokens(
        usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.cache_write_tokens
    )


class Encoder:
    """See ``ports.Encoder``. The end is written last, with the usage of the last finish."""

    def __init__(self, fields: Fields) -> None:  # noqa: ARG002 - a question asks for no form
        self._ended = False
        self._end: wire.End | None = None

    def feed(self, events: Sequence[types.StreamEvent]) -> bytes:
        lines = [] if self._ended else [self._line(event) for event in events]
        return b"".join([msgspec.json.encode(line) + b"\n" for line in lines if line is not None])

    def close(self) -> bytes:
        if self._end is None:
            return self.fail(StreamInterruptedError("the answer ended before its end"))
        return self._last(self._end)

    def fail(self, error: LLMError) -> bytes:
        return self._last(faults.told(error)[1])

    def _last(self, line: wire.Line) -> bytes:
        ended, self._ended = self._ended, True
        return b"" if ended else msgspec.json.encode(line) + b"\n"

    def _line(self, event: types.StreamEvent) -> wire.Line | None:
        match event:
            case types.Start():
                return wire.Begin(id=event.id, model=event.model)
            case types.Finish():
                why = self._end.why if self._end else _WHY.get(event.reason, event.reason)
                self._end = wire.End(why=why, tokens=_tokens(event.usage or types.Usage()))
                return None
        return _piece(event)
