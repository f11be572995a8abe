"""The parts of Bedrock's Converse API that we read; fields that are not here are ignored or kept raw.

Source: the service model of bedrock-runtime, 2023-09-30 (botocore), read 2026-11-21, and
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, 2026-11-21.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct
from msgspec.json import Decoder

from modelway.types import JSON, CacheTTL

NAME = "bedrock-converse"

CLAUDE = "anthropic-messages"
"""Whose reasoning is signed or encrypted here: of all models on Bedrock only Claude does that.

Its signatures are the same on every platform. Source:
https://platform.claude.com/docs/en/build-with-claude/extended-thinking, 2026-11-21.
"""

T = TypeVar("T")


class _Wire(Struct, frozen=True, rename="camel"):
    pass


# ---------------------------------------------------------------- content blocks


class S3Location(_Wire, frozen=True, forbid_unknown_fields=True):
    """A bucket's owner has no place in our vocabulary: a block that names one is kept whole."""

    uri: str


class MediaSource(_Wire, frozen=True, forbid_unknown_fields=True):
    bytes: str | None = None
    """Base64."""
    s3_location: S3Location | None = msgspec.field(name="s3Location", default=None)
    text: str | None = None


class MediaBlock(_Wire, frozen=True, forbid_unknown_fields=True):
    """An image or a sound."""

    format: str
    source: MediaSource


class CitationsConfig(_Wire, frozen=True):
    enabled: bool


class DocumentBlock(_Wire, frozen=True, forbid_unknown_fields=True):
    name: str
    source: MediaSource
    format: str | None = None
    context: str | None = None
    citations: CitationsConfig | None = None


class CachePoint(_Wire, frozen=True):
    type: str
    ttl: CacheTTL | None = None


class ToolUse(_Wire, frozen=True):
    tool_use_id: str
    name: str
    input: Raw = Raw(b"{}")
    type: str | None = None


class ToolResultBlock(_Wire, frozen=True):
    tool_use_id: str
    content: list[dict[str, Raw]]
    status: str | None = None
    type: str | None = None


class ReasoningText(_Wire, frozen=True):
    text: str = ""
    signature: str | None = None


class ReasoningBlock(_Wire, frozen=True):
    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class CitedText(_Wire, frozen=True):
    text: str = ""


class CitationsBlock(_Wire, frozen=True):
    content: list[CitedText] = []
    citations: list[JSON] = []


# ---------------------------------------------------------------- the request


class InputMessage(_Wire, frozen=True):
    role: str
    content: list[dict[str, Raw]]


class InferenceConfig(_Wire, frozen=True):
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: tuple[str, ...] | None = None


class InputSchema(_Wire, frozen=True):
    json: JSON


class ToolSpec(_Wire, frozen=True, forbid_unknown_fields=True):
    """Unknown fields are refused, so that a tool which says more is kept whole."""

    name: str
    input_schema: InputSchema
    description: str | None = None
    strict: bool | None = None


class NamedChoice(_Wire, frozen=True):
    name: str


class ToolSelection(_Wire, frozen=True):
    auto: JSON | None = None
    any: JSON | None = None
    tool: NamedChoice | None = None


class ToolConfig(_Wire, frozen=True):
    tools: list[dict[str, Raw]] = []
    tool_choice: ToolSelection | None = None


class SchemaDefinition(_Wire, frozen=True, forbid_unknown_fields=True):
    """``schema`` is JSON in a string."""

    schema: str
    name: str | None = None
    description: str | None = None


class FormatStructure(_Wire, frozen=True, forbid_unknown_fields=True):
    json_schema: SchemaDefinition


class TextFormat(_Wire, frozen=True, forbid_unknown_fields=True):
    type: str
    structure: FormatStructure


# ---------------------------------------------------------------- the answer


class AnswerMessage(_Wire, frozen=True):
    content: list[dict[str, Raw]]


class Output(_Wire, frozen=True):
    message: AnswerMessage


class Answer(_Wire, frozen=True):
    output: Output
    stop_reason: str | None = None
    usage: JSON | None = None
    additional_model_response_fields: Any = None


class UsageOnly(_Wire, frozen=True):
    """An answer by its marks, and what it says of usage."""

    output: Raw
    stop_reason: str
    usage: JSON | None = None


class StreamReasoning(_Wire, frozen=True):
    text: str = ""
    signature: str = ""
    redacted_content: str = ""


class StreamInput(_Wire, frozen=True):
    input: str = ""


class StreamDelta(_Wire, frozen=True):
    """The union of all deltas: each kind of delta has a field of its own."""

    text: str = ""
    tool_use: StreamInput | None = None
    reasoning_content: StreamReasoning | None = None
    citation: JSON | None = None
    tool_result: list[JSON] | None = None
    image: JSON | None = None


class StreamPayload(_Wire, frozen=True):
    """The payload of any event of a stream."""

    content_block_index: int = 0
    delta: StreamDelta | None = None
    start: JSON | None = None
    stop_reason: str | None = None
    usage: JSON | None = None
    additional_model_response_fields: Any = None


class InputTokens(_Wire, frozen=True):
    input_tokens: int


# ---------------------------------------------------------------- reading

JSON_OBJECT = Decoder(JSON)
RAW_OBJECT = Decoder(dict[str, Raw])
STRING = Decoder(str)
