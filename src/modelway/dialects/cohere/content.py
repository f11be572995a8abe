"""Content blocks ↔ parts, in requests and answers.

Source: https://docs.cohere.com/v2/reference/chat, 2026-11-21.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from modelway.dialects.cohere.citations import kept_whole, place, read_citation
from modelway.dialects.cohere.wire import NAME, PLAN, AnswerMessage, Block, Call, InputMessage
from modelway.errors import BadRequestError
from modelway.types import (
    JSON,
    Image,
    Inline,
    Opaque,
    Part,
    Reasoning,
    Remote,
    Source,
    Text,
    ToolCall,
)

DOCUMENT = "document"
"""``Opaque.kind`` of a document that says more than a text."""

_DATA_URI = re.compile(r"data:([\w.+\-/]+)?(?:;[^,;]*)*;base64,(.*)", re.DOTALL)


def read_said(message: AnswerMessage | InputMessage) -> list[Part]:
    """What a model said: its content, its plan, its calls, and citations that are of no text."""
    content = message.content
    if isinstance(content, str):
        content = [Block(type="text", text=content)]
    parts: list[Part] = [_said(block) for block in content or ()]
    texts = {index: isinstance(part, Text) for index, part in enumerate(parts)}
    first = next((index for index, is_text in texts.items() if is_text), None)
    whole: list[Part] = []
    for raw in message.citations or ():
        index = place(raw, texts, first)
        cited = None if index is None else parts[index]
        if index is None or not isinstance(cited, Text):
            whole.append(kept_whole(raw))
            continue
        citations = (*cited.citations, read_citation(raw))
        parts[index] = msgspec.structs.replace(cited, citations=citations)
    if message.tool_plan:
        parts.append(Reasoning(text=message.tool_plan, format=PLAN))
    return [*parts, *[read_call(call) for call in message.tool_calls or ()], *whole]


def _said(block: Block) -> Part:
    match block.type:
        case "thinking":
            return Reasoning(text=block.thinking)
        case "text" | "":
            return Text(text=block.text)
        case _:
            return Opaque(dialect=NAME, kind=block.type, data=msgspec.to_builtins(block))


def read_call(call: Call) -> ToolCall:
    """A call without arguments has none: some are told as null or nothing."""
    return ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments or "{}")


def write_call(call: ToolCall) -> JSON:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def read_image(block: Block, at: str) -> Image:
    """An address, or bytes in one."""
    if block.image_url is None:
        raise BadRequestError("the field is required", param=f"{at}.image_url")
    url = block.image_url.url
    inline = _DATA_URI.fullmatch(url)
    source: Source = (
        Remote(url=url)
        if inline is None
        else Inline(media_type=inline[1] or "text/plain", data=inline[2])
    )
    return Image(source=source, detail=block.image_url.detail)


def data_uri(source: Inline) -> str:
    return f"data:{source.media_type};base64,{source.data}"


def as_content(texts: Sequence[Text]) -> str | list[JSON]:
    """One text is said as a string, as everybody does."""
    if len(texts) == 1:
        return texts[0].text
    return [{"type": "text", "text": text.text} for text in texts]
