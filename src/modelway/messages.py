"""Messages in few words: who says it, then what; a string is a text part."""

from __future__ import annotations

from modelway.types import Message, Part, Text, ToolCall, ToolResult


def user(*parts: str | Part) -> Message:
    """A message from the user; a string is a text part."""
    return Message(role="user", parts=_parts(parts))


def assistant(*parts: str | Part) -> Message:
    """A message from the model: what it said before, or an example of what it should say."""
    return Message(role="assistant", parts=_parts(parts))


def system(*parts: str | Part) -> Message:
    """Instructions that stand above the conversation."""
    return Message(role="system", parts=_parts(parts))


def tool_result(call: ToolCall, *parts: str | Text, is_error: bool | None = None) -> Message:
    """What a call that the model asked for has returned."""
    said = tuple([Text(text=part) if isinstance(part, str) else part for part in parts])
    result = ToolResult(call_id=call.id, name=call.name, parts=said, is_error=is_error)
    return Message(role="tool", parts=(result,))


def _parts(parts: tuple[str | Part, ...]) -> tuple[Part, ...]:
    return tuple([Text(text=part) if isinstance(part, str) else part for part in parts])
