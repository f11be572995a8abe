"""What is on Parley's wire. A stream is lines of JSON: ``begin``, pieces, ``end`` or ``error``.

Pieces of one ``at`` belong together; a whole answer has the same pieces in a list.
Source: https://docs.parley.example/talk, 2026-11-21.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import MsgspecError, Struct

from modelway.types import FinishReason, NamedTool

NAME = "parley-lines"
STREAM_TYPE = b"application/x-ndjson"
UNREADABLE = (MsgspecError, UnicodeDecodeError, RecursionError)
"""What reading JSON can raise."""
END: dict[str, FinishReason] = {
    "done": "stop",
    "limit": "length",
    "call": "tool_calls",
    "unsafe": "content_filter",
}


class Words(Struct, frozen=True, omit_defaults=True, tag="words", tag_field="is"):
    text: str
    at: int = 0


class Call(Struct, frozen=True, omit_defaults=True, tag="call", tag_field="is"):
    """In a stream, ``id`` and ``name`` come once, and ``input``, which is JSON text, in pieces."""

    id: str = ""
    name: str = ""
    input: str = ""
    at: int = 0


class Result(Struct, frozen=True, tag="result", tag_field="is"):
    call: str
    text: str


class Turn(Struct, frozen=True):
    by: Literal["system", "user", "assistant", "tool"]
    pieces: tuple[Words | Call | Result, ...]


class Tool(Struct, frozen=True, omit_defaults=True):
    name: str
    takes: dict[str, Any]
    about: str | None = None


class Question(Struct, frozen=True, omit_defaults=True):
    model: str
    turns: tuple[Turn, ...]
    limit: int | None = None
    temperature: float | None = None
    tools: tuple[Tool, ...] = ()
    use: Literal["auto", "none", "required"] | NamedTool | None = None
    stream: bool = False


class Tokens(Struct, frozen=True, omit_defaults=True, rename={"read": "in", "written": "out"}):
    """``cached`` and ``stored`` are parts of ``in``."""

    read: int | None = None
    written: int | None = None
    cached: int | None = None
    stored: int | None = None


class Answer(Struct, frozen=True):
    id: str
    model: str
    pieces: tuple[Words | Call, ...]
    end: str
    tokens: Tokens


class Begin(Struct, frozen=True, tag="begin", tag_field="is"):
    id: str
    model: str


class End(Struct, frozen=True, tag="end", tag_field="is"):
    why: str
    tokens: Tokens


class Fault(Struct, frozen=True, tag="error", tag_field="is"):
    """The last line of a stream that fails, and the whole body of a refusal."""

    code: str
    message: str


Line: TypeAlias = Begin | Words | Call | End | Fault
