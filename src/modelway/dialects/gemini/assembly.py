"""Answers read into events: a whole answer is a stream of one piece, so both forms say the same.

It is long because what other dialects read twice, whole and streamed, is read here once.

Texts that follow each other are one part, as their border cannot be seen in a stream; a thought
signature on a text is a ``Reasoning`` of its own behind it, and ends that part.
Source: https://ai.google.dev/gemini-api/docs/thought-signatures, 2026-11-21.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Raw
from msgspec.json import Decoder

from modelway.dialects.gemini.faults import stream_error
from modelway.dialects.gemini.grounding import citations
from modelway.dialects.gemini.logprobs import read_logprobs
from modelway.dialects.gemini.partial import Arguments
from modelway.dialects.gemini.usage import finish_reason, merge_usage, read_usage, reason_name
from modelway.dialects.gemini.wire import (
    ABSENT,
    JSON_OBJECT,
    NAME,
    SIGNATURE_FORMAT,
    AnswerPart,
    Blob,
    Candidate,
    Chunk,
    FunctionCall,
    PromptFeedback,
)
from modelway.dialects.reading import read_answer
from modelway.errors import ResponseError
from modelway.types import (
    JSON,
    Audio,
    CitationDelta,
    File,
    Finish,
    Image,
    Inline,
    Opaque,
    PartDelta,
    ReasoningDelta,
    RefusalDelta,
    Start,
    StreamEvent,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)

ANSWER_ONLY = frozenset({"groundingMetadata", "urlContextMetadata"})
"""Kinds of ``Opaque`` that stand beside an answer's content, and are not sent back."""

_chunk = Decoder(Chunk)
_part = Decoder(AnswerPart)


def read_chunk(data: bytes) -> Chunk:
    """One event, or a whole answer; raises the error that it holds, or ResponseError."""
    chunk = read_answer(_chunk, data, "the answer")
    if chunk.error is not None:
        raise stream_error(chunk.error)
    if (
        chunk.candidates is None
        and chunk.prompt_feedback is None
        and chunk.usage_metadata is None
        and chunk.response_id is None
    ):
        raise ResponseError("the provider's answer has no candidates")
    return chunk


class _Open:
    """A candidate so far. ``kind`` and ``index`` are of the part that text may still be added to."""

    __slots__ = (
        "arguments",
        "besides",
        "call",
        "calls",
        "cited",
        "index",
        "kind",
        "reason",
        "texts",
    )

    def __init__(self) -> None:
        self.kind: Literal["text", "thought"] | None = None
        self.index = -1
        self.calls = 0
        self.call = -1
        self.arguments: Arguments | None = None
        self.reason: str | None = None
        self.texts: dict[int, list[str]] = {}
        self.besides: dict[str, JSON] = {}
        self.cited: JSON | None = None

    def next(self, kind: Literal["text", "thought"] | None = None) -> int:
        self.index += 1
        self.kind = kind
        return self.index


class Assembly:
    """``add`` pieces of one answer, then ``end`` it."""

    def __init__(self) -> None:
        self._id = ""
        self._started = False
        self._open: dict[int, _Open] = {}
        self._usage: JSON = {}
        self._blocked: PromptFeedback | None = None

    @property
    def begun(self) -> bool:
        return bool(self._open) or self._blocked is not None

    @property
    def complete(self) -> bool:
        """Whether each candidate has its finish reason, or the prompt was blocked."""
        if not self._open:
            return self._blocked is not None
        return all(one.reason is not None for one in self._open.values())

    def add(self, chunk: Chunk) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        if chunk.usage_metadata:
            self._usage = merge_usage(self._usage, chunk.usage_metadata)
        if not self._started:
            self._started = True
            self._id = chunk.response_id or ""
            events.append(
                Start(
                    id=self._id,
                    model=chunk.model_version or "",
                    created=_unix(chunk.create_time),
                    usage=read_usage(self._usage),
                )
            )
        feedback = chunk.prompt_feedback
        if feedback is not None and feedback.block_reason is not None:
            self._blocked = feedback
        for candidate in chunk.candidates or ():
            self._add(candidate, events)
        return events

    def end(self) -> list[StreamEvent]:
        """The events that only the end allows, and each candidate's ``Finish``."""
        events: list[StreamEvent] = []
        if not self._open and self._blocked is not None:
            return self._refused(self._blocked)
        last = max(self._open, default=0)
        for number, one in sorted(self._open.items()):
            self._end_call(one, number, events)
            texts = {index: "".join(pieces) for index, pieces in one.texts.items()}
            found = citations(one.besides.get("groundingMetadata"), one.cited, texts)
            events += [CitationDelta(citation=each, index=at, choice=number) for at, each in found]
            events += [
                PartDelta(part=_opaque(kind, data), index=one.next(), choice=number)
                for kind, data in one.besides.items()
            ]
        for number, one in sorted(self._open.items()):
            events.append(
                Finish(
                    reason=finish_reason(one.reason, one.calls > 0),
                    raw_reason=one.reason,
                    usage=self._said_usage() if number == last else None,
                    choice=number,
                )
            )
        return events

    def cut(self) -> list[StreamEvent]:
        """What is kept of an answer that ended before its end: arguments that were not finished."""
        events: list[StreamEvent] = []
        for number, one in self._open.items():
            self._end_call(one, number, events)
        return events

    def _said_usage(self) -> Usage:
        return read_usage(self._usage) or Usage()

    def _refused(self, feedback: PromptFeedback) -> list[StreamEvent]:
        """A blocked prompt has no candidates.

        Source: https://ai.google.dev/api/generate-content#BlockReason, 2026-11-21.
        """
        events: list[StreamEvent] = []
        if feedback.block_reason_message:
            events.append(RefusalDelta(text=feedback.block_reason_message))
        raw = str(feedback.block_reason)
        events.append(Finish(reason="content_filter", raw_reason=raw, usage=self._said_usage()))
        return events

    # ------------------------------------------------------------ a candidate

    def _add(self, candidate: Candidate, events: list[StreamEvent]) -> None:
        choice = candidate.index
        one = self._open.get(choice)
        if one is None:
            one = self._open[choice] = _Open()
        if candidate.content is not None:
            for raw in candidate.content.parts or ():
                self._add_part(one, raw, choice, events)
        if candidate.logprobs_result is not None:
            _attach(read_logprobs(candidate.logprobs_result), one, choice, events)
        if candidate.finish_reason is not None:
            one.reason = reason_name(candidate.finish_reason)
            said = candidate.finish_message
            if said and finish_reason(one.reason, calls=False) == "content_filter":
                events.append(RefusalDelta(text=said, index=one.next(), choice=choice))
        if candidate.grounding_metadata:
            one.besides["groundingMetadata"] = candidate.grounding_metadata
        if candidate.url_context_metadata:
            one.besides["urlContextMetadata"] = candidate.url_context_metadata
        one.cited = candidate.citation_metadata or one.cited

    def _add_part(self, one: _Open, raw: Raw, choice: int, events: list[StreamEvent]) -> None:
        part = read_answer(_part, raw, "a part of the answer")
        signature = part.thought_signature
        if part.function_call is not None:
            self._add_call(one, part.function_call, signature, choice, events)
        elif part.text is not None:
            self._add_text(one, part, part.text, choice, events)
        elif part.inline_data is not None and not part.thought:
            delta = PartDelta(part=media(part.inline_data), index=one.next(), choice=choice)
            events.append(delta)
            if signature:
                events.append(_signed(signature, one.next(), choice))
        else:
            data = read_answer(JSON_OBJECT, raw, "a part of the answer")
            index = one.next()
            events.append(PartDelta(part=_opaque(_kind(data), data), index=index, choice=choice))

    def _add_text(
        self, one: _Open, part: AnswerPart, text: str, choice: int, events: list[StreamEvent]
    ) -> None:
        signature = part.thought_signature or None
        if part.thought:
            if text or signature:
                index = one.index if one.kind == "thought" else one.next("thought")
                events.append(
                    ReasoningDelta(
                        text=text,
                        signature=signature,
                        format=SIGNATURE_FORMAT if signature else None,
                        index=index,
                        choice=choice,
                    )
                )
                if signature:
                    one.kind = None
            return
        if text:
            index = one.index if one.kind == "text" else one.next("text")
            one.texts.setdefault(index, []).append(text)
            events.append(TextDelta(text=text, index=index, choice=choice))
        if signature:
            events.append(_signed(signature, one.next(), choice))

    # ------------------------------------------------------------ calls

    def _add_call(
        self,
        one: _Open,
        call: FunctionCall,
        signature: str | None,
        choice: int,
        events: list[StreamEvent],
    ) -> None:
        if call.name or one.arguments is None:
            self._end_call(one, choice, events)
            index = one.call = one.next()
            one.calls += 1
            whole = call.args == ABSENT and (call.will_continue or call.partial_args)
            events.append(
                ToolCallDelta(
                    index=index,
                    id=call.id or self._made_up(choice, one.calls),
                    name=call.name or "",
                    arguments="" if whole else _arguments(call.args),
                    signature=signature or None,
                    choice=choice,
                )
            )
            one.arguments = Arguments() if whole else None
        if one.arguments is not None:
            one.arguments.add(call.partial_args or [])
            if not call.will_continue:
                self._end_call(one, choice, events)

    def _end_call(self, one: _Open, choice: int, events: list[StreamEvent]) -> None:
        if one.arguments is not None:
            text = one.arguments.text()
            one.arguments = None
            events.append(ToolCallDelta(index=one.call, arguments=text, choice=choice))

    def _made_up(self, choice: int, number: int) -> str:
        """An id where the API gives none: the same for the same answer, another in the next turn."""
        answer = "".join([sign for sign in self._id if sign.isalnum() or sign in "_-"])[:24]
        return f"call_{answer}_{choice}_{number}" if choice else f"call_{answer}_{number}"


def _arguments(args: Raw) -> str:
    """The arguments as the model wrote them; none at all are an empty object."""
    text = bytes(args).decode("utf-8", "replace")
    return "{}" if text in ("", "null") else text


def media(blob: Blob) -> Image | Audio | File:
    """Content in bytes, by its media type: what is no image and no sound is a file."""
    source = Inline(media_type=blob.mime_type, data=blob.data)
    if blob.mime_type.startswith("image/"):
        return Image(source=source)
    return Audio(source=source) if blob.mime_type.startswith("audio/") else File(source=source)


def _signed(signature: str, index: int, choice: int) -> ReasoningDelta:
    return ReasoningDelta(signature=signature, format=SIGNATURE_FORMAT, index=index, choice=choice)


def _opaque(kind: str, data: JSON) -> Opaque:
    return Opaque(dialect=NAME, kind=kind, data=data)


def _kind(data: JSON) -> str:
    return next((name for name in data if name not in ("thought", "thoughtSignature")), "part")


def _attach(
    logprobs: tuple[TokenLogprob, ...], one: _Open, choice: int, events: list[StreamEvent]
) -> None:
    if logprobs:
        index = max(one.index, 0)
        events.append(TextDelta(text="", index=index, choice=choice, logprobs=logprobs))


def _unix(text: str | None) -> int | None:
    try:
        return None if text is None else int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        return None
