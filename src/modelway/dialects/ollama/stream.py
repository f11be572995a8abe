"""A server's stream read into events: lines of JSON, of which the last says ``done``.

Source: https://docs.ollama.com/api/streaming, 2026-11-21. Each line has a piece of text or thinking, or
whole calls. Parts have places of their own here: thinking, text, images, calls.
"""

from __future__ import annotations

from msgspec.json import Decoder as JSONDecoder

from modelway.dialects.ollama.faults import spoken_error
from modelway.dialects.ollama.reading import read_images
from modelway.dialects.ollama.upstream import logprobs_in, read_calls
from modelway.dialects.ollama.usage import finish_reason, read_time, read_usage
from modelway.dialects.ollama.wire import Answer, Said, read_answer
from modelway.dialects.reading import UNREADABLE
from modelway.errors import LLMError, ResponseError, StreamInterruptedError
from modelway.framing.ndjson import Lines
from modelway.types import (
    Finish,
    PartDelta,
    ReasoningDelta,
    Start,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
)

INTERRUPTED = "the stream ended before it was done"

_THINKING, _TEXT, _IMAGES, _CALLS = 0, 1, 2, 10_000

_line = JSONDecoder(Answer)


def read_line(line: bytes) -> tuple[Answer, Said]:
    """One line; the error of a line that is one is raised."""
    answer = read_answer(_line, line, "a line of the stream")
    if answer.error is not None:
        raise spoken_error(answer)
    said = answer.said
    if said is None:
        if not answer.done:
            raise ResponseError("a line of the provider's stream has no message")
        said = Said()
    return answer, said


def is_cut(line: bytes) -> bool:
    """Whether a last line without its end is half of one."""
    try:
        _line.decode(line)
    except UNREADABLE:
        return True
    return False


class Decoder:
    """Bytes of a stream → events. See ``ports.Decoder``."""

    def __init__(self) -> None:
        self.error: LLMError | None = None
        self._lines = Lines()
        self._calls = 0
        self._images = 0
        self._started = False
        self._finished = False

    def feed(self, data: bytes) -> list[StreamEvent]:
        found: list[StreamEvent] = []
        if self.error is None and not self._finished:
            try:
                self._read(self._lines.feed(data), found)
            except LLMError as error:
                self.error = error
        return found

    def close(self) -> list[StreamEvent]:
        found: list[StreamEvent] = []
        if self.error is not None or self._finished:
            return found
        rest = self._lines.close()
        if rest and not is_cut(rest[0]):
            try:
                self._read(rest, found)
            except LLMError as error:
                self.error = error
        if self.error is None and not self._finished:
            self.error = StreamInterruptedError(INTERRUPTED)
        return found

    def _read(self, lines: list[bytes], found: list[StreamEvent]) -> None:
        for line in lines:
            answer, said = read_line(line)
            if not self._started:
                self._started = True
                created = read_time(answer.created_at)
                found.append(Start(model=answer.model, created=created))
            self._read_said(answer, said, found)
            if answer.done:
                self._finished = True
                reason = finish_reason(answer.done_reason, self._calls > 0)
                found.append(
                    Finish(reason=reason, raw_reason=answer.done_reason, usage=read_usage(line))
                )
                return

    def _read_said(self, answer: Answer, said: Said, found: list[StreamEvent]) -> None:
        if said.thinking:
            found.append(ReasoningDelta(text=said.thinking, index=_THINKING))
        if said.content or answer.logprobs:
            logprobs = logprobs_in(answer.logprobs)
            found.append(TextDelta(text=said.content or "", index=_TEXT, logprobs=logprobs))
        if said.images:
            for image in read_images(said.images):
                found.append(PartDelta(part=image, index=_IMAGES + self._images))
                self._images += 1
        if said.tool_calls:
            for call in read_calls(said, answer.created_at, self._calls):
                index = _CALLS + self._calls
                found.append(
                    ToolCallDelta(index=index, id=call.id, name=call.name, arguments=call.arguments)
                )
                self._calls += 1
