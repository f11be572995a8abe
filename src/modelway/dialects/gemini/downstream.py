"""A client of Google's generateContent API → us: requests read, answers written.

The model is in the path, so a decoded request names none, unless its body does.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from modelway.dialects.gemini.answer import write_candidate
from modelway.dialects.gemini.conversation import read_conversation
from modelway.dialects.gemini.generation import read_config
from modelway.dialects.gemini.tools import read_tool_choice, read_tools
from modelway.dialects.gemini.usage import write_usage
from modelway.dialects.gemini.wire import ANY, NAME, STRING, camel, is_null, read_fields
from modelway.dialects.reading import read
from modelway.errors import BadRequestError
from modelway.framing.fields import Fields
from modelway.types import JSON, ChatRequest, ChatResponse, TokenCount

_MODELLED = frozenset(
    {"contents", "generationConfig", "model", "systemInstruction", "toolConfig", "tools"}
)


def decode_chat(fields: Fields) -> ChatRequest:
    said = {camel(name): raw for name, raw in fields.items() if not is_null(raw)}
    if "contents" not in said:
        raise BadRequestError("the field is required", param="contents")
    extra: JSON = {}
    config = read_config(said["generationConfig"], extra) if "generationConfig" in said else {}
    request = ChatRequest(
        model=read_model(said),
        messages=read_conversation(said.get("systemInstruction"), said["contents"]),
        tools=read_tools(said["tools"]) if "tools" in said else (),
        tool_choice=(read_tool_choice(said["toolConfig"], extra) if "toolConfig" in said else None),
        extra=extra,
        **config,
    )
    for name, raw in fields.items():
        if camel(name) not in _MODELLED and not is_null(raw):
            extra[name] = read(ANY, raw, name)
    return msgspec.structs.replace(request, extra_dialect=NAME) if extra else request


def read_model(said: dict[str, Raw]) -> str:
    return read(STRING, said["model"], "model").removeprefix("models/") if "model" in said else ""


def decode_count(fields: Fields) -> ChatRequest:
    """Contents, or a whole request. Source: https://ai.google.dev/api/tokens, 2026-11-21."""
    for name, raw in fields.items():
        if camel(name) == "generateContentRequest" and not is_null(raw):
            return decode_chat(read_fields(raw, "generateContentRequest"))
    return decode_chat(fields)


# ---------------------------------------------------------------- answers


def encode_chat(response: ChatResponse) -> bytes:
    return msgspec.json.encode(
        {
            "candidates": [
                write_candidate(choice, number) for number, choice in enumerate(response.choices)
            ],
            "usageMetadata": write_usage(response.usage),
            "modelVersion": response.model,
            "responseId": response.id,
        }
    )


def encode_count(count: TokenCount) -> bytes:
    return msgspec.json.encode({"totalTokens": count.input_tokens})
