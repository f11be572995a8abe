"""A conversation: our messages ↔ Converse's ``system`` and alternating user and assistant turns.

Canonical here: system text is one leading message; each tool result is a message of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from msgspec import Raw
from msgspec.json import Decoder

from modelway.dialects import carried
from modelway.dialects.bedrock_converse.blocks import read_content
from modelway.dialects.bedrock_converse.content import write_parts
from modelway.dialects.bedrock_converse.families import Family
from modelway.dialects.bedrock_converse.notes import Notes
from modelway.dialects.bedrock_converse.wire import InputMessage
from modelway.dialects.reading import read
from modelway.errors import BadRequestError, UnsupportedError
from modelway.types import JSON, Message, Opaque, Part, Text, ToolResult

_messages = Decoder(list[InputMessage])
_blocks = Decoder(list[dict[str, Raw]])


def read_conversation(system: Raw | None, messages: Raw) -> tuple[Message, ...]:
    read_messages: list[Message] = []
    if system is not None:
        blocks = read(_blocks, system, "system")
        parts = read_content(blocks, "system")
        if parts:
            read_messages.append(Message(role="system", parts=parts))
    said = read(_messages, messages, "messages")
    for number, message in enumerate(said):
        parts = read_content(message.content, f"messages.{number}.content")
        match message.role:
            case "user":
                read_messages += _user_turns(parts)
            case "assistant" | "system":
                read_messages.append(Message(role=message.role, parts=carried.restored(parts)))
            case _:
                raise BadRequestError(
                    f"user, assistant or system, not {message.role!r}",
                    param=f"messages.{number}.role",
                )
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
    messages: Sequence[Message], family: Family, notes: Notes
) -> tuple[list[JSON], list[JSON]]:
    """``system`` and ``messages``; BadRequestError when nothing is left to answer.

    Turns must alternate: neighbours of one role are joined. Source:
    https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html, 2026-11-21.
    """
    system: list[JSON] = []
    turns: list[JSON] = []
    before = ""
    for number, message in enumerate(messages):
        at = f"messages.{number}"
        if message.name is not None:
            notes.warn(f"{at}.name", "Bedrock has no names of speakers: left out")
        match message.role:
            case "system" | "developer":
                if turns:
                    notes.warn(at, f"a later {message.role} message is moved to the beginning")
                system += _write_system(message, family, at, notes)
                continue
            case "tool":
                if not all(isinstance(part, ToolResult) for part in message.parts):
                    raise BadRequestError("a message of role tool holds tool results", param=at)
                role = "user"
            case "user" | "assistant":
                role = message.role
            case _:
                assert_never(message.role)
        blocks = write_parts(message.parts, message.role, family, at, notes)
        if not blocks:
            notes.warn(at, "a message without content is refused by Bedrock: left out")
            continue
        if turns and turns[-1]["role"] == role:
            if before == message.role != "tool":
                notes.warn(at, f"a second {role} message in a row is joined to the first")
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
        before = message.role
    if not turns:
        raise BadRequestError("there is no message with content to answer", param="messages")
    return system, turns


def _write_system(message: Message, family: Family, at: str, notes: Notes) -> list[JSON]:
    for part in message.parts:
        if not isinstance(part, Text | Opaque):
            raise UnsupportedError(
                f"{notes.model} takes only text in {message.role} messages ({at})",
                model=notes.model,
                param=at,
            )
    return write_parts(message.parts, message.role, family, at, notes)
