"""The parts of an answer, of whatever provider, written as content blocks for a client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from modelway.dialects import carried
from modelway.dialects.bedrock_converse.content import (
    OWN_FORMATS,
    arguments_object,
    encrypted_bytes,
)
from modelway.dialects.bedrock_converse.media import DOCUMENTS, IMAGES, SOUNDS
from modelway.dialects.bedrock_converse.wire import NAME
from modelway.types import (
    JSON,
    Audio,
    Citation,
    File,
    Image,
    Inline,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Source,
    Text,
    ToolCall,
    ToolResult,
)


def write_blocks(parts: Sequence[Part]) -> list[JSON]:
    return [block for part in parts for block in write_block(part)]


def write_block(part: Part) -> list[JSON]:
    """The blocks that say this part; none for what no client of this dialect can read."""
    match part:
        case Text():
            if not part.citations:
                return [{"text": part.text}]
            citations = [write_citation(citation) for citation in part.citations]
            return [
                {"citationsContent": {"content": [{"text": part.text}], "citations": citations}}
            ]
        case Refusal():
            return [{"text": part.text}]
        case Reasoning():
            return _write_reasoning(part)
        case ToolCall():
            arguments = arguments_object(part.arguments) or {"unparsed_arguments": part.arguments}
            call = {"toolUseId": part.id, "name": part.name, "input": arguments}
            return [*write_call_signature(part.id, part.signature), {"toolUse": call}]
        case Image():
            return _write_media("image", part.source, IMAGES)
        case File():
            return _write_media("document", part.source, DOCUMENTS, name=part.name or "Document")
        case Audio():
            written = _write_media("audio", part.source, SOUNDS)
            return written or ([{"text": part.transcript}] if part.transcript else [])
        case Opaque():
            return [part.data] if part.dialect == NAME else []
        case ToolResult():
            return []  # an answer holds no results
        case _:
            assert_never(part)


def _write_reasoning(part: Reasoning) -> list[JSON]:
    """Readable and encrypted reasoning are two kinds of block; a part with both becomes both."""
    signature, redacted = write_state(part.text, carried.of(part))
    blocks: list[JSON] = []
    if part.text or signature or redacted is None:
        said: JSON = {"text": part.text}
        if signature:
            said["signature"] = signature
        blocks.append({"reasoningContent": {"reasoningText": said}})
    if redacted is not None:
        blocks.append({"reasoningContent": {"redactedContent": redacted}})
    return blocks


def write_state(text: str, state: carried.Carried) -> tuple[str, str | None]:
    """The signature of a text, and bytes of encrypted state; that of models not here is sealed.

    So is that there is none: Claude refuses thoughts that it did not sign, and would be sent them.
    """
    encrypted = state.encrypted
    if state.format in OWN_FORMATS and (state.signature or encrypted is not None):
        return state.signature or "", None if encrypted is None else encrypted_bytes(encrypted)
    if not text and state == carried.NOTHING:
        return "", None
    seal = carried.sealed(state)
    return (seal, None) if text else ("", seal)


def write_call_signature(call_id: str, signature: str | None) -> list[JSON]:
    """Calls have no place for one here: it goes sealed, in a block beside them."""
    if signature is None:
        return []
    seal = carried.sealed(carried.of_call(call_id, signature))
    return [{"reasoningContent": {"redactedContent": seal}}]


def write_citation(citation: Citation) -> JSON:
    if citation.dialect == NAME:
        return citation.raw
    written: JSON = {}
    if citation.title is not None:
        written["title"] = citation.title
    if citation.quote is not None:
        written["sourceContent"] = [{"text": citation.quote}]
    if citation.url is not None:
        written["location"] = {"web": {"url": citation.url}}
    return written


def _write_media(kind: str, source: Source, formats: Mapping[str, str], **more: str) -> list[JSON]:
    """Only bytes of a known format: a client cannot fetch what another provider keeps."""
    if isinstance(source, Inline):
        for name, media_type in formats.items():
            if media_type == source.media_type:
                return [{kind: {"format": name, **more, "source": {"bytes": source.data}}}]
    return []
