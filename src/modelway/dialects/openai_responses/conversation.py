"""A client's ``input`` → messages: the downstream half of what was said.

Each item is read by its type; items and parts of types that we do not know are kept whole as
``Opaque``. What a model said in a row is one message, as an answer is.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from modelway.dialects import carried
from modelway.dialects.openai_responses.content import content_in, read, texts_in
from modelway.dialects.openai_responses.items import PHASE
from modelway.dialects.openai_responses.thoughts import parts_in
from modelway.dialects.openai_responses.wire import NAME
from modelway.dialects.openai_wire.faults import malformed
from modelway.types import (
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
)

_NULL = Raw(b"null")


class _Kind(Struct):
    type: str = "message"


class _Message(Struct):
    role: Literal["system", "developer", "user", "assistant"]
    content: Raw = _NULL
    phase: str | None = None


class _Call(Struct):
    call_id: str
    name: str
    arguments: str = "{}"


class _Output(Struct):
    call_id: str
    output: Raw = _NULL


class _Texts(Struct):
    text: str = ""


class _Reasoning(Struct):
    id: str | None = None
    summary: list[_Texts] | None = None
    content: list[_Texts] | None = None
    encrypted_content: str | None = None


_kind = msgspec.json.Decoder(_Kind)
_message = msgspec.json.Decoder(_Message)
_call = msgspec.json.Decoder(_Call)
_output = msgspec.json.Decoder(_Output)
_reasoning = msgspec.json.Decoder(_Reasoning)
_object = msgspec.json.Decoder(dict[str, Any])
_string = msgspec.json.Decoder(str)
_list = msgspec.json.Decoder(list[Raw])

_THEIRS = frozenset(
    {
        "code_interpreter_call",
        "compaction",
        "computer_call",
        "custom_tool_call",
        "apply_patch_call",
        "file_search_call",
        "image_generation_call",
        "local_shell_call",
        "mcp_approval_request",
        "mcp_call",
        "mcp_list_tools",
        "shell_call",
        "tool_search_call",
        "web_search_call",
    }
)
"""Items of an answer, sent back. Source: OpenAPI 2.3.0, OutputItem, 2026-11-21."""


def messages(raw: Raw) -> tuple[Message, ...]:
    """Of ``input``: a text, or a list of items."""
    if bytes(memoryview(raw)[:1]) == b'"':
        return (Message(role="user", parts=texts_in(read(_string, raw, "input"))),)
    found: list[Message] = []
    signatures: dict[str, str] = {}
    items = read(_list, raw, "input")
    for number, item in enumerate(items):
        role, parts = _item(item, f"input[{number}]", signatures)
        if not parts and role == "assistant":
            continue
        if role == "assistant" and found and found[-1].role == "assistant":
            parts = found.pop().parts + parts
        found.append(Message(role=role, parts=parts))
    return tuple([_signed(message, signatures) for message in found] if signatures else found)


def _signed(message: Message, signatures: dict[str, str]) -> Message:
    """The message, with their signatures at its calls, which stood beside them."""
    parts = [
        replace(part, signature=signatures.get(part.id)) if isinstance(part, ToolCall) else part
        for part in message.parts
    ]
    return replace(message, parts=tuple(parts))


def _item(raw: Raw, path: str, signatures: dict[str, str]) -> tuple[Role, tuple[Part, ...]]:
    kind = read(_kind, raw, path).type
    match kind:
        case "message":
            told = read(_message, raw, path)
            parts = content_in(told.content, f"{path}.content")
            if told.phase is not None and parts:
                phase = Opaque(dialect=NAME, kind=PHASE, data={"phase": told.phase})
                parts = (phase, *parts)
            return told.role, parts
        case "function_call":
            call = read(_call, raw, path)
            part = ToolCall(id=call.call_id, name=call.name, arguments=call.arguments)
            return "assistant", (part,)
        case "function_call_output":
            return "tool", (_result(read(_output, raw, path), path),)
        case "reasoning":
            thought = read(_reasoning, raw, path)
            state = carried.opened(thought.encrypted_content)
            if state is None or state.call is None:
                return "assistant", _thoughts(thought, state)
            signatures[state.call] = state.signature or ""
            return "assistant", ()
        case _:
            data = read(_object, raw, path)
            role: Role = "assistant" if kind in _THEIRS else "user"
            return role, (Opaque(dialect=NAME, kind=kind, data=data),)


def _result(told: _Output, path: str) -> ToolResult:
    parts: list[Text | Image | File | Opaque] = []
    for number, part in enumerate(content_in(told.output, f"{path}.output")):
        if not isinstance(part, Text | Image | File | Opaque):
            raise malformed("a tool's result cannot hold this", f"{path}.output[{number}]")
        parts.append(part)
    return ToolResult(call_id=told.call_id, parts=tuple(parts))


def _thoughts(told: _Reasoning, state: carried.Carried | None) -> tuple[Part, ...]:
    """The parts of an item; another provider's thought is one, with the state that it came with."""
    summary = "\n\n".join([part.text for part in told.summary or () if part.text])
    thought = "".join([part.text for part in told.content or ()])
    if state is None:
        return parts_in(told.id, summary, thought, told.encrypted_content)
    part = Reasoning(
        text=thought or summary,
        signature=state.signature,
        encrypted=state.encrypted,
        id=state.id,  # the item's is ours, and known to nobody else
        format=state.format,
    )
    return (part,)
