"""What a call asks for, as attributes: of a typed request, or of a client's bytes, left undecoded."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from modelway.call import Body, Call
from modelway.observe.otel.attributes import Attributes, put
from modelway.observe.otel.names import OPERATIONS
from modelway.retrieval import EmbedRequest
from modelway.types import ChatRequest, JsonObject, JsonSchema

_Kind: TypeAlias = Literal["number", "integer", "texts"]

_R = "gen_ai.request."
_WIRE: dict[str, tuple[str, _Kind]] = {
    **dict.fromkeys(
        (
            *("max_tokens", "max_completion_tokens", "max_output_tokens"),
            *("maxOutputTokens", "maxTokens", "num_predict"),
        ),
        (f"{_R}max_tokens", "integer"),
    ),
    "temperature": (f"{_R}temperature", "number"),
    **dict.fromkeys(("top_p", "topP", "p"), (f"{_R}top_p", "number")),
    **dict.fromkeys(("top_k", "topK", "k"), (f"{_R}top_k", "number")),
    **dict.fromkeys(
        ("frequency_penalty", "frequencyPenalty"), (f"{_R}frequency_penalty", "number")
    ),
    **dict.fromkeys(("presence_penalty", "presencePenalty"), (f"{_R}presence_penalty", "number")),
    "seed": (f"{_R}seed", "integer"),
    **dict.fromkeys(("n", "candidateCount"), (f"{_R}choice.count", "integer")),
    **dict.fromkeys(("stop", "stop_sequences", "stopSequences"), (f"{_R}stop_sequences", "texts")),
    **dict.fromkeys(
        ("dimensions", "output_dimension", "outputDimensionality"),
        ("gen_ai.embeddings.dimension.count", "integer"),
    ),
    **dict.fromkeys(("encoding_format", "embedding_types"), (f"{_R}encoding_formats", "texts")),
}
"""The dialects' names for one and the same setting."""
_WITHIN = {"bedrock-converse": "inferenceConfig", "gemini": "generationConfig", "ollama": "options"}
"""Dialects that keep settings in an object of their own, and where."""
_MOST_BYTES = 4096
"""Of a setting, past which it is none that is worth reading."""

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_DECODERS: dict[_Kind, Any] = {
    "number": msgspec.json.Decoder(float | None),
    "integer": msgspec.json.Decoder(int | None),
    "texts": msgspec.json.Decoder(str | list[str] | None),
}


def span_name(call: Call) -> str:
    """What is done, and of which model it is asked."""
    model = asked_model(call.model)
    return f"{OPERATIONS[call.operation]} {model}" if model else OPERATIONS[call.operation]


def asked_model(model: str) -> str:
    """As the caller wrote it; ``""`` for a provider's name, which asks no model."""
    return "" if model.endswith("/") else model[:256]


def asked_attributes(call: Call) -> Attributes:
    """What is the same for the call and for each of its attempts, but for the model."""
    said: Attributes = {}
    if call.stream:
        said["gen_ai.request.stream"] = True
    put(said, "gen_ai.conversation.id", call.options.session)
    match call.request:
        case ChatRequest():
            _of_chat(said, call.request)
        case EmbedRequest():
            put(said, "gen_ai.embeddings.dimension.count", call.request.dimensions)
            if call.request.encoding is not None:
                said["gen_ai.request.encoding_formats"] = [call.request.encoding]
        case _:
            if call.body is not None:
                _of_body(said, call.body)
    if said.get("gen_ai.request.choice.count") == 1:
        del said["gen_ai.request.choice.count"]
    return said


def _of_chat(said: Attributes, request: ChatRequest) -> None:
    for name, value in (
        ("max_tokens", request.max_tokens),
        ("temperature", request.temperature),
        ("top_p", request.top_p),
        ("top_k", None if request.top_k is None else float(request.top_k)),
        ("frequency_penalty", request.frequency_penalty),
        ("presence_penalty", request.presence_penalty),
        ("seed", request.seed),
        ("choice.count", request.n),
        ("stop_sequences", request.stop),
    ):
        if value is not None:
            put(said, _R + name, value)
    if isinstance(request.response_format, JsonObject | JsonSchema):
        said["gen_ai.output.type"] = "json"


def _of_body(said: Attributes, body: Body) -> None:
    fields = body.fields
    within = fields.get(_WITHIN.get(body.dialect, ""))
    if within is not None:
        try:
            fields = _fields(within)
        except (msgspec.MsgspecError, RecursionError):  # its provider refuses it
            return
    for name, raw in fields.items():
        row = _WIRE.get(name)
        if row is None or len(memoryview(raw)) > _MOST_BYTES:
            continue
        try:
            value = _DECODERS[row[1]].decode(raw)
        except msgspec.MsgspecError:
            continue
        put(said, row[0], [value] if row[1] == "texts" and isinstance(value, str) else value)
