"""Which key a request brings, wherever its provider wants it, and whether it is a good one."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from modelway.simulator.question import RecordedRequest, WireError
from modelway.simulator.script import ScriptedError
from modelway.simulator.wires import Wire

_SIGNATURE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/\d{8}/[a-z0-9-]+/bedrock(?:-runtime)?/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=[0-9a-f]{64}"
)
"""A signature's form; whether it is right, only who knows the secret can tell.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html, 2026-11-21.
"""
_MUST_SIGN = {"host", "x-amz-date"}


def check_key(
    request: RecordedRequest, query: Mapping[str, str], wire: Wire, good: Collection[str]
) -> None:
    """Refuse what lacks the wire's own headers, and a key that is not among the good ones."""
    for name, message in wire.required_headers:
        if request.header(name) is None:
            raise WireError(ScriptedError(status=400, message=message))
    key = _key(request, query)
    if good and key not in good:
        raise WireError(wire.unauthorised)


def _key(request: RecordedRequest, query: Mapping[str, str]) -> str | None:
    for name in ("x-api-key", "x-goog-api-key", "api-key"):
        given = request.header(name)
        if given is not None:
            return given
    given = request.header("authorization")
    if given is None:
        return query.get("key")
    scheme, _, rest = given.partition(" ")
    if scheme.startswith("AWS4"):
        return _signer(given, request)
    return rest if scheme.lower() in {"bearer", "token"} else given


def _signer(given: str, request: RecordedRequest) -> str:
    """The access key of a signed request."""
    signed = _SIGNATURE.fullmatch(given)
    if signed is None or not set(signed[2].split(";")) >= _MUST_SIGN:
        raise WireError(
            ScriptedError(
                status=403,
                type="IncompleteSignatureException",
                message=f"Authorization header is not a signature of AWS4-HMAC-SHA256 with "
                f"Credential, SignedHeaders (of them {' and '.join(sorted(_MUST_SIGN))}) and "
                "Signature.",
            )
        )
    if request.header("x-amz-date") is None:
        raise WireError(
            ScriptedError(
                status=403,
                type="IncompleteSignatureException",
                message="Authorization header requires existence of either a 'X-Amz-Date' or a "
                "'Date' header.",
            )
        )
    return signed[1]
