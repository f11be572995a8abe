"""AWS Signature Version 4 of a finished request: pure, given the time.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html,
2026-11-21. Which headers are signed, and how a path is normalised, as botocore does it.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote, unquote_to_bytes

from msgspec import Struct

from modelway.ports import WireRequest

_NOT_SIGNED = frozenset(
    {
        b"baggage",
        b"connection",
        b"expect",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"traceparent",
        b"tracestate",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"user-agent",
        b"x-amzn-trace-id",
    }
)
"""What those on the way may change.

Source: https://github.com/boto/botocore/blob/develop/botocore/auth.py, 2026-11-21.
"""
_OURS = frozenset({b"authorization", b"host", b"x-amz-date", b"x-amz-security-token"})
_PORTS = {"http": 80, "https": 443}


class AwsKeys(Struct, frozen=True, kw_only=True):
    """Keys of AWS. Only the public half is in its ``repr``."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""

    def __repr__(self) -> str:
        return f"AwsKeys(access_key_id={self.access_key_id!r})"


def signed(
    request: WireRequest, keys: AwsKeys, *, region: str, service: str, now_s: float
) -> WireRequest:
    """The request with its signature; a signature that it already had is dropped."""
    moment = datetime.fromtimestamp(now_s, UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = [header for header in request.headers if header[0] not in _OURS]
    headers.append((b"x-amz-date", moment.encode()))
    if keys.session_token:
        headers.append((b"x-amz-security-token", keys.session_token.encode()))
    names, canonical = _canonical(request, headers)
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    digest = sha256(canonical).hexdigest()
    key = b"AWS4" + keys.secret_access_key.encode()
    for step in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"):
        key = hmac.digest(key, step.encode(), "sha256")
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={keys.access_key_id}/{scope}, "
        f"SignedHeaders={names.decode()}, Signature={key.hex()}"
    )
    headers.append((b"authorization", authorization.encode()))
    return request._replace(headers=tuple(headers))


def _canonical(request: WireRequest, headers: list[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    """The names of the signed headers, and the request as it is signed."""
    path, _, query = request.target.partition("?")
    values: dict[bytes, list[bytes]] = {b"host": [_host(request).encode()]}
    for name, value in headers:
        if name not in _NOT_SIGNED:
            values.setdefault(name, []).append(b" ".join(value.split()))
    names = b";".join(sorted(values))
    lines = [b"%b:%b\n" % (name, b",".join(values[name])) for name in sorted(values)]
    parts = [
        request.method.encode(),
        _path(path).encode(),
        _query(query).encode(),
        b"".join(lines),
        names,
        sha256(request.body).hexdigest().encode(),
    ]
    return names, b"\n".join(parts)


def _host(request: WireRequest) -> str:
    """What the transport sends as ``host``."""
    _, host, port = request.origin
    host = f"[{host.partition('%')[0]}]" if ":" in host else host
    return host if port == _PORTS[request.origin.scheme] else f"{host}:{port}"


def _path(path: str) -> str:
    """The path, encoded once more: every service but S3 wants what is encoded encoded again."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in {"", "."}:
            segments.append(segment)
    last = "/" if path.endswith("/") and segments else ""
    return quote("/" + "/".join(segments) + last, safe="/~")


def _query(query: str) -> str:
    pairs = [pair.partition("=") for pair in query.split("&")] if query else []
    encoded = sorted([(_encoded(name), _encoded(value)) for name, _, value in pairs])
    return "&".join([f"{name}={value}" for name, value in encoded])


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text), safe="-_.~")
