"""The parts of Anthropic's Messages API that we read; fields that are not here are ignored or kept raw.

Source: https://platform.claude.com/docs/en/api/messages and the types of anthropic-sdk-python
2.11.0, read 2026-11-21.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from msgspec import Raw, Struct
from msgspec.json import Decoder

from modelway.types import JSON, CacheTTL

NAME = "anthropic-messages"

SUBSET = "anthropic"
"""Of JSON Schema; see ``schema.subsets``."""

T = TypeVar("T")

# ---------------------------------------------------------------- content blocks


class CacheControl(Struct, frozen=True):
    type: Literal["ephemeral"]
    ttl: CacheTTL | None = None


class Kind(Struct, frozen=True):
    type: str


class TextBlock(Struct, frozen=True):
    text: str
    citations: list[JSON] | None = None
    cache_control: CacheControl | None = None


class ThinkingBlock(Struct, frozen=True):
    thinking: str = ""
    signature: str | None = None


class RedactedThinkingBlock(Struct, frozen=True):
    data: str


class ToolUseBlock(Struct, frozen=True):
    id: str
    name: str
    input: Raw = Raw(b"{}")
    caller: Kind | None = None
    toolset_name: str | None = None
    cache_control: CacheControl | None = None


class ToolResultBlock(Struct, frozen=True):
    tool_use_id: str
    content: Raw = Raw(b"null")
    is_error: bool | None = None
    toolset_name: str | None = None
    cache_control: CacheControl | None = None


class BlockSource(Struct, frozen=True):
    type: str
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None


class ImageBlock(Struct, frozen=True):
    source: BlockSource
    cache_control: CacheControl | None = None


class CitationsConfig(Struct, frozen=True):
    enabled: bool | None = None


class DocumentBlock(Struct, frozen=True):
    source: BlockSource
    title: str | None = None
    context: str | None = None
    citations: CitationsConfig | None = None
    cache_control: CacheControl | None = None


# ---------------------------------------------------------------- the request


class InputMessage(Struct, frozen=True):
    role: Literal["user", "assistant", "system"]
    content: Raw


class CustomTool(Struct, frozen=True):
    name: str
    input_schema: JSON
    description: str | None = None
    strict: bool | None = None
    type: str | None = None
    cache_control: CacheControl | None = None


class ToolSelection(Struct, frozen=True):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class ThinkingConfig(Struct, frozen=True):
    type: str
    budget_tokens: int | None = None


class OutputFormat(Struct, frozen=True):
    type: str
    schema: JSON | None = None


class OutputConfig(Struct, frozen=True):
    effort: str | None = None
    format: OutputFormat | None = None


class Metadata(Struct, frozen=True):
    user_id: str | None = None


# ---------------------------------------------------------------- the answer


class ErrorBody(Struct, frozen=True):
    type: str | None = None
    error: Any = None


class Answer(Struct, frozen=True):
    content: list[Raw]
    id: str = ""
    model: str = ""
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: JSON | None = None


class UsageOnly(Struct, frozen=True):
    """An answer by its marks, and what it says of usage."""

    type: Literal["message"]
    content: Raw
    usage: JSON | None = None


class StreamMessage(Struct, frozen=True):
    id: str = ""
    model: str = ""
    usage: JSON | None = None


class StreamDelta(Struct, frozen=True):
    """The union of all deltas: each kind of delta has fields of its own names."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    signature: str = ""
    partial_json: str = ""
    citation: JSON | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None


class StreamPayload(Struct, frozen=True):
    """The data of any event of a stream."""

    type: str = ""
    index: int = 0
    delta: StreamDelta | None = None
    content_block: Raw = Raw(b"null")
    message: StreamMessage | None = None
    usage: JSON | None = None
    error: Any = None


class ListedModel(Struct, frozen=True):
    id: str
    display_name: str | None = None
    created_at: str | None = None
    created: int | None = None
    owned_by: str | None = None
    max_input_tokens: int | None = None
    max_tokens: int | None = None


class ModelList(Struct, frozen=True):
    data: list[ListedModel]


class InputTokens(Struct, frozen=True):
    input_tokens: int


# ---------------------------------------------------------------- reading

JSON_OBJECT = Decoder(JSON)
RAW_OBJECT = Decoder(dict[str, Raw])
RAW_LIST = Decoder(list[Raw])
STRING = Decoder(str)
