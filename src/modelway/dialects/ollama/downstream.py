"""A client of Ollama's API → us: requests read, answers written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.json import Decoder

from modelway.dialects.ollama.messages import arguments_object
from modelway.dialects.ollama.reading import read_images, read_messages, read_tools
from modelway.dialects.ollama.settings import read_format, read_options, read_think
from modelway.dialects.ollama.usage import done_reason, write_time, write_usage
from modelway.dialects.ollama.wire import ANY, BOOLEAN, NAME, STRING, STRINGS, is_null
from modelway.dialects.reading import read
from modelway.errors import BadRequestError
from modelway.framing.fields import Fields
from modelway.types import (
    JSON,
    ChatRequest,
    ChatResponse,
    Image,
    Inline,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    TokenLogprob,
    ToolCall,
)

_INTEGER = Decoder(int)
_SHARED = frozenset({"model", "stream", "options", "think", "format", "logprobs", "top_logprobs"})
_CHAT = _SHARED | {"messages", "tools"}
_GENERATE = _SHARED | {"prompt", "system", "images"}


def decode_chat(fields: Fields) -> ChatRequest:
    said = _said(fields)
    if "messages" not in said:
        raise BadRequestError("the field is required", param="messages")
    settings = _settings(said, _CHAT)
    if "tools" in said:
        settings["tools"] = read_tools(said["tools"])
    return ChatRequest(messages=read_messages(said["messages"]), **settings)


def decode_generate(fields: Fields) -> ChatRequest:
    """A prompt is a user's message. ``raw``, ``suffix`` and ``context`` only a server of ours knows."""
    said = _said(fields)
    system = read(STRING, said["system"], "system") if "system" in said else ""
    prompt = read(STRING, said["prompt"], "prompt") if "prompt" in said else ""
    images = read(STRINGS, said["images"], "images") if "images" in said else []
    parts: list[Part] = [*read_images(images)]
    if prompt or not parts:
        parts.append(Text(text=prompt))
    asked = Message(role="user", parts=tuple(parts))
    before = (Message(role="system", parts=(Text(text=system),)),) if system else ()
    return ChatRequest(messages=(*before, asked), **_settings(said, _GENERATE))


def _said(fields: Fields) -> dict[str, Raw]:
    return {name: raw for name, raw in fields.items() if not is_null(raw)}


def _settings(said: Mapping[str, Raw], ours: frozenset[str]) -> dict[str, Any]:
    extra: JSON = {}
    settings: dict[str, Any] = {}
    for name, raw in said.items():
        match name:
            case "model":
                settings["model"] = read(STRING, raw, name)
            case "options":
                settings |= read_options(raw, extra)
            case "think":
                settings["thinking"] = read_think(raw, extra)
            case "format":
                settings["response_format"] = read_format(raw, extra)
            case "logprobs":
                settings[name] = read(BOOLEAN, raw, name)
            case "top_logprobs":
                settings[name] = read(_INTEGER, raw, name)
            case _ if name not in ours:
                extra[name] = read(ANY, raw, name)
            case _:
                pass
    return {**settings, "extra": extra, "extra_dialect": NAME if extra else None}


# ---------------------------------------------------------------- answers


def encode_chat(response: ChatResponse) -> bytes:
    """The first choice: a client of this dialect cannot ask for more."""
    return _encoded(response, {"message": write_message(response.message.parts)})


def encode_generate(response: ChatResponse) -> bytes:
    said = write_message(response.message.parts)
    answer: JSON = {"response": said["content"]}
    if "thinking" in said:
        answer["thinking"] = said["thinking"]
    return _encoded(response, answer)


def _encoded(response: ChatResponse, said: JSON) -> bytes:
    choice = response.choices[0]
    answer: JSON = {
        "model": response.model,
        "created_at": write_time(response.created),
        **said,
        "done": True,
        "done_reason": done_reason(choice.finish_reason, choice.raw_finish_reason),
        **write_usage(response.usage, response.latency_s),
    }
    if choice.logprobs:
        answer["logprobs"] = [write_logprob(one) for one in choice.logprobs]
    return msgspec.json.encode(answer)


def write_message(parts: tuple[Part, ...]) -> JSON:
    said: JSON = {"role": "assistant", "content": ""}
    for part in parts:
        match part:
            case Text() | Refusal():
                said["content"] += part.text
            case Reasoning() if part.text:
                said["thinking"] = said.get("thinking", "") + part.text
            case Image(source=Inline(data=data)):
                said.setdefault("images", []).append(data)
            case ToolCall():
                calls = said.setdefault("tool_calls", [])
                calls.append(write_call(part, len(calls)))
            case Opaque(dialect=dialect, data=data) if dialect == NAME:
                said |= data
            case _:
                pass  # what no client of this dialect can read
    return said


def write_call(call: ToolCall, index: int) -> JSON:
    arguments = arguments_object(call.arguments) or {"unparsed_arguments": call.arguments}
    return {"id": call.id, "function": {"index": index, "name": call.name, "arguments": arguments}}


def write_logprob(one: TokenLogprob) -> JSON:
    written: JSON = {"token": one.token, "logprob": one.logprob}
    if one.bytes is not None:
        written["bytes"] = one.bytes
    if one.top:
        written["top_logprobs"] = [write_logprob(other) for other in one.top]
    return written
