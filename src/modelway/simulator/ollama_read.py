"""Reads Ollama's own requests, which forgive what they do not know.

Source: https://docs.ollama.com/api/chat, https://docs.ollama.com/api/generate, 2026-11-21.
"""

from __future__ import annotations

from typing import Any

import msgspec

from modelway.simulator import tokens
from modelway.simulator.question import Asked, OfferedTool, Question, WireError, refuse
from modelway.simulator.schemas import schema_fault
from modelway.simulator.strict import Misfit, fitted, parse

_ROLES = ("system", "user", "assistant", "tool")
_INTEGERS = ("num_predict", "seed", "top_k", "num_ctx", "repeat_last_n", "num_keep")
_DECIMALS = ("temperature", "top_p", "min_p", "repeat_penalty", "presence_penalty")


class Function(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    function: Function
    type: str = "function"


class CalledFunction(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    arguments: dict[str, Any] = {}
    index: int | None = None


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    function: CalledFunction
    id: str | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    role: str
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class Common(msgspec.Struct, frozen=True, kw_only=True):
    model: str = ""
    stream: bool | None = None
    format: Any = None
    options: dict[str, Any] | None = None
    think: bool | str | None = None
    keep_alive: str | float | None = None


class Chat(Common, frozen=True, kw_only=True):
    messages: list[Message] | None = None
    tools: list[Tool] | None = None


class Generate(Common, frozen=True, kw_only=True):
    prompt: str = ""
    suffix: str | None = None
    system: str | None = None
    template: str | None = None
    images: list[str] | None = None
    raw: bool | None = None
    context: list[int] | None = None


def read(asked: Asked) -> Question:
    """The question of a chat."""
    request = fitted(parse(asked.body, worded), Chat, asked, worded)
    messages = request.messages or []
    for message in messages:
        if message.role not in _ROLES:
            raise refuse(f'invalid role "{message.role}": must be one of {list(_ROLES)}')
    tools: list[OfferedTool] = []
    for tool in request.tools or ():
        schema = tool.function.parameters or {"type": "object", "properties": {}}
        fault = schema_fault(schema)
        if fault is not None:
            raise refuse(f"tool {tool.function.name}: {fault}")
        name, description = tool.function.name, tool.function.description or ""
        tools.append(OfferedTool(name=name, description=description, schema=schema))
    results: list[str] = []
    for message in reversed(messages):
        if message.role != "tool":
            break
        results.insert(0, message.content or "")
    said = [message.content or "" for message in messages if message.role == "user"]
    question = _question(asked, request, said[-1] if said else "", msgspec.to_builtins(messages))
    return msgspec.structs.replace(
        question,
        results=tuple(results),
        tools=tuple(tools),
        call="may" if tools else "never",
        input_tokens=question.input_tokens
        + 3 * len(messages)
        + (tokens.count_json(msgspec.to_builtins(request.tools)) if tools else 0),
        told={"empty": not messages},
    )


def read_generate(asked: Asked) -> Question:
    """The prompt that is to be continued."""
    request = fitted(parse(asked.body, worded), Generate, asked, worded)
    question = _question(asked, request, request.prompt, [request.prompt, request.system])
    return msgspec.structs.replace(question, told={"empty": not request.prompt})


def check_model(asked: Asked, model: str) -> None:
    """Refuse a model that there is not."""
    if not model:
        raise refuse("model is required")
    if asked.script.only_listed_models and model not in asked.listed:
        raise unknown_model(model)


def unknown_model(model: str) -> WireError:
    """The refusal of a model that is not listed."""
    return refuse(f"model '{model}' not found", status=404)


def worded(misfit: Misfit) -> WireError:
    """A misfit as Go's JSON reader tells it."""
    if misfit.kind == "json":
        return refuse(f"invalid character in JSON: {misfit.told}")
    if misfit.kind == "missing":
        return refuse(f"{misfit.path}.{misfit.name} is required".lstrip("."))
    return refuse(f"json: cannot unmarshal into Go struct field {misfit.path}: {misfit.told}")


def _question(asked: Asked, request: Common, text: str, said: Any) -> Question:
    check_model(asked, request.model)
    options = request.options or {}
    for names, kinds, told in ((_INTEGERS, int, "integer"), (_DECIMALS, int | float, "float32")):
        for name in names:
            value = options.get(name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, kinds)):
                raise refuse(f'option "{name}" must be of type {told}')
    stop = options.get("stop") or []
    stops = [stop] if isinstance(stop, str) else stop
    if not isinstance(stops, list) or not all(isinstance(each, str) for each in stops):
        raise refuse('option "stop" must be of type array')
    form = request.format
    if form not in (None, "", "json") and not isinstance(form, dict):
        raise refuse(f'invalid format: {form!r}; expected "json" or a JSON schema')
    schema = form if isinstance(form, dict) else None
    if schema is not None and schema_fault(schema) is not None:
        raise refuse(f"invalid JSON schema in format: {schema_fault(schema)}")
    most = options.get("num_predict")
    listed = asked.listed.get(request.model)
    window = None if listed is None else listed.context_tokens
    spent = tokens.count_value(said)
    if window is not None and spent > window:
        raise refuse(f"prompt too long; exceeded max context length by {spent - window} tokens")
    return Question(
        dialect="ollama",
        model=request.model,
        text=text,
        input_tokens=spent,
        stream=request.stream is not False,
        json=form == "json" or schema is not None,
        schema=schema,
        thinks=bool(request.think),
        max_tokens=most if most is not None and most >= 0 else None,
        stop=tuple(stops),
    )
