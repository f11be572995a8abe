"""A client's messages → ours: the downstream half of what was said.

Each content part is read by its type; a type that we do not know is kept whole as ``Opaque``.
"""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar, get_args

import msgspec
from msgspec import Struct

from modelway.dialects.openai_chat.parts import cache_in, image_in
from modelway.dialects.openai_chat.reasoning import details_in, text_of
from modelway.dialects.openai_chat.wire import JSON, NAME, Function, ReasoningDetail
from modelway.dialects.openai_wire.faults import malformed
from modelway.dialects.openai_wire.media import MEDIA_TYPES, from_url
from modelway.types import (
    Audio,
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

_ROLES = frozenset(get_args(Role))
_ABSENT = msgspec.Raw(b"null")


class _Call(Struct):
    id: str | None = None
    type: str | None = None
    function: Function | None = None
    extra_content: JSON | None = None


class _AudioId(Struct):
    id: str


class _Message(Struct):
    role: str
    content: msgspec.Raw = _ABSENT
    name: str | None = None
    tool_call_id: str | None = None
    tool_calls: list[msgspec.Raw] | None = None
    function_call: Function | None = None
    refusal: str | None = None
    audio: _AudioId | None = None
    reasoning_content: str | None = None
    reasoning: Any = None
    reasoning_details: list[ReasoningDetail] | None = None
    annotations: list[JSON] | None = None
    images: list[Any] | None = None


class _Text(Struct):
    text: str
    cache_control: Any = None


class _ImageUrl(Struct):
    url: str
    detail: str | None = None


class _Image(Struct):
    image_url: _ImageUrl | str
    cache_control: Any = None


class _Sound(Struct):
    data: str
    format: str


class _Audio(Struct):
    input_audio: _Sound
    cache_control: Any = None


class _FileBody(Struct):
    file_id: str | None = None
    file_data: str | None = None
    filename: str | None = None


class _File(Struct):
    file: _FileBody
    cache_control: Any = None


class _Refusal(Struct):
    refusal: str


class _Kind(Struct):
    type: str


_items: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
_message = msgspec.json.Decoder(_Message)
_string = msgspec.json.Decoder(str)
_kind = msgspec.json.Decoder(_Kind)
_object = msgspec.json.Decoder(dict[str, Any])
_call = msgspec.json.Decoder(_Call)
_texts = msgspec.json.Decoder(_Text)
_images = msgspec.json.Decoder(_Image)
_audios = msgspec.json.Decoder(_Audio)
_files = msgspec.json.Decoder(_File)
_refusals = msgspec.json.Decoder(_Refusal)


def read(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw, path: str) -> T:
    """A value; BadRequestError with the path of the fault inside the body."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        full = path + where.rstrip("`")
        raise malformed(what, full) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise malformed(str(error), path) from None


def messages(raw: msgspec.Raw) -> tuple[Message, ...]:
    """The conversation; BadRequestError names the message and part that are at fault."""
    found: list[Message] = []
    items = read(_items, raw, "messages")
    for number, item in enumerate(items):
        path = f"messages[{number}]"
        told = read(_message, item, path)
        if told.role == "function":
            found.append(_function_result(told, found, path))
        elif told.role not in _ROLES:
            raise malformed(f"there is no role {told.role!r}", f"{path}.role")
        elif told.role == "tool":
            found.append(_tool(told, path))
        elif told.role == "assistant":
            found.append(_assistant(told, number, path))
        elif told.images:
            raise malformed("images stand in the content, as image_url parts", f"{path}.images")
        else:
            parts = tuple(_content(told.content, f"{path}.content"))
            found.append(Message(role=told.role, parts=parts, name=told.name))  # type: ignore[arg-type]
    return tuple(found)


# ---------------------------------------------------------------- roles


def _tool(told: _Message, path: str) -> Message:
    if told.tool_call_id is None:
        raise malformed("required for a message of role 'tool'", f"{path}.tool_call_id")
    return _result(told, told.tool_call_id, path)


def _result(told: _Message, call_id: str, path: str) -> Message:
    parts: list[Text | Image | File | Opaque] = []
    for number, part in enumerate(_content(told.content, f"{path}.content")):
        if not isinstance(part, Text | Image | File | Opaque):
            raise malformed("a tool's result cannot hold this", f"{path}.content[{number}]")
        parts.append(part)
    result = ToolResult(call_id=call_id, parts=tuple(parts), name=told.name)
    return Message(role="tool", parts=(result,))


def _function_result(told: _Message, before: list[Message], path: str) -> Message:
    """The form before tools: a result names its function, and belongs to that function's last call."""
    if told.name is None:
        raise malformed("required for a message of role 'function'", f"{path}.name")
    calls = [part for message in before for part in message.parts if isinstance(part, ToolCall)]
    call_id = next((call.id for call in reversed(calls) if call.name == told.name), "")
    if not call_id:
        raise malformed(f"no earlier call of the function {told.name!r}", f"{path}.name")
    return _result(told, call_id, path)


def _assistant(told: _Message, number: int, path: str) -> Message:
    plain = text_of(told.reasoning_content, told.reasoning)
    parts: list[Part] = [*details_in(told.reasoning_details or [], plain)]
    parts += _content(told.content, f"{path}.content")
    if told.refusal:
        parts.append(Refusal(text=told.refusal))
    for image in told.images or ():
        part = image_in(image) if isinstance(image, dict) else None
        if part is None:
            raise malformed("an image must have image_url.url", f"{path}.images")
        parts.append(part)
    if told.audio is not None:
        parts.append(Audio(source=Stored(id=told.audio.id), id=told.audio.id))
    for annotation in told.annotations or ():
        if annotation.get("type") != "url_citation":
            parts.append(Opaque(dialect=NAME, kind="annotation", data=annotation))
    for position, raw in enumerate(told.tool_calls or ()):
        parts.append(_tool_call(raw, f"{path}.tool_calls[{position}]"))
    if told.function_call is not None:
        parts.append(_called(told.function_call, f"call_{number}", None, f"{path}.function_call"))
    return Message(role="assistant", parts=tuple(parts), name=told.name)


def _tool_call(raw: msgspec.Raw, path: str) -> Part:
    told = read(_call, raw, path)
    if told.type not in {None, "function"}:
        return Opaque(dialect=NAME, kind=f"{told.type}_tool_call", data=read(_object, raw, path))
    if told.id is None:
        raise malformed("required", f"{path}.id")
    if told.function is None:
        raise malformed("required", f"{path}.function")
    google = (told.extra_content or {}).get("google")
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    return _called(told.function, told.id, signature, f"{path}.function")


def _called(function: Function, call_id: str, signature: str | None, path: str) -> ToolCall:
    if function.name is None:
        raise malformed("required", f"{path}.name")
    arguments = function.arguments
    if arguments is None:
        arguments = "{}"
    elif not isinstance(arguments, str):
        arguments = msgspec.json.encode(arguments).decode()
    return ToolCall(id=call_id, name=function.name, arguments=arguments, signature=signature)


# ---------------------------------------------------------------- content


def _content(raw: msgspec.Raw, path: str) -> list[Part]:
    first = bytes(memoryview(raw)[:1])
    if first == b'"':
        text = read(_string, raw, path)
        return [Text(text=text)] if text else []
    if first == b"[":
        items = read(_items, raw, path)
        return [_part(item, f"{path}[{number}]") for number, item in enumerate(items)]
    if first == b"n":
        return []
    raise malformed("must be a string or a list of parts", path)


def _part(raw: msgspec.Raw, path: str) -> Part:
    kind = read(_kind, raw, path).type
    match kind:
        case "text":
            text = read(_texts, raw, path)
            return Text(text=text.text, cache=cache_in(text.cache_control))
        case "image_url":
            image = read(_images, raw, path)
            told = image.image_url
            url, detail = (told, None) if isinstance(told, str) else (told.url, told.detail)
            source = _url(url, f"{path}.image_url.url")
            return Image(source=source, detail=detail, cache=cache_in(image.cache_control))
        case "input_audio":
            audio = read(_audios, raw, path)
            wanted = audio.input_audio.format
            media_type = MEDIA_TYPES.get(wanted, f"audio/{wanted}")
            inline = Inline(media_type=media_type, data=audio.input_audio.data)
            return Audio(source=inline, cache=cache_in(audio.cache_control))
        case "file":
            file = read(_files, raw, path)
            document = _file_source(file.file, f"{path}.file")
            cache = cache_in(file.cache_control)
            return File(source=document, name=file.file.filename, cache=cache)
        case "refusal":
            return Refusal(text=read(_refusals, raw, path).refusal)
        case _:
            return Opaque(dialect=NAME, kind=kind, data=read(_object, raw, path))


def _url(url: str, path: str) -> Remote | Inline:
    source = from_url(url)
    if isinstance(source, Remote) and url.startswith("data:"):
        _not_base64(path)
    return source


def _file_source(body: _FileBody, path: str) -> Source:
    if body.file_id is not None:
        return Stored(id=body.file_id)
    if body.file_data is None:
        raise malformed("file_id or file_data is required", path)
    if body.file_data.startswith(("data:", "http://", "https://")):
        return _url(body.file_data, f"{path}.file_data")
    # Bare base64, of the one type that OpenAI's API reads.
    return Inline(media_type="application/pdf", data=body.file_data)


def _not_base64(path: str) -> NoReturn:
    raise malformed("a data: URL must be base64", path)
