"""Content by URL, for hosts that take it as bytes only: fetched, and sent along."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Iterable, Iterator
from typing import TypeAlias
from urllib.parse import urlsplit

from msgspec.structs import replace

from modelway.call import Call, Reply
from modelway.dialects import dialect, requested
from modelway.errors import BadRequestError
from modelway.ports import Fetch, Handler, Middleware
from modelway.types import (
    Audio,
    ChatRequest,
    File,
    Image,
    Inline,
    Message,
    Part,
    Remote,
    ToolResult,
)

_Held: TypeAlias = Image | Audio | File
_KINDS: dict[type[_Held], str] = {Image: "image", Audio: "audio", File: "file"}
_AT_ONCE = 4
_MOST_URLS = 100
_MOST_BYTES = 64 * 1024 * 1024
"""What one call may have fetched for it, and held in memory."""


def inlining(spoken: str, fetch: Fetch) -> Middleware:
    """Replaces the URLs that the dialect ``spoken`` cannot send; a call without any is untouched."""
    kinds, own_hosts = dialect(spoken).inlined, dialect(spoken).own_hosts

    def inline(call: Call, inner: Handler) -> Awaitable[Reply]:
        body = call.body
        return inner(call) if body is not None and body.dialect == spoken else fill(call, inner)

    async def fill(call: Call, inner: Handler) -> Reply:
        request = requested(call)
        if not isinstance(request, ChatRequest):
            return await inner(call)
        urls = [one for one in _urls(request.messages, kinds) if _host(one[1]) not in own_hosts]
        if urls:
            fetched = await _fetched(dict.fromkeys(urls), fetch)
            messages = tuple([_filled(message, kinds, fetched) for message in request.messages])
            request = replace(request, messages=messages)
        return await inner(replace(call, request=request))

    return inline


def _urls(messages: Iterable[Message], kinds: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Each URL to fetch, with the kind of part that it is for."""
    for message in messages:
        for part in message.parts:
            yield from _of(part, kinds)


def _of(part: Part, kinds: frozenset[str]) -> Iterator[tuple[str, str]]:
    if isinstance(part, ToolResult):
        for inner in part.parts:
            yield from _of(inner, kinds)
    elif isinstance(part, Image | Audio | File):
        kind, source = _KINDS[type(part)], part.source
        if kind in kinds and isinstance(source, Remote) and _is_web(source.url):
            yield kind, source.url


def _is_web(url: str) -> bool:
    return url.lower().startswith(("http:", "https:"))


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


async def _fetched(urls: Iterable[tuple[str, str]], fetch: Fetch) -> dict[tuple[str, str], Inline]:
    free = asyncio.Semaphore(_AT_ONCE)
    fetched_bytes = 0

    async def one(kind: str, url: str) -> Inline:
        nonlocal fetched_bytes
        async with free:
            media_type, data = await fetch(url)
        fetched_bytes += len(data)
        if fetched_bytes > _MOST_BYTES:
            raise BadRequestError(f"the URLs hold more than {_MOST_BYTES} bytes together")
        if kind != "file" and not media_type.startswith(f"{kind}/"):
            raise BadRequestError(f"{url.partition('?')[0][:200]} is {media_type}, not {kind}")
        return Inline(media_type=media_type, data=b64encode(data).decode())

    wanted = list(urls)
    if len(wanted) > _MOST_URLS:
        raise BadRequestError(f"{len(wanted)} URLs would have to be fetched: {_MOST_URLS} may be")
    tasks = [asyncio.ensure_future(one(*each)) for each in wanted]
    try:
        return dict(zip(wanted, await asyncio.gather(*tasks), strict=True))
    finally:
        for task in tasks:
            task.cancel()


def _filled(
    message: Message, kinds: frozenset[str], fetched: dict[tuple[str, str], Inline]
) -> Message:
    return replace(message, parts=tuple([_part(part, kinds, fetched) for part in message.parts]))


def _part(part: Part, kinds: frozenset[str], fetched: dict[tuple[str, str], Inline]) -> Part:
    if isinstance(part, ToolResult):
        return replace(part, parts=tuple([_part(one, kinds, fetched) for one in part.parts]))
    for found in _of(part, kinds):
        if found in fetched:
            return replace(part, source=fetched[found])
    return part
