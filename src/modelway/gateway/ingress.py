"""A client's bytes → a ``Call``: read once, checked at the top, and otherwise left as they are."""

from __future__ import annotations

import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from modelway.call import NO_PAYER, Body, Call, Operation, Options, Payer
from modelway.errors import BadRequestError, ForbiddenError, PayloadTooLargeError
from modelway.framing.fields import split
from modelway.gateway.asked import ASKED
from modelway.gateway.outside import refuse_twice
from modelway.ports import Dialect
from modelway.spelling import SPELLINGS

Receive = Callable[[], Awaitable[dict[str, Any]]]

_TRUE = ord("t")
_AS_CONFIGURED = Options()
_MOST_CHOICES = 128
"""Source: https://platform.openai.com/docs/api-reference/chat/create (``n``), 2026-11-21."""
_MOST_TOKENS = 2**31 - 1
_MOST_DIGITS = 18

_string = msgspec.json.Decoder(str).decode
_integer = msgspec.json.Decoder(int).decode


class _Check(NamedTuple):
    """What is looked at of a known field: its value's first byte, and for a few a little more."""

    first: bytes
    what: str
    further: Callable[[str, msgspec.Raw], None] | None = None


def _count(most: int) -> Callable[[str, msgspec.Raw], None]:
    def check(name: str, value: msgspec.Raw) -> None:
        try:
            count = _integer(value)
        except msgspec.ValidationError:
            raise BadRequestError(f"{name} must be an integer", param=name) from None
        if not 1 <= count <= most:
            raise BadRequestError(f"{name} is out of range: it is 1 to {most}", param=name)

    return check


def _no_hosts(name: str, value: msgspec.Raw) -> None:
    _refuse_nested(name, value, _HOSTS)


_DIGITS = b"-0123456789"
_ARRAY = _Check(b"[", "an array")
_OBJECT = _Check(b"{", "an object")
_STRING = _Check(b'"', "a string")
_BOOLEAN = _Check(b"tf", "a boolean")
_NUMBER = _Check(_DIGITS, "a number")
_INTEGER = _Check(_DIGITS, "an integer")
_TOKENS = _Check(_DIGITS, "an integer", _count(_MOST_TOKENS))
_CHECKS: dict[str, _Check] = {
    "model": _STRING,
    "messages": _ARRAY,
    "tools": _ARRAY,
    "stop_sequences": _ARRAY,
    "system": _Check(b'"[', "a string or an array"),
    "stop": _Check(b'"[', "a string or an array"),
    "stream": _BOOLEAN,
    "stream_options": _OBJECT,
    "metadata": _Check(b"{", "an object", _no_hosts),
    "thinking": _OBJECT,
    "response_format": _OBJECT,
    "tool_choice": _Check(b'"{', "a string or an object"),
    "parallel_tool_calls": _BOOLEAN,
    "logprobs": _BOOLEAN,
    "user": _STRING,
    "temperature": _NUMBER,
    "top_p": _NUMBER,
    "frequency_penalty": _NUMBER,
    "presence_penalty": _NUMBER,
    "top_k": _INTEGER,
    "top_logprobs": _INTEGER,
    "seed": _INTEGER,
    "max_tokens": _TOKENS,
    "max_completion_tokens": _TOKENS,
    "max_output_tokens": _TOKENS,
    "n": _Check(_DIGITS, "an integer", _count(_MOST_CHOICES)),
}
"""Fields known in either dialect; ``null`` is allowed for all but the two that are required."""

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
        "extraheaders",
        "extraquery",
        "litellmparams",
        "provideroptions",
        "options",
        "config",
    ]
)
_SPELT = {
    name.casefold(): name
    for name in [*_CHECKS, *[name for one in SPELLINGS.values() for name in one.names]]
}
"""How the fields that decide what a call costs are spelled. Some hosts do not look at case: they would
take another spelling for the same field, and the last of both for what it says.

Source: https://pkg.go.dev/encoding/json#Unmarshal, 2026-11-21.
"""
_BODIES = frozenset(["additionalmodelrequestfields", "extrabody", "modelkwargs"])
"""Fields whose own fields become some provider's body, and are judged as those of one."""


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
    headers: Sequence[tuple[bytes, bytes]] = (),
    query: bytes = b"",
    tenant: str = "local",
    key: str = "",
    payer: Payer = NO_PAYER,
    trace_parent: str = "",
    trace_state: str = "",
    options: Options = _AS_CONFIGURED,
    model: str | None = None,
    stream: bool | None = None,
) -> Call:
    """The call that these bytes ask for. BadRequestError names the field that is wrong.

    ``model`` and ``stream`` are what the path says of them, in dialects where it does.
    """
    fields = split(body)
    for name, value in fields.items():
        check = _CHECKS.get(name)
        if check is None:
            _refuse_host(name, value)
            _refuse_other_case(name)
        elif memoryview(value)[0] not in check.first:
            _check_null(name, value, check)
        elif check.further is not None:
            check.further(name, value)
    asked = ASKED[dialect.name, operation]
    for name in asked.required:
        if name not in fields:
            raise BadRequestError(f"the field {name!r} is missing", param=name)
    for name in asked.urls_in:
        if name in fields:
            asked.inspect(name, fields[name])
    if dialect.downstream[operation].encoder is None:
        stream = False
    elif stream is None:
        said = fields.get("stream")
        stream = memoryview(said)[0] == _TRUE if said is not None else dialect.streams_unless_told
    return Call(
        id=id_,
        operation=operation,
        model=_string(fields["model"]) if model is None else model,
        stream=stream,
        body=Body(dialect=dialect.name, fields=fields, size_bytes=len(body)),
        headers=tuple(
            [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        ),
        query=query.decode("latin-1"),
        tenant=tenant,
        key=key,
        payer=payer,
        trace_parent=trace_parent,
        trace_state=trace_state,
        options=options,
    )


def named_model(body: bytes) -> str:
    """The model that a question about one names; ``name`` is what older clients call it."""
    fields = split(body)
    for name in ("model", "name"):
        if name in fields and memoryview(fields[name])[0] == ord('"'):
            return _string(fields[name])
    raise BadRequestError("the field 'model' is missing", param="model")


def _check_null(name: str, value: msgspec.Raw, check: _Check) -> None:
    if name in ("model", "messages") or bytes(value) != b"null":
        raise BadRequestError(f"{name} must be {check.what}", param=name)


def _refuse_other_case(name: str) -> None:
    spelt = _SPELT.get(name.casefold(), name)
    if spelt != name:
        raise BadRequestError(
            f"the field {name!r} could be read as {spelt!r}, which it is not: spell it so",
            param=name,
        )


def _refuse_host(name: str, value: msgspec.Raw) -> None:
    """No field of a request chooses a host, at the top or in the usual bags of extras."""
    plain = _plain(name)
    if plain in _HOSTS or plain in _PLACES:
        raise _forbidden(name)
    if plain in _CONTAINERS:
        _refuse_nested(name, value, _HOSTS | _PLACES)
    elif plain in _BODIES:
        _refuse_nested(name, value, _HOSTS)
        if memoryview(value)[0] == ord("{"):
            for inner, held in split(bytes(value)).items():
                _refuse_host(inner, held)


def _refuse_nested(path: str, value: msgspec.Raw, names: frozenset[str]) -> None:
    refuse_twice(path, value)
    try:
        said = msgspec.json.decode(value)
    except msgspec.MsgspecError:  # a number that no float holds
        raise BadRequestError(f"{path} holds a value that cannot be read", param=path) from None
    waiting: list[tuple[str, Any]] = [(path, said)]
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
    """A content-length as a number; BadRequestError for anything but a few digits."""
    if not value.isdigit() or len(value) > _MOST_DIGITS:
        raise BadRequestError("content-length is not a number")
    return int(value)
