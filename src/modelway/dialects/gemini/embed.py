"""Embeddings, both ways: always a batch towards a provider, one or a batch from a client.

Source: https://ai.google.dev/api/embeddings, 2026-11-21.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.json import Decoder

from modelway.call import Target
from modelway.dialects.gemini.assembly import media
from modelway.dialects.gemini.parts import items
from modelway.dialects.gemini.paths import resource
from modelway.dialects.gemini.upstream import add_extras, encoded
from modelway.dialects.gemini.usage import read_usage, write_usage
from modelway.dialects.gemini.wire import (
    ANY,
    INTEGER,
    NAME,
    STRING,
    Blob,
    camel,
    is_null,
    read_fields,
)
from modelway.dialects.notes import Notes
from modelway.dialects.reading import read, read_answer
from modelway.errors import BadRequestError, UnsupportedError
from modelway.framing.fields import Fields
from modelway.ports import Encoded
from modelway.retrieval import EmbedInput, EmbedRequest, EmbedResponse, InputType
from modelway.types import JSON, Image, Inline, Usage

_TASKS: dict[InputType, str] = {
    "search_document": "RETRIEVAL_DOCUMENT",
    "search_query": "RETRIEVAL_QUERY",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
    "similarity": "SEMANTIC_SIMILARITY",
}
_TYPES = {task: kind for kind, task in _TASKS.items()}


class _Embedding(Struct):
    values: tuple[float, ...]


class _Answer(Struct, rename="camel"):
    embeddings: list[_Embedding] | None = None
    embedding: _Embedding | None = None
    usage_metadata: JSON | None = None


_answer = Decoder(_Answer)


def encode(request: EmbedRequest, target: Target, stream: bool) -> Encoded:  # noqa: ARG001
    notes = Notes(target.model)
    if request.user is not None:
        notes.warn("user", "Gemini has no such setting: left out")
    if request.truncate is not None:
        notes.warn("truncate", "Gemini always cuts what is too long: left out")
    shared: JSON = {"model": resource(target.model)}
    if request.input_type is not None:
        shared["taskType"] = _TASKS[request.input_type]
    if request.dimensions is not None:
        shared["outputDimensionality"] = request.dimensions
    add_extras(shared, request.extra, request.extra_dialect, target, notes)
    asked = [
        shared | {"content": {"parts": [_part(one, f"inputs.{number}", notes)]}}
        for number, one in enumerate(request.inputs)
    ]
    return encoded({"requests": asked}, notes)


def _part(one: EmbedInput, at: str, notes: Notes) -> JSON:
    if isinstance(one, str):
        return {"text": one}
    if isinstance(one, Image) and isinstance(one.source, Inline):
        return {"inlineData": {"mimeType": one.source.media_type, "data": one.source.data}}
    what = "images by address" if isinstance(one, Image) else "token ids"
    raise UnsupportedError(
        f"{notes.model} embeds no {what} ({at}); send text or an image in bytes",
        model=notes.model,
        param=at,
    )


def decode(body: bytes) -> EmbedResponse:
    answer = read_answer(_answer, body, "the answer")
    found = answer.embeddings
    if found is None:
        found = [answer.embedding] if answer.embedding is not None else None
    if found is None:
        read_answer(Decoder(list[_Embedding]), body, "the answer")  # raises that it has none
    return EmbedResponse(
        vectors=tuple([one.values for one in found or ()]),
        usage=read_usage(answer.usage_metadata or {}) or Usage(),
    )


# ---------------------------------------------------------------- clients


def decode_asked(fields: Fields) -> EmbedRequest:
    """``embedContent`` asks for one, ``batchEmbedContents`` for several with the same settings."""
    said = {camel(name): raw for name, raw in fields.items() if not is_null(raw)}
    if "requests" not in said:
        settings, one = _one(said, "")
        return _request([one], settings)
    inputs: list[EmbedInput] = []
    shared: dict[str, Any] | None = None
    for number, raw in enumerate(items(said["requests"], "requests")):
        at = f"requests.{number}"
        settings, one = _one(read_fields(raw, at), f"{at}.")
        if shared is not None and settings != shared:
            raise BadRequestError("all requests of a batch must be for the same", param=at)
        shared = settings
        inputs.append(one)
    if shared is None:
        raise BadRequestError("there is nothing to embed", param="requests")
    return _request(inputs, shared)


def _request(inputs: list[EmbedInput], settings: dict[str, Any]) -> EmbedRequest:
    extra = settings["extra"]
    return EmbedRequest(inputs=tuple(inputs), extra_dialect=NAME if extra else None, **settings)


def _one(said: dict[str, Raw], at: str) -> tuple[dict[str, Any], EmbedInput]:
    """The settings, and the input."""
    if "content" not in said:
        raise BadRequestError("the field is required", param=f"{at}content")
    extra: JSON = {}
    settings: dict[str, Any] = {"model": "", "extra": extra}
    for name, raw in said.items():
        match name:
            case "model":
                settings["model"] = read(STRING, raw, f"{at}model").removeprefix("models/")
            case "outputDimensionality":
                settings["dimensions"] = read(INTEGER, raw, at + name)
            case "taskType" if (task := read(STRING, raw, at + name)) in _TYPES:
                settings["input_type"] = _TYPES[task]
            case "content":
                pass
            case _:
                extra[name] = read(ANY, raw, at + name)
    return settings, _input(said["content"], f"{at}content")


def _input(raw: Raw, at: str) -> EmbedInput:
    """A content is one input; of several texts, as the API does, one."""
    content = read_fields(raw, at)
    parts = items(content["parts"], f"{at}.parts") if "parts" in content else []
    texts: list[str] = []
    for number, each in enumerate(parts):
        where = f"{at}.parts.{number}"
        part = read_fields(each, where)
        if part.keys() == {"text"}:
            texts.append(read(STRING, part["text"], f"{where}.text"))
        elif part.keys() == {"inlineData"} and len(parts) == 1:
            blob = read_fields(part["inlineData"], where)
            found = media(
                Blob(
                    read(STRING, blob.get("mimeType", Raw(b'""')), f"{where}.mimeType"),
                    read(STRING, blob.get("data", Raw(b'""')), f"{where}.data"),
                )
            )
            if isinstance(found, Image):
                return found
            raise _unsupported(where)
        else:
            raise _unsupported(where)
    return "".join(texts)


def _unsupported(at: str) -> UnsupportedError:
    """A provider of this dialect is sent the client's own bytes, whatever they hold."""
    return UnsupportedError("one input is texts, or one image in bytes", param=at)


def answer_asked(response: EmbedResponse, fields: Fields) -> bytes:
    """What ``embedContent`` reads is an object, where a batch is a list."""
    if "requests" in fields or len(response.vectors) != 1:
        return encode_answer(response)
    return _answered({"embedding": {"values": response.vectors[0]}}, response)


def encode_answer(response: EmbedResponse) -> bytes:
    return _answered({"embeddings": [{"values": vector} for vector in response.vectors]}, response)


def _answered(written: JSON, response: EmbedResponse) -> bytes:
    if response.usage != Usage():
        written["usageMetadata"] = write_usage(response.usage)
    return msgspec.json.encode(written)
