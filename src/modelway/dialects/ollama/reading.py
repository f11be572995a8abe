"""Messages, images and tools read: a client's, and those of an answer.

A result names its tool and, where the server knows ids, its call; a conversation without ids is given
some that count its calls.
Source: https://docs.ollama.com/capabilities/tool-calling and https://docs.ollama.com/api/chat,
2026-11-21.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from msgspec import Raw
from msgspec.json import Decoder

from modelway.dialects.ollama.wire import ANY, JSON_OBJECT, NAME, Call, InputMessage, InputTool
from modelway.dialects.reading import maybe, read
from modelway.errors import BadRequestError
from modelway.types import (
    HostedTool,
    Image,
    Inline,
    Message,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)

_messages = Decoder(list[InputMessage])
_tool = Decoder(InputTool)
_raws = Decoder(list[Raw])

_BEGINNINGS = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
)
_UNKNOWN = "application/octet-stream"


class _Calls:
    """The calls of a conversation so far: who a result answers where it does not say."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self._open: list[str] = []

    def add(self, call: Call) -> str:
        id_ = call.id or f"call_{len(self.names) + 1}"
        self.names[id_] = call.function.name
        self._open.append(id_)
        return id_

    def answered(self, message: InputMessage) -> str:
        """The id: as said, else of the first call of that tool that waits, else of the first."""
        id_ = message.tool_call_id
        if not id_:
            named = (one for one in self._open if self.names[one] == message.tool_name)
            id_ = next(named, None) or (self._open[0] if self._open else "call_0")
        if id_ in self._open:
            self._open.remove(id_)
        return id_


def read_messages(raw: Raw) -> tuple[Message, ...]:
    calls = _Calls()
    said = read(_messages, raw, "messages")
    return tuple([_read_message(one, calls, f"messages.{at}") for at, one in enumerate(said)])


def _read_message(message: InputMessage, calls: _Calls, at: str) -> Message:
    said = (Text(text=message.content),) if message.content else ()
    match message.role:
        case "tool":
            id_ = calls.answered(message)
            name = message.tool_name
            result = ToolResult(
                call_id=id_,
                parts=(*said, *read_images(message.images)),
                name=None if name == calls.names.get(id_) else name,
            )
            return Message(role="tool", parts=(result,))
        case "assistant":
            thought = (Reasoning(text=message.thinking),) if message.thinking else ()
            asked = [
                ToolCall(id=calls.add(call), name=call.function.name, arguments=arguments_in(call))
                for call in message.tool_calls or ()
            ]
            images = read_images(message.images)
            return Message(role="assistant", parts=(*thought, *said, *images, *asked))
        case "user" | "system":
            return Message(role=message.role, parts=(*read_images(message.images), *said))
        case other:
            raise BadRequestError(f"system, user, assistant or tool, not {other!r}", param=at)


def arguments_in(call: Call) -> str:
    """The object's text, digit for digit; older templates put it in a string."""
    raw = bytes(call.function.arguments)
    if raw[:1] == b'"':
        text = ANY.decode(raw)
        return text if isinstance(text, str) else "{}"
    return "{}" if raw == b"null" else raw.decode()


def read_images(images: Sequence[str] | None) -> tuple[Image, ...]:
    """Base64 without a type, which the first bytes tell."""
    return tuple([_image(data) for data in images or ()])


def _image(data: str) -> Image:
    if data.startswith("data:"):  # some clients leave the prefix
        head, _, data = data[5:].partition(",")
        return Image(source=Inline(media_type=head.partition(";")[0] or _UNKNOWN, data=data))
    try:
        begun = base64.b64decode(data[:16])
    except ValueError:
        begun = b""
    found = [kind for beginning, kind in _BEGINNINGS if begun.startswith(beginning)]
    return Image(source=Inline(media_type=found[0] if found else _UNKNOWN, data=data))


def read_tools(raw: Raw) -> tuple[Tool | HostedTool, ...]:
    said = read(_raws, raw, "tools")
    return tuple([_read_tool(one, f"tools.{number}") for number, one in enumerate(said)])


def _read_tool(raw: Raw, at: str) -> Tool | HostedTool:
    """A tool that says more than we model is kept whole."""
    found = maybe(_tool, raw)
    if found is None or found.type not in (None, "function"):
        return HostedTool(dialect=NAME, definition=read(JSON_OBJECT, raw, at))
    function = found.function
    if function.parameters is None:
        return Tool(name=function.name, description=function.description)
    return Tool(
        name=function.name, description=function.description, parameters=function.parameters
    )
