"""Parts written as content blocks for a provider; what has no block is a warning or an error."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Sequence
from typing import assert_never

import msgspec
from msgspec import Raw

from modelway.dialects.bedrock_converse.families import Family
from modelway.dialects.bedrock_converse.media import IMAGES, SOUNDS, write_document, write_media
from modelway.dialects.bedrock_converse.notes import Notes
from modelway.dialects.bedrock_converse.wire import CLAUDE, NAME, RAW_OBJECT
from modelway.errors import BadRequestError, UnsupportedError
from modelway.types import (
    JSON,
    Audio,
    CacheTTL,
    File,
    Image,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)

OWN_FORMATS = (None, NAME, CLAUDE, "anthropic-claude-v1")
"""Formats of reasoning that models here wrote. OpenRouter calls Claude's ``anthropic-claude-v1``.

Source: https://openrouter.ai/docs/use-cases/reasoning-tokens, 2026-11-21.
"""

_CALL_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_NOT_IN_CALL_ID = re.compile(r"[^a-zA-Z0-9_.:-]")


def cache_point(cache: CacheTTL) -> JSON:
    point: JSON = {"type": "default"}
    if cache == "1h":
        point["ttl"] = cache
    return {"cachePoint": point}


def call_id(id: str) -> str:
    """The id as the API takes it; the same for a call and its result.

    Source: the pattern of ``ToolUseId`` in the service model, 2026-11-21.
    """
    if _CALL_ID.fullmatch(id):
        return id
    clean = _NOT_IN_CALL_ID.sub("_", id)[:55]
    return f"{clean}_{zlib.crc32(id.encode('utf-8', 'replace')):08x}"


def write_parts(
    parts: Sequence[Part], role: Role, family: Family, at: str, notes: Notes
) -> list[JSON]:
    blocks: list[JSON] = []
    for number, part in enumerate(parts):
        block = _write_part(part, role, family, f"{at}.{number}", notes)
        if block is None:
            continue
        blocks.append(block)
        cache = getattr(part, "cache", None)
        if cache is not None:
            blocks.append(cache_point(cache))
    return blocks


def _write_part(part: Part, role: Role, family: Family, at: str, notes: Notes) -> JSON | None:
    """The block, or None for what is left out with a warning."""
    match part:
        case Text():
            return _write_text(part, role, at, notes)
        case Image():
            if part.detail is not None:
                notes.warn(f"{at}.detail", "Bedrock has no image detail: left out")
            return {"image": write_media(part.source, "image", IMAGES, at, notes)}
        case Audio():
            return {"audio": write_media(part.source, "audio", SOUNDS, at, notes)}
        case File():
            return {"document": write_document(part, at, notes)}
        case Reasoning():
            return _write_reasoning(part, family, at, notes)
        case Refusal():
            notes.warn(at, "a refusal is sent as text")
            return _write_text(Text(text=part.text), role, at, notes)
        case ToolCall():
            return {"toolUse": _write_tool_call(part, at, notes)}
        case ToolResult():
            return {"toolResult": _write_tool_result(part, role, family, at, notes)}
        case Opaque():
            return _write_opaque(part, role, at, notes)
        case _:
            assert_never(part)


def _write_text(part: Text, role: Role, at: str, notes: Notes) -> JSON | None:
    """Blank texts are refused: "The text field in the ContentBlock object … is blank", 2026-11-21."""
    if not part.text or part.text.isspace():
        notes.warn(at, "a text without visible characters is refused by Bedrock: left out")
        return None
    citations = [citation.raw for citation in part.citations if citation.dialect == NAME]
    if role != "assistant":
        citations = []
    if len(citations) != len(part.citations):
        notes.warn(f"{at}.citations", "citations of another dialect cannot be sent: left out")
    if citations:
        return {"citationsContent": {"content": [{"text": part.text}], "citations": citations}}
    return {"text": part.text}


def _write_reasoning(part: Reasoning, family: Family, at: str, notes: Notes) -> JSON | None:
    """Claude takes its reasoning as it signed it, others only where the family says so."""
    if part.format not in OWN_FORMATS:
        notes.warn(at, f"reasoning signed as {part.format} cannot be sent to Bedrock: left out")
        return None
    if not (part.text or part.signature or part.encrypted):
        notes.warn(at, "reasoning without words or state is refused by Bedrock: left out")
        return None
    if not family.reads_reasoning:
        notes.warn(at, f"{notes.model} takes no earlier reasoning: left out")
        return None
    if not (part.signature or part.encrypted) and family.signs_reasoning:
        notes.warn(at, "reasoning without a signature cannot be sent to Claude: left out")
        return None
    if (part.signature or part.encrypted) and not family.takes_signatures:
        notes.warn(f"{at}.signature", f"{notes.model} signs nothing: another's is left out")
        return {"reasoningContent": {"reasoningText": {"text": part.text}}} if part.text else None
    if part.encrypted and not part.signature:
        if part.text:
            notes.warn(f"{at}.text", "encrypted reasoning has no text: left out")
        return {"reasoningContent": {"redactedContent": encrypted_bytes(part.encrypted)}}
    if part.encrypted:
        notes.warn(f"{at}.encrypted", "signed reasoning has no encrypted state: left out")
    said: JSON = {"text": part.text}
    if part.signature:
        said["signature"] = part.signature
    return {"reasoningContent": {"reasoningText": said}}


def encrypted_bytes(encrypted: str) -> str:
    """Encrypted state, which is text, as the bytes that Converse carries it in, in base64."""
    return base64.b64encode(encrypted.encode("utf-8", "replace")).decode()


def _write_tool_call(part: ToolCall, at: str, notes: Notes) -> JSON:
    if part.signature is not None:
        notes.warn(f"{at}.signature", "a call's signature of another dialect: left out")
    arguments = arguments_object(part.arguments)
    if arguments is None:
        raise BadRequestError(
            f"the arguments of the call {part.id} to {part.name} are not a JSON object; "
            "Bedrock's Converse API takes nothing else",
            param=f"{at}.arguments",
        )
    return {"toolUseId": call_id(part.id), "name": part.name, "input": arguments}


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


def _write_tool_result(part: ToolResult, role: Role, family: Family, at: str, notes: Notes) -> JSON:
    if part.name is not None:
        notes.warn(f"{at}.name", "Bedrock finds a result's tool by the call's id: name left out")
    content: list[JSON] = []
    for number, inner in enumerate(part.parts):
        where = f"{at}.{number}"
        if inner.__class__ is not Opaque and getattr(inner, "cache", None) is not None:
            notes.warn(f"{where}.cache", "a cache point stands behind a whole result: left out")
        block = _write_part(inner, role, family, where, notes)
        if block is not None:
            content.append(block)
    result: JSON = {"toolUseId": call_id(part.call_id), "content": content}
    if part.is_error is not None:
        result["status"] = "error" if part.is_error else "success"
    return result


def _write_opaque(part: Opaque, role: Role, at: str, notes: Notes) -> JSON | None:
    if part.dialect == NAME:
        return part.data
    if role == "assistant":
        notes.warn(at, f"{part.kind} of {part.dialect} means nothing to Bedrock: left out")
        return None
    raise UnsupportedError(
        f"{notes.model} cannot be sent {part.kind} ({at}), which only {part.dialect} understands",
        model=notes.model,
        param=at,
    )
