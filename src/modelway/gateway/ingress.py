"""A client's bytes → a ``Call``: read once, checked at the top, and otherwise left as they are."""

from __future__ import annotations

import unicodedata
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec

from modelway.call import Body, Call, Operation
from modelway.errors import BadRequestError, ForbiddenError, PayloadTooLargeError
from modelway.framing.fields import split
from modelway.ports import Dialect

Receive = Callable[[], Awaitable[dict[str, Any]]]

_ARRAY = b"["
_OBJECT = b"{"
_STRING = b'"'
_BOOLEAN = b"tf"
_NUMBER = b"-0123456789"
_SHAPES: dict[str, tuple[bytes, str]] = {
    "model": (_STRING, "a string"),
    "messages": (_ARRAY, "an array"),
    "tools": (_ARRAY, "an array"),
    "stop_sequences": (_ARRAY, "an array"),
    "system": (_STRING + _ARRAY, "a string or an array"),
    "stop": (_STRING + _ARRAY, "a string or an array"),
    "stream": (_BOOLEAN, "a boolean"),
    "stream_options": (_OBJECT, "an object"),
    "metadata": (_OBJECT, "an object"),
    "thinking": (_OBJECT, "an object"),
    "response_format": (_OBJECT, "an object"),
    "tool_choice": (_STRING + _OBJECT, "a string or an object"),
    "parallel_tool_calls": (_BOOLEAN, "a boolean"),
    "logprobs": (_BOOLEAN, "a boolean"),
    "user": (_STRING, "a string"),
    "temperature": (_NUMBER, "a number"),
    "top_p": (_NUMBER, "a number"),
    "frequency_penalty": (_NUMBER, "a number"),
    "presence_penalty": (_NUMBER, "a number"),
    "top_k": (_NUMBER, "an integer"),
    "top_logprobs": (_NUMBER, "an integer"),
    "seed": (_NUMBER, "an integer"),
    "max_tokens": (_NUMBER, "an integer"),
    "max_completion_tokens": (_NUMBER, "an integer"),
    "n": (_NUMBER, "an integer"),
}
"""First bytes that a known field's value may have, in either dialect; ``null`` is always allowed."""

_COUNTS = ("max_tokens", "max_completion_tokens", "n")
_MOST_CHOICES = 128
"""Source: https://platform.openai.com/docs/api-reference/chat/create (``n``), 2026-11-21."""

_HOSTS = frozenset(
    [
        "apibase",
        "baseurl",
        "apibaseurl",
        "apihost",
        "apiurl",
        "endpoint",
        "endpointurl",
        "azureendpoint",
        "apiendpoint",
        "customhost",
        "targeturl",
        "proxy",
        "proxyurl",
        "apikey",
        "apiversion",
        "vertexlocation",
        "vertexproject",
        "awsregion",
        "awsregionname",
        "awsbedrockruntimeendpoint",
        "azuredeployment",
        "resourcename",
        "webhookurl",
    ]
)
_PLACES = frozenset(
    ["host", "hostname", "url", "region", "location", "project", "resource", "organization"]
)
_CONTAINERS = frozenset(
    [
        "extra",
        "extra_body",
        "extra_headers",
        "litellm_params",
        "provider_options",
        "options",
        "config",
    ]
)


async def read_body(receive: Receive, declared: int | None, most_bytes: int) -> bytes:
    """The request's body; PayloadTooLargeError past the bound, before more is read."""
    if declared is not None and declared > most_bytes:
        raise _too_large(most_bytes)
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        _refuse_left(message)
        return body
    pieces = [body]
    size = len(body)
    while message.get("more_body"):
        message = await receive()
        _refuse_left(message)
        piece = message.get("body", b"")
        size += len(piece)
        if size > most_bytes:
            raise _too_large(most_bytes)
        pieces.append(piece)
    return b"".join(pieces)


def _refuse_left(message: dict[str, Any]) -> None:
    if message["type"] == "http.disconnect":
        raise BadRequestError("the client left before its request was complete")


def _too_large(most_bytes: int) -> PayloadTooLargeError:
    return PayloadTooLargeError(f"the body is larger than {most_bytes} bytes")


def call_of(
    body: bytes,
    *,
    id_: str,
    dialect: Dialect,
    operation: Operation,
    headers: Iterable[tuple[bytes, bytes]] = (),
    query: bytes = b"",
    tenant: str = "local",
) -> Call:
    """The call that these bytes ask for. BadRequestError names the field that is wrong."""
    fields = split(body)
    known = _SHAPES
    for name, value in fields.items():
        shape = known.get(name)
        if shape is None:
            _refuse_host(name, value)
        elif memoryview(value)[:1] not in shape[0]:
            _check_shape(name, bytes(value), shape)
    model = fields.get("model")
    if model is None:
        raise BadRequestError("the field 'model' is missing", param="model")
    if "messages" not in fields:
        raise BadRequestError("the field 'messages' is missing", param="messages")
    for name in _COUNTS:
        if name in fields:
            _check_count(name, fields[name])
    if "metadata" in fields:
        _refuse_nested("metadata", fields["metadata"], _HOSTS)
    stream = fields.get("stream")
    return Call(
        id=id_,
        operation=operation,
        model=msgspec.json.decode(model, type=str),
        stream=stream is not None and bytes(stream) == b"true",
        body=Body(dialect=dialect.name, fields=fields),
        headers=tuple(
            [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        ),
        query=query.decode("latin-1"),
        tenant=tenant,
    )


def _check_shape(name: str, value: bytes, shape: tuple[bytes, str]) -> None:
    if value == b"null" and name not in ("model", "messages"):
        return
    if value[:1] not in shape[0]:
        raise BadRequestError(f"{name} must be {shape[1]}", param=name)


def _check_count(name: str, value: msgspec.Raw) -> None:
    try:
        count = msgspec.json.decode(value, type=int | None)
    except msgspec.ValidationError:
        raise BadRequestError(f"{name} must be an integer", param=name) from None
    if count is not None and not 1 <= count <= (_MOST_CHOICES if name == "n" else 2**31 - 1):
        raise BadRequestError(f"{name} is out of range: {count}", param=name)


def _refuse_host(name: str, value: msgspec.Raw) -> None:
    """No field of a request chooses a host, at the top or in the usual bags of extras."""
    plain = _plain(name)
    if plain in _HOSTS or plain in _PLACES:
        raise _forbidden(name)
    if name in _CONTAINERS:
        _refuse_nested(name, value, _HOSTS | _PLACES)


def _refuse_nested(path: str, value: msgspec.Raw, names: frozenset[str]) -> None:
    waiting: list[tuple[str, Any]] = [(path, msgspec.json.decode(value))]
    while waiting:
        where, inner = waiting.pop()
        if isinstance(inner, dict):
            for name, item in inner.items():
                if _plain(name) in names:
                    raise _forbidden(f"{where}.{name}")
                waiting.append((f"{where}.{name}", item))
        elif isinstance(inner, list):
            waiting += [(f"{where}[{number}]", item) for number, item in enumerate(inner)]


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join([letter for letter in folded if letter.isalnum()])


def _forbidden(path: str) -> ForbiddenError:
    return ForbiddenError(
        f"the field {path!r} is refused: a request cannot choose where it is sent; "
        "hosts and credentials are set in the gateway's configuration",
        param=path,
    )


def declared_length(value: bytes) -> int:
    """A content-length as a number; BadRequestError for anything but digits."""
    if not value.isdigit():
        raise BadRequestError("content-length is not a number")
    return int(value)
