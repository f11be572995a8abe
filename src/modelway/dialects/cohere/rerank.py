"""Reranking, both ways. Source: https://docs.cohere.com/v2/reference/rerank, 2026-11-21."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from msgspec.json import Decoder

from modelway.call import Target
from modelway.dialects.cohere.body import finished
from modelway.dialects.cohere.embed import write_meta
from modelway.dialects.cohere.usage import read_usage
from modelway.dialects.cohere.wire import ANY, NAME, STRING, is_null
from modelway.dialects.notes import Notes
from modelway.dialects.reading import read, read_answer
from modelway.errors import BadRequestError
from modelway.framing.fields import Fields
from modelway.ports import Encoded
from modelway.retrieval import Ranked, RerankRequest, RerankResponse
from modelway.types import JSON, Usage


def path(model: str, stream: bool) -> str:  # noqa: ARG001 - the port's signature
    return "/v2/rerank"


# ---------------------------------------------------------------- us → provider


def encode(request: RerankRequest, target: Target, stream: bool) -> Encoded:  # noqa: ARG001
    notes = Notes(target.model)
    if not request.documents:
        raise BadRequestError("documents must hold at least one", param="documents")
    if request.return_documents is not None:
        notes.warn("return_documents", "version 2 has no such setting: left out")
    body: JSON = {
        "model": target.model,
        "query": request.query,
        "documents": [_text(one, notes) for one in request.documents],
    }
    for name, value in (
        ("top_n", request.top_n),
        ("max_tokens_per_doc", request.max_tokens_per_document),
    ):
        if value is not None:
            body[name] = value
    return finished(body, request.extra, request.extra_dialect, target, notes)


def _text(document: str | JSON, notes: Notes) -> str:
    """Version 2 takes texts only: of an object that holds more than one, the JSON."""
    if isinstance(document, str):
        return document
    text = document.get("text")
    if isinstance(text, str) and len(document) == 1:
        return text
    notes.warn("documents", "Cohere ranks texts: an object is sent as its JSON")
    return msgspec.json.encode(document).decode()


class _Ranked(Struct):
    index: int
    relevance_score: float
    document: str | JSON | None = None


class _Answer(Struct):
    results: list[_Ranked]
    id: str | None = None
    meta: JSON | None = None


_answer = Decoder(_Answer)


def decode(body: bytes) -> RerankResponse:
    answer = read_answer(_answer, body, "the answer")
    return RerankResponse(
        id=answer.id or "",
        results=tuple(
            [
                Ranked(index=one.index, score=one.relevance_score, document=_document(one.document))
                for one in answer.results
            ]
        ),
        usage=read_usage(answer.meta) or Usage(),
    )


def _document(told: str | JSON | None) -> str | JSON | None:
    """A text, which version 1 wraps."""
    if isinstance(told, dict) and told.keys() == {"text"} and isinstance(told["text"], str):
        return told["text"]
    return told


def usage(body: bytes) -> Usage | None:
    """The usage of an answer; raises what ``decode`` raises for bytes that are none."""
    return read_usage(read_answer(_answer, body, "the answer").meta)


# ---------------------------------------------------------------- client → us

_integer = Decoder(int)
_documents = Decoder(tuple[str | JSON, ...])
_flag = Decoder(bool)


def decode_asked(fields: Fields) -> RerankRequest:
    said = {name: raw for name, raw in fields.items() if not is_null(raw)}
    for name in ("query", "documents"):
        if name not in said:
            raise BadRequestError("the field is required", param=name)
    extra: JSON = {}
    settings: dict[str, Any] = {}
    for name, raw in said.items():
        match name:
            case "model" | "query":
                settings[name] = read(STRING, raw, name)
            case "documents":
                settings[name] = read(_documents, raw, name)
            case "top_n":
                settings[name] = read(_integer, raw, name)
            case "max_tokens_per_doc":
                settings["max_tokens_per_document"] = read(_integer, raw, name)
            case "return_documents":
                settings[name] = read(_flag, raw, name)
            case _:
                extra[name] = read(ANY, raw, name)
    return RerankRequest(extra=extra, extra_dialect=NAME if extra else None, **settings)


def encode_answer(response: RerankResponse) -> bytes:
    results: list[JSON] = []
    for one in response.results:
        written: JSON = {"index": one.index, "relevance_score": one.score}
        if one.document is not None:
            text = isinstance(one.document, str)
            written["document"] = {"text": one.document} if text else one.document
        results.append(written)
    return msgspec.json.encode(
        {"id": response.id, "results": results, "meta": write_meta(response.usage)}
    )
