"""A question as a person writes it in Python, made into a ``ChatRequest``."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, TypeAlias, TypedDict

import msgspec

from modelway import messages
from modelway.errors import BadRequestError
from modelway.functions import AnyTool, definition_of
from modelway.schema import answer_schema
from modelway.types import (
    ChatRequest,
    JsonObject,
    JsonSchema,
    Message,
    Thinking,
    ToolChoice,
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
    tools: Sequence[AnyTool]
    """Functions are described by their signatures; ``run`` runs them, others do not."""
    tool_choice: ToolChoice | None
    parallel_tool_calls: bool | None
    response_format: JsonObject | JsonSchema | type[Any] | None
    """A type asks for JSON of its schema; the answer's text is not parsed into it."""
    thinking: Thinking | None
    user: str | None
    metadata: dict[str, str]
    tags: Sequence[str]
    extra: dict[str, Any]
    extra_dialect: str | None


_NAMES = frozenset(Parameters.__annotations__)


def chat_request(
    prompt: Prompt, model: str | None, system: str | None, parameters: Parameters
) -> ChatRequest:
    """The request. BadRequestError names the path of a wrong value, TypeError a wrong keyword."""
    if parameters and not parameters.keys() <= _NAMES:
        raise _unknown(parameters)
    if isinstance(prompt, ChatRequest):
        return _amended(prompt, model, system, parameters)
    said = (messages.user(prompt),) if isinstance(prompt, str) else _messages(prompt)
    if system is not None:
        said = (messages.system(system), *said)
    if not parameters:
        return ChatRequest(model=model or "", messages=said)
    return _checked({**_plain(parameters), "model": model or "", "messages": said})


def _messages(prompt: Sequence[Message]) -> tuple[Message, ...]:
    said = tuple(prompt)
    for number, message in enumerate(said):
        if not isinstance(message, Message):
            raise BadRequestError(
                f"messages[{number}] is a {type(message).__name__}, not a modelway.Message: "
                "write modelway.user('…'), modelway.assistant('…') or modelway.Message(…)",
                param=f"messages[{number}]",
            )
    return said


def _amended(
    request: ChatRequest, model: str | None, system: str | None, parameters: Parameters
) -> ChatRequest:
    if model is None and system is None and not parameters:
        return request
    fields = {**msgspec.structs.asdict(request), **_plain(parameters)}
    if model is not None:
        fields["model"] = model
    if system is not None:
        fields["messages"] = (messages.system(system), *request.messages)
    return _checked(fields)


def _plain(parameters: Parameters) -> dict[str, Any]:
    fields: dict[str, Any] = dict(parameters)
    for name in ("stop", "tags"):
        if isinstance(fields.get(name), str):
            fields[name] = (fields[name],)
    tools = fields.get("tools")
    if tools:
        fields["tools"] = [definition_of(each) if callable(each) else each for each in tools]
    kind = fields.get("response_format")
    if isinstance(kind, type):
        fields["response_format"] = answer_schema(kind)
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
