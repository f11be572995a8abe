"""A request as it is recorded and compared: without secrets, its JSON in one order."""

from __future__ import annotations

import hashlib
import re

import msgspec

from modelway.ports import WireRequest
from modelway.transport.cassette.format import Asked, Body
from modelway.transport.cassette.redaction import Redaction

_BOUNDARY = re.compile(rb'boundary=(?:"([^"]+)"|([^;\s]+))', re.IGNORECASE)


def asked(request: WireRequest, redaction: Redaction) -> Asked:
    """``redaction`` knows the request's own secrets."""
    origin = request.origin
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    headers, body = _without_boundary(request)
    return Asked(
        method=request.method,
        origin=f"{origin.scheme}://{host}:{origin.port}",
        target=redaction.target(request.target),
        headers=redaction.request_headers(headers),
        body=_body(body, redaction) if body else None,
    )


def _body(data: bytes, redaction: Redaction) -> Body:
    try:
        value = msgspec.json.decode(data)
        clean = redaction.cleaned(msgspec.json.encode(value, order="deterministic"))
        return Body(json=msgspec.json.decode(clean))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass
    data = redaction.cleaned(data)
    try:
        return Body(text=data.decode())
    except UnicodeDecodeError:
        return Body(sha256=hashlib.sha256(data).hexdigest())


def _without_boundary(request: WireRequest) -> tuple[tuple[tuple[bytes, bytes], ...], bytes]:
    """A multipart body's boundary is random: one word takes its place."""
    for position, (name, value) in enumerate(request.headers):
        if name == b"content-type" and value.startswith(b"multipart/"):
            found = _BOUNDARY.search(value)
            if found is None:
                break
            boundary = found[1] or found[2]
            plain = (name, value[: found.start()] + b"boundary=boundary" + value[found.end() :])
            headers = (*request.headers[:position], plain, *request.headers[position + 1 :])
            return headers, request.body.replace(b"--" + boundary, b"--boundary")
    return request.headers, request.body
