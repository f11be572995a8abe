"""Citations, both ways: Gemini's grounding and citation metadata.

Positions are counted in bytes of UTF-8 there, and in characters here.
Source: https://ai.google.dev/api/generate-content#GroundingMetadata, 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelway.dialects.gemini.wire import NAME
from modelway.types import JSON, Citation


def citations(
    grounding: JSON | None, cited: JSON | None, texts: Mapping[int, str]
) -> Iterator[tuple[int, Citation]]:
    """Each citation with the index of the text part it belongs to; ``texts`` is by those indexes."""
    last = max(texts, default=None)
    if last is None:
        return
    if grounding:
        yield from _grounded(grounding, texts, last)
    for source in _objects((cited or {}).get("citationSources") or (cited or {}).get("citations")):
        start, end = _number(source, "startIndex") or 0, _number(source, "endIndex")
        text = texts[last].encode("utf-8", "replace")
        span = None if end is None or end > len(text) else _characters(text, start, end)
        yield last, _citation(source, source, None, span)


def _grounded(
    grounding: JSON, texts: Mapping[int, str], last: int
) -> Iterator[tuple[int, Citation]]:
    chunks = _objects(grounding.get("groundingChunks"))
    used: set[int] = set()
    for support in _objects(grounding.get("groundingSupports")):
        segment = support.get("segment")
        segment = segment if isinstance(segment, dict) else {}
        index, span = _found(segment, texts, last)
        for number in support.get("groundingChunkIndices") or ():
            if isinstance(number, int) and 0 <= number < len(chunks):
                used.add(number)
                raw = {"groundingChunk": chunks[number], "groundingSupport": support}
                yield index, _citation(_source(chunks[number]), raw, segment.get("text"), span)
    for number, chunk in enumerate(chunks):
        if number not in used:
            yield last, _citation(_source(chunk), {"groundingChunk": chunk}, None, None)


def _source(chunk: JSON) -> JSON:
    """A chunk is of one kind: ``web``, ``retrievedContext``, ``maps`` …"""
    return next((kind for kind in chunk.values() if isinstance(kind, dict)), {})


def _found(
    segment: JSON, texts: Mapping[int, str], last: int
) -> tuple[int, tuple[int, int] | None]:
    """The text that has these words at this place; of several texts, parts are counted otherwise."""
    quote, end = segment.get("text"), _number(segment, "endIndex")
    start = _number(segment, "startIndex") or 0
    if isinstance(quote, str) and end is not None:
        wanted = quote.encode("utf-8", "replace")
        for index, text in texts.items():
            encoded = text.encode("utf-8", "replace")
            if encoded[start:end] == wanted:
                return index, _characters(encoded, start, end)
    return last, None


def _characters(text: bytes, start: int, end: int) -> tuple[int, int]:
    first = len(text[:start].decode("utf-8", "ignore"))
    return first, first + len(text[start:end].decode("utf-8", "ignore"))


def _citation(source: JSON, raw: JSON, quote: Any, span: tuple[int, int] | None) -> Citation:
    url, title = source.get("uri"), source.get("title")
    words = quote if isinstance(quote, str) else source.get("text")
    return Citation(
        url=url if isinstance(url, str) and url else None,
        title=title if isinstance(title, str) and title else None,
        quote=words if isinstance(words, str) and words else None,
        start=span[0] if span else None,
        end=span[1] if span else None,
        dialect=NAME,
        raw=raw,
    )


def _objects(value: Any) -> list[JSON]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _number(counts: JSON, name: str) -> int | None:
    value = counts.get(name)
    return value if type(value) is int and value >= 0 else None


def write_grounding(cited: Sequence[tuple[str, Citation]]) -> JSON:
    """Grounding metadata of these citations, each with the text that it belongs to."""
    chunks: list[JSON] = []
    supports: list[JSON] = []
    for number, (text, one) in enumerate(cited):
        raw = one.raw if one.dialect == NAME else {}
        web = {"uri": one.url or "", "title": one.title or ""}
        chunks.append(raw.get("groundingChunk") or {"web": web})
        segment: JSON = {}
        if one.start is not None and one.end is not None:
            segment["startIndex"] = len(text[: one.start].encode("utf-8", "replace"))
            segment["endIndex"] = len(text[: one.end].encode("utf-8", "replace"))
        if one.quote:
            segment["text"] = one.quote
        if segment:
            supports.append({"groundingChunkIndices": [number], "segment": segment})
    written: JSON = {"groundingChunks": chunks}
    return written | {"groundingSupports": supports} if supports else written
