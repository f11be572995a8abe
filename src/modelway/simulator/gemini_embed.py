"""Gemini's embeddings, of one content and of many.

Source: https://ai.google.dev/api/embeddings, 2026-11-21.
"""

from __future__ import annotations

from typing import Any

import msgspec

from modelway.simulator import tokens
from modelway.simulator.gemini_contents import parts_of
from modelway.simulator.gemini_read import read_model, worded
from modelway.simulator.gemini_shapes import Embed, EmbedBatch, camel
from modelway.simulator.question import Asked, Envelope, Question, refuse
from modelway.simulator.strict import fitted, parse
from modelway.simulator.vectors import vector

_DIMENSIONS = 3072


def read_embed(asked: Asked) -> Question:
    """What is to be embedded."""
    model = read_model(asked, "embedContent")
    return _embedded(model, [fitted(camel(parse(asked.body, worded)), Embed, asked, worded)])


def read_embed_batch(asked: Asked) -> Question:
    """All that is to be embedded."""
    model = read_model(asked, "batchEmbedContents")
    request = fitted(camel(parse(asked.body, worded)), EmbedBatch, asked, worded)
    if not request.requests:
        raise refuse("* BatchEmbedContentsRequest.requests: requests is not specified\n")
    for at, each in enumerate(request.requests):
        if each.model != f"models/{model}":
            raise refuse(
                f"* BatchEmbedContentsRequest.requests[{at}].model: all requests must be for the "
                "model of the batch\n"
            )
    return _embedded(model, request.requests)


def embedding(envelope: Envelope) -> bytes:
    """The answer of ``embedContent``."""
    return msgspec.json.encode({"embedding": _embeddings(envelope)[0]})


def embeddings(envelope: Envelope) -> bytes:
    """The answer of ``batchEmbedContents``."""
    return msgspec.json.encode({"embeddings": _embeddings(envelope)})


def _embedded(model: str, requests: list[Embed]) -> Question:
    texts: list[str] = []
    for at, each in enumerate(requests):
        parts = parts_of(each.content)
        if not parts:
            raise refuse(f"* EmbedContentRequest.content.parts: requests[{at}] has no parts\n")
        texts.append("\n".join([part.text or repr(part.inline_data) for part in parts]))
    dimensions = requests[0].output_dimensionality or _DIMENSIONS
    if dimensions < 1:
        raise refuse("* EmbedContentRequest.output_dimensionality: must be positive\n")
    return Question(
        dialect="gemini",
        model=model,
        text=texts[0],
        texts=tuple(texts),
        input_tokens=sum(map(tokens.count, texts)),
        told={"dimensions": dimensions},
    )


def _embeddings(envelope: Envelope) -> list[dict[str, Any]]:
    asked = envelope.question
    return [{"values": vector(text, asked.told["dimensions"])} for text in asked.texts]
