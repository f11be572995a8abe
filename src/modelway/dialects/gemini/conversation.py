"""A conversation: our messages ↔ Gemini's ``systemInstruction`` and ``contents``.

Canonical here: system text is one leading message; each tool result is a message of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from msgspec import Raw

from modelway.dialects.gemini.content import Writer, sign_first_call
from modelway.dialects.gemini.families import signs_calls
from modelway.dialects.gemini.parts import Reader, items
from modelway.dialects.gemini.wire import STRING, read_fields
from modelway.dialects.notes import Notes
from modelway.dialects.reading import read
from modelway.errors import BadRequestError, UnsupportedError
from modelway.types import JSON, Message, Opaque, Part, Reasoning, Text, ToolResult


def read_conversation(system: Raw | None, contents: Raw) -> tuple[Message, ...]:
    reader = Reader()
    messages: list[Message] = []
    if system is not None:
        said = read_fields(system, "systemInstruction")
        parts = reader.parts(said["parts"], "systemInstruction.parts") if "parts" in said else []
        kept = tuple([part for part in parts if not isinstance(part, Reasoning)])
        if kept:
            messages.append(Message(role="system", parts=kept))
    for number, content in enumerate(items(contents, "contents")):
        at = f"contents.{number}"
        said = read_fields(content, at)
        role = read(STRING, said["role"], f"{at}.role") if "role" in said else "user"
        parts = reader.parts(said["parts"], f"{at}.parts") if "parts" in said else []
        match role:
            case "model":
                messages.append(Message(role="assistant", parts=tuple(parts)))
            case "user" | "function" | "":
                messages += _user_turns(parts)
            case _:
                raise BadRequestError("a role is user or model", param=f"{at}.role")
    return tuple(messages)


def _user_turns(parts: Sequence[Part]) -> list[Message]:
    """A user's content cut at its function responses, in order."""
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
    if said or not turns:
        turns.append(Message(role="user", parts=tuple(said)))
    return turns


def write_conversation(messages: Sequence[Message], notes: Notes) -> tuple[JSON | None, list[JSON]]:
    """``systemInstruction`` and ``contents``; BadRequestError when nothing is left to answer.

    Results of one turn's calls are one content: there must be as many as there were calls.
    Source: https://ai.google.dev/gemini-api/docs/function-calling#parallel, 2026-11-21.
    """
    writer = Writer(notes)
    system: list[JSON] = []
    contents: list[JSON] = []
    answering = False  # the last content is function responses
    signed = signs_calls(notes.model)
    for number, message in enumerate(messages):
        at = f"messages.{number}"
        if message.name is not None:
            notes.warn(f"{at}.name", "Gemini has no names of speakers: left out")
        match message.role:
            case "system" | "developer":
                if contents:
                    notes.warn(at, f"a later {message.role} message is moved to the beginning")
                system += _system(message, at, writer, notes)
                continue
            case "tool":
                if not all(isinstance(part, ToolResult) for part in message.parts):
                    raise BadRequestError("a message of role tool holds tool results", param=at)
            case "user" | "assistant":
                pass
            case _:
                assert_never(message.role)
        parts = writer.parts(message.parts, message.role, at)
        if not parts:
            notes.warn(at, "a message without content is refused by Gemini: left out")
            continue
        if message.role == "assistant" and signed and sign_first_call(parts):
            notes.warn(f"{at}.signature", "a call that Gemini did not make: sent as such")
        if message.role == "tool" and answering:
            contents[-1]["parts"] += parts
        else:
            role = "model" if message.role == "assistant" else "user"
            contents.append({"role": role, "parts": parts})
        answering = message.role == "tool"
    if not contents:
        raise BadRequestError("there is no message with content to answer", param="messages")
    return ({"parts": system} if system else None), contents


def _system(message: Message, at: str, writer: Writer, notes: Notes) -> list[JSON]:
    for part in message.parts:
        if not isinstance(part, Text | Opaque):
            raise UnsupportedError(
                f"{notes.model} takes only text in {message.role} messages ({at})",
                model=notes.model,
                param=at,
            )
    return writer.parts(message.parts, message.role, at)
