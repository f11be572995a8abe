"""The parts of Cohere's API, version 2, that we read; fields that are not here are ignored or kept raw.

Source: https://docs.cohere.com/v2/reference/chat and the types of cohere-python 7.3.1, 2026-11-21.
"""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec import Raw, Struct
from msgspec.json import Decoder

from modelway.types import JSON

NAME = "cohere"

PLAN = "cohere-tool-plan"
"""``Reasoning.format`` of a tool plan, which is told apart from thinking."""

T = TypeVar("T")


class _Wire(Struct, frozen=True):
    pass


# ---------------------------------------------------------------- content


class ImageURL(_Wire, frozen=True):
    url: str
    detail: str | None = None


class Document(_Wire, frozen=True, forbid_unknown_fields=True):
    data: JSON
    id: str | None = None


class Block(_Wire, frozen=True):
    """A block of content, of any type."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    image_url: ImageURL | None = None
    document: JSON | None = None


class Function(_Wire, frozen=True):
    name: str = ""
    arguments: str | None = None


class Call(_Wire, frozen=True):
    id: str = ""
    function: Function = Function()


class InputMessage(_Wire, frozen=True):
    """A message of any role."""

    role: str
    content: str | list[Block] | None = None
    tool_plan: str | None = None
    tool_calls: list[Call] | None = None
    tool_call_id: str | None = None
    citations: list[JSON] | None = None


# ---------------------------------------------------------------- settings


class ToolFunction(_Wire, frozen=True, forbid_unknown_fields=True):
    """Unknown fields are refused, so that a tool which says more is kept whole."""

    name: str
    description: str | None = None
    parameters: JSON | None = None


class FunctionTool(_Wire, frozen=True, forbid_unknown_fields=True):
    function: ToolFunction
    type: str = "function"


class ThinkingConfig(_Wire, frozen=True, forbid_unknown_fields=True):
    type: str
    token_budget: int | None = None


class Format(_Wire, frozen=True, forbid_unknown_fields=True):
    """``schema`` is the older name of ``json_schema``, and is still taken."""

    type: str
    json_schema: JSON | None = None
    schema: JSON | None = None


# ---------------------------------------------------------------- the answer


class Logprob(_Wire, frozen=True):
    """Of one piece of text, which may be of several tokens."""

    text: str | None = None
    logprobs: list[float] | None = None


class AnswerMessage(_Wire, frozen=True):
    content: list[Block] | None = None
    tool_plan: str | None = None
    tool_calls: list[Call] | None = None
    citations: list[JSON] | None = None


class Answer(_Wire, frozen=True):
    message: AnswerMessage
    id: str = ""
    finish_reason: str | None = None
    usage: JSON | None = None
    logprobs: list[Logprob] | None = None


class UsageOnly(_Wire, frozen=True):
    """An answer by its marks, and what it says of usage."""

    message: Raw
    finish_reason: str
    usage: JSON | None = None


class StreamContent(_Wire, frozen=True):
    type: str = ""
    text: str = ""
    thinking: str = ""


class StreamMessage(_Wire, frozen=True):
    """The union of all deltas. At a stream's start content, calls and citations are empty lists."""

    content: StreamContent | list[Any] | None = None
    tool_plan: str = ""
    tool_calls: Call | list[Any] | None = None
    citations: JSON | list[Any] | None = None


class StreamDelta(_Wire, frozen=True):
    message: StreamMessage | None = None
    finish_reason: str | None = None
    usage: JSON | None = None
    error: str | None = None


class StreamPayload(_Wire, frozen=True):
    """The data of any event of a stream; one with a ``message`` alone is an error."""

    type: str = ""
    id: str | None = None
    index: int = 0
    delta: StreamDelta | None = None
    logprobs: Logprob | None = None
    message: Any = None


# ---------------------------------------------------------------- reading

JSON_OBJECT = Decoder(JSON)
RAW_LIST = Decoder(list[Raw])
STRING = Decoder(str)
ANY: Decoder[Any] = Decoder()


def is_null(raw: Raw) -> bool:
    return bytes(memoryview(raw)[:4]) == b"null"
