"""Content that both halves write alike: images, files, citations and log-probabilities, each way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from modelway.dialects.openai_responses.wire import NAME, Logprob
from modelway.dialects.openai_wire.media import data_url
from modelway.types import JSON, Citation, Inline, Remote, Source, Stored, TokenLogprob

_IMPOSSIBLE = -9999.0
"""OpenAI's own value for a token that was hardly possible, where a host says null."""


def image_out(source: Source, detail: str | None) -> JSON:
    written: JSON = {"type": "input_image"}
    match source:
        case Stored(id=id):
            written["file_id"] = id
        case Inline():
            written["image_url"] = data_url(source)
        case Remote(url=url):
            written["image_url"] = url
    if detail is not None:
        written["detail"] = detail
    return written


def file_out(source: Source, name: str | None) -> JSON:
    """Source: https://platform.openai.com/docs/guides/pdf-files, 2026-11-21."""
    written: JSON = {"type": "input_file"}
    if name is not None:
        written["filename"] = name
    match source:
        case Stored(id=id):
            written["file_id"] = id
        case Inline():
            written["file_data"] = data_url(source)
        case Remote(url=url):
            written["file_url"] = url
    return written


def citation_in(annotation: JSON) -> Citation:
    """``url_citation``, ``file_citation``, ``container_file_citation`` and ``file_path``."""
    start, end = annotation.get("start_index"), annotation.get("end_index")
    if not isinstance(start, int) or not isinstance(end, int) or end <= start:
        start = end = None
    return Citation(
        url=_text(annotation.get("url")),
        title=_text(annotation.get("title")) or _text(annotation.get("filename")),
        start=start,
        end=end,
        dialect=NAME,
        raw=annotation,
    )


def citation_out(citation: Citation) -> JSON | None:
    """An annotation; ``None`` for a citation that this dialect has no form for (without a URL)."""
    if citation.dialect == NAME and citation.raw:
        return citation.raw
    if citation.url is None:
        return None
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title if citation.title is not None else citation.url,
        "start_index": citation.start or 0,
        "end_index": citation.end or 0,
    }


def logprobs_in(told: list[Logprob] | None) -> tuple[TokenLogprob, ...]:
    return tuple([_logprob_in(one) for one in told or ()])


def _logprob_in(one: Logprob) -> TokenLogprob:
    return TokenLogprob(
        token=one.token,
        logprob=_IMPOSSIBLE if one.logprob is None else one.logprob,
        bytes=None if one.bytes is None else tuple(one.bytes),
        top=logprobs_in(one.top_logprobs),
    )


def logprobs_out(logprobs: Iterable[TokenLogprob]) -> list[JSON]:
    return [
        {
            "token": one.token,
            "logprob": one.logprob,
            "bytes": list(one.bytes or one.token.encode("utf-8", "replace")),
            "top_logprobs": logprobs_out(one.top),
        }
        for one in logprobs
    ]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
