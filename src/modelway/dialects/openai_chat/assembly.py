"""What an answer says → events, chunk by chunk. A whole answer is a stream of one chunk.

One reading serves both forms, so that the folded stream and the whole answer cannot differ. A
choice's parts are ordered as the types want them: reasoning, text, refusal, images, sound, what only
this dialect knows, tool calls.
"""

from __future__ import annotations

import base64
from typing import Any

from modelway.dialects.openai_chat.calls import Calls
from modelway.dialects.openai_chat.completions import logprobs_in
from modelway.dialects.openai_chat.parts import citation_in, image_in
from modelway.dialects.openai_chat.wire import (
    JSON,
    NAME,
    AudioPiece,
    ChoicePiece,
    Logprob,
    ReasoningDetail,
    Said,
    ToolCallPiece,
)
from modelway.types import (
    Audio,
    Citation,
    CitationDelta,
    Finish,
    FinishReason,
    Inline,
    Opaque,
    PartDelta,
    ReasoningDelta,
    RefusalDelta,
    StreamEvent,
    TextDelta,
    TokenLogprob,
)

_TEXT, _REFUSAL, _IMAGES, _AUDIO, _OPAQUE = 10_000, 10_001, 10_010, 10_900, 11_000
"""Content indexes; reasoning blocks begin at 0, tool calls come last. Gaps mean nothing."""

_MAX_BLOCK = 9_999

_IMPOSSIBLE = -9999.0
"""OpenAI's own value for a token that was hardly possible, where a host says null."""

FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",  # Together
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",  # Mistral
    "model_context_window_exceeded": "length",  # Z.AI
    "tool_calls": "tool_calls",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "sensitive": "content_filter",  # Z.AI
    "refusal": "content_filter",
    "error": "error",  # Mistral, OpenRouter
    "abort": "error",  # vLLM, SGLang
    "insufficient_system_resource": "error",  # DeepSeek
    "network_error": "error",  # Z.AI
}


class Assembly:
    """One choice. ``add`` what it says, then ``end`` once, then ask for the ``finish``."""

    __slots__ = (
        "_audio",
        "_calls",
        "_choice",
        "_cited",
        "_images",
        "_logprobs",
        "_opaques",
        "_raw_reason",
        "_stop_sequence",
        "_text",
        "finished",
    )

    def __init__(self, choice: int, answer_id: str) -> None:
        self._choice = choice
        self._calls = Calls(choice, answer_id)
        self._audio: list[AudioPiece] = []
        self._images = 0
        self._opaques = 0
        self._text = False
        self._cited = False
        self._logprobs: tuple[TokenLogprob, ...] = ()
        self._raw_reason: str | None = None
        self._stop_sequence: str | None = None
        self.finished = False

    # ------------------------------------------------------------ reading

    def add(self, piece: ChoicePiece, said: Said | None) -> list[StreamEvent]:
        """The events of a message or delta."""
        events: list[StreamEvent] = []
        if piece.logprobs is not None and piece.logprobs.content:
            self._logprobs += tuple([_logprob(one) for one in piece.logprobs.content])
        elif piece.logprobs is not None and isinstance(piece.logprobs.tokens, list):
            self._logprobs += logprobs_in(piece.logprobs)
        if said is not None:
            self._add_said(said, events)
        reason = piece.finish_reason
        if reason is None and piece.finish_details is not None:
            reason = piece.finish_details.get("type")
        if reason is not None:
            self.finished = True
            self._raw_reason = str(reason)
        for stop in (piece.stop_reason, piece.matched_stop):
            if isinstance(stop, str):
                self._stop_sequence = stop
        return events

    def _add_said(self, said: Said, events: list[StreamEvent]) -> None:
        if said.reasoning_details or said.reasoning_content or said.reasoning:
            self._add_reasoning(said, events)
        content = said.content
        if isinstance(content, str):
            if content:
                self._add_text(content, events)
        elif content is not None:
            self._add_content(content, events)
        if said.refusal and isinstance(said.refusal, str):
            events.append(RefusalDelta(text=said.refusal, index=_REFUSAL, choice=self._choice))
        if said.tool_calls:
            for piece in said.tool_calls:
                self._calls.add(piece, events)
        function = said.function_call
        if function is not None and (function.name or function.arguments):
            # The form before ``tool_calls``: one call, without an id.
            self._calls.add(ToolCallPiece(index=0, function=function), events)
        if said.annotations:
            self._add_annotations(said.annotations, events)
        if said.images:
            for image in said.images:
                self._add_image(image, events)
        if said.audio is not None:
            self._audio.append(said.audio)

    def _add_text(self, text: str, events: list[StreamEvent]) -> None:
        self._text = True
        logprobs, self._logprobs = self._logprobs, ()
        events.append(TextDelta(text=text, index=_TEXT, choice=self._choice, logprobs=logprobs))

    def _add_reasoning(self, said: Said, events: list[StreamEvent]) -> None:
        details = said.reasoning_details or []
        readable = False
        for position, detail in enumerate(details):
            readable = readable or bool(detail.text or detail.summary)
            event = _reasoning(detail, position, self._choice)
            if event is not None:
                events.append(event)
        text = said.reasoning_content or said.reasoning
        if isinstance(text, str) and text and not readable:
            events.append(ReasoningDelta(text=text, choice=self._choice))

    def _add_content(self, content: Any, events: list[StreamEvent]) -> None:
        """Content as a list. Source: https://docs.mistral.ai/capabilities/reasoning/, 2026-11-21."""
        for item in content if isinstance(content, list) else [content]:
            if isinstance(item, str):
                item = {"type": "text", "text": item}  # noqa: PLW2901 - the same thing, spelled out
            if not isinstance(item, dict):
                continue
            match item.get("type"):
                case "text" | "output_text":
                    if item.get("text"):
                        self._add_text(str(item["text"]), events)
                case "thinking":
                    text = _thinking_text(item.get("thinking"))
                    signature = item.get("signature")
                    if text or signature:
                        events.append(
                            ReasoningDelta(text=text, signature=signature, choice=self._choice)
                        )
                case "refusal":
                    text = str(item.get("refusal") or "")
                    events.append(RefusalDelta(text=text, index=_REFUSAL, choice=self._choice))
                case "image_url":
                    self._add_image(item, events)
                case "reference":
                    self._cite(Citation(dialect=NAME, raw=item), events)
                case kind:
                    self._add_opaque(str(kind), item, events)

    def _add_annotations(self, annotations: list[JSON], events: list[StreamEvent]) -> None:
        for annotation in annotations:
            if annotation.get("type") == "url_citation":
                self._cite(citation_in(annotation), events)
            else:
                self._add_opaque("annotation", annotation, events)

    def _cite(self, citation: Citation, events: list[StreamEvent]) -> None:
        self._cited = True
        events.append(CitationDelta(citation=citation, index=_TEXT, choice=self._choice))

    def _add_image(self, image: JSON, events: list[StreamEvent]) -> None:
        """Source: https://openrouter.ai/docs/features/multimodal/image-generation, 2026-11-21."""
        part = image_in(image)
        if part is not None:
            index = _IMAGES + self._images
            self._images += 1
            events.append(PartDelta(part=part, index=index, choice=self._choice))

    def _add_opaque(self, kind: str, data: JSON, events: list[StreamEvent]) -> None:
        part = Opaque(dialect=NAME, kind=kind, data=data)
        index = _OPAQUE + self._opaques
        self._opaques += 1
        events.append(PartDelta(part=part, index=index, choice=self._choice))

    # ------------------------------------------------------------ the end

    def end(self, sources: list[Citation]) -> list[StreamEvent]:
        """What can only be told when all is there. ``sources`` stand beside the choices."""
        events: list[StreamEvent] = []
        if self._logprobs:  # of tokens that were not shown as text
            logprobs, self._logprobs = self._logprobs, ()
            events.append(TextDelta(text="", index=_TEXT, choice=self._choice, logprobs=logprobs))
        if self._text and not self._cited:
            for source in sources:
                self._cite(source, events)
        if any(piece.data or piece.transcript for piece in self._audio):
            part = _audio(self._audio)
            events.append(PartDelta(part=part, index=_AUDIO, choice=self._choice))
        for custom in self._calls.customs():
            self._add_opaque("custom_tool_call", custom, events)
        self._calls.end(events)
        return events

    def finish(self) -> Finish:
        """Why this choice ended; usage is the caller's to add."""
        return Finish(
            reason=FINISH.get((self._raw_reason or "").lower(), "other"),
            raw_reason=self._raw_reason,
            stop_sequence=self._stop_sequence,
            choice=self._choice,
        )


def _reasoning(detail: ReasoningDetail, position: int, choice: int) -> ReasoningDelta | None:
    text = detail.text or detail.summary or ""
    if not (text or detail.signature or detail.data):
        return None
    index = detail.index if detail.index is not None else position
    return ReasoningDelta(
        text=text,
        signature=detail.signature or None,
        encrypted=detail.data or None,
        id=detail.id,
        format=detail.format,
        index=min(max(index, 0), _MAX_BLOCK),
        choice=choice,
    )


def _thinking_text(thinking: Any) -> str:
    if isinstance(thinking, str):
        return thinking
    items = thinking if isinstance(thinking, list) else []
    return "".join([str(item.get("text") or "") for item in items if isinstance(item, dict)])


def _audio(pieces: list[AudioPiece]) -> Audio:
    """Spoken words. The answer does not say their format; it is the one that was asked for."""
    data = [piece.data for piece in pieces if piece.data]
    if any(piece.endswith("=") for piece in data[:-1]):
        whole = b"".join([base64.b64decode(piece) for piece in data])
        data = [base64.b64encode(whole).decode()]
    return Audio(
        source=Inline(media_type="application/octet-stream", data="".join(data)),
        id=next((piece.id for piece in pieces if piece.id), None),
        transcript="".join([piece.transcript or "" for piece in pieces]) or None,
    )


def _logprob(one: Logprob) -> TokenLogprob:
    return TokenLogprob(
        token=one.token,
        logprob=_IMPOSSIBLE if one.logprob is None else one.logprob,
        bytes=tuple(one.bytes) if one.bytes is not None else None,
        top=tuple(
            [
                TokenLogprob(
                    token=top.token,
                    logprob=_IMPOSSIBLE if top.logprob is None else top.logprob,
                    bytes=tuple(top.bytes) if top.bytes is not None else None,
                )
                for top in one.top_logprobs or ()
            ]
        ),
    )
