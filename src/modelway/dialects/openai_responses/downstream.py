"""A client's request → ours, and our answer → what that client reads.

What we do not model stays in ``extra``: ``store``, ``include``, ``previous_response_id``, ``prompt`` …
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from modelway.dialects.openai_responses.content import read
from modelway.dialects.openai_responses.conversation import messages
from modelway.dialects.openai_responses.tools import format_in, tool_choice_in, tool_in
from modelway.dialects.openai_responses.upstream import LOGPROBS
from modelway.dialects.openai_responses.wire import NAME, STATEFUL
from modelway.dialects.openai_wire.body import check
from modelway.dialects.openai_wire.faults import malformed
from modelway.errors import BadRequestError
from modelway.framing.fields import Fields
from modelway.types import JSON, ChatRequest, Effort, Message, Text, Thinking, TokenCount

_EFFORTS = frozenset(get_args(Effort))

_string = msgspec.json.Decoder(str)
_text = msgspec.json.Decoder(str | None)
_integer = msgspec.json.Decoder(int | None)
_number = msgspec.json.Decoder(float | None)
_flag = msgspec.json.Decoder(bool | None)
_labels = msgspec.json.Decoder(dict[str, str] | None)
_list = msgspec.json.Decoder(list[Any] | None)
_object = msgspec.json.Decoder(dict[str, Any] | None)
_any = msgspec.json.Decoder()

_AS_THEY_ARE: dict[str, tuple[str, msgspec.json.Decoder[Any]]] = {
    "max_output_tokens": ("max_tokens", _integer),
    "temperature": ("temperature", _number),
    "top_p": ("top_p", _number),
    "top_logprobs": ("top_logprobs", _integer),
    "parallel_tool_calls": ("parallel_tool_calls", _flag),
    "user": ("user", _text),
}
"""Field on the wire → ours, and how it is read."""


def decode_chat(fields: Fields) -> ChatRequest:
    """The question that a client's body asks; BadRequestError with the path of a fault."""
    left = dict(fields)
    if "model" not in left:
        raise BadRequestError("model is required", param="model")
    if "stream" in left:
        read(_flag, left.pop("stream"), "stream")
    said: dict[str, Any] = {"model": read(_string, left.pop("model"), "model")}
    said["messages"] = _messages(left)
    for name, (ours, decoder) in _AS_THEY_ARE.items():
        if name in left:
            said[ours] = read(decoder, left.pop(name), name)
    if "metadata" in left:
        said["metadata"] = read(_labels, left.pop("metadata"), "metadata") or {}
    if said.get("user") is None and "safety_identifier" in left:
        said["user"] = read(_text, left.pop("safety_identifier"), "safety_identifier")
    if "tools" in left:
        told = enumerate(read(_list, left.pop("tools"), "tools") or ())
        said["tools"] = tuple([tool_in(tool, f"tools[{number}]") for number, tool in told])
    if "tool_choice" in left:
        choice, modelled = tool_choice_in(read(_any, left["tool_choice"], "tool_choice"))
        said["tool_choice"] = choice
        if modelled:
            del left["tool_choice"]
    _format(left, said)
    _reasoning(left, said)
    _included(left, said)
    extra = {name: read(_any, raw, name) for name, raw in left.items()}
    request = ChatRequest(**said, extra=extra, extra_dialect=NAME if extra else None)
    check(request)
    return request


def _messages(left: Fields) -> tuple[Message, ...]:
    """``instructions`` are what stands before the input."""
    found: tuple[Message, ...] = ()
    if "instructions" in left:
        instructions = read(_text, left.pop("instructions"), "instructions")
        if instructions:
            found = (Message(role="system", parts=(Text(text=instructions),)),)
    if "input" in left:
        found += messages(left.pop("input"))
    if any(name in left for name in STATEFUL) and not found:
        raise BadRequestError(
            "input is required: what a provider stored cannot be read here", param="input"
        )
    if not found:
        raise BadRequestError("input is required", param="input")
    return found


def _format(left: Fields, said: JSON) -> None:
    """``text.format``; its other fields, as ``verbosity``, stay in ``left``."""
    if "text" not in left:
        return
    told: JSON = dict(read(_object, left.pop("text"), "text") or {})
    wanted, modelled = format_in(told.get("format"))
    said["response_format"] = wanted
    if modelled:
        told.pop("format", None)
    _put_back(left, "text", told)


def _reasoning(left: Fields, said: JSON) -> None:
    """``reasoning.effort``; its other fields, as ``summary``, stay in ``left``."""
    if "reasoning" not in left:
        return
    told: JSON = dict(read(_object, left.pop("reasoning"), "reasoning") or {})
    effort = told.get("effort")
    if effort is None:
        told.pop("effort", None)
    elif not isinstance(effort, str):
        raise malformed("Expected `str`", "reasoning.effort")
    elif effort in _EFFORTS:
        said["thinking"] = Thinking(effort=told.pop("effort"))
    _put_back(left, "reasoning", told)


def _included(left: Fields, said: JSON) -> None:
    """Log-probabilities are asked for in ``include``."""
    if "include" not in left:
        return
    told = read(_list, left.pop("include"), "include") or []
    if LOGPROBS in told:
        said["logprobs"] = True
    rest = [one for one in told if one != LOGPROBS]
    if rest:
        left["include"] = msgspec.Raw(msgspec.json.encode(rest))


def _put_back(left: Fields, name: str, told: JSON) -> None:
    if told:
        left[name] = msgspec.Raw(msgspec.json.encode(told))


def encode_count(counted: TokenCount) -> bytes:
    """Source: OpenAPI 2.3.0, TokenCountsResource, 2026-11-21."""
    return msgspec.json.encode(
        {"object": "response.input_tokens", "input_tokens": counted.input_tokens}
    )
