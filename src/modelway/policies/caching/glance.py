"""Answers in a client's own bytes that are whole, text alone, and ended of themselves: seen at a glance.

What is not seen so is decoded, and looked into.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

_Text = Annotated[str, Meta(min_length=1)]


class _Said(Struct):
    content: _Text
    refusal: None = None
    tool_calls: None = None
    function_call: None = None


class _Choice(Struct):
    finish_reason: Literal["stop"]
    message: _Said
    error: None = None


class _Groq(Struct):
    error: None = None


class _Completion(Struct):
    """OpenAI's, and that of hosts like it."""

    choices: Annotated[list[_Choice], Meta(min_length=1)]
    error: None = None
    x_groq: _Groq | None = None


class _Block(Struct):
    type: Literal["text"]
    text: _Text


class _Message(Struct):
    """Anthropic's."""

    type: Literal["message"]
    stop_reason: Literal["end_turn"]
    content: Annotated[list[_Block], Meta(min_length=1)]
    error: None = None


_readers = {
    "openai-chat": msgspec.json.Decoder(_Completion).decode,
    "anthropic-messages": msgspec.json.Decoder(_Message).decode,
}


def ended(dialect: str, body: bytes) -> bool:
    """Whether a chat's answer is plainly one that may be kept; ``False``: it is to be looked into."""
    reader = _readers.get(dialect)
    if reader is None:
        return False
    try:
        reader(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True
