"""Endpoints that are not modelled: who they go to, and which of a client's words go along.

The path, the query and the body are the client's; the host, the key and the account never are.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, unquote_plus

import msgspec

from modelway.call import Call, Passing
from modelway.errors import BadRequestError, UnknownModelError
from modelway.framing import multipart
from modelway.framing.fields import Fields, split
from modelway.gateway.outside import refuse_private_place, refuse_private_places
from modelway.gateway.routes import Found

_PASSED = frozenset(
    (
        b"accept",
        b"anthropic-beta",
        b"anthropic-version",
        b"idempotency-key",
        b"openai-beta",
        b"prefer",
        b"range",
    )
)
"""A client's headers that say something of the request itself, and nothing of whose it is."""
_SEGMENT = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+")
_QUERY = re.compile(rb"[!\"$-~]*")
_KEYS = frozenset(("key", "api_key", "api-key", "access_token"))
_string = msgspec.json.Decoder(str).decode


def passing_call(
    scope: dict[str, Any], path: bytes, found: Found, body: bytes, *, id_: str, tenant: str
) -> Call:
    """The call that passes this request on. BadRequestError, UnknownModelError say what it lacks."""
    headers = {name: value for name, value in scope["headers"] if name in _PASSED}
    kinds = [value for name, value in scope["headers"] if name == b"content-type"]
    if len(kinds) > 1:
        raise BadRequestError("content-type is given twice; give it once", param="content-type")
    content_type = kinds[0].decode("latin-1") if kinds else ""
    model = _model(content_type, body)
    if found.route.action == "pass_to":
        provider, _, rest = found.rest.partition(b"/")
        name = unquote(provider.decode("latin-1"))
        below = b"/" + rest
        model = f"{name}/{model.removeprefix(f'{name}/')}"
    else:
        below = path.removeprefix(b"/v1")
        if not model:
            raise UnknownModelError(
                "the request names no model, so nobody knows whom it is for: name one, or ask "
                f"/providers/{{provider}}{below.decode('latin-1')[:100]}"
            )
    asked: bytes = scope["query_string"]
    if _QUERY.fullmatch(asked) is None:
        raise BadRequestError("the query may only hold printable ASCII without '#'", param="query")
    query = [
        part
        for part in asked.decode("ascii").split("&")
        if part and unquote_plus(part.partition("=")[0]).lower() not in _KEYS
    ]
    return Call(
        id=id_,
        operation="pass",
        model=model,
        passing=Passing(
            method=scope["method"],
            path=_checked(below),
            headers=tuple(headers.items()),
            content_type=content_type,
            body=body,
        ),
        query="&".join(query),
        tenant=tenant,
    )


def _model(content_type: str, body: bytes) -> str:
    """The model that a body names, JSON or form; ``""`` for none."""
    if multipart.is_form(content_type):
        told = multipart.field(content_type, body, "model")
        for part in multipart.parts(content_type, body):
            name = part.name.decode("utf-8", "replace")
            refuse_private_place(name, body[part.begin : part.end])
        return "" if told is None else told.decode("utf-8", "replace").strip()
    fields = _fields(content_type, body)
    for name, value in fields.items():
        refuse_private_places(name, msgspec.Raw(msgspec.json.encode({name: value})))
    if "model" not in fields:
        return ""
    try:
        return _string(fields["model"])
    except msgspec.ValidationError:
        raise BadRequestError("model must be a string", param="model") from None


def _fields(content_type: str, body: bytes) -> Fields:
    """A JSON body's, whatever its type says: some servers do not look at it."""
    kind = content_type.partition(";")[0].strip().lower()
    if not body or (kind != "application/json" and body.lstrip()[:1] != b"{"):
        return {}
    try:
        return split(body)
    except BadRequestError:
        if kind == "application/json":
            raise
        return {}


def _checked(path: bytes) -> str:
    """A path that can be read one way only: no empty, ``.`` or ``..`` segment in any spelling."""
    for segment in path[1:].split(b"/"):
        plain = unquote(segment.decode("latin-1"))
        if _SEGMENT.fullmatch(segment) is None or plain in (".", "..") or set(plain) & set("/\\"):
            raise BadRequestError("the path has a segment that could be read in two ways")
    return path.decode("ascii")
