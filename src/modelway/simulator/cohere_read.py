"""Reads and checks a chat request of Cohere's second API, written from its documentation.

Source: https://docs.cohere.com/reference/chat, 2026-11-21; the wording of refusals is that of
recorded answers where there are any.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from modelway.simulator import tokens
from modelway.simulator.question import Asked, OfferedTool, Question, WireError, refuse
from modelway.simulator.schemas import schema_fault
from modelway.simulator.script import ScriptedError
from modelway.simulator.strict import Misfit, Shape, fitted, parse

_PARTS = {
    "user": ("text", "image_url"),
    "assistant": ("text", "thinking"),
    "system": ("text",),
    "tool": ("text", "document"),
}
_MOST_STOPS = 5


class Function(Shape, frozen=True, kw_only=True):
    name: str
    description: str | None = None
    parameters: dict[str, Any] = {}
    strict: bool | None = None


class Tool(Shape, frozen=True, kw_only=True):
    type: Literal["function"]
    function: Function


class CalledFunction(Shape, frozen=True, kw_only=True):
    name: str
    arguments: str


class ToolCall(Shape, frozen=True, kw_only=True):
    id: str
    function: CalledFunction
    type: Literal["function"] = "function"


class Message(Shape, frozen=True, kw_only=True):
    role: str
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    tool_plan: str | None = None
    citations: list[dict[str, Any]] | None = None


class Format(Shape, frozen=True, kw_only=True):
    type: Literal["text", "json_object"]
    json_schema: dict[str, Any] | None = None
    schema: dict[str, Any] | None = None


class Thinking(Shape, frozen=True, kw_only=True):
    type: Literal["enabled", "disabled"]
    token_budget: int | None = None


class Chat(Shape, frozen=True, kw_only=True):
    model: str
    messages: list[Message]
    stream: bool = False
    tools: list[Tool] | None = None
    strict_tools: bool | None = None
    documents: list[Any] | None = None
    citation_options: dict[str, Any] | None = None
    response_format: Format | None = None
    safety_mode: str | None = None
    max_tokens: int | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    k: int | None = None
    p: float | None = None
    logprobs: bool | None = None
    tool_choice: Literal["REQUIRED", "NONE"] | None = None
    thinking: Thinking | None = None
    priority: int | None = None
    raw_prompting: bool | None = None


def read(asked: Asked) -> Question:
    """The question in a request's body; WireError for what Cohere would refuse."""
    request = fitted(parse(asked.body, worded), Chat, asked, worded)
    check_model(asked, request.model)
    _check_ranges(request)
    _check_messages(request.messages)
    tools = _tools(request)
    if request.tool_choice is not None and not tools:
        raise refuse("invalid request: tool_choice is only supported when tools are provided.")
    call: Literal["may", "must", "never"] = "may" if tools else "never"
    if request.tool_choice is not None:
        call = "must" if request.tool_choice == "REQUIRED" else "never"
    form = request.response_format
    schema = None if form is None else form.json_schema or form.schema
    if schema is not None and schema_fault(schema) is not None:
        raise refuse(f"invalid request: response_format.json_schema: {schema_fault(schema)}")
    results, text = _last_turn(request.messages)
    said = msgspec.to_builtins([request.messages, request.documents])
    extra = msgspec.to_builtins([each for each in (request.tools, form) if each])
    question = Question(
        dialect="cohere",
        model=request.model,
        text=text,
        results=results,
        input_tokens=3 * len(request.messages)
        + tokens.count_value(said)
        + sum(map(tokens.count_json, extra)),
        stream=request.stream,
        tools=tools,
        call=call,
        json=form is not None and form.type == "json_object",
        schema=schema,
        thinks=request.thinking is not None and request.thinking.type == "enabled",
        max_tokens=request.max_tokens,
        stop=tuple(request.stop_sequences or ()),
    )
    _check_window(asked, question)
    return question


def check_model(asked: Asked, model: str) -> None:
    """Refuse a model that there is not."""
    if not model:
        raise refuse("model is required")
    if asked.script.only_listed_models and model not in asked.listed:
        raise unknown_model(model)


def unknown_model(model: str) -> WireError:
    """The refusal of a model that is not listed."""
    return refuse(
        f"model '{model}' not found, make sure the correct model ID was used and that you have "
        "access to the model.",
        status=404,
    )


def worded(misfit: Misfit) -> WireError:
    """A misfit as Cohere tells it."""
    path = f"{misfit.path}.{misfit.name}".strip(".")
    match misfit.kind:
        case "json":
            said = f"invalid json syntax: {misfit.told}"
        case "unknown":
            said = f"unknown field: parameter '{path}' is not a valid field"
        case "missing":
            said = f"invalid request: {path} is required"
        case _:
            said = f"invalid type: parameter {path or 'body'}: {misfit.told}"
    return refuse(said, status=422 if misfit.kind == "unknown" else 400)


def _check_ranges(request: Chat) -> None:
    for name, value, most in (
        ("temperature", request.temperature, None),
        ("p", request.p, 0.99),
        ("frequency_penalty", request.frequency_penalty, 1),
        ("presence_penalty", request.presence_penalty, 1),
        ("max_tokens", request.max_tokens, None),
    ):
        if value is not None and (value < 0 or (most is not None and value > most)):
            upper = "" if most is None else f" and less than or equal to {most}"
            raise refuse(f"invalid request: {name} must be greater than or equal to 0{upper}.")
    if len(request.stop_sequences or ()) > _MOST_STOPS:
        raise refuse(f"invalid request: at most {_MOST_STOPS} stop_sequences are allowed.")


def _check_messages(messages: list[Message]) -> None:
    if not messages:
        raise refuse("invalid request: messages must not be empty.")
    waiting: list[str] = []
    for at, message in enumerate(messages):
        where = f"messages[{at}]"
        if message.role not in _PARTS:
            raise refuse(
                f"invalid request: {where}.role must be one of 'user', 'assistant', 'system', 'tool'."
            )
        if message.role == "tool":
            if message.tool_call_id not in waiting:
                raise refuse(
                    f"invalid request: {where}.tool_call_id '{message.tool_call_id}' not found in "
                    "the tool calls of the assistant message before it."
                )
        else:
            waiting = [call.id for call in message.tool_calls or ()]
        spoke = message.content not in (None, "", [])
        if not spoke and not (message.role == "assistant" and message.tool_calls):
            raise refuse(f"invalid request: {where}.content must not be empty.")
        for number, part in enumerate(message.content if isinstance(message.content, list) else ()):
            kind = part.get("type")
            if kind not in _PARTS[message.role] or kind not in part:
                raise refuse(
                    f"invalid request: {where}.content[{number}] is not a valid content of a "
                    f"message of role {message.role}."
                )
    if messages[-1].role == "assistant":
        raise refuse("invalid request: the last message must be of role 'user' or 'tool'.")


def _tools(request: Chat) -> tuple[OfferedTool, ...]:
    """Cohere takes any schema; from what is none, no arguments can be made up."""
    tools: list[OfferedTool] = []
    for tool in request.tools or ():
        given = tool.function.parameters
        schema = {"type": "object"} if schema_fault(given) is not None else given
        name, description = tool.function.name, tool.function.description or ""
        tools.append(OfferedTool(name=name, description=description, schema=schema))
    return tuple(tools)


def _last_turn(messages: list[Message]) -> tuple[tuple[str, ...], str]:
    results: list[str] = []
    for message in reversed(messages):
        if message.role != "tool":
            break
        results.insert(0, _text(message))
    said = [_text(message) for message in messages if message.role == "user"]
    return tuple(results), said[-1] if said else ""


def _text(message: Message) -> str:
    if not isinstance(message.content, list):
        return message.content or ""
    texts = [
        part["text"] if part["type"] == "text" else msgspec.json.encode(part["document"]).decode()
        for part in message.content
        if part["type"] in {"text", "document"}
    ]
    return "\n".join([text for text in texts if isinstance(text, str)])


def _check_window(asked: Asked, question: Question) -> None:
    listed = asked.listed.get(question.model)
    window = None if listed is None else listed.context_tokens
    if window is not None and question.input_tokens > window:
        over = question.input_tokens - window
        message = (
            f"too many tokens: size limit exceeded by {over} tokens. Try using shorter or fewer "
            f"inputs. The limit for this model is {window} tokens."
        )
        raise WireError(ScriptedError(status=400, type="TOO_MANY_TOKENS", message=message))
