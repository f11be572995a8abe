"""A conversation: our messages ↔ Anthropic's ``system`` and alternating user and assistant turns.

Canonical here: system text is one leading message; each tool result is a message of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from msgspec import Raw
from msgspec.json import Decoder

from modelway.dialects import carried
from modelway.dialects.anthropic_messages.blocks import read_content
from modelway.dialects.anthropic_messages.content import write_part
from modelway.dialects.anthropic_messages.wire import InputMessage
from modelway.dialects.notes import Notes
from modelway.dialects.reading import read
from modelway.errors import BadRequestError, UnsupportedError
from modelway.types import JSON, Message, Opaque, Part, Text, ToolResult

_SAYS_NOTHING = (Text(text=""),)
"""``system: ""``, which the API takes for no system text."""

_messages = Decoder(list[InputMessage])


def read_conversation(system: Raw | None, messages: Raw) -> tuple[Message, ...]:
    read_messages: list[Message] = []
    if system is not None:
        parts = read_content(system, "system")
        if parts and parts != _SAYS_NOTHING:
            read_messages.append(Message(role="system", parts=parts))
    said = read(_messages, messages, "messages")
    for number, message in enumerate(said):
        parts = read_content(message.content, f"messages.{number}.content")
        if message.role == "user":
            read_messages += _user_turns(parts)
        else:
            read_messages.append(Message(role=message.role, parts=carried.restored(parts)))
    return tuple(read_messages)


def _user_turns(parts: tuple[Part, ...]) -> list[Message]:
    """A user message cut at its tool results, in order."""
    if not any(isinstance(part, ToolResult) for part in parts):
        return [Message(role="user", parts=parts)]
    turns: list[Message] = []
    said: list[Part] = []
    for part in parts:
        if isinstance(part, ToolResult):
            if said:
                turns.append(Message(role="user", parts=tuple(said)))
                said = []
            turns.append(Message(role="tool", parts=(part,)))
        else:
            said.append(part)
    if said:
        turns.append(Message(role="user", parts=tuple(said)))
    return turns


def write_conversation(
    messages: Sequence[Message], notes: Notes
) -> tuple[str | list[JSON] | None, list[JSON]]:
    """``system`` (None for none) and ``messages``; BadRequestError when nothing is left to answer."""
    system: list[JSON] = []
    turns: list[JSON] = []
    answering = False  # the last turn is tool results, which a user message joins
    for number, message in enumerate(messages):
        at = f"messages.{number}"
        if message.name is not None:
            notes.warn(f"{at}.name", "Anthropic has no names of speakers: left out")
        match message.role:
            case "system" | "developer":
                if turns:
                    notes.warn(at, f"a later {message.role} message is moved to the beginning")
                system += _write_system(message, at, notes)
                continue
            case "tool":
                if not all(isinstance(part, ToolResult) for part in message.parts):
                    raise BadRequestError("a message of role tool holds tool results", param=at)
                joins = answering
            case "user":
                joins = answering
            case "assistant":
                joins = False
            case _:
                assert_never(message.role)
        blocks = _write_blocks(message, at, notes)
        if not blocks:
            notes.warn(at, "a message without content is refused by Anthropic: left out")
            continue
        if joins:
            turns[-1]["content"] += blocks
        else:
            role = "assistant" if message.role == "assistant" else "user"
            turns.append({"role": role, "content": blocks})
        answering = message.role == "tool"
    if not turns:
        raise BadRequestError("there is no message with content to answer", param="messages")
    for turn in turns:
        turn["content"] = _shortest(turn["content"])
    return (_shortest(system) if system else None), turns


def _write_blocks(message: Message, at: str, notes: Notes) -> list[JSON]:
    blocks = [
        write_part(part, message.role, f"{at}.{number}", notes)
        for number, part in enumerate(message.parts)
    ]
    return [block for block in blocks if block is not None]


def _write_system(message: Message, at: str, notes: Notes) -> list[JSON]:
    for part in message.parts:
        if not isinstance(part, Text | Opaque):
            raise UnsupportedError(
                f"{notes.model} takes only text in {message.role} messages ({at})",
                model=notes.model,
                param=at,
            )
    return _write_blocks(message, at, notes)


def _shortest(blocks: list[JSON]) -> str | list[JSON]:
    """One plain text is a string, which every server of this API understands."""
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"} and blocks[0]["type"] == "text":
        text: str = blocks[0]["text"]
        return text
    return blocks
