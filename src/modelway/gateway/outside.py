"""URLs that a client puts into its messages: none may lead into a private network.

The gateway fetches none of them, but whoever answers does, and a local engine stands inside. Only
the names that can hold a URL are decoded; text and inline data are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct

from modelway.errors import BadRequestError, ForbiddenError
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


class _Place(Struct):
    url: Any = None
    file_url: Any = None


_messages = msgspec.json.Decoder(list[_Message]).decode
_parts = msgspec.json.Decoder(list[_Part]).decode
_place = msgspec.json.Decoder(_Place).decode
_string = msgspec.json.Decoder(str).decode

_URLS = ("image_url", "video_url", "audio_url", "document_url", "file_url")
_HOLDERS = (*_URLS, "source", "file")
_ARRAY, _OBJECT, _STRING = b'[{"'
_has_scheme = re.compile(r"\s*(?:([A-Za-z][A-Za-z0-9+.-]*):|//)").match
_ELSEWHERE = frozenset(("data", "gs", "s3"))
"""Inline data, and the providers' own stores, which are no hosts."""

_guard = OutboundGuard()


def refuse_private_urls(messages: Raw) -> None:
    """ForbiddenError, with the path of the part, for a URL to a place that is not public."""
    try:
        for number, message in enumerate(_messages(messages)):
            content = message.content
            if _begins(content) == _ARRAY:
                for path, url in _urls(content, f"messages[{number}].content"):
                    _check(path, url)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequestError(f"messages cannot be read: {error}", param="messages") from None


_NAMES = frozenset(
    ("url", "image_url", "file_url", "server_url", "uri", "fileUri", "file_uri", "connector_url")
)
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
        waiting: list[tuple[str, Any]] = [(name, msgspec.json.decode(value))]
        while waiting:
            path, inner = waiting.pop()
            if isinstance(inner, list):
                waiting += [(f"{path}[{number}]", item) for number, item in enumerate(inner)]
            elif isinstance(inner, dict):
                for key, item in inner.items():
                    if key in _NAMES and isinstance(item, str):
                        _check(f"{path}.{key}", item)
                    elif key not in _NOT_OURS:
                        waiting.append((f"{path}.{key}", item))
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequestError(f"{name} cannot be read: {error}", param=name) from None


def _begins(value: Raw) -> int:
    return memoryview(value)[0] if value is not _ABSENT else 0


def _urls(content: Raw, path: str) -> Iterator[tuple[str, str]]:
    """URLs of content parts, those in tool results included; tool arguments are not ours to judge."""
    for number, part in enumerate(_parts(content)):
        for name in _HOLDERS:
            url = _url(getattr(part, name), label=name not in _URLS)
            if url is not None:
                yield f"{path}[{number}].{name}", url
        if _begins(part.content) == _ARRAY and part.type != "tool_use":
            yield from _urls(part.content, f"{path}[{number}].content")


def _url(held: Raw, *, label: bool) -> str | None:
    """The URL that a value is or holds; where it may be a label, a plain string is no place."""
    begins = _begins(held)
    if begins == _STRING and not label:
        return _string(held)
    if begins != _OBJECT:
        return None
    place = _place(held)
    url = place.url or place.file_url
    return url if isinstance(url, str) else None


def _check(path: str, url: str) -> None:
    scheme = _has_scheme(url)
    if scheme is None or (scheme[1] or "").lower() in _ELSEWHERE:
        return
    try:
        _guard.inspect(url)
    except (ForbiddenError, BadRequestError) as error:
        raise ForbiddenError(f"{path}: {error.message}", param=path) from None
