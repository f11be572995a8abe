"""A provider's answer → events or a value: streams as they arrive, whole answers at once."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from modelway.dialects.openai_chat.assembly import Assembly
from modelway.dialects.openai_chat.parts import source_in
from modelway.dialects.openai_chat.wire import Chunk, Said, read_chunk
from modelway.dialects.openai_wire.faults import from_object
from modelway.dialects.openai_wire.usage import read as read_usage
from modelway.errors import LLMError, ResponseError, StreamInterruptedError
from modelway.fold import fold
from modelway.framing.sse import Events
from modelway.types import ChatResponse, Citation, Start, StreamEvent, Usage

DONE = b"[DONE]"
NO_CHOICES = (
    "the answer has no choices: it is not of the Chat Completions form; "
    "check the provider's base URL and dialect"
)


class Reading:
    """An answer as far as it has been read, whole or in chunks."""

    __slots__ = (
        "_choices",
        "_created",
        "_id",
        "_model",
        "_sources",
        "_started",
        "_stream",
        "usage",
    )

    def __init__(self, stream: bool) -> None:
        self._stream = stream
        self._id = ""
        self._model = ""
        self._created: int | None = None
        self._started = False
        self._choices: dict[int, Assembly] = {}
        self._sources: list[Citation] = []
        self.usage: Usage | None = None

    def add(self, chunk: Chunk) -> list[StreamEvent]:
        """The events of a chunk, in which the caller has found no error."""
        self._id = self._id or ("" if chunk.id is None else str(chunk.id))
        self._model = self._model or chunk.model or ""
        if self._created is None and isinstance(chunk.created, int | float):
            self._created = int(chunk.created)
        raw = chunk.usage or (chunk.x_groq.usage if chunk.x_groq is not None else None)
        events: list[StreamEvent] = []
        if chunk.choices:
            if not self._started:
                events.append(self._start())
            for position, piece in enumerate(chunk.choices):
                number = piece.index if piece.index is not None else position
                choice = self._choices.get(number)
                if choice is None:
                    choice = self._choices[number] = Assembly(number, self._id)
                # Perplexity sends both: the delta is the news, the message all so far.
                both = (
                    (piece.delta, piece.message) if self._stream else (piece.message, piece.delta)
                )
                said = both[0] or both[1] or (Said(content=piece.text) if piece.text else None)
                events += choice.add(piece, said)
                raw = raw or piece.usage
        if raw:
            self.usage = read_usage(raw)
        if chunk.search_results or chunk.citations:
            found = [source_in(source) for source in chunk.search_results or chunk.citations or ()]
            self._sources = [source for source in found if source is not None]
        return events

    def _start(self) -> Start:
        self._started = True
        return Start(id=self._id, model=self._model, created=self._created)

    @property
    def begun(self) -> bool:
        return bool(self._choices)

    @property
    def finished(self) -> bool:
        """Every choice that began has said why it ended."""
        return self.begun and all(choice.finished for choice in self._choices.values())

    def end(self) -> list[StreamEvent]:
        """The last events: what waited for the end, and each choice's finish; usage in the last."""
        events: list[StreamEvent] = []
        last = len(self._choices) - 1
        for position, number in enumerate(sorted(self._choices)):
            events += self._choices[number].end(self._sources if position == 0 else [])
        for position, number in enumerate(sorted(self._choices)):
            finish = self._choices[number].finish()
            events.append(replace(finish, usage=self.usage) if position == last else finish)
        return events


class ChunkDecoder:
    """``ports.Decoder`` for Chat Completions' server-sent events."""

    __slots__ = ("_ended", "_events", "_foreign", "_reading", "error")

    def __init__(self) -> None:
        self.error: LLMError | None = None
        self._events = Events()
        self._reading = Reading(stream=True)
        self._ended = False
        self._foreign = False
        """Whether events came that are not of this dialect."""

    def feed(self, data: bytes) -> list[StreamEvent]:
        out: list[StreamEvent] = []
        if self.error is None and not self._ended:
            try:
                for event in self._events.feed(data):
                    self._take(event.data, out)
            except LLMError as error:
                self.error = error
        return out

    def close(self) -> list[StreamEvent]:
        """The end of the bytes: clean after ``[DONE]``, or after every choice's finish reason."""
        out: list[StreamEvent] = []
        if self.error is not None or self._ended:
            return out
        try:
            for event in self._events.close():
                self._take(event.data, out)
        except ResponseError:
            self.error = _interrupted("in the middle of an event")
            return out
        except LLMError as error:
            self.error = error
            return out
        if not self._ended:
            if self._reading.finished:
                self._end(out)
            else:
                self.error = self._cut_short()
        return out

    def _take(self, data: bytes, out: list[StreamEvent]) -> None:
        if self._ended or not data:
            return
        if data == DONE or data.strip() == DONE:
            self._end(out)
            return
        chunk = read_chunk(data)
        error = error_in(chunk, data)
        if error is not None:
            raise error
        self._foreign = self._foreign or (chunk.choices is None and chunk.usage is None)
        out += self._reading.add(chunk)

    def _end(self, out: list[StreamEvent]) -> None:
        if not self._reading.begun:
            raise self._cut_short()
        self._ended = True
        out += self._reading.end()

    def _cut_short(self) -> LLMError:
        if self._reading.begun:
            return _interrupted("before a finish reason")
        return ResponseError(NO_CHOICES) if self._foreign else _interrupted("before it began")


def decode(body: bytes) -> ChatResponse:
    """A whole answer. An error inside a 200 is raised as the error that it is."""
    chunk = read_chunk(body)
    error = error_in(chunk, body)
    if error is not None:
        raise error
    if not chunk.choices:
        raise ResponseError(NO_CHOICES)
    reading = Reading(stream=False)
    events = reading.add(chunk)
    return fold(events + reading.end())


def error_in(chunk: Chunk, data: bytes) -> LLMError | None:
    """The error that a chunk or an answer with status 200 carries, if it does."""
    told: Any = chunk.error or (chunk.x_groq.error if chunk.x_groq is not None else None)
    if told is None:
        told = next((piece.error for piece in chunk.choices or () if piece.error), None)
    if told:
        return from_object({"error": told}, 200)
    if chunk.choices is not None:
        return None
    if chunk.base_resp and chunk.base_resp.get("status_code"):
        code, message = chunk.base_resp["status_code"], chunk.base_resp.get("status_msg")
        return from_object({"code": str(code), "message": message}, 200)
    if chunk.object == "error":  # vLLM and Mistral, without a wrapper
        return from_object(msgspec.json.decode(data), 200)
    return None


def _interrupted(where: str) -> StreamInterruptedError:
    return StreamInterruptedError(f"the provider's stream ended {where}")
