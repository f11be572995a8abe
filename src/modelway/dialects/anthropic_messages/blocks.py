"""Content blocks read into parts: the same blocks in a client's messages and in an answer."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

from msgspec import Raw
from msgspec.json import Decoder

from modelway.dialects.anthropic_messages.wire import (
    JSON_OBJECT,
    NAME,
    RAW_LIST,
    RAW_OBJECT,
    STRING,
    BlockSource,
    CacheControl,
    DocumentBlock,
    ImageBlock,
    Kind,
    RedactedThinkingBlock,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
)
from modelway.dialects.reading import read
from modelway.errors import BadRequestError
from modelway.types import (
    JSON,
    CacheTTL,
    Citation,
    File,
    Image,
    Inline,
    Opaque,
    Part,
    Reasoning,
    Remote,
    Source,
    Stored,
    Text,
    ToolCall,
    ToolResult,
)

_QUOTE = ord('"')

_kind = Decoder(Kind)
_text = Decoder(TextBlock)
_thinking = Decoder(ThinkingBlock)
_redacted = Decoder(RedactedThinkingBlock)
_tool_use = Decoder(ToolUseBlock)
_tool_result = Decoder(ToolResultBlock)
_image = Decoder(ImageBlock)
_document = Decoder(DocumentBlock)

_SOURCE_FIELDS = {
    "base64": {"type", "media_type", "data"},
    "text": {"type", "media_type", "data"},
    "url": {"type", "url"},
    "file": {"type", "file_id"},
}
_IMAGE_FIELDS = {"type", "source", "cache_control"}
_DOCUMENT_FIELDS = {"type", "source", "title", "context", "citations", "cache_control"}


def read_content(raw: Raw, at: str) -> tuple[Part, ...]:
    """The parts of a ``content`` that is a string or a list of blocks."""
    if memoryview(raw)[0] == _QUOTE:
        return (Text(text=read(STRING, raw, at)),)
    blocks = read(RAW_LIST, raw, at)
    return tuple([read_block(block, f"{at}.{number}") for number, block in enumerate(blocks)])


def read_block(raw: Raw, at: str) -> Part:
    """One block. What the vocabulary cannot say whole is kept whole, as ``Opaque``."""
    kind = read(_kind, raw, at).type
    reader = _READERS.get(kind)
    part = reader(raw, at) if reader is not None else None
    return part if part is not None else opaque(kind, read(JSON_OBJECT, raw, at))


def opaque(kind: str, data: JSON) -> Opaque:
    return Opaque(dialect=NAME, kind=kind, data=data)


def lifetime(control: CacheControl | None) -> CacheTTL | None:
    """Without ``ttl`` a cache breakpoint lives five minutes.

    Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching, 2026-11-21.
    """
    return None if control is None else control.ttl or "5m"


def read_citation(raw: JSON) -> Citation:
    """Positions in Anthropic's citations are those of the source, so ``start`` and ``end`` stay unsaid.

    One without Anthropic's own state was written by us for another provider's citation.
    """
    ours = raw.get("encrypted_index") == ""
    return Citation(
        url=_said(raw, "url") or None,
        title=_said(raw, "title") or _said(raw, "document_title"),
        quote=_said(raw, "cited_text") or None,
        dialect=None if ours else NAME,
        raw={} if ours else raw,
    )


def _said(raw: JSON, name: str) -> str | None:
    value = raw.get(name)
    return value if isinstance(value, str) else None


def _read_text(raw: Raw, at: str) -> Part:
    block = read(_text, raw, at)
    return Text(
        text=block.text,
        citations=tuple([read_citation(citation) for citation in block.citations or ()]),
        cache=lifetime(block.cache_control),
    )


def _read_thinking(raw: Raw, at: str) -> Part:
    block = read(_thinking, raw, at)
    return Reasoning(text=block.thinking, signature=block.signature or None)


def _read_redacted(raw: Raw, at: str) -> Part:
    return Reasoning(encrypted=read(_redacted, raw, at).data)


def _read_tool_use(raw: Raw, at: str) -> Part | None:
    """A call made by a hosted tool's code, or of a member of a toolset, is more than name and input."""
    block = read(_tool_use, raw, at)
    if block.toolset_name is not None or (block.caller and block.caller.type != "direct"):
        return None
    return ToolCall(
        id=block.id,
        name=block.name,
        arguments=bytes(block.input).decode(),
        cache=lifetime(block.cache_control),
    )


def _read_tool_result(raw: Raw, at: str) -> Part | None:
    block = read(_tool_result, raw, at)
    if block.toolset_name is not None:
        return None
    content = (
        () if bytes(block.content) == b"null" else read_content(block.content, f"{at}.content")
    )
    parts: list[Text | Image | File | Opaque] = []
    for number, part in enumerate(content):
        if not isinstance(part, Text | Image | File | Opaque):
            raise BadRequestError(
                "a tool result holds text, images and documents",
                param=f"{at}.content.{number}.type",
            )
        parts.append(part)
    return ToolResult(
        call_id=block.tool_use_id,
        parts=tuple(parts),
        is_error=block.is_error,
        cache=lifetime(block.cache_control),
    )


def _read_image(raw: Raw, at: str) -> Part | None:
    block = read(_image, raw, at)
    source = _read_source(block.source)
    if source is None or not _only(raw, _IMAGE_FIELDS, block.source):
        return None
    return Image(source=source, cache=lifetime(block.cache_control))


def _read_document(raw: Raw, at: str) -> Part | None:
    block = read(_document, raw, at)
    source = _read_source(block.source)
    if source is None or not _only(raw, _DOCUMENT_FIELDS, block.source):
        return None
    return File(
        source=source,
        name=block.title,
        context=block.context,
        citations=block.citations.enabled if block.citations else None,
        cache=lifetime(block.cache_control),
    )


def _read_source(source: BlockSource) -> Source | None:
    """None for a source that is not bytes, text, an address or a file id."""
    match source:
        case BlockSource(type="base64", media_type=str(media_type), data=str(data)):
            return Inline(media_type=media_type, data=data)
        case BlockSource(type="text", data=str(data)):
            encoded = base64.b64encode(data.encode()).decode()
            return Inline(media_type=source.media_type or "text/plain", data=encoded)
        case BlockSource(type="url", url=str(url)):
            return Remote(url=url)
        case BlockSource(type="file", file_id=str(file_id)):
            return Stored(id=file_id)
        case _:
            return None


def _only(raw: Raw, known: set[str], source: BlockSource) -> bool:
    """True when the block says nothing beyond these fields and its source's own."""
    fields = RAW_OBJECT.decode(raw)
    return (
        fields.keys() <= known
        and RAW_OBJECT.decode(fields["source"]).keys() <= _SOURCE_FIELDS[source.type]
    )


_READERS: Mapping[str, Callable[[Raw, str], Part | None]] = {
    "text": _read_text,
    "thinking": _read_thinking,
    "redacted_thinking": _read_redacted,
    "tool_use": _read_tool_use,
    "tool_result": _read_tool_result,
    "image": _read_image,
    "document": _read_document,
}
