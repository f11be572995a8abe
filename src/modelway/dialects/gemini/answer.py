"""The parts of an answer, of whatever provider, written for a client of this dialect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import msgspec
from msgspec import Raw

from modelway.dialects import carried
from modelway.dialects.gemini import signatures
from modelway.dialects.gemini.assembly import ANSWER_ONLY
from modelway.dialects.gemini.grounding import write_grounding
from modelway.dialects.gemini.logprobs import write_logprobs
from modelway.dialects.gemini.usage import wire_reason
from modelway.dialects.gemini.wire import NAME, OWN_FORMATS, RAW_OBJECT
from modelway.types import (
    JSON,
    Audio,
    Choice,
    Citation,
    File,
    Image,
    Inline,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Source,
    Stored,
    Text,
    ToolCall,
    ToolResult,
)

_UNSIGNED = carried.sealed(carried.NOTHING)


def write_candidate(choice: Choice, number: int) -> JSON:
    parts = choice.message.parts
    written: JSON = {
        "content": {"parts": [one for part in parts for one in write_part(part)], "role": "model"},
        "finishReason": wire_reason(choice.finish_reason, choice.raw_finish_reason),
        "index": number,
    }
    cited = [(part.text, one) for part in parts if isinstance(part, Text) for one in part.citations]
    return written | beside(parts, cited) | write_logprobs(choice.logprobs)


def beside(parts: Sequence[Part], cited: Sequence[tuple[str, Citation]]) -> JSON:
    """What stands beside a candidate's content: Gemini's own objects whole, or citations as such."""
    written = {
        part.kind: part.data
        for part in parts
        if isinstance(part, Opaque) and part.dialect == NAME and part.kind in ANSWER_ONLY
    }
    if cited and "groundingMetadata" not in written:
        written["groundingMetadata"] = write_grounding(cited)
    return written


def write_part(part: Part) -> list[JSON]:
    """The parts that say this one; none for what no client of this dialect can read."""
    match part:
        case Text() | Refusal():
            return [{"text": part.text}] if part.text else []
        case Reasoning():
            return write_reasoning(part)
        case ToolCall():
            call: JSON = {
                "functionCall": {
                    "id": part.id,
                    "name": part.name,
                    "args": arguments_object(part.arguments)
                    or {"unparsed_arguments": part.arguments},
                }
            }
            # Sealed even where there is none: Gemini refuses a call without, and would be sent it.
            return [call | {"thoughtSignature": part.signature or _UNSIGNED}]
        case Image() | Audio() | File():
            return [write_source(part.source)]
        case Opaque():
            own = part.dialect == NAME and part.kind not in ANSWER_ONLY
            return [part.data] if own else []
        case ToolResult():
            return []  # an answer holds no results
        case _:
            assert_never(part)


def write_reasoning(part: Reasoning) -> list[JSON]:
    """A signature without a thought is one of the text before it."""
    signature = signatures.written(part)
    written: JSON = {"text": part.text}
    if part.text or part.format not in OWN_FORMATS:
        written["thought"] = True
    if signature:
        written["thoughtSignature"] = signature
    return [written] if part.text or signature else []


def write_source(source: Source) -> JSON:
    if isinstance(source, Inline):
        return {"inlineData": {"mimeType": source.media_type, "data": source.data}}
    data = {"fileUri": source.id if isinstance(source, Stored) else source.url}
    if source.media_type is not None:
        data["mimeType"] = source.media_type
    return {"fileData": data}


def arguments_object(arguments: str) -> Raw | None:
    """The arguments as a JSON object, digit for digit; ``{}`` for none, None where they are not one."""
    if arguments.strip() in ("", "null"):
        return Raw(b"{}")
    try:
        encoded = arguments.encode()
        RAW_OBJECT.decode(encoded)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return Raw(encoded)
