"""URLs that a client puts into its messages: none may lead into a private network.

The gateway fetches none of them, but whoever answers does, and a local engine stands inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from modelway.errors import BadRequestError, ForbiddenError
from modelway.framing.fields import Fields
from modelway.transport.outbound import OutboundGuard

_outside = re.compile(rb'url"\s*:\s*"(?!data:)').search

_URLS = ("image_url", "video_url", "audio_url", "document_url", "file_url")
_HOLDERS = (*_URLS, "source", "file")
_has_scheme = re.compile(r"\s*(?:([A-Za-z][A-Za-z0-9+.-]*):|//)").match
_ELSEWHERE = frozenset(("data", "gs", "s3"))
"""Inline data, and the providers' own stores, which are no hosts."""
_guard = OutboundGuard()


def refuse_private_urls(body: bytes, fields: Fields) -> None:
    """ForbiddenError, with the path of the part, for a URL to a place that is not public."""
    messages = fields.get("messages")
    if messages is None or not _may_hold(body):
        return
    try:
        said = msgspec.json.decode(messages)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequestError(f"messages cannot be read: {error}", param="messages") from None
    for number, message in enumerate(said):
        content = message.get("content") if isinstance(message, dict) else None
        for path, url in _urls(content, f"messages[{number}].content"):
            _check(path, url)


def _may_hold(body: bytes) -> bool:
    """True of a body with a URL that is not inline data, and of one whose names may be escaped."""
    return b"\\u00" in body or (b'url"' in body and _outside(body) is not None)


def _urls(content: Any, path: str) -> Iterator[tuple[str, str]]:
    """URLs of content parts, those in tool results included; tool arguments are not ours to judge."""
    for number, part in enumerate(content if isinstance(content, list) else ()):
        if not isinstance(part, dict):
            continue
        where = f"{path}[{number}]"
        for name in _HOLDERS:
            held = part.get(name)
            if isinstance(held, dict):
                held = held.get("url") or held.get("file_url")
            elif name not in _URLS:
                continue  # a label, not a place
            if isinstance(held, str):
                yield f"{where}.{name}", held
        if part.get("type") != "tool_use":
            yield from _urls(part.get("content"), f"{where}.content")


def _check(path: str, url: str) -> None:
    scheme = _has_scheme(url)
    if scheme is None or (scheme[1] or "").lower() in _ELSEWHERE:
        return
    try:
        _guard.inspect(url)
    except (ForbiddenError, BadRequestError) as error:
        raise ForbiddenError(f"{path}: {error.message}", param=path) from None
