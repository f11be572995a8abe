"""The parts of an answer, of whatever provider, written as content blocks for a client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from modelway.dialects import carried
from modelway.dialects.anthropic_messages.content import OWN_SIGNATURES, arguments_object
from modelway.dialects.anthropic_messages.wire import NAME
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
    Remote,
    Source,
    Stored,
    Text,
    ToolCall,
    ToolResult,
)


def write_blocks(parts: Sequence[Part]) -> list[JSON]:
    if len(parts) > 1 and isinstance(parts[-1], Reasoning) and is_afterthought(parts[-1]):
        parts = parts[:-1]
    return [block for part in parts for block in write_block(part)]


def is_afterthought(last: Reasoning) -> bool:
    """Whether a message's last part is another provider's state alone (Gemini signs texts).

    Claude ends no message with thinking: Claude Code 2.1.197 takes the last block for the result, and
    shows none, seen 2026-11-21. Gemini recommends the state of a text, and requires that of calls.
    """
    return not last.text and last.format not in OWN_SIGNATURES


def write_block(part: Part) -> list[JSON]:
    """The blocks that say this part; none for what no client of this dialect can read."""
    match part:
        case Text():
            block: JSON = {"type": "text", "text": part.text}
            if part.citations:
                block["citations"] = [write_citation(citation) for citation in part.citations]
            return [block]
        case Refusal():
            return [{"type": "text", "text": part.text}]
        case Reasoning():
            return _write_reasoning(part)
        case ToolCall():
            call = {
                "type": "tool_use",
                "id": part.id,
                "name": part.name,
                "input": arguments_object(part.arguments) or {"unparsed_arguments": part.arguments},
            }
            return [*write_call_signature(part.id, part.signature), call]
        case Image():
            return [{"type": "image", "source": _write_source(part.source)}]
        case File():
            return [{"type": "document", "source": _write_source(part.source), "title": part.name}]
        case Audio():
            return [{"type": "text", "text": part.transcript}] if part.transcript else []
        case Opaque():
            return [part.data] if part.dialect == NAME else []
        case ToolResult():
            return []  # an answer holds no results
        case _:
            assert_never(part)


def _write_reasoning(part: Reasoning) -> list[JSON]:
    """Readable thinking and encrypted state are two kinds of block; a part with both becomes both."""
    signature, redacted = write_state(part.text, carried.of(part))
    blocks: list[JSON] = []
    if part.text or signature or redacted is None:
        blocks.append({"type": "thinking", "thinking": part.text, "signature": signature})
    if redacted is not None:
        blocks.append({"type": "redacted_thinking", "data": redacted})
    return blocks


def write_state(text: str, state: carried.Carried) -> tuple[str, str | None]:
    """The signature of a thinking block, and the data of a redacted one; another's state is sealed.

    So is that there is none: Anthropic refuses thinking that it did not sign, and would be sent it.
    """
    if state.format in OWN_SIGNATURES and (state.signature or state.encrypted is not None):
        return state.signature or "", state.encrypted
    if not text and state == carried.NOTHING:
        return "", None
    seal = carried.sealed(state)
    return (seal, None) if text else ("", seal)


def write_call_signature(call_id: str, signature: str | None) -> list[JSON]:
    """Calls have no place for one here: it goes sealed, in a block beside them."""
    if signature is None:
        return []
    seal = carried.sealed(carried.of_call(call_id, signature))
    return [{"type": "redacted_thinking", "data": seal}]


def write_citation(citation: Citation) -> JSON:
    """Another dialect's citation is a web search result without the state that only Anthropic has."""
    if citation.dialect == NAME:
        return citation.raw
    return {
        "type": "web_search_result_location",
        "cited_text": citation.quote or "",
        "encrypted_index": "",
        "title": citation.title,
        "url": citation.url or "",
    }


def _write_source(source: Source) -> JSON:
    match source:
        case Inline():
            return {"type": "base64", "media_type": source.media_type, "data": source.data}
        case Remote():
            return {"type": "url", "url": source.url}
        case Stored():
            return {"type": "file", "file_id": source.id}
        case _:
            assert_never(source)
