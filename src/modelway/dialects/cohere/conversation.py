"""A conversation written for Cohere: our messages → ``messages`` and ``documents``.

Text files and documents that only Cohere understands stand beside the conversation, wherever they were
in it; what has no place at all is refused.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import assert_never

from modelway.dialects.cohere.citations import CITATION, write_citation
from modelway.dialects.cohere.content import DOCUMENT, as_content, data_uri, write_call
from modelway.dialects.cohere.wire import NAME, PLAN
from modelway.dialects.notes import Notes
from modelway.errors import BadRequestError, UnsupportedError
from modelway.types import (
    JSON,
    Audio,
    Citation,
    File,
    Image,
    Inline,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Remote,
    Text,
    ToolCall,
    ToolResult,
)


def write_conversation(
    messages: Sequence[Message], notes: Notes
) -> tuple[list[JSON], list[str | JSON]]:
    """``messages`` and ``documents``; BadRequestError when there is nothing to answer."""
    documents: list[str | JSON] = []
    written: list[JSON] = []
    for number, message in enumerate(messages):
        at = f"messages.{number}"
        if message.name is not None:
            notes.warn(f"{at}.name", "Cohere has no names of speakers: left out")
        for part in message.parts:
            if getattr(part, "cache", None) is not None:
                notes.warn("messages.cache", "Cohere caches by itself and takes no breakpoints")
        match message.role:
            case "system" | "developer":
                written.append(_system(message, at, notes))
            case "user":
                one = _user(message, at, documents, notes)
                if one is not None:
                    written.append(one)
            case "assistant":
                one = _assistant(message, at, notes)
                if one is not None:
                    written.append(one)
            case "tool":
                written += _tool(message, at, notes)
            case _:
                assert_never(message.role)
    if not written:
        raise BadRequestError("there is no message with content to answer", param="messages")
    return written, documents


def _system(message: Message, at: str, notes: Notes) -> JSON:
    texts = [part for part in message.parts if isinstance(part, Text)]
    if len(texts) != len(message.parts):
        raise _unsupported(notes, f"anything but text in {message.role} messages", at)
    return {"role": "system", "content": as_content(texts)}


def _user(message: Message, at: str, documents: list[str | JSON], notes: Notes) -> JSON | None:
    content: list[JSON] = []
    for number, part in enumerate(message.parts):
        where = f"{at}.{number}"
        match part:
            case Text():
                content.append({"type": "text", "text": part.text})
            case Refusal():
                content.append({"type": "text", "text": part.text})
            case Image():
                content.append(_image(part, where, notes))
            case File():
                documents.append(_file(part, where, notes))
            case Opaque() if part.dialect == NAME and part.kind == DOCUMENT:
                documents.append(part.data)
            case Audio():
                raise _unsupported(notes, "sound", where)
            case _:
                raise _unsupported(notes, type(part).__name__.lower(), where)
    if not content and message.parts:
        return None  # documents alone
    if len(content) == 1 and content[0]["type"] == "text":
        return {"role": "user", "content": content[0]["text"]}
    return {"role": "user", "content": content}


def _image(part: Image, at: str, notes: Notes) -> JSON:
    match part.source:
        case Remote():
            url = part.source.url
        case Inline():
            url = data_uri(part.source)
        case _:
            raise _unsupported(notes, "stored images", at)
    image: JSON = {"url": url}
    if part.detail is not None:
        image["detail"] = part.detail
    return {"type": "image_url", "image_url": image}


def _file(part: File, at: str, notes: Notes) -> str | JSON:
    """A text beside the conversation, which is Cohere's only kind of document."""
    source = part.source
    if not (isinstance(source, Inline) and source.media_type.startswith("text/")):
        raise _unsupported(notes, "documents that are not text in bytes", at)
    for name in ("context", "citations"):
        if getattr(part, name) is not None:
            notes.warn(f"{at}.{name}", "Cohere has no such field: left out")
    try:
        text = base64.b64decode(source.data, validate=True).decode()
    except ValueError:
        raise BadRequestError("the document is not text in base64", param=at) from None
    return text if part.name is None else {"id": part.name, "data": {"text": text}}


def _assistant(message: Message, at: str, notes: Notes) -> JSON | None:
    content: list[JSON] = []
    citations: list[JSON] = []
    texts: list[tuple[int, Text]] = []
    plan: list[str] = []
    calls: list[JSON] = []
    for number, part in enumerate(message.parts):
        where = f"{at}.{number}"
        match part:
            case Text():
                texts.append((len(content), part))
                content.append({"type": "text", "text": part.text})
            case Refusal():
                notes.warn(where, "a refusal is sent as text")
                content.append({"type": "text", "text": part.text})
            case Reasoning():
                _reasoning(part, content, plan, where, notes)
            case ToolCall():
                if part.signature is not None:
                    notes.warn(f"{where}.signature", "Cohere signs no calls: left out")
                calls.append(write_call(part))
            case Opaque() if part.dialect == NAME and part.kind == CITATION:
                citations.append(part.data)
            case Opaque() if part.dialect == NAME:
                content.append(part.data)
            case _:
                notes.warn(where, "cannot be said back to Cohere: left out")
    first = texts[0][0] if texts else 0
    told = [_cited(one, index, first, at, notes) for index, text in texts for one in text.citations]
    citations = [one for one in told if one is not None] + citations
    if not (content or plan or calls):
        notes.warn(at, "a message without content is left out")
        return None
    written: JSON = {"role": "assistant"}
    if content:
        alone = len(content) == 1 and content[0]["type"] == "text"
        written["content"] = content[0]["text"] if alone else content
    if plan:
        written["tool_plan"] = "".join(plan)
    if calls:
        written["tool_calls"] = calls
    if citations:
        written["citations"] = citations
    return written


def _reasoning(
    part: Reasoning, content: list[JSON], plan: list[str], at: str, notes: Notes
) -> None:
    """Thoughts are taken from anybody, as text; Cohere has no signatures."""
    if part.format == PLAN:
        plan.append(part.text)
        return
    if part.signature is not None or part.encrypted is not None:
        notes.warn(f"{at}.signature", "Cohere takes no signed or encrypted reasoning: left out")
    if part.text:
        content.append({"type": "thinking", "thinking": part.text})


def _cited(one: Citation, index: int, first: int, at: str, notes: Notes) -> JSON | None:
    if one.dialect == NAME:
        return write_citation(one, index, first)
    notes.warn(f"{at}.citations", "citations of another provider: left out")
    return None


def _tool(message: Message, at: str, notes: Notes) -> list[JSON]:
    written: list[JSON] = []
    for number, part in enumerate(message.parts):
        if not isinstance(part, ToolResult):
            raise BadRequestError("a message of role tool holds tool results", param=at)
        where = f"{at}.{number}"
        for name in ("name", "is_error"):
            if getattr(part, name) is not None:
                notes.warn(f"{where}.{name}", "Cohere has no such field: left out")
        written.append(
            {
                "role": "tool",
                "tool_call_id": part.call_id,
                "content": _result_content(part, where, notes),
            }
        )
    return written


def _result_content(part: ToolResult, at: str, notes: Notes) -> str | list[JSON]:
    content: list[JSON] = []
    for each in part.parts:
        match each:
            case Text():
                content.append({"type": "text", "text": each.text})
            case Opaque() if each.dialect == NAME and each.kind == DOCUMENT:
                content.append({"type": "document", "document": each.data})
            case _:
                raise _unsupported(notes, "anything but text in tool results", at)
    if len(content) == 1 and content[0]["type"] == "text":
        text: str = content[0]["text"]
        return text
    return content


def _unsupported(notes: Notes, what: str, at: str) -> UnsupportedError:
    return UnsupportedError(
        f"{notes.model} cannot be sent {what} ({at}) over Cohere's API",
        model=notes.model,
        param=at,
    )
