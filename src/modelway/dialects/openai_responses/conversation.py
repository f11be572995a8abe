"""A client's ``input`` → messages: the downstream half of what was said.

Each item is read by its type; items and parts of types that we do not know are kept whole as
``Opaque``. What a model said in a row is one message, as an answer is.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Raw, Struct

from modelway.dialects.openai_responses.items import CONTENT, PHASE
from modelway.dialects.openai_responses.parts import citation_in
from modelway.dialects.openai_responses.thoughts import parts_in
from modelway.dialects.openai_responses.wire import NAME
from modelway.dialects.openai_wire.faults import malformed
from modelway.dialects.openai_wire.media import MEDIA_TYPES, from_url
from modelway.errors import BadRequestError
from modelway.types import (
    JSON,
    Audio,
    CacheTTL,
    File,
    Image,
    Inline,
    Message,
    Opaque,
    Part,
    Refusal,
    Remote,
    Role,
    Source,
    Stored,
    Text,
    ToolCall,
    ToolResult,
)

T = TypeVar("T")

_NULL = Raw(b"null")


class _Kind(Struct):
    type: str = "message"


class _PartKind(Struct):
    type: str


class _Message(Struct):
    role: Literal["system", "developer", "user", "assistant"]
    content: Raw = _NULL
    phase: str | None = None


class _Call(Struct):
    call_id: str
    name: str
    arguments: str = "{}"


class _Output(Struct):
    call_id: str
    output: Raw = _NULL


class _Texts(Struct):
    text: str = ""


class _Reasoning(Struct):
    id: str | None = None
    summary: list[_Texts] | None = None
    content: list[_Texts] | None = None
    encrypted_content: str | None = None


class _Text(Struct):
    text: str
    annotations: list[JSON] | None = None
    prompt_cache_breakpoint: Any = None


class _Image(Struct):
    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None
    prompt_cache_breakpoint: Any = None


class _File(Struct):
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    prompt_cache_breakpoint: Any = None


class _Sound(Struct):
    data: str
    format: str


class _Audio(Struct):
    input_audio: _Sound
    prompt_cache_breakpoint: Any = None


class _Refusal(Struct):
    refusal: str


_kind = msgspec.json.Decoder(_Kind)
_part_kind = msgspec.json.Decoder(_PartKind)
_message = msgspec.json.Decoder(_Message)
_call = msgspec.json.Decoder(_Call)
_output = msgspec.json.Decoder(_Output)
_reasoning = msgspec.json.Decoder(_Reasoning)
_text = msgspec.json.Decoder(_Text)
_image = msgspec.json.Decoder(_Image)
_file = msgspec.json.Decoder(_File)
_audio = msgspec.json.Decoder(_Audio)
_refusal = msgspec.json.Decoder(_Refusal)
_object = msgspec.json.Decoder(dict[str, Any])
_string = msgspec.json.Decoder(str)
_list = msgspec.json.Decoder(list[Raw])

_THEIRS = frozenset(
    {
        "code_interpreter_call",
        "compaction",
        "computer_call",
        "custom_tool_call",
        "apply_patch_call",
        "file_search_call",
        "image_generation_call",
        "local_shell_call",
        "mcp_approval_request",
        "mcp_call",
        "mcp_list_tools",
        "shell_call",
        "tool_search_call",
        "web_search_call",
    }
)
"""Items of an answer, sent back. Source: OpenAPI 2.3.0, OutputItem, 2026-11-21."""


def read(decoder: msgspec.json.Decoder[T], raw: Raw, path: str) -> T:
    """A field's value; BadRequestError with the path of what is wrong with it."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise malformed(what, path + where.rstrip("`")) from None
    except RecursionError:
        raise malformed("nested too deeply", path) from None


def messages(raw: Raw) -> tuple[Message, ...]:
    """Of ``input``: a text, or a list of items."""
    if bytes(memoryview(raw)[:1]) == b'"':
        return (Message(role="user", parts=_texts(read(_string, raw, "input"))),)
    found: list[Message] = []
    items = read(_list, raw, "input")
    for number, item in enumerate(items):
        role, parts = _item(item, f"input[{number}]")
        if role == "assistant" and found and found[-1].role == "assistant":
            parts = found.pop().parts + parts
        found.append(Message(role=role, parts=parts))
    return tuple(found)


def _item(raw: Raw, path: str) -> tuple[Role, tuple[Part, ...]]:
    kind = read(_kind, raw, path).type
    match kind:
        case "message":
            told = read(_message, raw, path)
            parts = _content(told.content, f"{path}.content")
            if told.phase is not None and parts:
                phase = Opaque(dialect=NAME, kind=PHASE, data={"phase": told.phase})
                parts = (phase, *parts)
            return told.role, parts
        case "function_call":
            call = read(_call, raw, path)
            part = ToolCall(id=call.call_id, name=call.name, arguments=call.arguments)
            return "assistant", (part,)
        case "function_call_output":
            return "tool", (_result(read(_output, raw, path), path),)
        case "reasoning":
            return "assistant", _thoughts(read(_reasoning, raw, path))
        case _:
            data = read(_object, raw, path)
            role: Role = "assistant" if kind in _THEIRS else "user"
            return role, (Opaque(dialect=NAME, kind=kind, data=data),)


def _result(told: _Output, path: str) -> ToolResult:
    parts: list[Text | Image | File | Opaque] = []
    for number, part in enumerate(_content(told.output, f"{path}.output")):
        if not isinstance(part, Text | Image | File | Opaque):
            raise malformed("a tool's result cannot hold this", f"{path}.output[{number}]")
        parts.append(part)
    return ToolResult(call_id=told.call_id, parts=tuple(parts))


def _thoughts(told: _Reasoning) -> tuple[Part, ...]:
    summary = "\n\n".join([part.text for part in told.summary or () if part.text])
    thought = "".join([part.text for part in told.content or ()])
    return parts_in(told.id, summary, thought, told.encrypted_content)


# ---------------------------------------------------------------- content


def _texts(text: str) -> tuple[Text, ...]:
    return (Text(text=text),) if text else ()


def _content(raw: Raw, path: str) -> tuple[Part, ...]:
    match bytes(memoryview(raw)[:1]):
        case b'"':
            return _texts(read(_string, raw, path))
        case b"[":
            items = read(_list, raw, path)
            return tuple([_part(item, f"{path}[{number}]") for number, item in enumerate(items)])
        case b"n":
            return ()
        case _:
            raise malformed("must be a string or a list of parts", path)


def _part(raw: Raw, path: str) -> Part:
    kind = read(_part_kind, raw, path).type
    match kind:
        case "input_text" | "output_text" | "text":
            text = read(_text, raw, path)
            citations = tuple([citation_in(one) for one in text.annotations or ()])
            return Text(text=text.text, citations=citations, cache=_cache(text))
        case "input_image":
            image = read(_image, raw, path)
            return Image(
                source=_image_source(image, path), detail=image.detail, cache=_cache(image)
            )
        case "input_file":
            file = read(_file, raw, path)
            return File(source=_file_source(file, path), name=file.filename, cache=_cache(file))
        case "input_audio":
            audio = read(_audio, raw, path)
            wanted = audio.input_audio.format
            media_type = MEDIA_TYPES.get(wanted, f"audio/{wanted}")
            inline = Inline(media_type=media_type, data=audio.input_audio.data)
            return Audio(source=inline, cache=_cache(audio))
        case "refusal":
            return Refusal(text=read(_refusal, raw, path).refusal)
        case _:
            return Opaque(dialect=NAME, kind=CONTENT + kind, data=read(_object, raw, path))


def _cache(part: _Text | _Image | _File | _Audio) -> CacheTTL | None:
    return "5m" if part.prompt_cache_breakpoint is not None else None


def _image_source(image: _Image, path: str) -> Source:
    if image.file_id is not None:
        return Stored(id=image.file_id)
    if image.image_url is None:
        raise malformed("image_url or file_id is required", path)
    return _url(image.image_url, f"{path}.image_url")


def _file_source(file: _File, path: str) -> Source:
    if file.file_id is not None:
        return Stored(id=file.file_id)
    if file.file_url is not None:
        return _url(file.file_url, f"{path}.file_url")
    if file.file_data is None:
        raise malformed("file_id, file_data or file_url is required", path)
    if file.file_data.startswith("data:"):
        return _url(file.file_data, f"{path}.file_data")
    # Bare base64, of the one type that OpenAI's API reads.
    return Inline(media_type="application/pdf", data=file.file_data)


def _url(url: str, path: str) -> Remote | Inline:
    source = from_url(url)
    if isinstance(source, Remote) and url.startswith("data:"):
        raise BadRequestError(f"{path}: a data: URL must be base64", param=path)
    return source
