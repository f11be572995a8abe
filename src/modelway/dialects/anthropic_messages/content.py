"""Parts written as content blocks for a provider; what has no block is a warning or an error."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from typing import assert_never

import msgspec
from msgspec import Raw

from modelway.dialects.anthropic_messages.wire import NAME, RAW_OBJECT
from modelway.dialects.notes import Notes
from modelway.errors import BadRequestError, UnsupportedError
from modelway.types import (
    JSON,
    Audio,
    CacheTTL,
    File,
    Image,
    Inline,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Remote,
    Role,
    Source,
    Stored,
    Text,
    ToolCall,
    ToolResult,
)

OWN_SIGNATURES = (None, NAME, "anthropic-claude-v1")
"""Formats of reasoning that Claude signed. OpenRouter calls it ``anthropic-claude-v1``.

Source: https://openrouter.ai/docs/use-cases/reasoning-tokens, 2026-11-21.
"""

_CALL_ID = re.compile(r"[a-zA-Z0-9_-]+")
_NOT_IN_CALL_ID = re.compile(r"[^a-zA-Z0-9_-]")


def cache_control(cache: CacheTTL) -> JSON:
    return {"type": "ephemeral", "ttl": "1h"} if cache == "1h" else {"type": "ephemeral"}


def call_id(id: str) -> str:
    """The id as the API takes it (``^[a-zA-Z0-9_-]+$``); the same for a call and its result.

    Source: the API's own 400 (https://github.com/HKUDS/nanobot/pull/4356), 2026-11-21.
    """
    if _CALL_ID.fullmatch(id):
        return id
    return f"{_NOT_IN_CALL_ID.sub('_', id)}_{zlib.crc32(id.encode('utf-8', 'replace')):08x}"


def write_part(part: Part, role: Role, at: str, notes: Notes) -> JSON | None:
    """The block, or None for what is left out with a warning."""
    match part:
        case Text():
            block = _write_text(part, at, notes)
        case Image():
            if part.detail is not None:
                notes.warn(f"{at}.detail", "Anthropic has no image detail: left out")
            block = {"type": "image", "source": _source(part.source)}
        case File():
            block = _write_file(part, at, notes)
        case Reasoning():
            return _write_reasoning(part, at, notes)
        case Refusal():
            notes.warn(at, "a refusal is sent as text")
            return _write_text(Text(text=part.text), at, notes)
        case ToolCall():
            block = _write_tool_call(part, at, notes)
        case ToolResult():
            block = _write_tool_result(part, role, at, notes)
        case Audio():
            raise UnsupportedError(
                f"{notes.model} takes no audio ({at}) over Anthropic's Messages API; "
                "send its transcript as text, or ask a model with audio input",
                model=notes.model,
                param=at,
            )
        case Opaque():
            return _write_opaque(part, role, at, notes)
        case _:
            assert_never(part)
    if block is not None and part.cache is not None:
        block["cache_control"] = cache_control(part.cache)
    return block


def _write_text(part: Text, at: str, notes: Notes) -> JSON | None:
    """The API refuses text blocks without a visible character.

    Source: its 400s "text content blocks must be non-empty" and "… must contain non-whitespace
    text" (github.com/anthropics/claude-code issues 59812 and 23440), 2026-11-21.
    """
    if not part.text or part.text.isspace():
        notes.warn(at, "a text without visible characters is refused by Anthropic: left out")
        return None
    block: JSON = {"type": "text", "text": part.text}
    citations = [citation.raw for citation in part.citations if citation.dialect == NAME]
    if len(citations) != len(part.citations):
        notes.warn(f"{at}.citations", "citations of another dialect cannot be sent: left out")
    if citations:
        block["citations"] = citations
    return block


def _source(source: Source) -> JSON:
    match source:
        case Remote():
            return {"type": "url", "url": source.url}
        case Inline():
            return {"type": "base64", "media_type": source.media_type, "data": source.data}
        case Stored():
            return {"type": "file", "file_id": source.id}
        case _:
            assert_never(source)


def _write_file(part: File, at: str, notes: Notes) -> JSON:
    """Documents are PDF or plain text.

    Source: https://platform.claude.com/docs/en/build-with-claude/files, 2026-11-21.
    """
    source = part.source
    if isinstance(source, Inline) and source.media_type != "application/pdf":
        block: JSON = {"type": "document", "source": _plain_text(source, at, notes)}
    else:
        block = {"type": "document", "source": _source(source)}
    if part.name is not None:
        block["title"] = part.name
    if part.context is not None:
        block["context"] = part.context
    if part.citations is not None:
        block["citations"] = {"enabled": part.citations}
    return block


def _plain_text(source: Inline, at: str, notes: Notes) -> JSON:
    media_type = source.media_type
    if not media_type.startswith("text/"):
        raise UnsupportedError(
            f"{notes.model} takes documents as application/pdf or text over Anthropic's Messages "
            f"API, not {media_type} ({at}); convert it",
            model=notes.model,
            param=at,
        )
    if media_type != "text/plain":
        notes.warn(f"{at}.source.media_type", f"{media_type} is sent as text/plain")
    try:
        text = base64.b64decode(source.data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise BadRequestError(
            f"the {media_type} document is not base64 of UTF-8 text", param=f"{at}.source.data"
        ) from None
    return {"type": "text", "media_type": "text/plain", "data": text}


def _write_reasoning(part: Reasoning, at: str, notes: Notes) -> JSON | None:
    """Thinking goes back only as Claude signed it.

    Source: https://platform.claude.com/docs/en/build-with-claude/extended-thinking, 2026-11-21.
    """
    if part.format not in OWN_SIGNATURES:
        notes.warn(at, f"reasoning signed as {part.format} cannot be sent to Anthropic: left out")
        return None
    if part.signature:
        if part.encrypted:
            notes.warn(f"{at}.encrypted", "signed thinking has no encrypted state: left out")
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    if part.encrypted:
        if part.text:
            notes.warn(f"{at}.text", "redacted thinking has no text: left out")
        return {"type": "redacted_thinking", "data": part.encrypted}
    notes.warn(at, "reasoning without a signature cannot be sent to Anthropic: left out")
    return None


def _write_tool_call(part: ToolCall, at: str, notes: Notes) -> JSON:
    if part.signature is not None:
        notes.warn(f"{at}.signature", "a call's signature of another dialect: left out")
    arguments = arguments_object(part.arguments)
    if arguments is None:
        raise BadRequestError(
            f"the arguments of the call {part.id} to {part.name} are not a JSON object; "
            "Anthropic's Messages API takes nothing else",
            param=f"{at}.arguments",
        )
    return {"type": "tool_use", "id": call_id(part.id), "name": part.name, "input": arguments}


def arguments_object(arguments: str) -> Raw | None:
    """The arguments as a JSON object, digit for digit; ``{}`` for none, None where they are not one.

    Some models write ``null`` for none (gpt-oss on Groq).
    """
    if not arguments or arguments.strip() in ("", "null"):
        return Raw(b"{}")
    try:
        encoded = arguments.encode()
        RAW_OBJECT.decode(encoded)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return Raw(encoded)


def _write_tool_result(part: ToolResult, role: Role, at: str, notes: Notes) -> JSON:
    if part.name is not None:
        notes.warn(f"{at}.name", "Anthropic finds a result's tool by the call's id: name left out")
    block: JSON = {"type": "tool_result", "tool_use_id": call_id(part.call_id)}
    match part.parts:
        case ():
            pass
        case (Text(citations=(), cache=None) as only,):
            block["content"] = only.text
        case parts:
            blocks = [
                write_part(inner, role, f"{at}.{number}", notes)
                for number, inner in enumerate(parts)
            ]
            block["content"] = [inner for inner in blocks if inner is not None]
    if part.is_error is not None:
        block["is_error"] = part.is_error
    return block


def _write_opaque(part: Opaque, role: Role, at: str, notes: Notes) -> JSON | None:
    if part.dialect == NAME:
        return part.data
    if role == "assistant":
        notes.warn(at, f"{part.kind} of {part.dialect} means nothing to Anthropic: left out")
        return None
    raise UnsupportedError(
        f"{notes.model} cannot be sent {part.kind} ({at}), which only {part.dialect} understands",
        model=notes.model,
        param=at,
    )
