"""Embeddings, both ways. Source: https://docs.cohere.com/v2/reference/embed, 2026-11-21."""

from __future__ import annotations

import base64
import binascii
import math
import sys
from array import array
from typing import Any, get_args

import msgspec
from msgspec import Raw, Struct
from msgspec.json import Decoder

from modelway.call import Target
from modelway.dialects.cohere.body import finished
from modelway.dialects.cohere.content import data_uri, read_image
from modelway.dialects.cohere.usage import read_usage
from modelway.dialects.cohere.wire import ANY, NAME, STRING, Block, is_null
from modelway.dialects.notes import Notes
from modelway.dialects.reading import read, read_answer
from modelway.errors import BadRequestError, ResponseError, UnsupportedError
from modelway.framing.fields import Fields
from modelway.ports import Encoded
from modelway.retrieval import EmbedInput, EmbedRequest, EmbedResponse, InputType
from modelway.types import JSON, Image, Inline, Remote, Usage

_TYPES = ("search_document", "search_query", "classification", "clustering")
_NEAREST = {"similarity": "clustering"}
_TRUNCATED = {"NONE": False, "END": True}
_FORMS = ("float", "base64", "int8", "uint8", "binary", "ubinary")
"""Forms of a vector, the best first: it is read from the first that is there."""

_MOST = 1e6
"""No vector has a component as large; bytes that are not of float32 do."""


def path(model: str, stream: bool) -> str:  # noqa: ARG001 - the port's signature
    return "/v2/embed"


# ---------------------------------------------------------------- us → provider


def encode(request: EmbedRequest, target: Target, stream: bool) -> Encoded:  # noqa: ARG001
    notes = Notes(target.model)
    if not request.inputs:
        raise BadRequestError("inputs must hold at least one", param="inputs")
    if request.user is not None:
        notes.warn("user", "Cohere has no such setting: left out")
    body: JSON = {"model": target.model, **_inputs(request.inputs, notes)}
    body["input_type"] = _input_type(request, "images" in body, notes)
    if request.encoding == "float":  # base64 is for a client: whoever answers it packs the numbers
        body["embedding_types"] = ["float"]
    if request.truncate is not None:
        body["truncate"] = "END" if request.truncate else "NONE"
    if request.dimensions is not None:
        body["output_dimension"] = request.dimensions
    return finished(body, request.extra, request.extra_dialect, target, notes)


def _input_type(request: EmbedRequest, image: bool, notes: Notes) -> str:
    """Models from v3 on refuse a request without it; most vectors made at large are of documents."""
    asked = request.input_type
    if asked is None:
        if image:
            return "image"
        if "input_type" not in request.extra:
            notes.warn("input_type", "required, and not said: sent as search_document")
        return "search_document"
    if asked in _NEAREST:
        notes.warn("input_type", f"Cohere has no {asked}: sent as {_NEAREST[asked]}")
    return _NEAREST.get(asked, asked)


def _inputs(inputs: tuple[EmbedInput, ...], notes: Notes) -> JSON:
    """Texts; one image, as v3 models take it too; or both together, which v4 models take."""
    texts = [one for one in inputs if isinstance(one, str)]
    if len(texts) == len(inputs):
        return {"texts": texts}
    contents = [_content(one, f"inputs.{number}", notes) for number, one in enumerate(inputs)]
    if len(inputs) == 1:
        return {"images": [contents[0]["image_url"]["url"]]}
    return {"inputs": [{"content": [content]} for content in contents]}


def _content(one: EmbedInput, at: str, notes: Notes) -> JSON:
    if isinstance(one, str):
        return {"type": "text", "text": one}
    if isinstance(one, Image) and isinstance(one.source, Inline):
        return {"type": "image_url", "image_url": {"url": data_uri(one.source)}}
    if isinstance(one, Image) and isinstance(one.source, Remote):
        return {"type": "image_url", "image_url": {"url": one.source.url}}
    what = "stored images" if isinstance(one, Image) else "token ids"
    raise UnsupportedError(
        f"{notes.model} embeds no {what} ({at}); send text or an image",
        model=notes.model,
        param=at,
    )


class _Answer(Struct):
    embeddings: dict[str, Any] | list[tuple[float, ...]]
    id: str = ""
    meta: JSON | None = None


_answer = Decoder(_Answer)
_numbers = tuple[tuple[float, ...], ...]


def decode(body: bytes) -> EmbedResponse:
    answer = read_answer(_answer, body, "the answer")
    return EmbedResponse(
        id=answer.id,
        vectors=_vectors(answer.embeddings),
        usage=read_usage(answer.meta) or Usage(),
    )


def usage(body: bytes) -> Usage | None:
    """The usage of an answer; raises what ``decode`` raises for bytes that are none."""
    return read_usage(read_answer(_answer, body, "the answer").meta)


def _vectors(told: dict[str, Any] | list[tuple[float, ...]]) -> tuple[tuple[float, ...], ...]:
    if not isinstance(told, dict):
        return tuple(told)
    form = next((form for form in _FORMS if told.get(form) is not None), None)
    if form is None:
        raise ResponseError("the provider's answer has no embeddings")
    if form == "base64":
        return tuple([_unpacked(one) for one in told[form]])
    try:
        return msgspec.convert(told[form], _numbers)
    except msgspec.ValidationError as error:
        raise ResponseError(f"the provider's embeddings cannot be read: {error}") from None


def _unpacked(told: Any) -> tuple[float, ...]:
    """Base64 of little-endian float32."""
    numbers = array("f")
    try:
        numbers.frombytes(base64.b64decode(told, validate=True))
    except (binascii.Error, ValueError, TypeError):
        raise ResponseError("a vector is not base64 of 32-bit numbers") from None
    if sys.byteorder == "big":
        numbers.byteswap()
    if not all(math.isfinite(number) and abs(number) < _MOST for number in numbers):
        raise ResponseError("a vector in base64 is not of 32-bit floating point numbers")
    return tuple(numbers)


# ---------------------------------------------------------------- client → us

_strings = Decoder(tuple[str, ...])
_integer = Decoder(int)


class _Input(Struct):
    content: list[Block]


_several = Decoder(list[_Input])


def decode_asked(fields: Fields) -> EmbedRequest:
    said = {name: raw for name, raw in fields.items() if not is_null(raw)}
    extra: JSON = {}
    settings: dict[str, Any] = {}
    inputs: list[EmbedInput] = []
    for name, raw in said.items():
        match name:
            case "model":
                settings["model"] = read(STRING, raw, name)
            case "texts":
                texts = read(_strings, raw, name)
                inputs += texts
            case "images":
                urls = read(_strings, raw, name)
                blocks = [_image_block(url) for url in urls]
                inputs += [read_image(one, f"images.{n}") for n, one in enumerate(blocks)]
            case "inputs":
                told = read(_several, raw, name)
                inputs += [_one(one, f"inputs.{n}") for n, one in enumerate(told)]
            case "output_dimension":
                settings["dimensions"] = read(_integer, raw, name)
            case "input_type" if (asked := read(STRING, raw, name)) in get_args(InputType):
                settings["input_type"] = asked
            case "input_type" if asked == "image" and "images" in said:
                pass  # what images are sent as
            case "truncate" if (cut := read(STRING, raw, name)) in _TRUNCATED:
                settings["truncate"] = _TRUNCATED[cut]
            case "embedding_types" if (form := _form(raw)) is not None:
                settings["encoding"] = form
            case _:
                extra[name] = read(ANY, raw, name)
    if not inputs:
        raise BadRequestError("one of texts, images and inputs is required", param="texts")
    return EmbedRequest(
        inputs=tuple(inputs), extra=extra, extra_dialect=NAME if extra else None, **settings
    )


def _image_block(url: str) -> Block:
    return msgspec.convert({"type": "image_url", "image_url": {"url": url}}, Block)


def _one(told: _Input, at: str) -> EmbedInput:
    if len(told.content) != 1:
        raise UnsupportedError("one input is a text or an image, here", param=f"{at}.content")
    block = told.content[0]
    return block.text if block.type == "text" else read_image(block, f"{at}.content.0")


def _form(raw: Raw) -> str | None:
    told = read(ANY, raw, "embedding_types")
    return told[0] if told in (["float"], ["base64"]) else None


def encode_answer(response: EmbedResponse, fields: Fields | None = None) -> bytes:
    """Vectors of numbers, and in base64 where that is asked for; other forms are a provider's own."""
    asked = _asked_forms(fields)
    vectors: JSON = {}
    if "base64" in asked:
        vectors["base64"] = [_packed(vector) for vector in response.vectors]
    if asked != {"base64"}:
        vectors["float"] = response.vectors
    answer: JSON = {"id": response.id, "embeddings": vectors, "meta": write_meta(response.usage)}
    texts = fields.get("texts") if fields is not None else None
    if texts is not None:
        answer["texts"] = texts
    answer["response_type"] = "embeddings_by_type"
    return msgspec.json.encode(answer)


def _asked_forms(fields: Fields | None) -> set[str]:
    raw = fields.get("embedding_types") if fields is not None else None
    told = read(ANY, raw, "embedding_types") if raw is not None else None
    return {one for one in told if isinstance(one, str)} if isinstance(told, list) else set()


def _packed(vector: tuple[float, ...]) -> str:
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()


def write_meta(usage: Usage) -> JSON:
    counts = {"input_tokens": usage.input_tokens, "search_units": usage.search_units}
    billed = {name: count for name, count in counts.items() if count is not None}
    return {"api_version": {"version": "2"}, "billed_units": billed}
