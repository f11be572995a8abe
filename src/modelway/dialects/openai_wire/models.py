"""Model lists, both ways, in the many forms in which compatible hosts write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from modelway.call import Target
from modelway.dialects.openai_wire.faults import from_object
from modelway.errors import BadRequestError, ResponseError
from modelway.framing.fields import Fields
from modelway.ports import Encoded
from modelway.types import JSON, ModelListing


def decode(body: bytes) -> tuple[ModelListing, ...]:
    """``{"data": […]}`` as OpenAI writes it, ``{"models": […]}``, or a bare list (Together)."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ResponseError(f"the list of models is not JSON: {error}") from None
    if isinstance(told, dict) and told.get("error"):
        raise from_object(told, 200)
    found = told
    if isinstance(told, dict):
        found = told["data"] if "data" in told else told.get("models")
    if not isinstance(found, list):
        raise ResponseError("the list of models has neither 'data' nor 'models'")
    return tuple([_listing(item) for item in found if isinstance(item, dict) and _id(item)])


def decode_one(body: bytes) -> ModelListing:
    """One model, by itself or wrapped as the list is."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ResponseError(f"the model is not JSON: {error}") from None
    if isinstance(told, dict) and told.get("error"):
        raise from_object(told, 200)
    if isinstance(told, dict) and isinstance(told.get("data"), dict):
        told = told["data"]
    if not isinstance(told, dict) or not _id(told):
        raise ResponseError("the answer is not a model: it has no id")
    return _listing(told)


def one_path(model: str, stream: bool) -> str:  # noqa: ARG001 - the port's signature
    """A model's name may have slashes, which hosts read as part of it."""
    if {"", ".", ".."} & set(model.split("/")):
        raise BadRequestError("the model cannot be part of a URL's path", param="model")
    return f"/models/{quote(model, safe='/:@')}"


def list_path(model: str, stream: bool) -> str:  # noqa: ARG001 - the port's signature
    return "/models"


def ask(request: object, target: Target, stream: bool) -> Encoded:  # noqa: ARG001 - a GET
    return Encoded(b"")


def asked(fields: Fields) -> None:
    """A GET asks nothing."""


def encode_one(listing: ModelListing) -> bytes:
    """Source: OpenAPI 2.3.0, Model, 2026-11-21."""
    return msgspec.json.encode(_written(listing))


def encode(listings: Sequence[ModelListing]) -> bytes:
    """OpenAI's list. Source: OpenAPI 2.3.0, ListModelsResponse, 2026-11-21."""
    return msgspec.json.encode({"object": "list", "data": [_written(one) for one in listings]})


def _id(item: JSON) -> str:
    value = item.get("id") or item.get("model") or item.get("name")
    return value if isinstance(value, str) else ""


def _listing(item: JSON) -> ModelListing:
    inside = _inside(item, "top_provider", "meta", "limits", "model_info")
    name = item.get("display_name") or item.get("name")
    created = _number([item], "created", "created_at")
    return ModelListing(
        id=_id(item),
        name=name if isinstance(name, str) else None,
        owner=_word(item, "owned_by", "organization", "publisher"),
        created=created,
        context_tokens=_number(
            [item, *inside],
            "context_length",  # OpenRouter, Together, Moonshot
            "max_model_len",  # vLLM, SGLang
            "context_window",  # Groq
            "max_context_length",  # Mistral, LM Studio
            "max_context_window_tokens",
            "loaded_context_length",
            "n_ctx",  # llama.cpp
            "n_ctx_train",
        ),
        max_output_tokens=_number(
            [item, *inside], "max_completion_tokens", "max_output_tokens", "max_tokens"
        ),
        size_bytes=_number([item, *inside], "size", "size_bytes"),
        quantization=_word(item, "quantization"),
    )


def _inside(item: JSON, *names: str) -> list[JSON]:
    return [value for value in (item.get(name) for name in names) if isinstance(value, dict)]


def _number(places: Sequence[JSON], *names: str) -> int | None:
    for name in names:
        for place in places:
            value: Any = place.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
                return int(value)
    return None


def _word(item: JSON, *names: str) -> str | None:
    found = (item.get(name) for name in names)
    return next((value for value in found if isinstance(value, str) and value), None)


def _written(one: ModelListing) -> JSON:
    written: JSON = {
        "id": one.id,
        "object": "model",
        "created": one.created or 0,
        "owned_by": one.owner or one.provider or "",
    }
    beyond = {
        "name": one.name,
        "context_length": one.context_tokens,
        "max_output_tokens": one.max_output_tokens,
        "size_bytes": one.size_bytes,
        "quantization": one.quantization,
    }
    return written | {name: value for name, value in beyond.items() if value is not None}
