"""The bytes of a request's head, and what may stand in them.

Source: https://www.rfc-editor.org/rfc/rfc9112#section-3 and rfc9110#section-5, 2025-11.
"""

from __future__ import annotations

import re

from modelway.errors import BadRequestError, ConfigError
from modelway.ports import Headers, Origin

OWN_HEADERS = frozenset(
    {
        b"connection",
        b"content-length",
        b"expect",
        b"host",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Set by the transport alone: in a request's headers they could split or misroute it."""

_METHOD = re.compile(r"[A-Z]{1,16}")
_TARGET = re.compile(r"/[!-~]*")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_VALUE = re.compile(rb"[\t -~\x80-\xff]*")
_HOST = re.compile(r"[0-9A-Za-z._-]+|[0-9A-Fa-f:.]+(%[0-9A-Za-z._-]+)?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def check_target(method: str, target: str) -> None:
    """BadRequestError unless both are safe in a request line."""
    if _METHOD.fullmatch(method) is None:
        raise BadRequestError("the request's method is not an upper-case token", param="method")
    if _TARGET.fullmatch(target) is None or "#" in target:
        raise BadRequestError(
            "the request's target must be an absolute path, percent-encoded, without a fragment",
            param="target",
        )


def check_headers(headers: Headers) -> None:
    """BadRequestError unless every header is safe on the wire. Values are never echoed."""
    for name, value in headers:
        if _NAME.fullmatch(name) is None:
            raise BadRequestError(
                f"{name[:40]!r} is not a header name in lower case", param="headers"
            )
        if name in OWN_HEADERS:
            raise BadRequestError(
                f"the header {name.decode()} is the transport's own; leave it out", param="headers"
            )
        if _VALUE.fullmatch(value) is None:
            raise BadRequestError(
                f"the value of the header {name.decode()} has a control character", param="headers"
            )


def check_origin(origin: Origin) -> None:
    """ConfigError unless the origin can be connected to."""
    if origin.scheme not in _DEFAULT_PORTS:
        raise ConfigError(f"the scheme {origin.scheme!r} is not http or https")
    if _HOST.fullmatch(origin.host) is None:
        raise ConfigError(f"{origin.host!r} is not a host name or address")
    if not 0 < origin.port < 65536:
        raise ConfigError(f"{origin.port} is not a port")


def authority(origin: Origin) -> str:
    """What stands in ``host``: brackets for IPv6, no port where it is the scheme's own."""
    host = f"[{origin.host.partition('%')[0]}]" if ":" in origin.host else origin.host
    if origin.port == _DEFAULT_PORTS.get(origin.scheme):
        return host
    return f"{host}:{origin.port}"


def request_line(method: str, origin: Origin, target: str) -> bytes:
    """The request line and ``host``."""
    check_target(method, target)
    return f"{method} {target} HTTP/1.1\r\nhost: {authority(origin)}\r\n".encode("ascii")


def header_block(headers: Headers) -> bytes:
    """The header lines. An answer is asked for uncompressed unless the caller says otherwise.

    Model output is small and latency-bound: decompressing costs more than the bytes it saves, and a
    compressed stream may be held back until a block is full.
    """
    check_headers(headers)
    lines = [b"%b: %b\r\n" % header for header in headers]
    if all(name != b"accept-encoding" for name, _ in headers):
        lines.append(b"accept-encoding: identity\r\n")
    return b"".join(lines)
