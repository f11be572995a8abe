"""Embeddings, both ways, as OpenAI's API and the hosts that copied it have them.

Source: https://platform.openai.com/docs/api-reference/embeddings (OpenAPI 2.3.0), 2026-11-21.
"""

from __future__ import annotations

import base64
import binascii
import math
import sys
from array import array
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from modelway.call import Target
from modelway.dialects.openai_wire.body import Notes, add_extras, encode_json, finished
from modelway.dialects.openai_wire.faults import from_object, malformed
from modelway.dialects.openai_wire.usage import read as read_usage
from modelway.errors import BadRequestError, ResponseError, UnsupportedError
from modelway.framing.fields import Fields
from modelway.ports import Encoded
from modelway.retrieval import EmbedInput, EmbedRequest, EmbedResponse
from modelway.types import JSON, Image, Usage

NAME = "openai-chat"
"""Whose wire names extra fields have."""

PROTECTED = frozenset({"model", "input"})

_MOST = 1e6
"""No vector has a component as large; bytes that are not of float32 do."""


# ---------------------------------------------------------------- us → provider


def path(model: str, stream: bool) -> str:  # noqa: ARG001 - the port's signature
    return "/embeddings"


def encode(request: EmbedRequest, target: Target, stream: bool) -> Encoded:  # noqa: ARG001
    warn = Notes()
    if not request.inputs:
        raise BadRequestError("inputs must hold at least one text", param="inputs")
    body: JSON = {
        "model": target.model,
        "input": [_input_out(one, target.model) for one in request.inputs],
    }
    if len({isinstance(one, str) for one in request.inputs}) > 1:
        raise BadRequestError("inputs are all texts, or all token ids", param="inputs")
    for name, value in (
        ("dimensions", request.dimensions),
        ("encoding_format", request.encoding),
        ("user", request.user),
    ):
        if value is not None:
            body[name] = value
    for name, asked in (("input_type", request.input_type), ("truncate", request.truncate)):
        if asked is not None:
            warn(
                name, "OpenAI's embeddings have no such setting; not sent (where they have: extra)"
            )
    add_extras(request, NAME, PROTECTED, body, warn)
    return Encoded(finished(body, target, PROTECTED, warn), warn.taken())


def _input_out(one: EmbedInput, model: str) -> str | list[int]:
    if isinstance(one, Image):
        raise UnsupportedError(
            f"{model!r} cannot be sent images to embed over OpenAI's embeddings API", model=model
        )
    return one if isinstance(one, str) else list(one)


class _Vector(Struct):
    embedding: list[float] | str
    index: int | None = None


class _Answer(Struct):
    data: list[_Vector] | None = None
    id: str | None = None
    model: str | None = None
    usage: JSON | None = None
    error: Any = None
    object: str | None = None


_answer = msgspec.json.Decoder(_Answer)


def decode(body: bytes) -> EmbedResponse:
    """The vectors, in the order of the inputs, however they are written."""
    answer = _read(body)
    if answer.error or answer.object == "error":
        raise from_object(msgspec.json.decode(body), 200)
    if answer.data is None:
        raise ResponseError("the answer has no 'data': it is not of OpenAI's embeddings API")
    if all(vector.index is not None for vector in answer.data):
        answer.data.sort(key=lambda vector: vector.index or 0)
    return EmbedResponse(
        id=answer.id or "",
        model=answer.model or "",
        vectors=tuple([_vector(one.embedding) for one in answer.data]),
        usage=_usage(answer.usage),
    )


def usage(body: bytes) -> Usage | None:
    """The usage of an answer; raises what ``decode`` raises for bytes that are none."""
    answer = _read(body)
    if answer.data is None:
        decode(body)
    return _usage(answer.usage) if answer.usage else None


def _usage(raw: JSON | None) -> Usage:
    """No output is generated, so that a total alone (Voyage) is of the input."""
    said = read_usage(raw) or Usage()
    total = (raw or {}).get("total_tokens")
    if said.input_tokens is None and type(total) is int:
        return replace(said, input_tokens=total)
    return said


def _read(body: bytes) -> _Answer:
    try:
        return _answer.decode(body)
    except msgspec.ValidationError as error:
        raise ResponseError(f"the answer is not of OpenAI's embeddings API: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ResponseError(f"the vectors are not JSON: {error}") from None


def _vector(told: list[float] | str) -> tuple[float, ...]:
    """Numbers as they are; base64 is of little-endian float32."""
    if not isinstance(told, str):
        return tuple(told)
    numbers = array("f")
    try:
        numbers.frombytes(base64.b64decode(told, validate=True))
    except (binascii.Error, ValueError):
        raise ResponseError("a vector is not base64 of 32-bit numbers") from None
    if sys.byteorder == "big":
        numbers.byteswap()
    if not all(math.isfinite(number) and abs(number) < _MOST for number in numbers):
        raise ResponseError("a vector in base64 is not of 32-bit floating point numbers")
    return tuple(numbers)


# ---------------------------------------------------------------- client → us


def decode_asked(fields: Fields) -> EmbedRequest:
    """The question; BadRequestError with the path of a fault."""
    left = dict(fields)
    for name in ("model", "input"):
        if name not in left:
            raise BadRequestError(f"{name} is required", param=name)
    encoding = _take(left, "encoding_format", str)
    if encoding not in {None, "float", "base64"}:
        raise malformed("must be float or base64", "encoding_format")
    model = _take(left, "model", str)
    inputs = _inputs(left.pop("input"))
    dimensions = _take(left, "dimensions", int)
    user = _take(left, "user", str)
    extra = {name: msgspec.json.decode(raw) for name, raw in left.items()}
    return EmbedRequest(
        model=model,
        inputs=inputs,
        dimensions=dimensions,
        encoding=encoding,
        user=user,
        extra=extra,
        extra_dialect=NAME if extra else None,
    )


def _inputs(raw: Raw) -> tuple[EmbedInput, ...]:
    """A text, token ids, or a list of either."""
    told = msgspec.json.decode(raw)
    match told:
        case str():
            return (told,)
        case [] | None:
            raise malformed("must not be empty", "input")
        case [int(), *_]:
            return (_tokens(told, "input"),)
        case [str(), *_] if all(isinstance(one, str) for one in told):
            return tuple(told)
        case [list(), *_] if all(isinstance(one, list) for one in told):
            return tuple([_tokens(one, f"input[{number}]") for number, one in enumerate(told)])
    raise malformed("must be a text, token ids, or a list of either", "input")


def _tokens(told: list[Any], where: str) -> tuple[int, ...]:
    if not told or not all(type(token) is int and token >= 0 for token in told):
        raise malformed("token ids are whole numbers from 0", where)
    return tuple(told)


def _take(left: Fields, name: str, kind: type) -> Any:
    """A field's value, ``None`` where there is none."""
    if name not in left:
        return None
    try:
        return msgspec.json.decode(left.pop(name), type=kind | None)
    except msgspec.ValidationError as error:
        raise malformed(str(error).partition(" - at")[0], name) from None


def encode_answer(response: EmbedResponse, fields: Fields | None = None) -> bytes:
    """The vectors as OpenAI writes them, in base64 where the client asked for that."""
    packed = fields is not None and _asks_base64(fields)
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(one) if packed else one}
        for index, one in enumerate(response.vectors)
    ]
    tokens = response.usage.input_tokens or 0
    told: JSON = {"prompt_tokens": tokens, "total_tokens": tokens}
    if response.usage.reported_cost_usd is not None:
        told["cost"] = response.usage.reported_cost_usd
    return encode_json({"object": "list", "data": data, "model": response.model, "usage": told})


def _asks_base64(fields: Fields) -> bool:
    raw = fields.get("encoding_format")
    return raw is not None and bytes(raw) == b'"base64"'


def _packed(vector: Sequence[float]) -> str:
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()
