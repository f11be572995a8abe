"""The shapes of Bedrock's Converse and CountTokens requests, as its service model has them.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and
…/API_runtime_CountTokens.html, 2026-11-21.
"""

from __future__ import annotations

from typing import Any, Literal

from modelway.simulator.strict import CamelShape


class S3Location(CamelShape, frozen=True, kw_only=True):
    uri: str
    bucket_owner: str | None = None


class Source(CamelShape, frozen=True, kw_only=True):
    bytes: str | None = None
    s3_location: S3Location | None = None
    text: str | None = None
    content: list[dict[str, Any]] | None = None


class Media(CamelShape, frozen=True, kw_only=True):
    format: str
    source: Source


class Document(CamelShape, frozen=True, kw_only=True):
    name: str
    source: Source
    format: str | None = None
    context: str | None = None
    citations: dict[str, Any] | None = None


class CachePoint(CamelShape, frozen=True, kw_only=True):
    type: Literal["default"]
    ttl: Literal["5m", "1h"] | None = None


class SearchResult(CamelShape, frozen=True, kw_only=True):
    source: str
    title: str
    content: list[dict[str, Any]]
    citations: dict[str, Any] | None = None


class ToolUse(CamelShape, frozen=True, kw_only=True):
    tool_use_id: str
    name: str
    input: Any
    type: str | None = None


class ResultBlock(CamelShape, frozen=True, kw_only=True):
    json: Any = None
    text: str | None = None
    image: Media | None = None
    document: Document | None = None
    video: Media | None = None
    search_result: SearchResult | None = None


class ToolResult(CamelShape, frozen=True, kw_only=True):
    tool_use_id: str
    content: list[ResultBlock]
    status: Literal["success", "error"] | None = None
    type: str | None = None


class ReasoningText(CamelShape, frozen=True, kw_only=True):
    text: str
    signature: str | None = None


class Reasoning(CamelShape, frozen=True, kw_only=True):
    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class Block(CamelShape, frozen=True, kw_only=True):
    text: str | None = None
    image: Media | None = None
    document: Document | None = None
    video: Media | None = None
    audio: Media | None = None
    tool_use: ToolUse | None = None
    tool_result: ToolResult | None = None
    guard_content: dict[str, Any] | None = None
    cache_point: CachePoint | None = None
    reasoning_content: Reasoning | None = None
    citations_content: dict[str, Any] | None = None
    search_result: SearchResult | None = None


class Message(CamelShape, frozen=True, kw_only=True):
    role: str
    content: list[Block]


class SystemBlock(CamelShape, frozen=True, kw_only=True):
    text: str | None = None
    guard_content: dict[str, Any] | None = None
    cache_point: CachePoint | None = None


class InferenceConfig(CamelShape, frozen=True, kw_only=True):
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: list[str] | None = None


class InputSchema(CamelShape, frozen=True, kw_only=True):
    json: dict[str, Any]


class ToolSpec(CamelShape, frozen=True, kw_only=True):
    name: str
    input_schema: InputSchema
    description: str | None = None
    strict: bool | None = None


class Tool(CamelShape, frozen=True, kw_only=True):
    tool_spec: ToolSpec | None = None
    system_tool: dict[str, Any] | None = None
    cache_point: CachePoint | None = None


class NamedTool(CamelShape, frozen=True, kw_only=True):
    name: str


class ToolChoice(CamelShape, frozen=True, kw_only=True):
    auto: dict[str, Any] | None = None
    any: dict[str, Any] | None = None
    tool: NamedTool | None = None


class ToolConfig(CamelShape, frozen=True, kw_only=True):
    tools: list[Tool]
    tool_choice: ToolChoice | None = None


class JsonSchema(CamelShape, frozen=True, kw_only=True):
    schema: str
    name: str | None = None
    description: str | None = None


class Structure(CamelShape, frozen=True, kw_only=True):
    json_schema: JsonSchema


class TextFormat(CamelShape, frozen=True, kw_only=True):
    type: Literal["json_schema"]
    structure: Structure


class OutputConfig(CamelShape, frozen=True, kw_only=True):
    text_format: TextFormat | None = None
    effort: str | None = None


class Converse(CamelShape, frozen=True, kw_only=True):
    messages: list[Message] = []
    system: list[SystemBlock] | None = None
    inference_config: InferenceConfig | None = None
    tool_config: ToolConfig | None = None
    guardrail_config: dict[str, Any] | None = None
    additional_model_request_fields: dict[str, Any] | None = None
    prompt_variables: dict[str, Any] | None = None
    additional_model_response_field_paths: list[str] | None = None
    request_metadata: dict[str, str] | None = None
    performance_config: dict[str, str] | None = None
    service_tier: dict[str, str] | None = None
    output_config: OutputConfig | None = None


class InvokedTokens(CamelShape, frozen=True, kw_only=True):
    body: str


class CountedInput(CamelShape, frozen=True, kw_only=True):
    converse: Converse | None = None
    invoke_model: InvokedTokens | None = None


class CountTokens(CamelShape, frozen=True, kw_only=True):
    input: CountedInput
