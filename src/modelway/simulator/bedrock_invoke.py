"""Bedrock's InvokeModel: Anthropic's own messages, and embeddings of Titan and Cohere.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-
messages.html, …/model-parameters-titan-embed-text.html, …/model-parameters-embed.html, 2026-11-21.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

import msgspec

from modelway.simulator import anthropic_read, anthropic_write, tokens
from modelway.simulator.bedrock_read import converse, read_count, read_model, worded
from modelway.simulator.bedrock_write import event
from modelway.simulator.question import Asked, Envelope, Question, refuse
from modelway.simulator.strict import parse
from modelway.simulator.vectors import vector

_VERSION = "bedrock-2023-05-31"
_OURS = ("anthropic_version", "anthropic_beta")
_ABSENT = frozenset({"stop_details", "caller", "output_tokens_details"})
_DIMENSIONS = 1024


def read(asked: Asked) -> Question:
    """The question in a body, which is the model's own."""
    fields, model = parse(asked.body, worded), read_model(asked)
    if "inputText" in fields and "textGenerationConfig" not in fields:
        return _embedding(model, [fields["inputText"]], fields)
    if "texts" in fields:
        return _embedding(model, fields["texts"], {"dimensions": fields.get("output_dimension")})
    return _message(asked, fields, counting=False)


def read_stream(asked: Asked) -> Question:
    """A message, to be streamed."""
    question = _message(asked, parse(asked.body, worded), counting=False)
    return msgspec.structs.replace(question, stream=True)


def read_counted(asked: Asked) -> Question:
    """What is to be counted, in either form."""
    request, model = read_count(asked).input, read_model(asked)
    if request.converse is not None:
        return converse(request.converse, model)
    body = "" if request.invoke_model is None else request.invoke_model.body
    try:
        fields = parse(base64.b64decode(body, validate=True), worded)
    except binascii.Error:
        raise refuse("The body of invokeModel is not base64.") from None
    return _message(asked, fields, counting=True)


def whole(envelope: Envelope) -> bytes:
    """The model's own answer."""
    asked = envelope.question
    if not asked.texts:
        return msgspec.json.encode(_without(msgspec.json.decode(anthropic_write.whole(envelope))))
    vectors = [vector(text, asked.told["dimensions"]) for text in asked.texts]
    if asked.told["titan"]:
        count = envelope.counts.input_tokens
        return msgspec.json.encode({"embedding": vectors[0], "inputTextTokenCount": count})
    kind = {"response_type": "embeddings_floats", "texts": asked.texts}
    return msgspec.json.encode({"id": envelope.id, "embeddings": vectors, **kind})


def events(envelope: Envelope) -> Iterator[tuple[bytes, int]]:
    """Anthropic's events, each in a message of its own."""
    number = 0
    for said, size in anthropic_write.events(envelope):
        data = _without(msgspec.json.decode(said.partition(b"\ndata: ")[2]))
        if data["type"] == "ping":
            continue
        if data["type"] == "message_delta":
            data["usage"] = {"output_tokens": data["usage"]["output_tokens"]}
        if data["type"] == "message_stop":
            counts = envelope.counts
            data["amazon-bedrock-invocationMetrics"] = {
                "inputTokenCount": counts.input_tokens,
                "outputTokenCount": counts.output_tokens,
                "invocationLatency": 100,
                "firstByteLatency": 10,
            }
        payload = {"bytes": base64.b64encode(msgspec.json.encode(data)).decode()}
        yield event("chunk", payload, number), size
        number += 1


def _without(value: Any) -> Any:
    """A message without what Anthropic says of it at its own place only, by the recordings."""
    if isinstance(value, list):
        return [_without(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {name: each for name, each in value.items() if name not in _ABSENT}
    return {name: each if name == "input" else _without(each) for name, each in kept.items()}


def _message(asked: Asked, fields: dict[str, Any], *, counting: bool) -> Question:
    """Anthropic's request without what Bedrock has elsewhere: the model and the streaming."""
    for name in ("model", "stream"):
        if name in fields:
            raise refuse(f"{name}: Extra inputs are not permitted")
    version = fields.get("anthropic_version")
    if version is None and not counting:
        raise refuse("anthropic_version: Field required")
    if version is not None and version != _VERSION:
        raise refuse(f"anthropic_version: Input should be '{_VERSION}'")
    kept = {name: value for name, value in fields.items() if name not in _OURS}
    body = msgspec.json.encode({**kept, "model": asked.places["model"]})
    question = anthropic_read.read(msgspec.structs.replace(asked, body=body), counting=counting)
    return msgspec.structs.replace(question, dialect="bedrock")


def _embedding(model: str, texts: Any, fields: dict[str, Any]) -> Question:
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts) or not texts:
        raise refuse("Malformed input request: #: texts are strings, please reformat your input.")
    return Question(
        dialect="bedrock",
        model=model,
        text=texts[0],
        texts=tuple(texts),
        input_tokens=sum(map(tokens.count, texts)),
        told={
            "dimensions": fields.get("dimensions") or _DIMENSIONS,
            "titan": "inputText" in fields,
        },
    )
