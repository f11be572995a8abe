"""Cohere's embeddings and reranking.

Source: https://docs.cohere.com/reference/embed, https://docs.cohere.com/reference/rerank,
2026-11-21; forms as recorded.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from modelway.simulator import tokens
from modelway.simulator.cohere_read import check_model, worded
from modelway.simulator.openai_embeddings import ranked
from modelway.simulator.question import Asked, Envelope, Question, refuse
from modelway.simulator.strict import Shape, fitted, parse
from modelway.simulator.vectors import packed, vector

_DIMENSIONS = 1536
_MOST_TEXTS = 96
_FORMS = ("float", "int8", "uint8", "binary", "ubinary", "base64")


class Embed(Shape, frozen=True, kw_only=True):
    model: str
    input_type: Literal["search_document", "search_query", "classification", "clustering", "image"]
    texts: list[str] | None = None
    images: list[str] | None = None
    inputs: list[dict[str, Any]] | None = None
    max_tokens: int | None = None
    output_dimension: int | None = None
    embedding_types: list[str] | None = None
    truncate: Literal["NONE", "START", "END"] | None = None
    priority: int | None = None


class Rerank(Shape, frozen=True, kw_only=True):
    model: str
    query: str
    documents: list[str]
    top_n: int | None = None
    max_tokens_per_doc: int | None = None
    max_chunks_per_doc: int | None = None
    priority: int | None = None


def read_embed(asked: Asked) -> Question:
    """What is to be embedded."""
    request = fitted(parse(asked.body, worded), Embed, asked, worded)
    check_model(asked, request.model)
    given = [each for each in (request.texts, request.images, request.inputs) if each]
    if len(given) != 1:
        raise refuse("invalid request: exactly one of texts, images or inputs must be provided.")
    texts = [each if isinstance(each, str) else _text(each) for each in given[0]]
    if len(texts) > _MOST_TEXTS:
        raise refuse(f"invalid request: at most {_MOST_TEXTS} texts can be embedded at once.")
    forms = request.embedding_types or ["float"]
    for form in forms:
        if form not in _FORMS:
            raise refuse(f"invalid request: embedding_types: '{form}' is not one of {_FORMS}.")
    dimensions = request.output_dimension or _DIMENSIONS
    if dimensions not in {256, 512, 1024, 1536}:
        raise refuse("invalid request: output_dimension must be one of 256, 512, 1024, 1536.")
    return Question(
        dialect="cohere",
        model=request.model,
        text=texts[0],
        texts=tuple(texts),
        input_tokens=sum(map(tokens.count, texts)),
        told={"forms": forms, "dimensions": dimensions, "images": request.images is not None},
    )


def embedded(envelope: Envelope) -> bytes:
    """The vectors, in each form that was asked for."""
    asked = envelope.question
    vectors = [vector(text, asked.told["dimensions"]) for text in asked.texts]
    made = {form: [_formed(each, form) for each in vectors] for form in asked.told["forms"]}
    spent = envelope.counts.input_tokens
    units = {"images": len(vectors)} if asked.told["images"] else {"input_tokens": spent}
    body = {
        "id": envelope.id,
        "embeddings": made,
        "texts": [] if asked.told["images"] else asked.texts,
        "meta": {"api_version": {"version": "2"}, "billed_units": units},
        "response_type": "embeddings_by_type",
    }
    return msgspec.json.encode(body)


def read_rerank(asked: Asked) -> Question:
    """What is to be ranked."""
    request = fitted(parse(asked.body, worded), Rerank, asked, worded)
    check_model(asked, request.model)
    if not request.documents:
        raise refuse("invalid request: list of documents must not be empty")
    if not request.query:
        raise refuse("invalid request: query must be at least 1 token long.")
    return Question(
        dialect="cohere",
        model=request.model,
        text=request.query,
        texts=tuple(request.documents),
        input_tokens=sum(map(tokens.count, request.documents)),
        told={"most": request.top_n},
    )


def reranked(envelope: Envelope) -> bytes:
    """The places of the documents, the nearest first."""
    results = [
        {"index": index, "relevance_score": score} for index, score in ranked(envelope.question)
    ]
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    return msgspec.json.encode({"id": envelope.id, "results": results, "meta": meta})


def _text(given: dict[str, Any]) -> str:
    parts = given.get("content")
    found = parts if isinstance(parts, list) else []
    return "\n".join([str(part.get("text", "")) for part in found if isinstance(part, dict)])


def _formed(values: list[float], form: str) -> Any:
    match form:
        case "float":
            return values
        case "base64":
            return packed(values)
        case "int8":
            return [round(127 * value) for value in values]
        case "uint8":
            return [round(127 * value) + 128 for value in values]
        case _:
            bits = "".join(["1" if value > 0 else "0" for value in values])
            each = [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]
            return [one - 128 for one in each] if form == "binary" else each
