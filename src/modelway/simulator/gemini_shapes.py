"""The shapes of Gemini's requests, as documented; names in either of protobuf's two spellings.

Source: https://ai.google.dev/api/generate-content, https://ai.google.dev/api/caching#Content,
https://ai.google.dev/api/embeddings, https://ai.google.dev/api/tokens, 2026-11-21.
"""

from __future__ import annotations

import re
from typing import Any

from modelway.simulator.strict import CamelShape

_OPEN = frozenset(
    {"args", "response", "parametersJsonSchema", "responseJsonSchema", "labels"}
    | {"_responseJsonSchema", "responseFormat", "enum", "default", "example"}
)
"""Fields below which names are the user's own."""


class Blob(CamelShape, frozen=True, kw_only=True):
    mime_type: str
    data: str
    display_name: str | None = None


class FileData(CamelShape, frozen=True, kw_only=True):
    file_uri: str
    mime_type: str | None = None
    display_name: str | None = None


class FunctionCall(CamelShape, frozen=True, kw_only=True):
    name: str
    args: dict[str, Any] | None = None
    id: str | None = None
    partial_args: list[dict[str, Any]] | None = None
    will_continue: bool | None = None


class FunctionResponse(CamelShape, frozen=True, kw_only=True):
    name: str
    response: dict[str, Any] | None = None
    id: str | None = None
    parts: list[dict[str, Any]] | None = None
    will_continue: bool | None = None
    scheduling: str | None = None


class Part(CamelShape, frozen=True, kw_only=True):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    executable_code: dict[str, Any] | None = None
    code_execution_result: dict[str, Any] | None = None
    tool_call: dict[str, Any] | None = None
    tool_response: dict[str, Any] | None = None
    video_metadata: dict[str, Any] | None = None
    media_resolution: dict[str, Any] | None = None
    part_metadata: dict[str, Any] | None = None


class Content(CamelShape, frozen=True, kw_only=True):
    parts: list[Part] | Part = []
    role: str | None = None


class FunctionDeclaration(CamelShape, frozen=True, kw_only=True):
    name: str
    description: str = ""
    parameters: dict[str, Any] | None = None
    parameters_json_schema: Any = None
    response: dict[str, Any] | None = None
    response_json_schema: Any = None
    behavior: str | None = None


class Tool(CamelShape, frozen=True, kw_only=True):
    function_declarations: list[FunctionDeclaration] | None = None
    google_search: dict[str, Any] | None = None
    google_search_retrieval: dict[str, Any] | None = None
    google_maps: dict[str, Any] | None = None
    code_execution: dict[str, Any] | None = None
    url_context: dict[str, Any] | None = None
    file_search: dict[str, Any] | None = None
    computer_use: dict[str, Any] | None = None
    retrieval: dict[str, Any] | None = None
    enterprise_web_search: dict[str, Any] | None = None
    mcp_servers: list[dict[str, Any]] | None = None


class FunctionCallingConfig(CamelShape, frozen=True, kw_only=True):
    mode: str = "AUTO"
    allowed_function_names: list[str] | None = None
    stream_function_call_arguments: bool | None = None


class ToolConfig(CamelShape, frozen=True, kw_only=True):
    function_calling_config: FunctionCallingConfig | None = None
    retrieval_config: dict[str, Any] | None = None
    include_server_side_tool_invocations: bool | None = None


class ThinkingConfig(CamelShape, frozen=True, kw_only=True):
    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: str | None = None


class GenerationConfig(CamelShape, frozen=True, kw_only=True):
    stop_sequences: list[str] | None = None
    response_mime_type: str | None = None
    response_schema: dict[str, Any] | None = None
    response_json_schema: Any = None
    internal_json_schema: Any = None
    response_modalities: list[str] | None = None
    response_format: Any = None
    candidate_count: int | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = None
    enable_enhanced_civic_answers: bool | None = None
    speech_config: dict[str, Any] | None = None
    thinking_config: ThinkingConfig | None = None
    image_config: dict[str, Any] | None = None
    media_resolution: str | None = None
    audio_timestamp: bool | None = None
    routing_config: dict[str, Any] | None = None
    model_selection_config: dict[str, Any] | None = None


class Generate(CamelShape, frozen=True, kw_only=True):
    contents: list[Content] | Content = []
    model: str | None = None
    system_instruction: Content | None = None
    tools: list[Tool] | None = None
    tool_config: ToolConfig | None = None
    safety_settings: list[dict[str, Any]] | None = None
    generation_config: GenerationConfig | None = None
    cached_content: str | None = None
    labels: dict[str, str] | None = None
    service_tier: str | None = None
    store: bool | None = None


class CountTokens(Generate, frozen=True, kw_only=True):
    generate_content_request: Generate | None = None


class Embed(CamelShape, frozen=True, kw_only=True):
    content: Content
    model: str | None = None
    task_type: str | None = None
    title: str | None = None
    output_dimensionality: int | None = None
    auto_truncate: bool | None = None
    document_ocr: bool | None = None
    audio_track_extraction: bool | None = None


class EmbedBatch(CamelShape, frozen=True, kw_only=True):
    requests: list[Embed]
    model: str | None = None


def camel(tree: Any) -> Any:
    """The same with all names as ``camelCase``, but for those that are the user's own."""
    if isinstance(tree, list):
        return [camel(each) for each in tree]
    if not isinstance(tree, dict):
        return tree
    renamed = {_camel(name): value for name, value in tree.items()}
    return {name: _inner(name, value) for name, value in renamed.items()}


def _inner(name: str, value: Any) -> Any:
    if name == "properties" and isinstance(value, dict):
        return {key: camel(each) for key, each in value.items()}
    return value if name in _OPEN else camel(value)


def snake(path: str) -> str:
    """A path as Google's refusals spell it."""
    return re.sub(r"(?<=[a-z])[A-Z]", lambda found: "_" + found[0].lower(), path)


def _camel(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])_([a-z])", lambda found: found[1].upper(), name)
