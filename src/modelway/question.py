"""A question as a person writes it in Python, made into a ``ChatRequest``."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, TypeAlias, TypedDict

import msgspec

from modelway.errors import BadRequestError
from modelway.types import (
    ChatRequest,
    HostedTool,
    JsonObject,
    JsonSchema,
    Message,
    Part,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

Prompt: TypeAlias = str | Sequence[Message] | ChatRequest
"""A text said by the user, a whole conversation, or a request made before."""


class Parameters(TypedDict, total=False):
    """How to answer: the fields of ``ChatRequest`` beside its model and messages, by keyword."""

    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    frequency_penalty: float | None
    presence_penalty: float | None
    stop: Sequence[str]
    seed: int | None
    n: int | None
    logprobs: bool | None
    top_logprobs: int | None
    tools: Sequence[Tool | HostedTool]
    tool_choice: ToolChoice | None
    parallel_tool_calls: bool | None
    response_format: JsonObject | JsonSchema | None
    thinking: Thinking | None
    user: str | None
    metadata: dict[str, str]
    tags: Sequence[str]
    extra: dict[str, Any]
    extra_dialect: str | None


_NAMES = frozenset(Parameters.__annotations__)


def ask(
    prompt: Prompt, model: str | None, system: str | None, parameters: Parameters
) -> ChatRequest:
    """The request. BadRequestError names the path of a wrong value, TypeError a wrong keyword."""
    if parameters and not parameters.keys() <= _NAMES:
        raise _unknown(parameters)
    if isinstance(prompt, ChatRequest):
        return _amended(prompt, model, system, parameters)
    messages = (user(prompt),) if isinstance(prompt, str) else _messages(prompt)
    if system is not None:
        messages = (system_message(system), *messages)
    if not parameters:
        return ChatRequest(model=model or "", messages=messages)
    return _checked({**_plural(parameters), "model": model or "", "messages": messages})


def _messages(prompt: Sequence[Message]) -> tuple[Message, ...]:
    messages = tuple(prompt)
    for number, message in enumerate(messages):
        if not isinstance(message, Message):
            raise BadRequestError(
                f"messages[{number}] is a {type(message).__name__}, not a modelway.Message: "
                "write modelway.user('…'), modelway.assistant('…') or modelway.Message(…)",
                param=f"messages[{number}]",
            )
    return messages


def _amended(
    request: ChatRequest, model: str | None, system: str | None, parameters: Parameters
) -> ChatRequest:
    if model is None and system is None and not parameters:
        return request
    fields = {**msgspec.structs.asdict(request), **_plural(parameters)}
    if model is not None:
        fields["model"] = model
    if system is not None:
        fields["messages"] = (system_message(system), *request.messages)
    return _checked(fields)


def _plural(parameters: Parameters) -> dict[str, Any]:
    fields: dict[str, Any] = dict(parameters)
    for name in ("stop", "tags"):
        if isinstance(fields.get(name), str):
            fields[name] = (fields[name],)
    return fields


def _checked(fields: dict[str, Any]) -> ChatRequest:
    try:
        return msgspec.convert(fields, ChatRequest)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        path = path.rstrip("`")
        raise BadRequestError(f"{path or 'the request'}: {message}", param=path or None) from None


def _unknown(parameters: Parameters) -> TypeError:
    name = min(parameters.keys() - _NAMES)
    near = get_close_matches(name, _NAMES, n=1)
    hint = f": did you mean {near[0]!r}?" if near else "; what a provider alone knows goes in extra"
    return TypeError(f"there is no parameter {name!r}{hint}")


# ---------------------------------------------------------------- messages in few words


def user(*parts: str | Part) -> Message:
    """A message from the user; a string is a text part."""
    return Message(role="user", parts=_parts(parts))


def assistant(*parts: str | Part) -> Message:
    """A message from the model: what it said before, or an example of what it should say."""
    return Message(role="assistant", parts=_parts(parts))


def system_message(*parts: str | Part) -> Message:
    """Instructions that stand above the conversation."""
    return Message(role="system", parts=_parts(parts))


def tool_result(call: ToolCall, *parts: str | Text, is_error: bool | None = None) -> Message:
    """What a call that the model asked for has returned."""
    said = tuple([Text(text=part) if isinstance(part, str) else part for part in parts])
    result = ToolResult(call_id=call.id, name=call.name, parts=said, is_error=is_error)
    return Message(role="tool", parts=(result,))


def _parts(parts: tuple[str | Part, ...]) -> tuple[Part, ...]:
    return tuple([Text(text=part) if isinstance(part, str) else part for part in parts])
