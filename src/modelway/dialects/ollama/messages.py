"""Messages and tools written for a server.

A message is one text, beside which stand its thinking, its images and its calls; several texts of one
message are joined.
Source: https://docs.ollama.com/capabilities/tool-calling and https://docs.ollama.com/api/chat,
2026-11-21.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

from msgspec import Raw

from modelway.dialects.notes import Notes
from modelway.dialects.ollama.wire import NAME, RAW_OBJECT
from modelway.dialects.reading import UNREADABLE
from modelway.errors import BadRequestError, UnsupportedError
from modelway.types import (
    JSON,
    Audio,
    File,
    HostedTool,
    Image,
    Inline,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)


def write_messages(messages: Sequence[Message], notes: Notes) -> list[JSON]:
    if not messages:
        raise BadRequestError("messages must hold at least one message", param="messages")
    names: dict[str, str] = {}
    written: list[JSON] = []
    for number, message in enumerate(messages):
        at = f"messages.{number}"
        if message.name is not None:
            notes.warn(f"{at}.name", "Ollama has no names of speakers: left out")
        if message.role == "tool":
            written += _write_results(message, names, at, notes)
        else:
            names |= {part.id: part.name for part in message.parts if isinstance(part, ToolCall)}
            role = "system" if message.role == "developer" else message.role
            written.append({"role": role, **_write_parts(message.parts, role, at, notes)})
    return written


def _write_results(message: Message, names: dict[str, str], at: str, notes: Notes) -> list[JSON]:
    written: list[JSON] = []
    for number, part in enumerate(message.parts):
        where = f"{at}.{number}"
        if not isinstance(part, ToolResult):
            raise BadRequestError("a message of role tool holds tool results", param=where)
        if part.is_error is not None:
            notes.warn(f"{where}.is_error", "Ollama cannot mark a result as an error: left out")
        _warn_of_cache(part.cache, where, notes)
        result: JSON = {"role": "tool", **_write_parts(part.parts, "tool", where, notes)}
        name = part.name or names.get(part.call_id)
        if name is not None:
            result["tool_name"] = name
        result["tool_call_id"] = part.call_id
        written.append(result)
    return written


def _write_parts(parts: Sequence[Part], role: str, at: str, notes: Notes) -> JSON:
    texts: list[str] = []
    thoughts: list[str] = []
    images: list[str] = []
    calls: list[JSON] = []
    for number, part in enumerate(parts):
        where = f"{at}.{number}"
        if not isinstance(part, Reasoning | Refusal | Opaque):
            _warn_of_cache(part.cache, where, notes)
        match part:
            case Text():
                texts.append(part.text)
                if part.citations:
                    notes.warn(f"{where}.citations", "Ollama has no citations: left out")
            case Refusal():
                notes.warn(where, "a refusal is sent as text")
                texts.append(part.text)
            case Reasoning():
                thoughts += _write_reasoning(part, where, notes)
            case Image():
                images.append(_write_image(part, where, notes))
            case ToolCall():
                calls.append(_write_call(part, where, notes))
            case Opaque() if role == "assistant":
                notes.warn(where, f"{part.kind} means nothing to Ollama: left out")
            case Audio() | File() | Opaque() | ToolResult():
                raise _unsupported(part, where, notes)
            case _:
                assert_never(part)
    written: JSON = {"content": "".join(texts)}
    if thoughts:
        written["thinking"] = "".join(thoughts)
    if images:
        written["images"] = images
    if calls:
        written["tool_calls"] = calls
    return written


def _warn_of_cache(cache: Any, at: str, notes: Notes) -> None:
    if cache is not None:
        notes.warn(f"{at}.cache", "Ollama keeps prefixes by itself and takes no breakpoints")


def _write_reasoning(part: Reasoning, at: str, notes: Notes) -> list[str]:
    """Words go to any model; what only their own provider can check or read does not."""
    for name in ("signature", "encrypted"):
        if getattr(part, name) is not None:
            notes.warn(f"{at}.{name}", "Ollama has no place for it: left out")
    return [part.text] if part.text else []


def _write_image(part: Image, at: str, notes: Notes) -> str:
    if part.detail is not None:
        notes.warn(f"{at}.detail", "Ollama has no image detail: left out")
    if not isinstance(part.source, Inline):
        raise UnsupportedError(
            f"{notes.model} takes images as bytes over Ollama's API ({at}), not by address",
            model=notes.model,
            param=at,
        )
    return part.source.data


def _write_call(part: ToolCall, at: str, notes: Notes) -> JSON:
    if part.signature is not None:
        notes.warn(f"{at}.signature", "a call's signature of another dialect: left out")
    arguments = arguments_object(part.arguments)
    if arguments is None:
        raise BadRequestError(
            f"the arguments of the call {part.id} to {part.name} are not a JSON object; "
            "Ollama's API takes nothing else",
            param=f"{at}.arguments",
        )
    function = {"name": part.name, "arguments": arguments}
    return {"id": part.id, "type": "function", "function": function}


def arguments_object(arguments: str) -> Raw | None:
    """The arguments as a JSON object, digit for digit; ``{}`` for none, None where they are not one.

    Some models write ``null`` for none.
    """
    if arguments.strip() in ("", "null"):
        return Raw(b"{}")
    try:
        encoded = arguments.encode()
        RAW_OBJECT.decode(encoded)
    except (*UNREADABLE, UnicodeEncodeError):
        return None
    return Raw(encoded.replace(b"\r", b" ").replace(b"\n", b" "))


def _unsupported(part: Part, at: str, notes: Notes) -> UnsupportedError:
    what = part.kind if isinstance(part, Opaque) else type(part).__name__.lower()
    return UnsupportedError(
        f"{notes.model} cannot be sent {what} content ({at}) over Ollama's API; "
        "it takes text and images",
        model=notes.model,
        param=at,
    )


def write_tools(
    tools: Sequence[Tool | HostedTool], choice: ToolChoice | None, notes: Notes
) -> list[JSON]:
    """Nothing can be forced here. Source: https://github.com/ollama/ollama/issues/8421, 2026-11-21."""
    if not tools and choice not in (None, "auto"):
        notes.warn("tool_choice", "there are no tools to choose from: left out")
        return []
    if choice == "none":
        notes.warn("tool_choice", "Ollama has no choice of none: no tools are sent")
        notes.warn("tools", "left out, as none is to be called")
        return []
    if choice not in (None, "auto"):
        notes.warn("tool_choice", "Ollama's models choose by themselves: left out")
    return [_write_tool(tool, f"tools.{number}", notes) for number, tool in enumerate(tools)]


def _write_tool(tool: Tool | HostedTool, at: str, notes: Notes) -> JSON:
    if isinstance(tool, HostedTool):
        if tool.dialect == NAME:
            return tool.definition
        raise UnsupportedError(
            f"{notes.model} cannot be offered a tool that {tool.dialect} runs itself ({at})",
            model=notes.model,
            param=at,
        )
    _warn_of_cache(tool.cache, at, notes)
    if tool.strict is not None:
        notes.warn(f"{at}.strict", "Ollama does not enforce a tool's schema: left out")
    function: JSON = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = tool.parameters
    return {"type": "function", "function": function}
