"""Texts as vectors, and documents in order of relevance: frozen values, the same for every dialect."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import Struct

from modelway.types import JSON, CallWarning, Image, Usage

EmbedInput: TypeAlias = str | tuple[int, ...] | Image
"""A text, a text as token ids, or an image where a model embeds images."""

InputType: TypeAlias = Literal[
    "search_document", "search_query", "classification", "clustering", "similarity"
]
"""What the vectors are for, where a model makes them differently."""


class EmbedRequest(Struct, frozen=True, kw_only=True):
    """Texts to embed. What is ``None`` is not said, and no default is injected."""

    model: str = ""
    inputs: tuple[EmbedInput, ...]
    dimensions: int | None = None
    input_type: InputType | None = None
    truncate: bool | None = None
    """Whether an input past the model's window is cut (``True``) or refused (``False``)."""
    encoding: Literal["float", "base64"] | None = None
    """How a client wants its vectors written; base64 is of little-endian float32."""
    user: str | None = None
    extra: JSON = {}
    """Body fields that modelway does not model, by their wire names."""
    extra_dialect: str | None = None
    """Whose wire names ``extra`` uses; ``None``: those of whichever provider answers."""


class EmbedResponse(Struct, frozen=True, kw_only=True):
    """One vector an input, in the order of the inputs."""

    id: str = ""
    model: str = ""
    vectors: tuple[tuple[float, ...], ...]
    usage: Usage = Usage()
    provider: str | None = None
    deployment: str | None = None
    request_id: str | None = None
    cost_pico_usd: int | None = None
    latency_s: float | None = None
    warnings: tuple[CallWarning, ...] = ()


class RerankRequest(Struct, frozen=True, kw_only=True):
    """Documents to order by their relevance to a query."""

    model: str = ""
    query: str
    documents: tuple[str | dict[str, Any], ...]
    """Texts, or objects with fields where a model ranks those."""
    top_n: int | None = None
    return_documents: bool | None = None
    max_tokens_per_document: int | None = None
    extra: JSON = {}
    extra_dialect: str | None = None


class Ranked(Struct, frozen=True, kw_only=True):
    """A document's place: ``index`` is its position in the request, from 0."""

    index: int
    score: float
    """Relevance as the model gives it; comparable within one answer only."""
    document: str | dict[str, Any] | None = None


class RerankResponse(Struct, frozen=True, kw_only=True):
    """The documents, the most relevant first."""

    id: str = ""
    model: str = ""
    results: tuple[Ranked, ...]
    usage: Usage = Usage()
    provider: str | None = None
    deployment: str | None = None
    request_id: str | None = None
    cost_pico_usd: int | None = None
    latency_s: float | None = None
    warnings: tuple[CallWarning, ...] = ()
