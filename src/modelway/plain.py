"""Whether what is said is text alone, in the words of any dialect: found out by decoding it.

Calls of tools and what they returned, thoughts and marks of caches are text too. A name that does not
stand here, such as an image's, makes it something to be looked into.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Raw, Struct

_NONE = Raw(b"null")


class _Cached(Struct, forbid_unknown_fields=True):
    """A mark of a short write to a cache: long ones have a price of their own."""

    type: str = ""
    ttl: Literal["5m"] | None = None


class _Returned(Struct, forbid_unknown_fields=True):
    """Bedrock's and Gemini's results of tools."""

    content: list[_Plain] = []
    id: str | None = None
    json: Raw = _NONE
    name: str = ""
    response: Raw = _NONE
    status: str | None = None
    tool_use_id: str = msgspec.field(default="", name="toolUseId")


class _Plain(Struct, forbid_unknown_fields=True):
    """A turn of a chat or a piece of it."""

    type: Literal[
        "message",
        "text",
        "input_text",
        "output_text",
        "refusal",
        "tool_use",
        "tool_result",
        "thinking",
        "redacted_thinking",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "reasoning",
        "reasoning_text",
        "summary_text",
    ] = "text"
    role: str = ""
    text: str = ""
    content: str | list[str | _Plain] | None = None
    parts: list[_Plain] = []
    name: str | None = None
    id: str | None = None
    status: str | None = None
    cache_control: _Cached | None = None
    # what tools are asked and answer
    tool_calls: Raw = _NONE
    function_call: Raw = _NONE
    tool_call_id: str | None = None
    tool_use_id: str | None = None
    call_id: str | None = None
    input: Raw = _NONE
    arguments: str = ""
    output: str | list[_Plain] = ""
    is_error: bool | None = None
    json: Raw = _NONE
    # thoughts
    thinking: str = ""
    signature: str | None = None
    data: str = ""
    summary: list[_Plain] = []
    encrypted_content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    reasoning_details: Raw = _NONE
    thought: bool | None = None
    # what models said, and about it
    refusal: str | None = None
    annotations: Raw = _NONE
    logprobs: Raw = _NONE
    phase: str | None = None
    # Gemini's and Bedrock's own names
    function_call_: Raw = msgspec.field(default=_NONE, name="functionCall")
    function_response: _Returned | None = msgspec.field(default=None, name="functionResponse")
    thought_signature: str | None = msgspec.field(default=None, name="thoughtSignature")
    tool_use: Raw = msgspec.field(default=_NONE, name="toolUse")
    tool_result: _Returned | None = msgspec.field(default=None, name="toolResult")
    reasoning_: Raw = msgspec.field(default=_NONE, name="reasoningContent")
    cache_point: _Cached | None = msgspec.field(default=None, name="cachePoint")


_decode = msgspec.json.Decoder(str | _Plain | list[str | _Plain]).decode


def plain(raw: bytes) -> None:
    """Nothing; ValidationError for what is not text alone."""
    _decode(raw)
