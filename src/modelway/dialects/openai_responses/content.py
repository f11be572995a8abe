"""A client's content → parts: a text, or a list of them, each read by its type."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from modelway.dialects.openai_responses.items import CONTENT
from modelway.dialects.openai_responses.parts import citation_in
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
    Opaque,
    Part,
    Refusal,
    Remote,
    Source,
    Stored,
    Text,
)

T = TypeVar("T")


class _PartKind(Struct):
    type: str


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


_part_kind = msgspec.json.Decoder(_PartKind)
_text = msgspec.json.Decoder(_Text)
_image = msgspec.json.Decoder(_Image)
_file = msgspec.json.Decoder(_File)
_audio = msgspec.json.Decoder(_Audio)
_refusal = msgspec.json.Decoder(_Refusal)
_string = msgspec.json.Decoder(str)
_list = msgspec.json.Decoder(list[Raw])
_object = msgspec.json.Decoder(dict[str, Any])


def read(decoder: msgspec.json.Decoder[T], raw: Raw, path: str) -> T:
    """A field's value; BadRequestError with the path of what is wrong with it."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise malformed(what, path + where.rstrip("`")) from None
    except RecursionError:
        raise malformed("nested too deeply", path) from None


def texts_in(text: str) -> tuple[Text, ...]:
    return (Text(text=text),) if text else ()


def content_in(raw: Raw, path: str) -> tuple[Part, ...]:
    match bytes(memoryview(raw)[:1]):
        case b'"':
            return texts_in(read(_string, raw, path))
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
