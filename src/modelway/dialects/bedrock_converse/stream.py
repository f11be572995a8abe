"""A provider's stream read into events.

Source: ``ConverseStreamOutput`` of the service model, and
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html, 2026-11-21.
The name of an event stands in its frame's headers; events and deltas not known are passed over. The
last event, ``metadata``, brings the usage behind the end of the message.
"""

from __future__ import annotations

import base64
from typing import Any, TypeAlias

from msgspec.json import Decoder as JSONDecoder

from modelway.dialects.bedrock_converse.blocks import (
    read_bytes,
    read_citation,
    read_encrypted,
)
from modelway.dialects.bedrock_converse.faults import stream_error
from modelway.dialects.bedrock_converse.media import IMAGES
from modelway.dialects.bedrock_converse.usage import (
    finish_reason,
    read_stop_sequence,
    read_usage,
)
from modelway.dialects.bedrock_converse.wire import CLAUDE, NAME, StreamDelta, StreamPayload
from modelway.dialects.reading import read_answer
from modelway.errors import BadRequestError, LLMError, ResponseError, StreamInterruptedError
from modelway.framing.eventstream import Frame, Frames
from modelway.types import (
    JSON,
    CitationDelta,
    Finish,
    Image,
    Inline,
    Opaque,
    PartDelta,
    ReasoningDelta,
    Start,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
)

INTERRUPTED = "the stream ended before messageStop"

_payload = JSONDecoder(StreamPayload)


def read_frame(frame: Frame) -> tuple[str, StreamPayload]:
    """The name and payload of an event; the error of a frame that is none is raised."""
    headers = frame.headers
    if headers.get(":message-type", "event") != "event":
        raise stream_error(headers, frame.payload)
    payload = read_answer(_payload, frame.payload or b"{}", "an event of the stream")
    return str(headers.get(":event-type", "")), payload


class _Call:
    """A tool call whose arguments are arriving."""

    __slots__ = ("begun",)

    def __init__(self) -> None:
        self.begun = False


class _Encrypted:
    """Encrypted reasoning, which is handed on whole."""

    __slots__ = ("data",)

    def __init__(self) -> None:
        self.data = b""


class _Picture:
    """An image whose bytes are arriving."""

    __slots__ = ("data", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.data = b""


class _Whole:
    """A block that our vocabulary does not have, handed on when it ends."""

    __slots__ = ("block", "kind", "pieces")

    def __init__(self, kind: str, block: JSON) -> None:
        self.kind = kind
        self.block = block
        self.pieces: list[str] = []

    def part(self) -> Opaque:
        text = "".join(self.pieces)
        if self.kind == "toolUse":
            try:
                self.block["input"] = _any.decode(text) if text else {}
            except ValueError:
                self.block["input"] = text  # cut at the output cap: kept as it is
        return Opaque(dialect=NAME, kind=self.kind, data={self.kind: self.block})


_Open: TypeAlias = _Call | _Encrypted | _Picture | _Whole

_any = JSONDecoder(Any)


class Decoder:
    """Bytes of a stream → events. See ``ports.Decoder``."""

    def __init__(self) -> None:
        self.error: LLMError | None = None
        self._frames = Frames()
        self._open: dict[int, _Open] = {}
        self._finish: Finish | None = None
        self._started = False
        self._finished = False

    def feed(self, data: bytes) -> list[StreamEvent]:
        if self.error is not None or self._finished:
            return []
        found: list[StreamEvent] = []
        try:
            for frame in self._frames.feed(data):
                if self._read(*read_frame(frame), found):
                    break
            else:
                self.error = self._frames.error
        except LLMError as error:
            self.error = error
        return found

    def close(self) -> list[StreamEvent]:
        """A message that has ended is whole, though its usage did not come."""
        if self.error is not None or self._finished:
            return []
        finish = self._finish
        if finish is None:
            self.error = StreamInterruptedError(INTERRUPTED)
            return []
        self._finished = True
        return [finish]

    def _read(self, name: str, event: StreamPayload, found: list[StreamEvent]) -> bool:
        """One event; True for the last."""
        index = event.content_block_index
        if not self._started and name != "metadata":
            self._started = True
            found.append(Start())
        match name:
            case "contentBlockDelta":
                if event.delta is not None:
                    self._read_delta(index, event.delta, found)
            case "contentBlockStart":
                self._begin(index, event.start or {}, found)
            case "contentBlockStop":
                self._end(index, found)
            case "messageStop":
                for left in list(self._open):
                    self._end(left, found)
                self._finish = Finish(
                    reason=finish_reason(event.stop_reason),
                    raw_reason=event.stop_reason,
                    stop_sequence=read_stop_sequence(event.additional_model_response_fields),
                )
            case "metadata" if (finish := self._finish) is not None:
                self._finished = True
                found.append(
                    Finish(
                        reason=finish.reason,
                        raw_reason=finish.raw_reason,
                        stop_sequence=finish.stop_sequence,
                        usage=read_usage(event.usage),
                    )
                )
            case _:
                pass
        return self._finished

    def _begin(self, index: int, start: JSON, found: list[StreamEvent]) -> None:
        for kind, said in start.items():
            if not isinstance(said, dict):
                continue
            if kind == "toolUse" and "type" not in said:
                self._open[index] = _Call()
                found.append(
                    ToolCallDelta(
                        index=index,
                        id=str(said.get("toolUseId", "")),
                        name=str(said.get("name", "")),
                    )
                )
            elif kind == "image" and str(said.get("format")) in IMAGES:
                self._open[index] = _Picture(str(said["format"]))
            else:
                self._open[index] = _Whole(kind, said)

    def _read_delta(self, index: int, delta: StreamDelta, found: list[StreamEvent]) -> None:
        if delta.text:
            found.append(TextDelta(text=delta.text, index=index))
        elif delta.tool_use is not None:
            self._read_input(index, delta.tool_use.input, found)
        elif delta.reasoning_content is not None:
            said = delta.reasoning_content
            if said.text:
                found.append(ReasoningDelta(text=said.text, index=index))
            if said.signature:
                found.append(ReasoningDelta(signature=said.signature, format=CLAUDE, index=index))
            if said.redacted_content:
                block = self._open.setdefault(index, _Encrypted())
                if isinstance(block, _Encrypted):
                    block.data += _bytes(said.redacted_content)
        elif delta.citation is not None:
            found.append(CitationDelta(citation=read_citation(delta.citation), index=index))
        else:
            self._read_more(self._open.get(index), delta)

    def _read_more(self, block: _Open | None, delta: StreamDelta) -> None:
        """More of a block that is handed on whole."""
        match block:
            case _Whole() if delta.tool_result is not None:
                content = block.block.setdefault("content", [])
                if isinstance(content, list):
                    _extend(content, delta.tool_result)
            case _Picture() if delta.image is not None:
                source = delta.image.get("source")
                if isinstance(source, dict):
                    block.data += _bytes(str(source.get("bytes", "")))
            case _:
                pass

    def _read_input(self, index: int, piece: str, found: list[StreamEvent]) -> None:
        block = self._open.get(index)
        if isinstance(block, _Whole):
            block.pieces.append(piece)
        elif piece:
            if isinstance(block, _Call):
                block.begun = True
            found.append(ToolCallDelta(index=index, arguments=piece))

    def _end(self, index: int, found: list[StreamEvent]) -> None:
        match self._open.pop(index, None):
            case _Call(begun=False):
                found.append(ToolCallDelta(index=index, arguments="{}"))
            case _Encrypted(data=data):
                found.append(_encrypted(data, index))
            case _Picture(name=name, data=data) if data:
                source = Inline(media_type=IMAGES[name], data=base64.b64encode(data).decode())
                found.append(PartDelta(part=Image(source=source), index=index))
            case _Whole() as block:
                found.append(PartDelta(part=block.part(), index=index))
            case _:
                pass


def _bytes(text: str) -> bytes:
    try:
        return read_bytes(text, "delta")
    except BadRequestError:
        raise ResponseError("bytes in the provider's stream are not base64") from None


def _encrypted(data: bytes, index: int) -> StreamEvent:
    part = read_encrypted(data)
    if part is not None:
        return ReasoningDelta(encrypted=part.encrypted, format=CLAUDE, index=index)
    kind, block = "reasoningContent", {"redactedContent": base64.b64encode(data).decode()}
    return PartDelta(part=Opaque(dialect=NAME, kind=kind, data={kind: block}), index=index)


def _extend(content: list[Any], more: list[JSON]) -> None:
    """Texts in pieces are one text."""
    for one in more:
        last = content[-1] if content else None
        if isinstance(last, dict) and one.keys() == last.keys() == {"text"}:
            content[-1] = {"text": str(last["text"]) + str(one["text"])}
        else:
            content.append(one)
