"""Content that both halves write alike: images, sound, files and citations, each way."""

from __future__ import annotations

from typing import Any

from modelway.dialects.openai_chat.wire import JSON, NAME
from modelway.dialects.openai_wire.media import from_url
from modelway.types import CacheTTL, Citation, Image


def image_in(item: JSON) -> Image | None:
    """An ``image_url`` part; ``None`` for one without a URL."""
    inner = item.get("image_url")
    url = inner.get("url") if isinstance(inner, dict) else inner
    if not isinstance(url, str) or not url:
        return None
    detail = inner.get("detail") if isinstance(inner, dict) else None
    return Image(source=from_url(url), detail=detail)


def image_out(url: str, detail: str | None) -> JSON:
    inner = {"url": url} if detail is None else {"url": url, "detail": detail}
    return {"type": "image_url", "image_url": inner}


def citation_in(annotation: JSON) -> Citation:
    """A ``url_citation``: nested as OpenAI and OpenRouter write it, or flat as xAI does."""
    inner = annotation.get("url_citation")
    told: dict[str, Any] = inner if isinstance(inner, dict) else annotation
    start, end = told.get("start_index"), told.get("end_index")
    if not isinstance(start, int) or not isinstance(end, int) or end <= start:
        start = end = None  # OpenRouter writes 0 and 0 for "not said"
    return Citation(
        url=_text(told.get("url")),
        title=_text(told.get("title")),
        quote=_text(told.get("content")),
        start=start,
        end=end,
        dialect=NAME,
        raw=annotation,
    )


def citation_out(citation: Citation) -> JSON | None:
    """An annotation; ``None`` for a citation that this dialect has no form for (without a URL)."""
    if citation.dialect == NAME and citation.raw.get("type") == "url_citation":
        return citation.raw
    if citation.url is None:
        return None
    told = {
        "url": citation.url,
        "title": citation.title if citation.title is not None else citation.url,
        "start_index": citation.start or 0,
        "end_index": citation.end or 0,
    }
    if citation.quote is not None:
        told["content"] = citation.quote
    return {"type": "url_citation", "url_citation": told}


def source_in(source: Any) -> Citation | None:
    """An entry of Perplexity's ``search_results`` or ``citations``.

    Source: https://docs.perplexity.ai/api-reference/chat-completions-post, 2026-11-21.
    """
    if isinstance(source, str):
        return Citation(url=source, dialect=NAME, raw={"url": source})
    if not isinstance(source, dict):
        return None
    return Citation(
        url=_text(source.get("url")),
        title=_text(source.get("title")),
        quote=_text(source.get("snippet")),
        dialect=NAME,
        raw=source,
    )


def cache_in(value: Any) -> CacheTTL | None:
    """Anthropic's ``cache_control``.

    Source: https://openrouter.ai/docs/features/prompt-caching, 2026-11-21.
    """
    if not isinstance(value, dict) or value.get("type") != "ephemeral":
        return None
    return "1h" if value.get("ttl") == "1h" else "5m"


def cache_out(ttl: CacheTTL) -> JSON:
    return {"type": "ephemeral"} if ttl == "5m" else {"type": "ephemeral", "ttl": ttl}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
