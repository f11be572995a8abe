"""Models, listed and one by one, both ways.

Source: https://docs.ollama.com/api/tags and https://docs.ollama.com/api-reference/show-model-details,
2026-11-21. A window stands in the metadata of the model's file, below its architecture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.json import Decoder

from modelway.call import Target
from modelway.dialects.ollama.usage import read_time, write_time
from modelway.dialects.ollama.wire import read_answer
from modelway.framing.fields import Fields
from modelway.ports import Encoded
from modelway.types import JSON, ModelListing

_ARCHITECTURE = "general.architecture"


class _Details(Struct):
    family: str | None = None
    quantization_level: str | None = None


class _Model(Struct):
    name: str = ""
    model: str = ""
    modified_at: str = ""
    size: int | None = None
    details: _Details | None = None


class _Models(Struct):
    models: list[_Model]


class _Shown(Struct):
    details: _Details
    modified_at: str = ""
    model_info: dict[str, Any] | None = None


_models = Decoder(_Models)
_shown = Decoder(_Shown)


def ask_all(request: Any, target: Target, stream: bool) -> Encoded:  # noqa: ARG001 - a GET
    return Encoded(b"")


def ask_one(request: Any, target: Target, stream: bool) -> Encoded:  # noqa: ARG001 - the port's
    return Encoded(msgspec.json.encode({"model": target.model}))


def decode_list(body: bytes) -> tuple[ModelListing, ...]:
    found = read_answer(_models, body, "the list of models").models
    return tuple(
        [
            ModelListing(
                id=one.model or one.name,
                created=read_time(one.modified_at),
                size_bytes=one.size or None,
                quantization=_quantization(one.details),
            )
            for one in found
        ]
    )


def decode_one(body: bytes) -> ModelListing:
    """Its answer does not repeat the name."""
    shown = read_answer(_shown, body, "the model")
    info = shown.model_info or {}
    window = info.get(f"{info.get(_ARCHITECTURE)}.context_length")
    return ModelListing(
        id="",
        created=read_time(shown.modified_at),
        context_tokens=window if type(window) is int and window > 0 else None,
        quantization=_quantization(shown.details),
    )


def _quantization(details: _Details | None) -> str | None:
    level = details.quantization_level if details is not None else None
    return None if level in ("", "unknown") else level


# ---------------------------------------------------------------- clients


def decode_asked(fields: Fields) -> None:
    """What is asked for stands in the path, or is read by whoever routes it."""


def encode_list(models: Sequence[ModelListing]) -> bytes:
    return msgspec.json.encode({"models": [_written(one) for one in models]})


def _written(one: ModelListing) -> JSON:
    return {
        "name": one.id,
        "model": one.id,
        "modified_at": write_time(one.created),
        "size": one.size_bytes or 0,
        "digest": "",
        "details": _details(one),
    }


def _details(one: ModelListing) -> JSON:
    """Clients need all of these fields; what is not known is empty."""
    return {
        "parent_model": "",
        "format": "",
        "family": one.owner or "",
        "families": [],
        "parameter_size": "",
        "quantization_level": one.quantization or "",
    }


def encode_one(model: ModelListing) -> bytes:
    architecture = "modelway"
    info: JSON = {_ARCHITECTURE: architecture, "general.basename": model.name or model.id}
    if model.context_tokens is not None:
        info[f"{architecture}.context_length"] = model.context_tokens
    return msgspec.json.encode(
        {
            "modified_at": write_time(model.created),
            "details": _details(model),
            "model_info": info,
            "capabilities": ["completion"],
        }
    )
