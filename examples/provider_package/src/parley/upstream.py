"""Us → Parley: questions are written, whole answers and streams are read."""

from __future__ import annotations

import msgspec
from msgspec.structs import fields as fields_of

from modelway import types
from modelway.call import Operation, Target
from modelway.errors import LLMError, ResponseError, StreamInterruptedError, UnsupportedError
from modelway.framing.fields import Fields, join
from modelway.framing.ndjson import Borders, parse
from modelway.ports import Encoded, Spliced
from parley import faults, wire

_SAID = {"model", "messages", "max_tokens", "temperature", "tools", "tool_choice", "tags", "extra"}
_PROTECTED = {"model", "turns", "stream"}
_answer = msgspec.json.Decoder(wire.Answer)
_line = msgspec.json.Decoder(wire.Line)


def path(model: str, stream: bool) -> str:  # noqa: ARG001 - the port's signature
    return "/talk"


def encode(request: types.ChatRequest, target: Target, stream: bool) -> Encoded:
    unsaid = [
        field.name
        for field in fields_of(types.ChatRequest)
        if field.name not in _SAID and getattr(request, field.name) not in (None, (), {})
    ]
    own = request.extra_dialect in (None, wire.NAME)
    added = {**(request.extra if own else {}), **target.body}
    question = wire.Question(
        model=target.model,
        turns=tuple([_turn(message, unsaid) for message in request.messages]),
        limit=request.max_tokens,
        temperature=request.temperature,
        tools=tuple([_tool(tool, unsaid) for tool in request.tools]),
        use=request.tool_choice,
        stream=stream,
    )
    told = "Parley has no words for all of it; what it has none for is not sent"
    warnings = [types.CallWarning(setting=name, message=told) for name in dict.fromkeys(unsaid)]
    body = msgspec.to_builtins(question)
    body |= {name: value for name, value in added.items() if name not in _PROTECTED}
    return Encoded(msgspec.json.encode(body), tuple(warnings))


def _turn(message: types.Message, unsaid: list[str]) -> wire.Turn:
    by = "system" if message.role == "developer" else message.role
    pieces = tuple([_piece(part) for part in message.parts])
    turn = wire.Turn(by=by, pieces=pieces)
    if said(turn) != message:
        unsaid.append("messages")
    return turn


def _piece(part: types.Part) -> wire.Words | wire.Call | wire.Result:
    match part:
        case types.Text():
            return wire.Words(text=part.text)
        case types.ToolCall():
            return wire.Call(id=part.id, name=part.name, input=part.arguments)
        case types.ToolResult(parts=parts):
            texts = [each.text for each in parts if isinstance(each, types.Text)]
            if len(texts) == len(parts):
                return wire.Result(call=part.call_id, text="".join(texts))
    raise UnsupportedError(f"Parley takes texts and tools, and no {type(part).__name__}")


def said(turn: wire.Turn) -> types.Message:
    """The message that a turn is."""
    parts: list[types.Part] = []
    for piece in turn.pieces:
        match piece:
            case wire.Words():
                parts.append(types.Text(text=piece.text))
            case wire.Call():
                parts.append(types.ToolCall(id=piece.id, name=piece.name, arguments=piece.input))
            case wire.Result():
                told = (types.Text(text=piece.text),)
                parts.append(types.ToolResult(call_id=piece.call, parts=told))
    return types.Message(role=turn.by, parts=tuple(parts))


def _tool(tool: types.Tool | types.HostedTool, unsaid: list[str]) -> wire.Tool:
    if isinstance(tool, types.HostedTool):
        raise UnsupportedError("Parley runs no tools of its own", param="tools")
    if tool.strict is not None or tool.cache is not None:
        unsaid.append("tools")
    return wire.Tool(name=tool.name, about=tool.description, takes=tool.parameters)


def splice(fields: Fields, target: Target, operation: Operation) -> Spliced:  # noqa: ARG001
    """A client's own bytes, for this model and with the operator's own fields."""
    ours = {name: value for name, value in target.body.items() if name not in _PROTECTED}
    edits = {n: msgspec.json.encode(v) for n, v in {**ours, "model": target.model}.items()}
    return Spliced(join({**fields, **edits}))


def decode(body: bytes) -> types.ChatResponse:
    try:
        answer = _answer.decode(body)
    except wire.UNREADABLE:
        raise ResponseError("the answer is not of Parley's form") from None
    choice = types.Choice(
        message=said(wire.Turn(by="assistant", pieces=answer.pieces)),
        finish_reason=wire.END.get(answer.end, "other"),
        raw_finish_reason=answer.end,
    )
    usage = _usage(answer.tokens)
    return types.ChatResponse(id=answer.id, model=answer.model, choices=(choice,), usage=usage)


def _usage(tokens: wire.Tokens) -> types.Usage:
    return types.Usage(
        input_tokens=tokens.read,
        output_tokens=tokens.written,
        cached_tokens=tokens.cached,
        cache_write_tokens=tokens.stored,
        raw=msgspec.to_builtins(tokens),
    )


class Decoder:
    """See ``ports.Decoder``."""

    def __init__(self) -> None:
        self.error: LLMError | None = None
        self._borders = Borders()
        self._begun = self._ended = False

    def feed(self, data: bytes) -> list[types.StreamEvent]:
        events: list[types.StreamEvent] = []
        if self.error is not None:
            return events
        try:
            for line in parse(self._borders.feed(data)):
                if not self._ended:
                    events.append(self._event(line))  # noqa: PERF401 - those before a fault stay
        except LLMError as error:
            self.error = error
        return events

    def close(self) -> list[types.StreamEvent]:
        if self.error is None and not self._ended:
            self.error = StreamInterruptedError("Parley's stream ended before its end")
        return []

    def _event(self, data: bytes) -> types.StreamEvent:
        try:
            line: wire.Line = _line.decode(data)
        except wire.UNREADABLE:
            raise ResponseError("a line of the stream is not of Parley's form") from None
        if isinstance(line, wire.Fault):
            raise faults.in_stream(line)
        if self._begun == isinstance(line, wire.Begin):
            raise ResponseError("a stream has one beginning, which comes first")
        self._begun = True
        match line:
            case wire.Begin():
                return types.Start(id=line.id, model=line.model)
            case wire.Words():
                return types.TextDelta(text=line.text, index=line.at)
            case wire.Call(id=id, name=name):
                return types.ToolCallDelta(
                    index=line.at, id=id or None, name=name or None, arguments=line.input
                )
            case wire.End():
                self._ended = True
                reason = wire.END.get(line.why, "other")
                return types.Finish(reason=reason, raw_reason=line.why, usage=_usage(line.tokens))


class Relay:
    """See ``ports.Relay``: the same bytes, line by line, as far as a decoder can read them."""

    def __init__(self, hide_usage: bool) -> None:  # noqa: ARG002 - Parley always tells it
        self.error: LLMError | None = None
        self.usage: types.Usage | None = None
        self.finish: types.FinishReason | None = None
        self.received_chars = 0
        self._borders = Borders()
        self._decoder = Decoder()

    def feed(self, data: bytes) -> bytes:
        out = b""
        for line in self._borders.feed(data).splitlines(keepends=True):
            if self.finish is None and self.error is None:
                for event in self._decoder.feed(line):
                    self._watch(event)
                self.error = self._decoder.error
                out += line if self.error is None else b""
        return out

    def close(self) -> bytes:
        self._decoder.close()
        self.error = self._decoder.error
        return b""

    def _watch(self, event: types.StreamEvent) -> None:
        match event:
            case types.TextDelta():
                self.received_chars += len(event.text)
            case types.ToolCallDelta():
                self.received_chars += len(event.arguments)
            case types.Finish():
                self.usage, self.finish = event.usage, event.reason
