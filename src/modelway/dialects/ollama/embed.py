"""Embeddings, both ways. Source: https://docs.ollama.com/api/embed, 2026-11-21."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from msgspec.json import Decoder

from modelway.call import Target
from modelway.dialects.notes import Notes
from modelway.dialects.ollama.upstream import add_extras, body_fields, encoded, merged
from modelway.dialects.ollama.usage import read_usage, write_usage
from modelway.dialects.ollama.wire import ANY, BOOLEAN, NAME, STRING, is_null, read_answer
from modelway.dialects.reading import read
from modelway.errors import BadRequestError, UnsupportedError
from modelway.framing.fields import Fields
from modelway.ports import Encoded
from modelway.retrieval import EmbedInput, EmbedRequest, EmbedResponse
from modelway.types import JSON, Image, Usage


class _Answer(Struct):
    embeddings: list[tuple[float, ...]]
    model: str = ""


_answer = Decoder(_Answer)
_integer = Decoder(int)


def encode(request: EmbedRequest, target: Target, stream: bool) -> Encoded:  # noqa: ARG001
    notes = Notes(target.model)
    body: JSON = {
        "model": target.model,
        "input": [_text(one, f"inputs.{at}", notes) for at, one in enumerate(request.inputs)],
    }
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    if request.truncate is not None:
        body["truncate"] = request.truncate
    for name in ("input_type", "user"):
        if getattr(request, name) is not None:
            notes.warn(name, "Ollama has no such setting: left out")
    add_extras(body, request, notes)
    for name, value in body_fields(target).items():
        body[name] = merged(body.get(name), value)
    return encoded(body, notes)


def _text(one: EmbedInput, at: str, notes: Notes) -> str:
    if isinstance(one, str):
        return one
    what = "images" if isinstance(one, Image) else "token ids"
    raise UnsupportedError(
        f"{notes.model} embeds no {what} over Ollama's API ({at}); send text",
        model=notes.model,
        param=at,
    )


def decode(body: bytes) -> EmbedResponse:
    answer = read_answer(_answer, body, "the answer")
    return EmbedResponse(
        model=answer.model,
        vectors=tuple(answer.embeddings),
        usage=read_usage(body) or Usage(),
    )


def usage(body: bytes) -> Usage | None:
    said = decode(body).usage
    return said if said != Usage() else None


# ---------------------------------------------------------------- clients


def decode_asked(fields: Fields) -> EmbedRequest:
    extra: JSON = {}
    settings: dict[str, Any] = {}
    for name, raw in fields.items():
        if is_null(raw):
            continue
        match name:
            case "model":
                settings["model"] = read(STRING, raw, name)
            case "input":
                settings["inputs"] = _inputs(read(ANY, raw, name))
            case "dimensions":
                settings["dimensions"] = read(_integer, raw, name)
            case "truncate":
                settings["truncate"] = read(BOOLEAN, raw, name)
            case _:
                extra[name] = read(ANY, raw, name)
    if "inputs" not in settings:
        raise BadRequestError("the field is required", param="input")
    return EmbedRequest(**settings, extra=extra, extra_dialect=NAME if extra else None)


def _inputs(said: Any) -> tuple[str, ...]:
    texts = [said] if isinstance(said, str) else said
    if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
        raise BadRequestError("a text or an array of texts", param="input")
    return tuple(texts)


def encode_answer(response: EmbedResponse) -> bytes:
    answer: JSON = {
        "model": response.model,
        "embeddings": response.vectors,
        **write_usage(response.usage, response.latency_s),
    }
    return msgspec.json.encode(answer)
