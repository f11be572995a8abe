"""The answer as it arrives: one event after another."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from modelway.types.answer import FinishReason, TokenLogprob, Usage
from modelway.types.parts import Audio, Citation, File, Image, Opaque


class Start(Struct, frozen=True, kw_only=True, tag="start"):
    """Always the first event, once. ``usage`` is what is said early; ``Finish`` repeats it whole."""

    id: str = ""
    model: str = ""
    created: int | None = None
    usage: Usage | None = None


class TextDelta(Struct, frozen=True, kw_only=True, tag="text_delta"):
    text: str
    index: int = 0
    """Which part of the message this belongs to; parts are ordered by it, gaps mean nothing."""
    choice: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()


class ReasoningDelta(Struct, frozen=True, kw_only=True, tag="reasoning_delta"):
    """Pieces of one ``Reasoning``: texts and signatures are appended, the other fields set once."""

    text: str = ""
    signature: str | None = None
    encrypted: str | None = None
    id: str | None = None
    format: str | None = None
    index: int = 0
    choice: int = 0


class RefusalDelta(Struct, frozen=True, kw_only=True, tag="refusal_delta"):
    text: str
    index: int = 0
    choice: int = 0


class ToolCallDelta(Struct, frozen=True, kw_only=True, tag="tool_call_delta"):
    """Pieces of one ``ToolCall``: ``id`` and ``name`` come with its first delta, arguments are appended."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    signature: str | None = None
    choice: int = 0


class CitationDelta(Struct, frozen=True, kw_only=True, tag="citation_delta"):
    """A citation of the text part at ``index``."""

    citation: Citation
    index: int = 0
    choice: int = 0


class PartDelta(Struct, frozen=True, kw_only=True, tag="part_delta"):
    """A part that is delivered whole: an image, a sound, or an opaque part."""

    part: Image | Audio | File | Opaque
    index: int = 0
    choice: int = 0


class Finish(Struct, frozen=True, kw_only=True, tag="finish"):
    """Once a choice, after all its deltas; the stream's last event, which carries the usage, is one."""

    reason: FinishReason
    raw_reason: str | None = None
    stop_sequence: str | None = None
    usage: Usage | None = None
    choice: int = 0


StreamEvent: TypeAlias = (
    Start
    | TextDelta
    | ReasoningDelta
    | RefusalDelta
    | ToolCallDelta
    | CitationDelta
    | PartDelta
    | Finish
)
