"""Reranking, both ways, as vLLM, llama.cpp, Together and Jina have it: ``POST /rerank``.

OpenAI has no such operation; its compatible hosts copied one form from each other.
Source: https://docs.vllm.ai/en/latest/serving/openai_compatible_server/#re-rank-api,
https://docs.together.ai/reference/rerank, https://jina.ai/reranker, 2026-11-21.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from modelway.call import Target
from modelway.dialects.openai_wire.body import Notes, add_extras, encode_json, finished
from modelway.dialects.openai_wire.faults import from_object, malformed
from modelway.errors import BadRequestError, ResponseError
from modelway.framing.fields import Fields
from modelway.ports import Encoded
from modelway.retrieval import Ranked, RerankRequest, RerankResponse
from modelway.types import JSON, Usage

NAME = "openai-chat"
"""Whose wire names extra fields have."""

PROTECTED = frozenset({"model", "query", "documents"})

_SETTINGS = {
    "top_n": "top_n",
    "return_documents": "return_documents",
    "max_tokens_per_doc": "max_tokens_per_document",
}
"""Field on the wire → ours."""


def path(model: str, stream: bool) -> str:  # noqa: ARG001 - the port's signature
    return "/rerank"


def encode(request: RerankRequest, target: Target, stream: bool) -> Encoded:  # noqa: ARG001
    if not request.documents:
        raise BadRequestError("documents must hold at least one", param="documents")
    warn = Notes()
    body: JSON = {
        "model": target.model,
        "query": request.query,
        "documents": list(request.documents),
    }
    for name, ours in _SETTINGS.items():
        value = getattr(request, ours)
        if value is not None:
            body[name] = value
    add_extras(request, NAME, PROTECTED, body, warn)
    return Encoded(finished(body, target, PROTECTED, warn), warn.taken())


class _Ranked(Struct):
    index: int
    relevance_score: float | None = None
    score: float | None = None
    document: str | JSON | None = None


class _Answer(Struct):
    results: list[_Ranked] | None = None
    data: list[_Ranked] | None = None
    id: str | None = None
    model: str | None = None
    usage: JSON | None = None
    meta: JSON | None = None
    error: Any = None


_answer = msgspec.json.Decoder(_Answer)


def decode(body: bytes) -> RerankResponse:
    """The documents by relevance; ``results`` or, in Voyage's words, ``data``."""
    answer = _read(body)
    results = [
        Ranked(
            index=one.index,
            score=one.relevance_score if one.relevance_score is not None else one.score or 0.0,
            document=_document(one.document),
        )
        for one in answer.results or answer.data or ()
    ]
    results.sort(key=lambda one: -one.score)
    return RerankResponse(
        id=answer.id or "",
        model=answer.model or "",
        results=tuple(results),
        usage=_usage(answer) or Usage(),
    )


def usage(body: bytes) -> Usage | None:
    """The usage of an answer; raises what ``decode`` raises for bytes that are none."""
    return _usage(_read(body))


def _read(body: bytes) -> _Answer:
    try:
        answer = _answer.decode(body)
    except msgspec.ValidationError as error:
        raise ResponseError(f"the answer is not one of reranking: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ResponseError(f"the ranked documents are not JSON: {error}") from None
    if answer.error:
        raise from_object({"error": answer.error}, 200)
    if answer.results is None and answer.data is None:
        raise ResponseError("the answer has neither 'results' nor 'data'")
    return answer


def _document(told: str | JSON | None) -> str | JSON | None:
    """A text, which most hosts wrap."""
    if isinstance(told, dict) and isinstance(told.get("text"), str):
        rest = {name for name, value in told.items() if value is not None}
        return told["text"] if rest == {"text"} else told
    return told


def _usage(answer: _Answer) -> Usage | None:
    """Tokens, or search units where a host bills by those."""
    raw: JSON = {}
    if answer.usage:
        raw |= answer.usage
    if answer.meta:
        raw["meta"] = answer.meta
    if not raw:
        return None
    meta = answer.meta or {}
    billed, counted = meta.get("billed_units"), meta.get("tokens")
    places = [raw, billed if isinstance(billed, dict) else {}]
    places.append(counted if isinstance(counted, dict) else {})
    return Usage(
        input_tokens=_first(places, "prompt_tokens", "input_tokens", "total_tokens"),
        output_tokens=_first(places, "completion_tokens", "output_tokens"),
        search_units=_first(places, "search_units"),
        raw=raw,
    )


def _first(places: list[JSON], *names: str) -> int | None:
    for name in names:
        for place in places:
            value = place.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return int(value)
    return None


# ---------------------------------------------------------------- client → us


class _Asked(Struct):
    model: str
    query: str
    documents: list[str | JSON]
    top_n: int | None = None
    return_documents: bool | None = None
    max_tokens_per_doc: int | None = None


def decode_asked(fields: Fields) -> RerankRequest:
    """The question; BadRequestError with the path of a fault."""
    asked: dict[str, Any] = {}
    extra: JSON = {}
    for name, raw in fields.items():
        place = asked if name in _Asked.__struct_fields__ else extra
        place[name] = msgspec.json.decode(raw)
    for name in ("model", "query", "documents"):
        if name not in asked:
            raise BadRequestError(f"{name} is required", param=name)
    try:
        told = msgspec.convert(asked, _Asked)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        raise malformed(what, where.rstrip("`")) from None
    return RerankRequest(
        model=told.model,
        query=told.query,
        documents=tuple(told.documents),
        top_n=told.top_n,
        return_documents=told.return_documents,
        max_tokens_per_document=told.max_tokens_per_doc,
        extra=extra,
        extra_dialect=NAME if extra else None,
    )


def encode_answer(response: RerankResponse) -> bytes:
    """The documents, the most relevant first."""
    results: list[JSON] = []
    for one in response.results:
        written: JSON = {"index": one.index, "relevance_score": one.score}
        if one.document is not None:
            text = isinstance(one.document, str)
            written["document"] = {"text": one.document} if text else one.document
        results.append(written)
    body: JSON = {"id": response.id, "object": "list", "model": response.model, "results": results}
    said = response.usage
    if said.input_tokens is not None:
        tokens = said.input_tokens + (said.output_tokens or 0)
        body["usage"] = {"prompt_tokens": said.input_tokens, "total_tokens": tokens}
    if said.search_units is not None:
        body["meta"] = {"billed_units": {"search_units": said.search_units}}
    return encode_json(body)
