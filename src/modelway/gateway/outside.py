"""URLs that a client puts into its messages: none may lead into a private network.

The gateway fetches none of them, but whoever answers does, and a local engine stands inside. Only
the names that can hold a URL are decoded; text and inline data are passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct

from modelway.errors import BadRequestError, ForbiddenError
from modelway.framing.fields import split
from modelway.transport.outbound import OutboundGuard

_ABSENT = Raw(b"")


class _Message(Struct):
    content: Raw = _ABSENT


class _Part(Struct):
    """A content part of either dialect, as far as it can name a place."""

    type: Any = None
    content: Raw = _ABSENT
    image_url: Raw = _ABSENT
    video_url: Raw = _ABSENT
    audio_url: Raw = _ABSENT
    document_url: Raw = _ABSENT
    file_url: Raw = _ABSENT
    source: Raw = _ABSENT
    file: Raw = _ABSENT
    input_audio: Raw = _ABSENT
    image: Raw = _ABSENT
    video: Raw = _ABSENT
    audio: Raw = _ABSENT


class _Place(Struct):
    """What holds a URL, or content, for which some hosts take a URL; or parts of its own."""

    url: Any = None
    file_url: Any = None
    file_data: Raw = _ABSENT
    data: Raw = _ABSENT
    content: Raw = _ABSENT


_messages = msgspec.json.Decoder(list[_Message]).decode
_parts = msgspec.json.Decoder(list[_Part]).decode
_place = msgspec.json.Decoder(_Place).decode
_string = msgspec.json.Decoder(str).decode
_raws = msgspec.json.Decoder(list[Raw]).decode

_URLS = ("image_url", "video_url", "audio_url", "document_url", "file_url")
_HOLDERS = (*_URLS, "source", "file", "input_audio", "image", "video", "audio")
_MEDIA = ("image", "video", "audio", "]")
"""How the path of a holder ends in which a plain string is content, and no label."""
_ARRAY, _OBJECT, _STRING = b'[{"'
_has_scheme = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):|[/\\]{2})").match
_is_absolute = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[/\\]").match
_is_base64 = re.compile(rb'"[A-Za-z0-9+/=_-]*"?').fullmatch
_BEGINNING = 64
_CONTENT_NAME = b'"content"'
_BLANK = "".join(map(chr, range(0x21)))
_UNREAD = "\t\r\n"
"""What readers of URLs leave out before, and within. Source: https://url.spec.whatwg.org/, 2026-11-21."""
_ELSEWHERE = frozenset(("data", "gs", "s3"))
"""Inline data, and the providers' own stores, which are no hosts."""

_guard = OutboundGuard()


def refuse_private_urls(messages: Raw) -> None:
    """ForbiddenError, with the path of the part, for a URL to a place that is not public."""
    try:
        read = _messages(messages)
        if bytes(messages).count(_CONTENT_NAME) > len(read):
            for raw in _raws(messages):
                split(bytes(raw))  # a content given twice could hide a place from one reader
        for number, message in enumerate(read):
            content = message.content
            if _begins(content) == _ARRAY:
                for path, url in _urls(content, f"messages[{number}].content"):
                    _check(path, url)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequestError(f"messages cannot be read: {error}", param="messages") from None


_NAMES = frozenset(
    (
        "connector_url",
        "endpoint",
        "fileUri",
        "file_uri",
        "file_url",
        "image_url",
        "server_url",
        "uri",
        "url",
    )
)
_CONTENT = frozenset(("audio", "data", "file_data", "image", "images", "video"))
"""Fields that hold content, for which some hosts take a URL."""
"""Fields of the other dialects that hold a URL, wherever they stand."""
_NOT_OURS = frozenset(
    (
        "annotations",
        "args",
        "arguments",
        "citations",
        "input_schema",
        "json",
        "parameters",
        "parametersJsonSchema",
        "response",
        "schema",
        "sources",
    )
)
"""What functions are given and give, and what they are declared with: data, and no places."""


def refuse_private_places(name: str, value: Raw) -> None:
    """The same for a field of any dialect: every URL below it, but for what functions say."""
    try:
        _refuse_hidden(name, value)
        waiting: list[tuple[str, str, Any]] = [(name, name, msgspec.json.decode(value))]
        while waiting:
            path, key, inner = waiting.pop()
            if isinstance(inner, str):
                if key in _NAMES or (key in _CONTENT and _says_url(inner)):
                    _check(path, inner)
            elif isinstance(inner, list):
                waiting += [(f"{path}[{number}]", key, item) for number, item in enumerate(inner)]
            elif isinstance(inner, dict):
                waiting += [
                    (f"{path}.{inside}", inside, item)
                    for inside, item in inner.items()
                    if inside not in _NOT_OURS
                ]
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequestError(f"{name} cannot be read: {error}", param=name) from None


def refuse_private_place(name: str, content: bytes) -> None:
    """The same for a form's field, whose content is text or a file."""
    begins = content[:_BEGINNING].decode("utf-8", "replace")
    if name in _NAMES or (name in _CONTENT and _says_url(begins)):
        _check(name, content.decode("utf-8", "replace"))


def _refuse_hidden(name: str, value: Raw) -> None:
    """A URL could hide behind a field that is given twice, once for each reader."""
    written = bytes(value)
    if b"://" in written or b"\\u" in written or b"\\/" in written:
        refuse_twice(name, value)


def refuse_twice(name: str, value: Raw) -> None:
    """BadRequestError where any object below has a field twice, and where it is nested too deeply."""
    try:
        json.loads(bytes(value), object_pairs_hook=lambda pairs: _once(name, pairs))
    except RecursionError:
        raise BadRequestError(f"{name} is nested too deeply", param=name) from None


def _once(within: str, pairs: list[tuple[str, Any]]) -> None:
    names = {name for name, _ in pairs}
    if len(names) < len(pairs):
        raise BadRequestError(f"a field within {within} is given twice; give it once", param=within)


def _begins(value: Raw) -> int:
    return memoryview(value)[0] if value is not _ABSENT else 0


def _urls(content: Raw, path: str) -> Iterator[tuple[str, str]]:
    """URLs of content parts, those in tool results included; tool arguments are not ours to judge.

    BadRequestError for a field given twice, looked for where one could hide a place.
    """
    parts = _parts(content)
    holders = [
        (number, name, held)
        for number, part in enumerate(parts)
        for name in _HOLDERS
        if (held := getattr(part, name)) is not _ABSENT
    ]
    nested = [number for number, part in enumerate(parts) if part.content is not _ABSENT]
    if holders or (nested and bytes(content).count(_CONTENT_NAME) > len(nested)):
        refuse_twice(path, content)
    for number, name, held in holders:
        yield from _held(held, f"{path}[{number}].{name}", label=name not in _URLS)
    for number in nested:
        part = parts[number]
        if _begins(part.content) == _ARRAY and part.type != "tool_use":
            yield from _urls(part.content, f"{path}[{number}].content")


def _held(held: Raw, path: str, *, label: bool) -> Iterator[tuple[str, str]]:
    """The URLs that a value is or holds; where it may be a label, a plain string is none."""
    begins = _begins(held)
    if begins == _STRING:
        if not label:
            yield path, _string(held)
        elif path.endswith(_MEDIA):
            yield from _content(held, path)
    elif begins == _ARRAY:
        for number, inner in enumerate(_raws(held)):
            yield from _held(inner, f"{path}[{number}]", label=label)
    elif begins == _OBJECT:
        place = _place(held)
        yield from [(path, url) for url in (place.url, place.file_url) if isinstance(url, str)]
        yield from _content(place.file_data, f"{path}.file_data")
        yield from _content(place.data, f"{path}.data")
        if _begins(place.content) == _ARRAY:
            yield from _urls(place.content, f"{path}.content")


def _content(data: Raw, path: str) -> Iterator[tuple[str, str]]:
    """Content that says of itself that it is a URL; other content is not looked through."""
    if _begins(data) == _STRING and not _is_base64(memoryview(data)[:_BEGINNING]):
        told = _string(data)
        if _says_url(told):
            yield path, told


def _says_url(content: str) -> bool:
    return _is_absolute(_beginning(content)) is not None


def _beginning(url: str) -> str:
    """How a URL begins for the most lenient of its readers."""
    begins = url.lstrip(_BLANK)[:_BEGINNING]
    if any(letter in begins for letter in _UNREAD):
        begins = "".join(url.split()).lstrip(_BLANK)[:_BEGINNING]
    return begins


def _check(path: str, url: str) -> None:
    scheme = _has_scheme(_beginning(url))
    if scheme is None or (scheme[1] or "").lower() in _ELSEWHERE:
        return
    try:
        _guard.inspect(url)
    except (ForbiddenError, BadRequestError) as error:
        raise ForbiddenError(f"{path}: {error.message}", param=path) from None
