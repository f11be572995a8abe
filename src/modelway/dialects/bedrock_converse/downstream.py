"""A client of Bedrock's Converse API → us: requests read, answers written.

Model and streaming stand in the path: whoever reads that may add ``model`` to the fields.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Raw
from msgspec.json import Decoder
from msgspec.structs import replace

from modelway.dialects.bedrock_converse.answer import write_blocks
from modelway.dialects.bedrock_converse.conversation import read_conversation
from modelway.dialects.bedrock_converse.thinking import read_additional, read_output
from modelway.dialects.bedrock_converse.tools import read_tools
from modelway.dialects.bedrock_converse.usage import stop_reason, write_usage
from modelway.dialects.bedrock_converse.wire import (
    JSON_OBJECT,
    NAME,
    RAW_OBJECT,
    STRING,
    InferenceConfig,
)
from modelway.dialects.reading import maybe, read
from modelway.errors import BadRequestError, UnsupportedError
from modelway.framing.fields import Fields
from modelway.types import JSON, ChatRequest, ChatResponse, Thinking, TokenCount

_MODELLED = frozenset(
    {
        "additionalModelRequestFields",
        "inferenceConfig",
        "messages",
        "model",
        "outputConfig",
        "requestMetadata",
        "stream",
        "system",
        "toolConfig",
    }
)
_INFERENCE = frozenset({"maxTokens", "temperature", "topP", "stopSequences"})

T = TypeVar("T")

_inference = Decoder(InferenceConfig)
_strings = Decoder(dict[str, str])
_any = Decoder()


def decode_chat(fields: Fields) -> ChatRequest:
    messages = _raw(fields, "messages")
    if messages is None:
        raise BadRequestError("the field is required", param="messages")
    extra: JSON = {}
    config = _inference_config(_raw(fields, "inferenceConfig"), extra)
    raw_tools = _raw(fields, "toolConfig")
    tools, choice = ((), None) if raw_tools is None else read_tools(raw_tools)
    thinking, top_k = read_additional(_raw(fields, "additionalModelRequestFields"), extra)
    effort, answer_format = read_output(_raw(fields, "outputConfig"), extra)
    if effort is not None:
        thinking = replace(thinking or Thinking(), effort=effort)
    request = ChatRequest(
        model=_take(fields, "model", STRING) or "",
        messages=read_conversation(_raw(fields, "system"), messages),
        max_tokens=config.max_tokens,
        temperature=config.temperature,
        top_p=config.top_p,
        top_k=top_k,
        stop=config.stop_sequences or (),
        tools=tools,
        tool_choice=choice,
        response_format=answer_format,
        thinking=thinking,
        metadata=_metadata(_raw(fields, "requestMetadata"), extra),
        extra=extra,
    )
    for name, raw in fields.items():
        if name not in _MODELLED:
            extra[name] = read(_any, raw, name)
    return replace(request, extra_dialect=NAME) if extra else request


def decode_count(fields: Fields) -> ChatRequest:
    """The request to be counted is the inner one."""
    raw = _raw(fields, "input")
    if raw is None:
        raise BadRequestError("the field is required", param="input")
    inner = read(RAW_OBJECT, raw, "input")
    if "converse" not in inner:
        raise UnsupportedError("only the tokens of a Converse request are counted", param="input")
    asked = read(RAW_OBJECT, inner["converse"], "input.converse")
    if "model" in fields:
        asked["model"] = fields["model"]
    return decode_chat(asked)


def _raw(fields: Fields, name: str) -> Raw | None:
    """The value's JSON text; None where it is absent or null, which this API does not tell apart."""
    raw = fields.get(name)
    return None if raw is None or bytes(memoryview(raw)[:4]) == b"null" else raw


def _take(fields: Fields, name: str, decoder: Decoder[T]) -> T | None:
    raw = _raw(fields, name)
    return None if raw is None else read(decoder, raw, name)


def _inference_config(raw: Raw | None, extra: JSON) -> InferenceConfig:
    if raw is None:
        return InferenceConfig()
    config = read(_inference, raw, "inferenceConfig")
    if config.max_tokens is not None and config.max_tokens < 1:
        raise BadRequestError("a whole number from 1", param="inferenceConfig.maxTokens")
    whole = read(JSON_OBJECT, raw, "inferenceConfig")
    rest = {name: value for name, value in whole.items() if name not in _INFERENCE}
    if rest:
        extra["inferenceConfig"] = rest
    return config


def _metadata(raw: Raw | None, extra: JSON) -> dict[str, str]:
    if raw is None:
        return {}
    metadata = maybe(_strings, raw)
    if metadata is None:
        extra["requestMetadata"] = read(_any, raw, "requestMetadata")
    return metadata or {}


# ---------------------------------------------------------------- answers


def encode_chat(response: ChatResponse) -> bytes:
    """The first choice: a client of this dialect cannot ask for more."""
    choice = response.choices[0]
    answer: JSON = {
        "output": {"message": {"role": "assistant", "content": write_blocks(choice.message.parts)}},
        "stopReason": stop_reason(
            choice.finish_reason, choice.raw_finish_reason, choice.stop_sequence
        ),
        "usage": write_usage(response.usage),
        "metrics": {"latencyMs": round((response.latency_s or 0) * 1000)},
    }
    if choice.stop_sequence is not None:
        answer["additionalModelResponseFields"] = {"stop_sequence": choice.stop_sequence}
    return msgspec.json.encode(answer)


def encode_count(count: TokenCount) -> bytes:
    return msgspec.json.encode({"inputTokens": count.input_tokens})
