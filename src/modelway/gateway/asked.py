"""What a client's body must have, by dialect and operation, before it becomes a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from msgspec import Raw

from modelway.call import Operation
from modelway.gateway.outside import refuse_private_places, refuse_private_urls


class Asked(NamedTuple):
    """``required``: fields that must be there; ``inspect``: who looks for URLs, in which fields."""

    required: tuple[str, ...]
    urls_in: tuple[str, ...] = ()
    inspect: Callable[[str, Raw], None] = refuse_private_places


def _of_messages(name: str, value: Raw) -> None:
    if name == "messages":
        refuse_private_urls(value)
    else:
        refuse_private_places(name, value)


_MESSAGES = Asked(("model", "messages"), ("messages", "mcp_servers"), _of_messages)
_RESPONSES = Asked(("model",), ("input", "instructions", "prompt", "tools"))
_GEMINI = ("contents", "systemInstruction", "system_instruction", "tools")
_COHERE = Asked(("model", "messages"), ("messages", "documents"))

ASKED: dict[tuple[str, Operation], Asked] = {
    ("openai-chat", "chat"): _MESSAGES,
    ("openai-chat", "complete"): Asked(("model", "prompt")),
    ("openai-chat", "embed"): Asked(("model", "input"), ("input", "messages")),
    ("openai-chat", "rerank"): Asked(("model", "query", "documents"), ("query", "documents")),
    ("openai-responses", "chat"): _RESPONSES,
    ("openai-responses", "count_tokens"): _RESPONSES,
    ("anthropic-messages", "chat"): _MESSAGES,
    ("anthropic-messages", "count_tokens"): _MESSAGES,
    ("gemini", "chat"): Asked(("contents",), _GEMINI),
    ("gemini", "count_tokens"): Asked((), (*_GEMINI, "generateContentRequest")),
    ("gemini", "embed"): Asked((), ("content", "requests")),
    ("bedrock-converse", "chat"): Asked(("messages",), ("messages", "system")),
    ("bedrock-converse", "count_tokens"): Asked(("input",), ("input",)),
    ("cohere", "chat"): _COHERE,
    ("cohere", "embed"): Asked(("model",), ("inputs", "images")),
    ("cohere", "rerank"): Asked(("model", "query", "documents")),
    ("ollama", "chat"): Asked(("model", "messages"), ("messages",)),
    ("ollama", "complete"): Asked(("model",), ("images",)),
    ("ollama", "embed"): Asked(("model", "input")),
}
"""Every route that asks has an entry; a test holds it."""
