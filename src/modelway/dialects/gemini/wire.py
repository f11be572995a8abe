"""The parts of Google's generateContent API that we read; other fields are ignored or kept raw.

Source: https://ai.google.dev/api/generate-content and …/api/caching#Content, 2026-11-21.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

from msgspec import Raw, Struct
from msgspec.json import Decoder

from modelway.dialects.reading import Buffer, read
from modelway.types import JSON

NAME = "gemini"

SIGNATURE_FORMAT = "google-gemini-v1"
"""What ``Reasoning.format`` calls Gemini's thought signatures, as OpenRouter does.

Source: https://openrouter.ai/docs/use-cases/reasoning-tokens, 2026-11-21.
"""
OWN_FORMATS = (NAME, SIGNATURE_FORMAT)

ABSENT = Raw(b"")

T = TypeVar("T")

# ---------------------------------------------------------------- an answer, or a piece of one


class FunctionCall(Struct, frozen=True, rename="camel"):
    id: str | None = None
    name: str | None = None
    args: Raw = ABSENT
    partial_args: list[JSON] | None = None
    will_continue: bool | None = None


class Blob(Struct, frozen=True, rename="camel"):
    mime_type: str
    data: str


class FileData(Struct, frozen=True, rename="camel"):
    file_uri: str
    mime_type: str | None = None


class AnswerPart(Struct, frozen=True, rename="camel"):
    """The fields that a part of an answer has in common; with none of them it is kept whole."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    inline_data: Blob | None = None


class Content(Struct, frozen=True):
    parts: list[Raw] | None = None


class LogprobsResult(Struct, frozen=True, rename="camel"):
    chosen_candidates: list[JSON] | None = None
    top_candidates: list[JSON] | None = None


class Candidate(Struct, frozen=True, rename="camel"):
    index: int = 0
    content: Content | None = None
    finish_reason: str | int | None = None
    finish_message: str | None = None
    citation_metadata: JSON | None = None
    grounding_metadata: JSON | None = None
    url_context_metadata: JSON | None = None
    logprobs_result: LogprobsResult | None = None


class PromptFeedback(Struct, frozen=True, rename="camel"):
    block_reason: str | int | None = None
    block_reason_message: str | None = None


class Chunk(Struct, frozen=True, rename="camel"):
    """A ``GenerateContentResponse``: a whole answer, or one event of a stream."""

    candidates: list[Candidate] | None = None
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: JSON | None = None
    model_version: str | None = None
    response_id: str | None = None
    create_time: str | None = None
    error: Any = None


# ---------------------------------------------------------------- reading

JSON_OBJECT = Decoder(JSON)
RAW_OBJECT = Decoder(dict[str, Raw])
RAW_LIST = Decoder(list[Raw])
STRING = Decoder(str)
STRINGS = Decoder(tuple[str, ...])
INTEGER = Decoder(int)
NUMBER = Decoder(float)
FLAG = Decoder(bool)
ANY = Decoder()


_NULL = ord("n")
_SNAKE = re.compile(r"_([a-z])")


def read_fields(raw: Buffer, at: str) -> dict[str, Raw]:
    """A client's object; its names in camel case, for Google reads ``inline_data`` as well.

    Source: https://protobuf.dev/programming-guides/json/ (field names), 2026-11-21.
    """
    fields = read(RAW_OBJECT, raw, at)
    for name, value in fields.items():
        if "_" in name or memoryview(value)[0] == _NULL:
            return {camel(name): value for name, value in fields.items() if not is_null(value)}
    return fields


def camel(name: str) -> str:
    return _SNAKE.sub(lambda match: match[1].upper(), name) if "_" in name else name


def is_null(raw: Buffer) -> bool:
    return memoryview(raw)[0] == _NULL
