"""Embeddings as OpenAI makes them, and reranking in the form that its compatible hosts share.

Source: https://platform.openai.com/docs/api-reference/embeddings/create,
https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html#re-rank-api, 2026-11-21.
"""

from __future__ import annotations

from typing import Any

import msgspec

from modelway.simulator import tokens
from modelway.simulator.openai_read import check_names, parse, read_model
from modelway.simulator.openai_refusals import missing, not_one_of, wrong_type
from modelway.simulator.question import Asked, Envelope, Question, refuse
from modelway.simulator.vectors import likeness, packed, vector

_FIELDS = frozenset({"input", "model", "dimensions", "encoding_format", "user"})
_RERANK_FIELDS = frozenset(
    {"model", "query", "documents", "top_n", "return_documents", "max_chunks_per_doc"}
    | {"rank_fields", "user", "truncate_prompt_tokens", "priority"}
)
_DIMENSIONS = 1536
_MOST_TEXTS = 2048


def read(asked: Asked) -> Question:
    """What is to be embedded."""
    fields = parse(asked.body)
    model = read_model(asked, fields)
    check_names(asked, fields, _FIELDS)
    texts, counted = _texts(fields)
    form, dimensions = fields.get("encoding_format"), fields.get("dimensions")
    if form not in (None, "float", "base64"):
        raise not_one_of("encoding_format", form, ("float", "base64"))
    if dimensions is not None:
        if isinstance(dimensions, bool) or not isinstance(dimensions, int):
            raise wrong_type("dimensions", "an integer", dimensions)
        if dimensions < 1:
            raise refuse(
                f"Invalid 'dimensions': integer below minimum value. Expected a value >= 1, but got "
                f"{dimensions} instead.",
                param="dimensions",
                code="integer_below_min_value",
            )
    return Question(
        dialect="openai",
        model=model,
        text=texts[0],
        texts=texts,
        input_tokens=counted,
        told={"form": form, "dimensions": dimensions or _DIMENSIONS},
    )


def whole(envelope: Envelope) -> bytes:
    """A list of embeddings."""
    asked, spent = envelope.question, envelope.counts.input_tokens
    data: list[dict[str, Any]] = []
    for index, text in enumerate(asked.texts):
        values: Any = vector(text, asked.told["dimensions"])
        if asked.told["form"] == "base64":
            values = packed(values)
        data.append({"object": "embedding", "index": index, "embedding": values})
    usage = {"prompt_tokens": spent, "total_tokens": spent}
    body = {"object": "list", "data": data, "model": asked.model, "usage": usage}
    return msgspec.json.encode(body)


def read_rerank(asked: Asked) -> Question:
    """What is to be ranked by nearness to what."""
    fields = parse(asked.body)
    model = read_model(asked, fields)
    check_names(asked, fields, _RERANK_FIELDS)
    query, given, most = fields.get("query"), fields.get("documents"), fields.get("top_n")
    if not isinstance(query, str) or not query:
        raise missing("query")
    if not isinstance(given, list) or not given:
        raise missing("documents")
    if not isinstance(most, int | None) or isinstance(most, bool):
        raise wrong_type("top_n", "an integer", most)
    texts: list[str] = []
    for at, each in enumerate(given):
        text = each.get("text") if isinstance(each, dict) else each
        if not isinstance(text, str):
            raise wrong_type(f"documents[{at}]", "a string", each)
        texts.append(text)
    return Question(
        dialect="openai",
        model=model,
        text=query,
        texts=tuple(texts),
        input_tokens=sum([tokens.count(text) + tokens.count(query) for text in texts]),
        told={"most": most, "documents": fields.get("return_documents") is not False},
    )


def whole_rerank(envelope: Envelope) -> bytes:
    """The documents, the nearest first."""
    asked, spent = envelope.question, envelope.counts.input_tokens
    results = [
        {"index": index, "relevance_score": score, "document": {"text": asked.texts[index]}}
        for index, score in ranked(asked)
    ]
    if not asked.told["documents"]:
        for each in results:
            del each["document"]
    usage = {"prompt_tokens": spent, "total_tokens": spent}
    body = {"id": envelope.id, "model": asked.model, "results": results, "usage": usage}
    return msgspec.json.encode(body)


def ranked(asked: Question) -> list[tuple[int, float]]:
    """(place, score) of the texts that are wanted, the nearest to the question first."""
    scores = [likeness(asked.text, text) for text in asked.texts]
    order = sorted(range(len(scores)), key=lambda at: -scores[at])
    return [(at, scores[at]) for at in order][: asked.told["most"]]


def _texts(fields: dict[str, Any]) -> tuple[tuple[str, ...], int]:
    """The texts, and how many tokens they are; tokens stand for themselves."""
    given = fields.get("input")
    if given is None:
        raise missing("input")
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list):
        raise wrong_type("input", "one of a string or array", given)
    if given and all(isinstance(each, int) for each in given):
        given = [given]
    if not given or any(each in ("", []) for each in given):
        raise refuse(
            "'$.input' is invalid. Please check the API reference: "
            "https://platform.openai.com/docs/api-reference."
        )
    if len(given) > _MOST_TEXTS:
        raise refuse(
            f"Invalid 'input': array too long. Expected an array with maximum length {_MOST_TEXTS}, "
            f"but got an array with length {len(given)} instead.",
            param="input",
            code="array_above_max_length",
        )
    texts: list[str] = []
    counted = 0
    for at, each in enumerate(given):
        if isinstance(each, str):
            texts.append(each)
            counted += tokens.count(each)
        elif isinstance(each, list) and all(isinstance(token, int) for token in each):
            texts.append(" ".join(map(str, each)))
            counted += len(each)
        else:
            raise wrong_type(f"input[{at}]", "a string", each)
    return tuple(texts), counted
