"""What must survive any translation of an answer or a question: text, calls, finish, usage."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

from modelway.types import (
    ChatRequest,
    ChatResponse,
    Message,
    Reasoning,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)

USAGE_FIELDS = (
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
)


def arguments(text: str) -> Any:
    """The arguments' JSON value; their text where a model stopped in the middle of it."""
    try:
        value = json.loads(text or "null")
    except ValueError:
        return text
    return {} if value is None else value  # some models write null for no arguments


def answer(response: ChatResponse) -> list[dict[str, Any]]:
    """What each choice says."""
    return [
        {
            "text": "".join([p.text for p in c.message.parts if isinstance(p, Text)]),
            "reasoning": "".join([p.text for p in c.message.parts if isinstance(p, Reasoning)]),
            "refusal": "".join([p.text for p in c.message.parts if isinstance(p, Refusal)]),
            "calls": [
                (p.id, p.name, arguments(p.arguments))
                for p in c.message.parts
                if isinstance(p, ToolCall)
            ],
            "finish": c.finish_reason,
        }
        for c in response.choices
    ]


def usage(value: Usage) -> dict[str, int | None]:
    return {name: getattr(value, name) for name in USAGE_FIELDS}


def _role(message: Message) -> str:
    return "system" if message.role in ("system", "developer") else message.role


def question(request: ChatRequest) -> list[tuple[str, Any]]:
    """What is said in a conversation, in order, whatever the messages that it is put in.

    Calls are numbered: an id may be changed for a provider that takes fewer characters.
    """
    said: list[tuple[str, Any]] = []
    numbers: dict[str, int] = {}
    for role, messages in groupby(request.messages, _role):
        # In a wire that has calls beside the content, texts come first; messages in a row are one.
        parts = [part for message in messages for part in message.parts]
        for part in sorted(parts, key=lambda part: isinstance(part, ToolCall)):
            match part:
                case Text(text=text) | Refusal(text=text) if text.strip():
                    if said and said[-1][0] == role and isinstance(said[-1][1], str):
                        said[-1] = (role, said[-1][1] + text)
                    else:
                        said.append((role, text))
                case ToolCall():
                    number = numbers.setdefault(part.id, len(numbers))
                    said.append(("call", (number, part.name, arguments(part.arguments))))
                case ToolResult():
                    text = "".join([p.text for p in part.parts if isinstance(p, Text)])
                    number = numbers.setdefault(part.call_id, len(numbers))
                    said.append(("result", (number, text)))
                case _:
                    pass
    return said


def tools(request: ChatRequest) -> list[tuple[str, str, Any]]:
    return [
        (tool.name, tool.description or "", _unordered(tool.parameters))
        for tool in request.tools
        if isinstance(tool, Tool)
    ]


def _unordered(schema: Any) -> Any:
    """A schema whose required names are in order: theirs means nothing."""
    match schema:
        case dict():
            return {
                name: sorted(inner) if name == "required" and _names(inner) else _unordered(inner)
                for name, inner in schema.items()
            }
        case list():
            return [_unordered(inner) for inner in schema]
    return schema


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
