"""Models, listed and one by one, both ways. Source: https://ai.google.dev/api/models, 2026-11-21."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.json import Decoder

from modelway.call import Target
from modelway.dialects.gemini.paths import resource
from modelway.dialects.reading import read_answer
from modelway.framing.fields import Fields
from modelway.ports import Encoded
from modelway.types import JSON, ModelListing


class _Model(Struct, rename="camel"):
    name: str
    display_name: str | None = None
    input_token_limit: int | None = None
    output_token_limit: int | None = None


class _Models(Struct):
    models: list[_Model]


_model = Decoder(_Model)
_models = Decoder(_Models)


def encode_question(request: Any, target: Target, stream: bool) -> Encoded:  # noqa: ARG001 - a GET
    return Encoded(b"")


def decode_list(body: bytes) -> tuple[ModelListing, ...]:
    found = read_answer(_models, body, "the list of models").models
    return tuple([_listing(one) for one in found])


def decode_one(body: bytes) -> ModelListing:
    return _listing(read_answer(_model, body, "the model"))


def _listing(model: _Model) -> ModelListing:
    return ModelListing(
        id=model.name.removeprefix("models/"),
        name=model.display_name,
        owner="google",
        context_tokens=model.input_token_limit or None,
        max_output_tokens=model.output_token_limit or None,
    )


def decode_asked(fields: Fields) -> None:
    """A GET asks nothing."""


def encode_list(models: Sequence[ModelListing]) -> bytes:
    return msgspec.json.encode({"models": [_written(one) for one in models]})


def encode_one(model: ModelListing) -> bytes:
    return msgspec.json.encode(_written(model))


def _written(one: ModelListing) -> JSON:
    """A name with a collection of its own cannot be asked for below ``/models/``."""
    written: JSON = {
        "name": resource(one.id) if one.id.startswith("tunedModels/") else f"models/{one.id}",
        "displayName": one.name or one.id,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }
    if one.context_tokens is not None:
        written["inputTokenLimit"] = one.context_tokens
    if one.max_output_tokens is not None:
        written["outputTokenLimit"] = one.max_output_tokens
    return written
