"""A client's conversation read: Cohere's ``messages`` and ``documents`` → our messages.

A document of the request is a part of the last message of role ``user``: a ``File`` of text, or what
says more, kept whole. Documents in tool results are read as text, the JSON that they hold, so that
every provider takes them.
"""

from __future__ import annotations

import base64

import msgspec
from msgspec import Raw
from msgspec.json import Decoder

from modelway.dialects.cohere.content import DOCUMENT, read_image, read_said
from modelway.dialects.cohere.wire import ANY, NAME, RAW_LIST, Block, Document, InputMessage
from modelway.dialects.reading import maybe, read
from modelway.errors import BadRequestError
from modelway.types import File, Image, Inline, Message, Opaque, Part, Text, ToolResult

_messages = Decoder(list[InputMessage])
_document = Decoder(Document)


def read_conversation(messages: Raw, documents: Raw | None) -> tuple[Message, ...]:
    told = read(_messages, messages, "messages")
    found = [_read(message, f"messages.{number}") for number, message in enumerate(told)]
    if documents is not None:
        raws = read(RAW_LIST, documents, "documents")
        parts = [_read_document(raw, f"documents.{number}") for number, raw in enumerate(raws)]
        if parts:
            _add_to_question(found, parts)
    return tuple(found)


def _add_to_question(found: list[Message], parts: list[Part]) -> None:
    for number in range(len(found) - 1, -1, -1):
        if found[number].role == "user":
            whole = (*found[number].parts, *parts)
            found[number] = msgspec.structs.replace(found[number], parts=whole)
            return
    found.append(Message(role="user", parts=tuple(parts)))


def _read(message: InputMessage, at: str) -> Message:
    match message.role.lower():
        case "system" | "developer" as role:
            return Message(role=role, parts=tuple(_texts(message.content, at)))
        case "user":
            return Message(role="user", parts=tuple(_asked(message.content, at)))
        case "assistant":
            return Message(role="assistant", parts=tuple(read_said(message)))
        case "tool":
            result = ToolResult(
                call_id=message.tool_call_id or "", parts=tuple(_result(message.content, at))
            )
            return Message(role="tool", parts=(result,))
        case _:
            raise BadRequestError("a role is system, user, assistant or tool", param=f"{at}.role")


def _texts(content: str | list[Block] | None, at: str) -> list[Text]:
    if isinstance(content, str):
        return [Text(text=content)]
    for number, block in enumerate(content or ()):
        if block.type not in ("text", ""):
            raise BadRequestError("only text stands here", param=f"{at}.content.{number}.type")
    return [Text(text=block.text) for block in content or ()]


def _asked(content: str | list[Block] | None, at: str) -> list[Part]:
    if isinstance(content, str):
        return [Text(text=content)]
    parts: list[Part] = []
    for number, block in enumerate(content or ()):
        where = f"{at}.content.{number}"
        match block.type:
            case "text" | "":
                parts.append(Text(text=block.text))
            case "image_url":
                parts.append(read_image(block, where))
            case _:
                raise BadRequestError("text or image_url", param=f"{where}.type")
    return parts


def _result(content: str | list[Block] | None, at: str) -> list[Text | Image | File | Opaque]:
    if isinstance(content, str):
        return [Text(text=content)]
    parts: list[Text | Image | File | Opaque] = []
    for number, block in enumerate(content or ()):
        match block.type:
            case "text" | "":
                parts.append(Text(text=block.text))
            case "document":
                whole = block.document or {}
                said = whole.get("data") if whole.keys() == {"data"} else whole
                parts.append(Text(text=msgspec.json.encode(said).decode()))
            case _:
                raise BadRequestError("text or document", param=f"{at}.content.{number}.type")
    return parts


def _read_document(raw: Raw, at: str) -> Part:
    whole = read(ANY, raw, at)
    if isinstance(whole, str):
        return _text_file(whole, None)
    found = maybe(_document, raw)
    if found is not None and found.id is not None and found.data.keys() == {"text"}:
        text = found.data["text"]
        if isinstance(text, str):
            return _text_file(text, found.id)
    if not isinstance(whole, dict):
        raise BadRequestError("a document is a text or an object", param=at)
    return Opaque(dialect=NAME, kind=DOCUMENT, data=whole)


def _text_file(text: str, name: str | None) -> File:
    data = base64.b64encode(text.encode("utf-8", "replace")).decode()
    return File(source=Inline(media_type="text/plain", data=data), name=name)
