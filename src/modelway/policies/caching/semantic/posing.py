"""What a call asks, apart from all else that it says: the text that may be put in other words.

All else must be the same to the letter, so its bytes are kept as they came, and only the one string
that is the question is taken out of them.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from modelway.call import Call
from modelway.dialects import requested
from modelway.errors import LLMError
from modelway.policies import fingerprint
from modelway.policies.caching.keepable import keepable
from modelway.policies.caching.values import SemanticSettings
from modelway.types import ChatRequest, Message, Reasoning, Refusal, Text, ToolCall, ToolResult

MOST_CHARS = 1000
"""Of a question. What is longer, models of vectors may not read to its end."""
MOST_BODY_BYTES = 256 * 1024
_BEFORE = ("system", "developer")
_string = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_decode_string = msgspec.json.Decoder(str).decode
_pack = msgspec.msgpack.Encoder().encode


class Posed(NamedTuple):
    """``space`` names the tenant and all that is asked but the question itself."""

    space: bytes
    text: str


def posed(
    call: Call,
    settings: SemanticSettings,
    shared_by: Literal["tenant", "key", "user"],
    policies: bytes,
) -> Posed | None:
    """The question of a call that may be answered in this way; ``None``: it may not."""
    if call.operation != "chat" or (shared_by == "user" and not call.payer.user):
        return None
    if call.body is not None and call.body.size_bytes > MOST_BODY_BYTES:
        return None
    try:
        request = requested(call)
        if not isinstance(request, ChatRequest) or not keepable(call):
            return None
        text = _question(request, settings)
        rest = None if text is None else _without(call, text)
        if text is None or rest is None:
            return None
        return Posed(_space(rest, settings, shared_by, policies), text)
    except (LLMError, TypeError, ValueError, OverflowError, RecursionError):
        return None  # its provider refuses it, in better words


def _space(rest: Call, settings: SemanticSettings, shared_by: str, policies: bytes) -> bytes:
    options = rest.options
    return fingerprint.key(
        rest,
        b"stream" if rest.stream else b"whole",
        _pack((options.fallbacks, options.strategy, options.models, options.strict)),
        policies,
        _pack(
            (
                settings.model,
                shared_by,
                rest.key if shared_by == "key" else "",
                rest.payer.user if shared_by == "user" else "",
            )
        ),
    )


def _question(request: ChatRequest, settings: SemanticSettings) -> str | None:
    """The text of the last message, a user's, where nothing else is to be perceived or called."""
    if not request.messages or (request.tools and not settings.tools):
        return None
    *before, last = request.messages
    if not settings.multi_turn and any(message.role not in _BEFORE for message in before):
        return None
    if last.role != "user" or len(last.parts) != 1 or not isinstance(last.parts[0], Text):
        return None
    if not all(_is_text(message, tools=settings.tools) for message in before):
        return None
    text = last.parts[0].text
    text.encode()  # ValueError for half a character
    return text if 0 < len(text) <= MOST_CHARS and text.strip() and "\0" not in text else None


def _is_text(message: Message, *, tools: bool) -> bool:
    return all(
        isinstance(part, Text | Reasoning | Refusal)
        or (tools and isinstance(part, ToolCall))
        or (
            tools
            and isinstance(part, ToolResult)
            and all(isinstance(one, Text) for one in part.parts)
        )
        for part in message.parts
    )


def _without(call: Call, text: str) -> Call | None:
    """The call with an empty string for its question; ``None`` where one cannot tell which it is."""
    if call.request is not None:
        request = call.request
        assert isinstance(request, ChatRequest)  # noqa: S101 - its operation is a chat
        last = request.messages[-1]
        empty = replace(last, parts=(replace(last.parts[0], text=""),))
        call = replace(call, request=replace(request, messages=(*request.messages[:-1], empty)))
    if call.body is None:
        return call
    places = [
        (name, found.span())
        for name, raw in call.body.fields.items()
        for found in _string.finditer(bytes(raw))
        if len(found[0]) - 2 >= len(text) and _decode_string(found[0]) == text
    ]
    if len(places) != 1:
        return None
    ((name, (begins, ends)),) = places
    raw = bytes(call.body.fields[name])
    emptied = msgspec.Raw(raw[:begins] + b'""' + raw[ends:])
    fields = {**call.body.fields, name: emptied}
    return replace(call, body=replace(call.body, fields=fields))
