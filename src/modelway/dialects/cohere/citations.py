"""Citations, both ways: of a text by its place among the content, of anything else kept whole.

Source: https://docs.cohere.com/v2/docs/rag-citations, 2026-11-21.
"""

from __future__ import annotations

from typing import Any

from modelway.dialects.cohere.wire import NAME
from modelway.types import JSON, Citation, Opaque

CITATION = "citation"
"""``Opaque.kind`` of one that is of a tool plan or a thought, which hold no citations here."""

_OF_TEXT = (None, "TEXT_CONTENT")


def read_citation(raw: JSON) -> Citation:
    sources = raw.get("sources")
    source = sources[0] if isinstance(sources, list) and sources else {}
    told = source.get("document") or source.get("tool_output") if isinstance(source, dict) else {}
    facts: JSON = told if isinstance(told, dict) else {}
    return Citation(
        url=_text(facts, "url"),
        title=_text(facts, "title"),
        quote=_text(raw, "text"),
        start=_number(raw, "start"),
        end=_number(raw, "end"),
        dialect=NAME,
        raw=raw,
    )


def place(raw: JSON, texts: dict[int, bool], first: int | None) -> int | None:
    """The content block that it is of; None where that is no text.

    ``texts``: whether each block so far is one; ``first``: the first that is. Older models do not say
    which block they cite.
    """
    if raw.get("type") not in _OF_TEXT:
        return None
    index = raw.get("content_index")
    if type(index) is not int:
        return first
    return index if texts.get(index) else None


def kept_whole(raw: JSON) -> Opaque:
    return Opaque(dialect=NAME, kind=CITATION, data=raw)


def write_citation(citation: Citation, index: int, first: int) -> JSON:
    """``index`` of the cited text's block, and that of the first text's, which need not be said."""
    if citation.dialect == NAME:
        raw = citation.raw
        if raw.get("content_index", first) == index:
            return raw
        return {**raw, "content_index": index}
    document = {"title": citation.title, "url": citation.url}
    source = {
        "type": "document",
        "id": citation.url or citation.title or "",
        "document": {name: value for name, value in document.items() if value is not None},
    }
    written: JSON = {"start": citation.start, "end": citation.end, "text": citation.quote}
    return {name: value for name, value in written.items() if value is not None} | {
        "sources": [source],
        "type": "TEXT_CONTENT",
        "content_index": index,
    }


def _text(facts: JSON, name: str) -> str | None:
    value: Any = facts.get(name)
    return value if isinstance(value, str) and value else None


def _number(facts: JSON, name: str) -> int | None:
    value: Any = facts.get(name)
    return value if type(value) is int else None
