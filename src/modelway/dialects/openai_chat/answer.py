"""Parts of an answer → the fields of a message or delta that a client of this dialect reads."""

from __future__ import annotations

from typing import assert_never

from modelway.dialects.openai_chat.parts import citation_out, image_out
from modelway.dialects.openai_chat.reasoning import details_out
from modelway.dialects.openai_chat.wire import JSON, NAME
from modelway.dialects.openai_wire.media import data_url
from modelway.types import (
    Audio,
    File,
    Image,
    Inline,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Remote,
    Stored,
    Text,
    ToolCall,
    ToolResult,
)


def message_out(message: Message) -> JSON:
    """The message. What this dialect has no form for (another's opaque parts, files) is left out."""
    written: JSON = {"role": "assistant", "content": None, "refusal": None}
    thoughts = [part for part in message.parts if isinstance(part, Reasoning)]
    if thoughts:
        text = "".join([part.text for part in thoughts])
        if text:
            written["reasoning_content"] = text
        groups = [details_out(part, index) for index, part in enumerate(thoughts)]
        written["reasoning_details"] = [detail for group in groups for detail in group]
    for part in message.parts:
        match part:
            case Text():
                written["content"] = (written["content"] or "") + part.text
                for citation in part.citations:
                    annotation = citation_out(citation)
                    if annotation is not None:
                        written.setdefault("annotations", []).append(annotation)
            case Refusal():
                written["refusal"] = (written["refusal"] or "") + part.text
            case ToolCall():
                written.setdefault("tool_calls", []).append(call_out(part))
            case Image() | Audio() | Opaque():
                for name, value in whole_out(part).items():
                    if name == "audio":
                        written[name] = value
                    else:
                        written.setdefault(name, []).extend(value)
            case Reasoning() | File() | ToolResult():
                pass
            case _:
                assert_never(part)
    return written


def call_out(call: ToolCall) -> JSON:
    written: JSON = {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }
    if call.signature is not None:
        written["extra_content"] = {"google": {"thought_signature": call.signature}}
    return written


def whole_out(part: Image | Audio | File | Opaque) -> JSON:
    """The fields for a part that is delivered whole; none for what this dialect cannot say."""
    match part:
        case Image(source=Remote(url=url)):
            return {"images": [image_out(url, part.detail)]}
        case Image(source=Inline() as source):
            return {"images": [image_out(data_url(source), part.detail)]}
        case Audio():
            return {"audio": _audio(part)}
        case Opaque(dialect=dialect, kind="annotation") if dialect == NAME:
            return {"annotations": [part.data]}
        case Opaque(dialect=dialect, kind="custom_tool_call") if dialect == NAME:
            return {"tool_calls": [part.data]}
        case Image() | File() | Opaque():
            return {}
        case _:
            assert_never(part)


def _audio(part: Audio) -> JSON:
    match part.source:
        case Inline(data=data):
            told: JSON = {"id": part.id or "", "data": data}
        case Stored(id=id):
            told = {"id": part.id or id, "data": ""}
        case Remote():
            told = {"id": part.id or "", "data": ""}
        case _:
            assert_never(part.source)
    return {**told, "transcript": part.transcript or "", "expires_at": 0}
