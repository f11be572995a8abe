"""A client's request → ours, and our answer → what that client reads."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
from msgspec import Struct

from modelway.dialects.openai_chat import usage as usages
from modelway.dialects.openai_chat.answer import message_out
from modelway.dialects.openai_chat.conversation import messages, read
from modelway.dialects.openai_chat.parts import cache_in
from modelway.dialects.openai_chat.reasoning import EFFORTS, asked
from modelway.dialects.openai_chat.upstream import SCHEMA_NAME
from modelway.dialects.openai_chat.wire import JSON, NAME
from modelway.dialects.openai_wire.body import check, encode_json
from modelway.dialects.openai_wire.faults import malformed
from modelway.errors import BadRequestError
from modelway.framing.fields import Fields
from modelway.types import (
    ChatRequest,
    ChatResponse,
    Choice,
    FinishReason,
    HostedTool,
    JsonObject,
    JsonSchema,
    NamedTool,
    ResponseFormat,
    TokenLogprob,
    Tool,
    ToolChoice,
)

_INTEGERS = ("seed", "n", "top_logprobs")
_NUMBERS = ("temperature", "top_p", "frequency_penalty", "presence_penalty")
_FLAGS = ("logprobs", "parallel_tool_calls")

_string = msgspec.json.Decoder(str)
_integer = msgspec.json.Decoder(int | None)
_number = msgspec.json.Decoder(float | None)
_flag = msgspec.json.Decoder(bool | None)
_text = msgspec.json.Decoder(str | None)
_stop = msgspec.json.Decoder(str | list[str] | None)
_labels = msgspec.json.Decoder(dict[str, str] | None)
_list = msgspec.json.Decoder(list[msgspec.Raw] | None)
_any = msgspec.json.Decoder()


class _Function(Struct):
    name: str
    description: str | None = None
    parameters: JSON | None = None
    strict: bool | None = None


class _Tool(Struct):
    type: str = "function"
    """Mistral's clients leave it out."""
    cache_control: Any = None


class _FunctionTool(Struct):
    function: _Function


_function = msgspec.json.Decoder(_Function)
_tool = msgspec.json.Decoder(_Tool)
_function_tool = msgspec.json.Decoder(_FunctionTool)
_object = msgspec.json.Decoder(dict[str, Any])


def decode(fields: Fields) -> ChatRequest:
    """The question that a client's body asks; BadRequestError with the path of a fault.

    What we do not model is kept in ``extra``. ``stream`` and its options are the gateway's to read.
    """
    left = dict(fields)
    for name in ("model", "messages"):
        if name not in left:
            raise BadRequestError(f"{name} is required", param=name)
    left.pop("stream_options", None)
    if "stream" in left:
        read(_flag, left.pop("stream"), "stream")
    said: dict[str, Any] = {
        "model": read(_string, left.pop("model"), "model"),
        "messages": messages(left.pop("messages")),
    }
    for names, decoder in ((_INTEGERS, _integer), (_NUMBERS, _number), (_FLAGS, _flag)):
        for name in names:
            if name in left:
                said[name] = read(decoder, left.pop(name), name)
    said["max_tokens"] = _max_tokens(left)
    if "stop" in left:
        stop = read(_stop, left.pop("stop"), "stop")
        said["stop"] = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if "metadata" in left:
        said["metadata"] = read(_labels, left.pop("metadata"), "metadata") or {}
    said["user"] = _user(left)
    said["tools"] = _tools(left)
    said["tool_choice"] = _tool_choice(left)
    said["response_format"] = _response_format(left)
    said["thinking"] = _thinking(left)
    extra = {name: read(_any, raw, name) for name, raw in left.items()}
    request = ChatRequest(**said, extra=extra, extra_dialect=NAME if extra else None)
    check(request)
    return request


def _max_tokens(left: Fields) -> int | None:
    """The old name and the new one; OpenAI refuses both at once, and so do we when they differ."""
    given = [
        read(_integer, left.pop(name), name)
        for name in ("max_completion_tokens", "max_tokens")
        if name in left
    ]
    said = {value for value in given if value is not None}
    if len(said) > 1:
        raise BadRequestError(
            "max_tokens and max_completion_tokens differ; give max_completion_tokens alone",
            param="max_tokens",
        )
    return said.pop() if said else None


def _user(left: Fields) -> str | None:
    user = read(_text, left.pop("user"), "user") if "user" in left else None
    if "safety_identifier" in left and user is None:
        user = read(_text, left.pop("safety_identifier"), "safety_identifier")
    return user


# ---------------------------------------------------------------- tools


def _tools(left: Fields) -> tuple[Tool | HostedTool, ...]:
    found: list[Tool | HostedTool] = []
    if "tools" in left:
        for number, raw in enumerate(read(_list, left.pop("tools"), "tools") or ()):
            path = f"tools[{number}]"
            told = read(_tool, raw, path)
            if told.type == "function":
                function = read(_function_tool, raw, path).function
                found.append(_as_tool(function, told.cache_control))
            else:
                found.append(HostedTool(dialect=NAME, definition=read(_object, raw, path)))
    if "functions" in left:  # the form before tools
        for number, raw in enumerate(read(_list, left.pop("functions"), "functions") or ()):
            found.append(_as_tool(read(_function, raw, f"functions[{number}]"), None))
    return tuple(found)


def _as_tool(function: _Function, cache_control: Any) -> Tool:
    told: dict[str, Any] = (
        {} if function.parameters is None else {"parameters": function.parameters}
    )
    return Tool(
        name=function.name,
        description=function.description,
        strict=function.strict,
        cache=cache_in(cache_control),
        **told,
    )


def _tool_choice(left: Fields) -> ToolChoice | None:
    """A choice of a form that we do not model (allowed tools, custom) stays in ``left``."""
    for name in ("tool_choice", "function_call"):
        if name not in left:
            continue
        match read(_any, left[name], name):
            case None:
                choice: ToolChoice | None = None
            case "auto" | "none" | "required" as choice:
                pass
            case "any":  # Mistral
                choice = "required"
            case {"function": {"name": str(tool)}, **rest} if (
                rest.get("type", "function") == "function"
            ):
                choice = NamedTool(name=tool)
            case {"name": str(tool)} if name == "function_call":
                choice = NamedTool(name=tool)
            case {"type": str(kind)} if kind != "function":
                continue
            case _:
                raise malformed("must be auto, none, required or a named tool", name)
        del left[name]
        if choice is not None:
            return choice
    return None


def _response_format(left: Fields) -> ResponseFormat | None:
    """A form that we do not model (grammar, regex …) stays in ``left``."""
    if "response_format" not in left:
        return None
    told = read(_any, left["response_format"], "response_format")
    match told:
        case None | {"type": "text"}:
            found: ResponseFormat | None = None
        case {"type": "json_object", "schema": dict(schema)}:  # llama.cpp, Together
            found = JsonSchema(schema=schema)
        case {"type": "json_object"}:
            found = JsonObject()
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)} as inner}:
            found = _schema(schema, inner)
        case {"type": "json_schema"}:
            raise malformed("a JSON schema is required", "response_format.json_schema.schema")
        case {"type": str()}:
            return None
        case _:
            raise malformed("must be an object with a type", "response_format")
    del left["response_format"]
    return found


def _schema(schema: JSON, inner: JSON) -> JsonSchema:
    path = "response_format.json_schema"
    name, description, strict = inner.get("name"), inner.get("description"), inner.get("strict")
    for field, value, kind in (
        ("name", name, str),
        ("description", description, str),
        ("strict", strict, bool),
    ):
        if value is not None and not isinstance(value, kind):
            raise malformed(f"Expected `{kind.__name__}`", f"{path}.{field}")
    return JsonSchema(
        schema=schema,
        name=None if name == SCHEMA_NAME else name,
        description=description,
        strict=strict,
    )


def _thinking(left: Fields) -> Any:
    """``reasoning_effort`` and OpenRouter's ``reasoning``; what is not modelled stays in ``left``."""
    effort = None
    if "reasoning_effort" in left:
        effort = read(_text, left["reasoning_effort"], "reasoning_effort")
        if effort is None or effort in EFFORTS:
            del left["reasoning_effort"]
        else:
            effort = None
    told: JSON = {}
    if "reasoning" in left:
        value = read(_any, left.pop("reasoning"), "reasoning")
        if value is not None and not isinstance(value, dict):
            raise malformed("Expected `object`", "reasoning")
        told = value or {}
    budget = told.get("max_tokens")
    if budget is not None and (not isinstance(budget, int) or isinstance(budget, bool)):
        raise malformed("Expected `int`", "reasoning.max_tokens")
    known = {"enabled": told.pop("enabled", None), "max_tokens": told.pop("max_tokens", None)}
    if told.get("effort") in EFFORTS:
        known["effort"] = told.pop("effort")
    if told:
        left["reasoning"] = msgspec.Raw(msgspec.json.encode(told))
    return asked(effort, known)


# ---------------------------------------------------------------- the answer

_FINISH: dict[FinishReason, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "pause": "stop",
    "error": "error",
    "other": "stop",
}
"""What OpenAI's clients know, and OpenRouter's ``error``."""

assert set(_FINISH) == set(get_args(FinishReason))  # noqa: S101 - a literal added later must be added here


def finish_out(reason: FinishReason) -> str:
    return _FINISH[reason]


def encode(response: ChatResponse) -> bytes:
    """The answer as OpenAI writes it."""
    body: JSON = {
        "id": response.id,
        "object": "chat.completion",
        "created": response.created or 0,
        "model": response.model,
        "choices": [_choice(choice, number) for number, choice in enumerate(response.choices)],
    }
    usage = usages.write(response.usage)
    if usage is not None:
        body["usage"] = usage
    return encode_json(body)


def _choice(choice: Choice, number: int) -> JSON:
    written: JSON = {
        "index": number,
        "message": message_out(choice.message),
        "logprobs": logprobs_out(choice.logprobs),
        "finish_reason": finish_out(choice.finish_reason),
    }
    if choice.stop_sequence is not None:
        written["stop_reason"] = choice.stop_sequence
    return written


def logprobs_out(logprobs: tuple[TokenLogprob, ...]) -> JSON | None:
    if not logprobs:
        return None
    return {
        "content": [
            {**_logprob(one), "top_logprobs": [_logprob(top) for top in one.top]}
            for one in logprobs
        ],
        "refusal": None,
    }


def _logprob(one: TokenLogprob) -> JSON:
    return {"token": one.token, "logprob": one.logprob, "bytes": one.bytes}
