"""Models, listed and one by one. Source: https://docs.cohere.com/reference/list-models, 2026-11-21."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from msgspec import Struct
from msgspec.json import Decoder

from modelway.call import Target
from modelway.dialects.reading import read_answer
from modelway.errors import BadRequestError
from modelway.ports import Encoded
from modelway.types import ModelListing


class _Model(Struct):
    name: str
    context_length: float | None = None


class _Models(Struct):
    models: list[_Model]


_model = Decoder(_Model)
_models = Decoder(_Models)


def list_path(model: str, stream: bool) -> str:  # noqa: ARG001 - the port's signature
    """One page of the most the API gives."""
    return "/v1/models?page_size=1000"


def model_path(model: str, stream: bool) -> str:  # noqa: ARG001
    if model in ("", ".", ".."):
        raise BadRequestError(f"no model of Cohere has the name {model!r}", param="model")
    return f"/v1/models/{quote(model, safe='')}"


def encode_question(request: Any, target: Target, stream: bool) -> Encoded:  # noqa: ARG001 - a GET
    return Encoded(b"")


def decode_list(body: bytes) -> tuple[ModelListing, ...]:
    found = read_answer(_models, body, "the list of models").models
    return tuple([_listing(one) for one in found])


def decode_one(body: bytes) -> ModelListing:
    return _listing(read_answer(_model, body, "the model"))


def _listing(model: _Model) -> ModelListing:
    return ModelListing(
        id=model.name,
        owner="cohere",
        context_tokens=int(model.context_length) if model.context_length else None,
    )
