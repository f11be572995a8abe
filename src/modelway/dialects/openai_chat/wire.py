"""The fields that we read of an answer, a stream's chunk or a model list; everything else is ignored.

Hosts send nulls, omit what is required and add what they like, so that every field may be absent, and
those that hosts disagree on are ``Any`` and looked at where they are used.
Source: https://platform.openai.com/docs/api-reference/chat (OpenAPI 2.3.0), 2026-11-21.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct

from modelway.errors import ResponseError

NAME = "openai-chat"

JSON = dict[str, Any]
T = TypeVar("T")


class Function(Struct):
    name: str | None = None
    arguments: Any = None
    """JSON text; some hosts send the object itself."""


class ToolCallPiece(Struct):
    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: Function | None = None
    custom: JSON | None = None
    extra_content: JSON | None = None


class AudioPiece(Struct):
    id: str | None = None
    data: str | None = None
    transcript: str | None = None


class ReasoningDetail(Struct):
    """Source: https://openrouter.ai/docs/use-cases/reasoning-tokens, 2026-11-21."""

    type: str | None = None
    text: str | None = None
    summary: str | None = None
    data: str | None = None
    signature: str | None = None
    id: str | None = None
    format: str | None = None
    index: int | None = None


class Said(Struct):
    """What ``message`` and ``delta`` have in common."""

    content: Any = None
    refusal: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: list[ReasoningDetail] | None = None
    tool_calls: list[ToolCallPiece] | None = None
    function_call: Function | None = None
    annotations: list[JSON] | None = None
    images: list[JSON] | None = None
    audio: AudioPiece | None = None


class TopLogprob(Struct):
    token: str = ""
    logprob: float | None = None
    bytes: list[int] | None = None


class Logprob(Struct):
    token: str = ""
    logprob: float | None = None
    bytes: list[int] | None = None
    top_logprobs: list[TopLogprob] | None = None


class Logprobs(Struct):
    content: list[Logprob] | None = None
    tokens: Any = None
    """Text completion: tokens, and beside them their log-probabilities and alternatives."""
    token_logprobs: Any = None
    top_logprobs: Any = None


class ChoicePiece(Struct):
    index: int | None = None
    message: Said | None = None
    delta: Said | None = None
    text: str | None = None
    """Text completion, which has neither message nor delta."""
    finish_reason: Any = None
    finish_details: JSON | None = None
    """OpenAI's vision previews: the reason, as an object with a type."""
    stop_reason: Any = None
    """vLLM: the stop string that matched."""
    matched_stop: Any = None
    """SGLang: the same."""
    logprobs: Logprobs | None = None
    usage: JSON | None = None
    """Moonshot says a stream's usage here."""
    error: Any = None


class Groq(Struct):
    usage: JSON | None = None
    error: Any = None


class Chunk(Struct):
    """A whole answer, or a chunk of a stream."""

    id: Any = None
    model: str | None = None
    created: Any = None
    choices: list[ChoicePiece] | None = None
    usage: JSON | None = None
    x_groq: Groq | None = None
    citations: list[Any] | None = None
    """Perplexity, and models of it behind OpenRouter: URLs."""
    search_results: list[JSON] | None = None
    base_resp: JSON | None = None
    """MiniMax: how it went, in a 200."""
    error: Any = None
    object: str | None = None


_Tokens: TypeAlias = Annotated[int, Meta(ge=0)]


class PlainDetails(Struct, forbid_unknown_fields=True):
    """OpenAI's details of usage; not what other hosts put there."""

    cached_tokens: _Tokens | None = None
    cache_write_tokens: _Tokens | None = None
    audio_tokens: Literal[0] | None = None
    reasoning_tokens: Literal[0] | None = None
    accepted_prediction_tokens: _Tokens | None = None
    rejected_prediction_tokens: _Tokens | None = None


class PlainUsage(Struct, forbid_unknown_fields=True):
    """OpenAI's usage without sound and reasoning, which hosts count in more ways than one."""

    prompt_tokens: _Tokens
    completion_tokens: _Tokens
    total_tokens: _Tokens
    prompt_tokens_details: PlainDetails | None = None
    completion_tokens_details: PlainDetails | None = None


class PlainAnswer(Struct):
    """What most answers are: choices, plain usage, and no error."""

    choices: msgspec.Raw
    usage: PlainUsage
    error: None = None
    x_groq: None = None
    base_resp: None = None


_decode_chunk = msgspec.json.Decoder(Chunk)
_decode_plain = msgspec.json.Decoder(PlainAnswer).decode


def read_chunk(data: bytes) -> Chunk:
    """An answer or a chunk; ResponseError for bytes that are neither."""
    return _read(_decode_chunk, data)


def read_plain(data: bytes) -> PlainUsage | None:
    """The usage of an answer that has the most common form; ``None``: look more closely."""
    try:
        return _decode_plain(data).usage
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _read(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise ResponseError(
            f"the answer does not have the form of Chat Completions: {error}"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read_torn(decoder, data)


def _read_torn(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    """Once more for text that holds half a surrogate pair, which servers that stream tokens send."""
    try:
        mended = json.dumps(json.loads(data), ensure_ascii=False).encode("utf-8", "replace")
        return decoder.decode(mended)
    except (ValueError, RecursionError):
        start = data[:40].decode("utf-8", "replace")
        raise ResponseError(f"the answer is not JSON; it begins with {start!r}") from None
