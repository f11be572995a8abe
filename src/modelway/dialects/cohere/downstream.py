"""A client of Cohere's chat → us: requests read, answers written."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Raw
from msgspec.json import Decoder

from modelway.dialects.cohere.answer import Written
from modelway.dialects.cohere.reading import read_conversation
from modelway.dialects.cohere.settings import (
    read_format,
    read_thinking,
    read_tool_choice,
    read_tools,
)
from modelway.dialects.cohere.usage import finish_word, write_usage
from modelway.dialects.cohere.wire import ANY, NAME, STRING, is_null
from modelway.dialects.reading import read
from modelway.errors import BadRequestError
from modelway.framing.fields import Fields
from modelway.types import JSON, ChatRequest, ChatResponse, TokenLogprob

T = TypeVar("T")

_integer = Decoder(int)
_number = Decoder(float)
_flag = Decoder(bool)
_strings = Decoder(tuple[str, ...])

_PLAIN: dict[str, tuple[str, Decoder[Any]]] = {
    "model": ("model", STRING),
    "max_tokens": ("max_tokens", _integer),
    "temperature": ("temperature", _number),
    "p": ("top_p", _number),
    "k": ("top_k", _integer),
    "seed": ("seed", _integer),
    "frequency_penalty": ("frequency_penalty", _number),
    "presence_penalty": ("presence_penalty", _number),
    "logprobs": ("logprobs", _flag),
    "stop_sequences": ("stop", _strings),
}
"""Fields whose values are ours: name on the wire → name, and how it is read."""

_READ = frozenset(
    {
        "documents",
        "messages",
        "response_format",
        "stream",
        "strict_tools",
        "thinking",
        "tool_choice",
        "tools",
    }
)


def decode_chat(fields: Fields) -> ChatRequest:
    said = {name: raw for name, raw in fields.items() if not is_null(raw)}
    if "messages" not in said:
        raise BadRequestError("the field is required", param="messages")
    extra: JSON = {}
    settings: dict[str, Any] = {}
    for name, raw in said.items():
        if name in _PLAIN:
            ours, decoder = _PLAIN[name]
            settings[ours] = read(decoder, raw, name)
        elif name not in _READ:
            extra[name] = read(ANY, raw, name)
    if settings.get("max_tokens", 1) < 1:
        raise BadRequestError("a whole number from 1", param="max_tokens")
    if "tools" in said:
        strict = (
            read(_flag, said["strict_tools"], "strict_tools") if "strict_tools" in said else None
        )
        settings["tools"] = read_tools(said["tools"], strict)
    if "tool_choice" in said:
        settings["tool_choice"] = read_tool_choice(said["tool_choice"])
    if "response_format" in said:
        settings["response_format"] = read_format(said["response_format"], extra)
    if "thinking" in said:
        settings["thinking"] = read_thinking(said["thinking"], extra)
    documents: Raw | None = said.get("documents")
    return ChatRequest(
        messages=read_conversation(said["messages"], documents),
        extra=extra,
        extra_dialect=NAME if extra else None,
        **settings,
    )


# ---------------------------------------------------------------- answers


def encode_chat(response: ChatResponse) -> bytes:
    """The first choice: a client of this dialect cannot ask for more."""
    choice = response.choices[0]
    answer: JSON = {
        "id": response.id,
        "message": Written(choice.message.parts).message(),
        "finish_reason": finish_word(
            choice.finish_reason, choice.raw_finish_reason, choice.stop_sequence
        ),
        "usage": write_usage(response.usage),
    }
    if choice.logprobs:
        answer["logprobs"] = [write_logprob(one) for one in choice.logprobs]
    return msgspec.json.encode(answer)


def write_logprob(one: TokenLogprob) -> JSON:
    """Token ids, which the API has, are of no other provider."""
    return {"text": one.token, "token_ids": [], "logprobs": [one.logprob]}
