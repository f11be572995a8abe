"""Content blocks read into parts: the same blocks in a client's messages and in an answer.

A block is an object of one field, its kind. A cache point is a block of its own, behind what it
closes; here it is a quality of that part.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence

from msgspec import Raw
from msgspec.json import Decoder
from msgspec.structs import replace

from modelway.dialects.bedrock_converse.media import (
    IMAGES,
    SOUNDS,
    read_document,
    read_source,
)
from modelway.dialects.bedrock_converse.wire import (
    CLAUDE,
    NAME,
    STRING,
    CachePoint,
    CitationsBlock,
    DocumentBlock,
    MediaBlock,
    ReasoningBlock,
    ToolResultBlock,
    ToolUse,
)
from modelway.dialects.reading import maybe, read
from modelway.errors import BadRequestError
from modelway.types import (
    JSON,
    Audio,
    CacheTTL,
    Citation,
    File,
    Image,
    Opaque,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)

_cache_point = Decoder(CachePoint)
_citations = Decoder(CitationsBlock)
_document = Decoder(DocumentBlock)
_media = Decoder(MediaBlock)
_reasoning = Decoder(ReasoningBlock)
_tool_result = Decoder(ToolResultBlock)
_tool_use = Decoder(ToolUse)
_any = Decoder()

_CACHED = (Text, Image, Audio, File, ToolCall, ToolResult)


def read_content(blocks: Sequence[Mapping[str, Raw]], at: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    for number, block in enumerate(blocks):
        where = f"{at}.{number}"
        ttl = lifetime(block, where)
        last = parts[-1] if parts else None
        if ttl is not None and isinstance(last, _CACHED) and last.cache is None:
            parts[-1] = replace(last, cache=ttl)
        else:
            parts.append(read_block(block, where))
    return tuple(parts)


def lifetime(block: Mapping[str, Raw], at: str) -> CacheTTL | None:
    """How long a cache point keeps what is before it; None for another block.

    Without ``ttl`` it is five minutes. Source:
    https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html, 2026-11-21.
    """
    raw = block.get("cachePoint")
    return None if raw is None else read(_cache_point, raw, f"{at}.cachePoint").ttl or "5m"


def read_block(block: Mapping[str, Raw], at: str) -> Part:
    """One block. What the vocabulary cannot say whole is kept whole, as ``Opaque``."""
    kind = next((name for name in block if name != "type"), None)
    if kind is None:
        raise BadRequestError("a content block has one field, its kind", param=at)
    reader = _READERS.get(kind)
    part = reader(block[kind], f"{at}.{kind}") if reader is not None else None
    return part if part is not None else opaque(block, at)


def opaque(block: Mapping[str, Raw], at: str) -> Opaque:
    data: JSON = {name: read(_any, raw, f"{at}.{name}") for name, raw in block.items()}
    return Opaque(dialect=NAME, kind=next(iter(data)), data=data)


def read_citation(raw: JSON) -> Citation:
    """Positions are those in the source, so ``start`` and ``end`` of the text stay unsaid."""
    location = raw.get("location")
    web = location.get("web") if isinstance(location, dict) else None
    content = raw.get("sourceContent")
    content = content if isinstance(content, list) else []
    quotes = [one.get("text") for one in content if isinstance(one, dict)]
    url = web.get("url") if isinstance(web, dict) else None
    return Citation(
        url=url if isinstance(url, str) else None,
        title=raw["title"] if isinstance(raw.get("title"), str) else None,
        quote="".join([quote for quote in quotes if isinstance(quote, str)]) or None,
        dialect=NAME,
        raw=raw,
    )


def _read_text(raw: Raw, at: str) -> Part:
    return Text(text=read(STRING, raw, at))


def _read_citations(raw: Raw, at: str) -> Part:
    block = read(_citations, raw, at)
    return Text(
        text="".join([one.text for one in block.content]),
        citations=tuple([read_citation(citation) for citation in block.citations]),
    )


def _read_reasoning(raw: Raw, at: str) -> Part | None:
    block = read(_reasoning, raw, at)
    if block.redacted_content is not None:
        return read_encrypted(read_bytes(block.redacted_content, f"{at}.redactedContent"))
    if block.reasoning_text is None:
        return None
    signature = block.reasoning_text.signature or None
    return Reasoning(
        text=block.reasoning_text.text,
        signature=signature,
        format=CLAUDE if signature else None,
    )


def read_encrypted(data: bytes) -> Reasoning | None:
    """Claude's encrypted state is text, which Converse carries as bytes; None for another's."""
    try:
        return Reasoning(encrypted=data.decode(), format=CLAUDE)
    except UnicodeDecodeError:
        return None


def read_bytes(text: str, at: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise BadRequestError("the value is not base64", param=at) from None


def _read_tool_use(raw: Raw, at: str) -> Part | None:
    """A call that the service runs itself has a type."""
    block = read(_tool_use, raw, at)
    if block.type is not None:
        return None
    return ToolCall(id=block.tool_use_id, name=block.name, arguments=bytes(block.input).decode())


def _read_tool_result(raw: Raw, at: str) -> Part | None:
    block = read(_tool_result, raw, at)
    if block.type is not None:
        return None
    parts = [
        _read_result_block(inner, f"{at}.content.{number}")
        for number, inner in enumerate(block.content)
    ]
    return ToolResult(
        call_id=block.tool_use_id,
        parts=tuple(parts),
        is_error=None if block.status is None else block.status == "error",
    )


def _read_result_block(block: Mapping[str, Raw], at: str) -> Text | Image | File | Opaque:
    """JSON is read as its text, which every dialect can carry."""
    value = block.get("json")
    if value is not None:
        return Text(text=bytes(value).decode())
    part = read_block(block, at)
    return part if isinstance(part, Text | Image | File | Opaque) else opaque(block, at)


def _read_image(raw: Raw, at: str) -> Part | None:  # noqa: ARG001 - the readers' signature
    block = maybe(_media, raw)
    source = read_source(block.source, block.format, IMAGES) if block is not None else None
    return Image(source=source) if source is not None else None


def _read_audio(raw: Raw, at: str) -> Part | None:  # noqa: ARG001
    block = maybe(_media, raw)
    source = read_source(block.source, block.format, SOUNDS) if block is not None else None
    return Audio(source=source) if source is not None else None


def _read_document(raw: Raw, at: str) -> Part | None:  # noqa: ARG001
    block = maybe(_document, raw)
    return read_document(block) if block is not None else None


_READERS: Mapping[str, Callable[[Raw, str], Part | None]] = {
    "text": _read_text,
    "citationsContent": _read_citations,
    "reasoningContent": _read_reasoning,
    "toolUse": _read_tool_use,
    "toolResult": _read_tool_result,
    "image": _read_image,
    "audio": _read_audio,
    "document": _read_document,
}
